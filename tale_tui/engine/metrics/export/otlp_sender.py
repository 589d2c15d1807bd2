"""Sends calls and their sums to a collector of OpenTelemetry, without anybody waiting for it."""

from __future__ import annotations

import asyncio
import json
import logging
import secrets
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from http import HTTPStatus
from typing import Any, Protocol

import httpx
from socksio.exceptions import SOCKSError

from tale_tui.domain.errors import TaleError
from tale_tui.domain.events import Notice
from tale_tui.domain.metrics import CallRecord
from tale_tui.engine.metrics.export.otel_environment import OtelTargets, SignalTarget
from tale_tui.engine.metrics.export.otlp import is_inference, metrics_of, span_of, traces_of
from tale_tui.engine.models.call_meter import CallContent
from tale_tui.engine.models.http.access import find_access
from tale_tui.engine.store.call_statistics import CallStatistics
from tale_tui.engine.unexpected import BackgroundTasks

log = logging.getLogger(__name__)

SPANS_WAITING_MAX = 2048
"""Spans that wait for a collector that is away, at most; then the oldest go."""
SPANS_TOGETHER = 512
"""Of one request."""
AWAY_PAUSE_S, AWAY_PAUSE_MAX_S = 5.0, 300.0
"""Seconds before a collector that is away is tried again; they double up to the second number."""
END_LIMIT_S = 1.0
"""The longest that the end waits for what was not sent yet."""
LATER = frozenset(
    {
        HTTPStatus.TOO_MANY_REQUESTS,
        HTTPStatus.BAD_GATEWAY,
        HTTPStatus.SERVICE_UNAVAILABLE,
        HTTPStatus.GATEWAY_TIMEOUT,
    }
)
"""With these a collector asks for the same once more; with other errors it never takes it."""


class _NotTaken(Exception):
    """A request was not taken now; the text says why."""


class _Signal(Protocol):
    """What there is to send of one kind."""

    async def take(self) -> dict[str, Any] | None:
        """The next request; None where there is nothing to send."""
        ...

    def sent(self) -> None:
        """The last one was taken, or never will be."""
        ...


class _Spans:
    """Those that wait."""

    def __init__(self, resource: dict[str, str]) -> None:
        self._resource = resource
        self._waiting: deque[dict[str, Any]] = deque(maxlen=SPANS_WAITING_MAX)
        self._dropped = 0
        self._under_way: list[dict[str, Any]] = []

    def add(self, span: dict[str, Any]) -> None:
        self._dropped += len(self._waiting) == SPANS_WAITING_MAX
        self._waiting.append(span)

    async def take(self) -> dict[str, Any] | None:
        if not self._under_way:
            count = min(len(self._waiting), SPANS_TOGETHER)
            self._under_way = [self._waiting.popleft() for _ in range(count)]
        return traces_of(self._under_way, self._resource) if self._under_way else None

    def sent(self) -> None:
        self._under_way = []
        if self._dropped:
            log.info("%d calls were not sent to the collector: it was away for too long", self._dropped)
            self._dropped = 0


class _Sums:
    """The sums of all calls, where one has ended since they were sent."""

    def __init__(
        self,
        statistics: Callable[[], Awaitable[CallStatistics]],
        now: Callable[[], float],
        resource: dict[str, str],
    ) -> None:
        self._statistics = statistics
        self._now = now
        self._resource = resource
        self._sent_upto = self._taken_upto = 0

    async def take(self) -> dict[str, Any] | None:
        found = await self._statistics()
        self._taken_upto = found.upto
        return None if found.upto == self._sent_upto else metrics_of(found, self._now(), self._resource)

    def sent(self) -> None:
        self._sent_upto = self._taken_upto


@dataclass(slots=True)
class _Sending:
    """How one kind is sent."""

    target: SignalTarget
    signal: _Signal
    news: asyncio.Event = field(default_factory=asyncio.Event)
    task: asyncio.Task[None] | None = None

    @property
    def name(self) -> str:
        return f"Sending to {self.target.address.url}"


class OtlpSender:
    """Implements `call_meter.CallObserver`. Nothing is done while no call ends, and nothing waits for a collector.

    Args:
        targets: where to.
        statistics: of all calls.
        now: seconds since the epoch.
        told: is told once that the collector is away.
        content: whether prompts and answers are sent too.
        sleep: how it waits, in seconds.
    """

    def __init__(
        self,
        targets: OtelTargets,
        statistics: Callable[[], Awaitable[CallStatistics]],
        now: Callable[[], float],
        told: Callable[[Notice], None],
        *,
        content: bool,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.wants_answers = content
        self._told = told
        self._was_told = False
        self._sleep = sleep
        resource = dict(targets.resource)
        self._spans = _Spans(resource)
        self._sendings: list[_Sending] = []
        if targets.traces is not None:
            self._sendings.append(_Sending(targets.traces, self._spans))
        if targets.metrics is not None:
            self._sendings.append(_Sending(targets.metrics, _Sums(statistics, now, resource)))
        self._traced = targets.traces is not None
        self._clients: dict[str, httpx.AsyncClient] = {}
        self._background = BackgroundTasks(self._tell_broken)
        self._away = False

    def call_ended(self, call: CallRecord, content: CallContent) -> None:
        """See `CallObserver.call_ended`."""
        if self._traced and is_inference(call.labels.kind):
            said = content if self.wants_answers else None
            self._spans.add(span_of(call, said, secrets.token_hex(16), secrets.token_hex(8)))
        for sending in self._sendings:
            sending.news.set()
            if sending.task is None or sending.task.done():
                broke_off = partial(self._broke_off, sending)
                sending.task = self._background.start(self._run(sending), sending.name, broke_off)

    async def close(self) -> None:
        """Send what there is where the collector answers, but not for long."""
        await self._background.close()
        if not self._away:
            rest = [each for each in self._sendings if each.task is not None]
            last = [self._background.start(self._send_last(each), each.name) for each in rest]
            if last:
                await asyncio.wait(last)
        for client in self._clients.values():
            await client.aclose()

    async def _run(self, sending: _Sending) -> None:
        target, news = sending.target, sending.news
        pause_s = AWAY_PAUSE_S
        while True:
            await news.wait()
            await self._sleep(target.delay_s)
            news.clear()
            try:
                await self._send_all(sending)
            except _NotTaken as error:
                self._note_away(target, error)
                news.set()
                await self._sleep(pause_s)
                pause_s = min(2 * pause_s, AWAY_PAUSE_MAX_S)
            else:
                pause_s = AWAY_PAUSE_S
                if self._away:
                    self._away = False
                    log.info("the collector at %s is back", target.address.url)

    async def _send_last(self, sending: _Sending) -> None:
        with suppress(TimeoutError, _NotTaken):  # it is not waited for
            async with asyncio.timeout(END_LIMIT_S):
                await self._send_all(sending)

    async def _send_all(self, sending: _Sending) -> None:
        target, signal = sending.target, sending.signal
        while True:
            try:
                request = await signal.take()
            except TaleError as error:
                log.info("nothing was sent to %s: %s", target.address.url, error.sentence)
                return
            if request is None:
                return
            await self._post(target, request)
            signal.sent()

    async def _post(self, target: SignalTarget, request: dict[str, Any]) -> None:
        """Send one request.

        Raises:
            _NotTaken: it may be taken later.
        """
        url = target.address.url
        headers = {**target.headers, "content-type": "application/json"}
        try:
            client = self._clients.get(url) or await self._open(target)
            answer = await client.post(url, content=json.dumps(request, separators=(",", ":")), headers=headers)
        except (httpx.HTTPError, httpx.InvalidURL, OSError, SOCKSError, UnicodeError) as error:
            raise _NotTaken(type(error).__name__) from error
        except TaleError as error:
            raise _NotTaken(error.sentence) from error
        if answer.status_code in LATER:
            raise _NotTaken(f"HTTP {answer.status_code}")
        if answer.is_error or answer.is_redirect:
            self._say(target, f"It refused with HTTP {answer.status_code}")

    async def _open(self, target: SignalTarget) -> httpx.AsyncClient:
        # Certificates are read from files.
        access = await asyncio.to_thread(find_access, target.address)
        client = httpx.AsyncClient(
            timeout=target.timeout_s, trust_env=False, verify=access.verify, proxy=access.proxy, follow_redirects=False
        )
        self._clients[target.address.url] = client
        return client

    def _note_away(self, target: SignalTarget, error: _NotTaken) -> None:
        if not self._away:
            self._away = True
            log.info("the collector at %s is away: %s", target.address.url, error)
        self._say(target, "It does not answer; calls are counted here all the same")

    def _say(self, target: SignalTarget, why: str) -> None:
        self._tell(f"Calls are not sent to {target.address.url}. {why}. See metrics.otlp and OTEL_EXPORTER_OTLP_*.")

    def _broke_off(self, sending: _Sending, error: TaleError) -> None:
        sending.signal.sent()  # else the next call would send the same, and break off again
        self._tell_broken(error)

    def _tell_broken(self, error: TaleError) -> None:
        self._tell(f"{error.sentence} It goes on with the next call of a model.")

    def _tell(self, sentence: str) -> None:
        """Say it to the user, once."""
        if not self._was_told:
            self._was_told = True
            self._told(Notice("Collector", sentence, "warning"))
