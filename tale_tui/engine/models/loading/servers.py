"""Which servers are away, and since when: one place that knows, and that notices when they are back.

A server that does not answer after a call failed is away from then on. It is asked again and again whether it is there,
on a clock of its own; that is no call, counts nowhere and is not logged. Whoever waits for it is told once it is back.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field

from tale_tui.domain.constants import (
    PROBE_CONFIRM_S,
    PROBE_LOOK_S,
    PROBE_PAUSE_MAX_S,
    PROBE_PAUSE_S,
    SLEEP_MIN_S,
)
from tale_tui.domain.errors import BrokenStream, ModelError, TimedOut, Unreachable
from tale_tui.domain.models import BackendName

log = logging.getLogger(__name__)

ABSENCES = (Unreachable, TimedOut, BrokenStream)
"""What a question raises that no server answers; any other error is an answer."""

Probe = Callable[[BackendName], Awaitable[bool]]
"""Asks a server whether it is there, as `Backend.probe` does."""


@dataclass(slots=True)
class AwayServer:
    """A server that does not answer."""

    since: float
    """Seconds since the epoch."""
    began: float
    """The same, on the clock that only goes forward."""
    sentence: str
    """What is wrong, and what to do."""
    back: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when it is there again."""


class ServerMonitor:
    """Knows the servers that are away, and asks them whether they are back.

    Args:
        probe: asks one.
        monotonic: seconds of a clock that only goes forward.
        now: seconds since the epoch; it goes on while the machine sleeps.
        sleep: waits for so many seconds.
        record: keeps that a server is back, and for how many seconds it was away.
    """

    def __init__(
        self,
        probe: Probe,
        monotonic: Callable[[], float],
        now: Callable[[], float],
        sleep: Callable[[float], Awaitable[None]],
        record: Callable[[BackendName, float], Awaitable[None]],
    ) -> None:
        self._probe = probe
        self._monotonic = monotonic
        self._now = now
        self._sleep = sleep
        self._record = record
        self._away: dict[BackendName, AwayServer] = {}
        self._looks: dict[BackendName, asyncio.Event] = {}
        """Looks that follow a failure and are under way, set at their end: calls that fail together share one."""
        self._clocks: dict[BackendName, asyncio.Task[None]] = {}
        self._left: list[Callable[[BackendName], None]] = []
        self._returned: list[Callable[[BackendName], None]] = []
        self._closed = False

    def listen(
        self,
        *,
        left: Callable[[BackendName], None] | None = None,
        returned: Callable[[BackendName], None] | None = None,
    ) -> None:
        """Be told of servers, in the order in which listeners came.

        Args:
            left: gets one that is away from now on.
            returned: gets one that is back.
        """
        if left is not None:
            self._left.append(left)
        if returned is not None:
            self._returned.append(returned)

    def away(self, name: BackendName) -> AwayServer | None:
        """What is known of a server that is away; None where it is there, as far as is known."""
        return self._away.get(name)

    async def look(self, name: BackendName) -> AwayServer | None:
        """See whether a server is there, because a call failed that was made to it.

        Returns:
            What is known of it where it is away.
        """
        if (look := self._looks.get(name)) is not None:
            await look.wait()
        elif name not in self._away:
            ended = self._looks[name] = asyncio.Event()
            try:
                if (error := await self._absence(name, twice=True)) is not None:
                    self._take_away(name, error.sentence)
            finally:
                del self._looks[name]
                ended.set()
        return self._away.get(name)

    async def answered(self, name: BackendName) -> None:
        """A server answered: it is back, where it was away."""
        away = self._away.get(name)
        if away is None:
            return
        if (clock := self._clocks.pop(name, None)) is not None and clock is not asyncio.current_task():
            clock.cancel()
        self._take_back(name, away)
        await self._record(name, max(self._now() - away.since, self._monotonic() - away.began))

    async def wait_back(self, name: BackendName, timeout_s: float) -> bool:
        """Wait until a server is back.

        Args:
            name: which.
            timeout_s: seconds to wait at most.
        Returns:
            Whether it is.
        """
        if (away := self._away.get(name)) is None:
            return True
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                await away.back.wait()
        return away.back.is_set()

    async def close(self) -> None:
        """Ask no more. May be called twice."""
        self._closed = True
        tasks = list(self._clocks.values())
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    def _take_away(self, name: BackendName, sentence: str) -> None:
        """A server is away: look for it until it is back."""
        if name in self._away or self._closed:
            return
        self._away[name] = AwayServer(self._now(), self._monotonic(), sentence)
        log.warning("%s is away: %s", name.value, sentence)
        clock = self._clocks[name] = asyncio.create_task(self._ask_until_back(name), name=f"probing {name.value}")
        clock.add_done_callback(lambda task: self._clock_ended(name, task))
        for told in self._left:
            told(name)

    def _take_back(self, name: BackendName, away: AwayServer) -> None:
        del self._away[name]
        for told in self._returned:
            told(name)
        away.back.set()

    async def _absence(self, name: BackendName, *, twice: bool = False) -> ModelError | None:
        """Why a server is not there; None where it is.

        Args:
            name: which.
            twice: ask one that answers again a moment later: it may be about to end.
        """
        try:
            if await self._probe(name) and twice:
                await self._sleep(PROBE_CONFIRM_S)
                await self._probe(name)
        except ABSENCES as error:
            return error
        except ModelError:  # whatever it says: it answers
            return None
        return None

    async def _ask_until_back(self, name: BackendName) -> None:
        pause_s = PROBE_PAUSE_S
        while True:
            slept = await self._pause(pause_s)
            if await self._absence(name) is None:
                break
            pause_s = PROBE_PAUSE_S if slept else min(2 * pause_s, PROBE_PAUSE_MAX_S)
        await self.answered(name)

    async def _pause(self, pause_s: float) -> bool:
        """Wait, but not on where the machine slept meanwhile; whether it did."""
        left = pause_s
        while left > 0:
            part, began = min(left, PROBE_LOOK_S), self._now()
            await self._sleep(part)
            left -= part
            if self._now() - began > part + SLEEP_MIN_S:
                return True
        return False

    def _clock_ended(self, name: BackendName, clock: asyncio.Task[None]) -> None:
        """Where asking went wrong in a way that nobody foresaw nothing waits for it: the next call looks again."""
        if self._clocks.get(name) is clock:
            del self._clocks[name]
        if not clock.cancelled() and (error := clock.exception()) is not None:
            log.error("whether %s is back cannot be asked", name.value, exc_info=error)
            if (away := self._away.get(name)) is not None:
                self._take_back(name, away)
