"""Sends alerts out of the application, to a program and to an address. Both may hang, and hold up nobody."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from importlib import import_module
from urllib.parse import urlsplit

from tale_tui.config.load_thread import in_load_thread
from tale_tui.config.settings import AlertSettings
from tale_tui.domain.alerts import Alert
from tale_tui.domain.errors import TaleError
from tale_tui.domain.events import Notice
from tale_tui.domain.text import clean_line, reason_of
from tale_tui.engine.child_process import end_process
from tale_tui.engine.metrics.payload import NotDelivered, payload
from tale_tui.engine.unexpected import BackgroundTasks

log = logging.getLogger(__name__)

DELIVERY_LIMIT_S = 10.0
"""A program or an address may take so long for one alert."""
WAITING_MAX = 100
"""Alerts that wait to be sent; more are not sent."""


class AlertDelivery:
    """Sends alerts, one after the other.

    Args:
        settings: where to.
        tell: takes a notice where that does not work: one until it works again.
        limit_s: for one alert.
    """

    def __init__(
        self, settings: AlertSettings, tell: Callable[[Notice], None], limit_s: float = DELIVERY_LIMIT_S
    ) -> None:
        self._tell = tell
        self._limit_s = limit_s
        self._ways: dict[str, Callable[[Alert], Awaitable[None]]] = {}
        if settings.command:
            self._ways[f"The program {clean_line(settings.command[0])}"] = partial(run_program, settings.command)
        if settings.webhook:
            host = clean_line(urlsplit(settings.webhook).hostname or "")
            self._ways[f"The address at {host}"] = partial(_post, settings.webhook)
        self._troubled: set[str] = set()
        """Ways that did not work, and have been told."""
        self._waiting: asyncio.Queue[Alert] = asyncio.Queue(WAITING_MAX)
        self._background = BackgroundTasks(self._broke_off)
        self._work: asyncio.Task[None] | None = None

    def send(self, alert: Alert) -> None:
        """Have an alert sent; never waits."""
        if not self._ways:
            return
        with suppress(asyncio.QueueFull):
            self._waiting.put_nowait(alert)
        if self._work is None or self._work.done():
            self._work = self._background.start(self._deliver(), "Sending alerts")

    async def close(self) -> None:
        """Give what waits the time that one alert may take, and end."""
        if self._work is not None:
            await asyncio.wait([self._work], timeout=self._limit_s if self._ways else 0)
        await self._background.close()

    async def _deliver(self) -> None:
        while not self._waiting.empty():
            alert = self._waiting.get_nowait()
            await asyncio.gather(*(self._attempt(name, way, alert) for name, way in self._ways.items()))

    async def _attempt(self, name: str, way: Callable[[Alert], Awaitable[None]], alert: Alert) -> None:
        try:
            async with asyncio.timeout(self._limit_s):
                await way(alert)
        except TimeoutError:
            self._complain(name, f"it took longer than {self._limit_s:g} s")
        except NotDelivered as error:
            self._complain(name, str(error))
        else:
            self._troubled.discard(name)

    def _complain(self, name: str, why: str) -> None:
        log.warning("an alert was not sent: %s: %s", name, why)
        if name not in self._troubled:
            self._troubled.add(name)
            sentence = f"{name} did not take an alert: {why.rstrip('.')}. It stands in tale-tui alerts all the same."
            self._tell(Notice("An alert was not sent", sentence, "warning"))

    def _broke_off(self, error: TaleError) -> None:
        self._tell(Notice("An alert was not sent", error.sentence, "warning"))


async def run_program(command: list[str], alert: Alert) -> None:
    """Run a program without a shell: the sentence is its last argument, the alert as JSON its standard input.

    Raises:
        NotDelivered: it cannot be run, or ended with an error.
    """
    nothing = asyncio.subprocess.DEVNULL
    try:
        process = await asyncio.create_subprocess_exec(
            *command, alert.sentence, stdin=asyncio.subprocess.PIPE, stdout=nothing, stderr=nothing
        )
    except OSError as error:
        raise NotDelivered(reason_of(error)) from error
    try:
        with suppress(OSError):  # one that does not read it need not
            await process.communicate(payload(alert))
        code = await process.wait()
    finally:
        await end_process(process)
    if code:
        raise NotDelivered(f"it ended with {code}")


async def _post(address: str, alert: Alert) -> None:
    # Loading the library takes longer than the event loop may be held up.
    webhook = await in_load_thread(import_module, "tale_tui.engine.metrics.webhook")
    await webhook.post(address, alert)
