"""A reply while it is written: what came so far, when it came, what it costs; and its copy in the store."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

from tale_tui.domain.constants import DELTA_INTERVAL_S, PARTIAL_SAVE_INTERVAL_S
from tale_tui.domain.errors import StoreError
from tale_tui.domain.events import PromptProgress, TextDelta, ThinkingDelta, TurnEvent
from tale_tui.domain.models import Usage
from tale_tui.engine.models.backend import Finished, TextPiece

GENERATION_MIN_MS = 10.0
"""A server that says that it generated for less than this gives no rate."""

RATE_MAX = 20_000.0
"""Tokens a second: no model writes one answer faster, so a higher rate was measured on something else."""

LOAD_MIN_MS = 50.0
"""A server that says that it loaded for less than this had the model in memory (1 ms is usual then, 300 ms and more
otherwise)."""

OWN_CLOCK_MIN_S = 0.1
"""Pieces that came within less than this came in a burst: their rate is that of the wire, not of the model."""


class PartialReply:
    """Collects the pieces of one reply.

    Args:
        text: what is there already, where a reply is continued.
        thinking: the thinking before it.
        began: when the turn began, by the clock.
        monotonic: the clock, in seconds.
    """

    def __init__(self, text: str, thinking: str, began: float, monotonic: Callable[[], float]) -> None:
        self._text = [text] if text else []
        self._thinking = [thinking] if thinking else []
        self._monotonic = monotonic
        self._began = began
        self._load_s: float | None = None
        self._first: float | None = None
        self._last = 0.0
        self._first_text: float | None = None
        self._first_tokens = 0
        self.tokens = 0
        """Tokens that came, thinking included; what was there already is not counted."""

    @property
    def text(self) -> str:
        """The answer so far."""
        return _joined(self._text)

    @property
    def thinking(self) -> str:
        """What was thought before it."""
        return _joined(self._thinking)

    def loaded(self, seconds: float) -> None:
        """Say how long the model took to load."""
        self._load_s = seconds

    def add(self, piece: TextPiece) -> None:
        """Take the next piece."""
        (self._thinking if piece.thinking else self._text).append(piece.text)
        self.tokens += piece.tokens
        self._last = self._monotonic()
        if self._first is None:
            self._first = self._last
            self._first_tokens = piece.tokens
        if self._first_text is None and not piece.thinking:
            self._first_text = self._last

    def usage(self, end: Finished | None) -> Usage:
        """What the reply cost so far.

        Args:
            end: what the server counted; None where the reply did not come to its end. Then tokens are the pieces
                that came.
        """
        counted = end.completion_tokens if end else None
        completion = counted if counted is not None else self.tokens or None
        ttft_ms, load_ms = self._first_text_and_load(end.load_ms if end else None)
        return Usage(
            prompt_tokens=end.prompt_tokens if end else None,
            completion_tokens=completion,
            cached_tokens=end.cached_tokens if end else None,
            ttft_ms=ttft_ms,
            load_ms=load_ms,
            total_ms=(self._monotonic() - self._began) * 1000,
            tokens_per_second=self._rate(completion, end.generation_ms if end else None),
        )

    def _first_text_and_load(self, late_load_ms: float | None) -> tuple[float | None, float | None]:
        """Milliseconds to the first text without loading, and of loading.

        Args:
            late_load_ms: what the server says that it loaded in the call itself: the model was thrown out meanwhile.
        """
        load_ms = None if self._load_s is None else self._load_s * 1000
        if self._first_text is None:
            return None, load_ms
        ttft_ms = (self._first_text - self._began) * 1000 - (load_ms or 0.0)
        if late_load_ms is not None and LOAD_MIN_MS <= late_load_ms <= ttft_ms:
            return ttft_ms - late_load_ms, late_load_ms + (load_ms or 0.0)
        return ttft_ms, load_ms

    def _rate(self, tokens: int | None, generation_ms: float | None) -> float | None:
        """Tokens a second, as the server timed it, else by our clock from the first piece to the last."""
        if not tokens:
            return None
        if generation_ms is not None:
            spent, long_enough = generation_ms / 1000, generation_ms >= GENERATION_MIN_MS
        else:
            tokens -= self._first_tokens
            spent = self._last - self._first if self._first is not None else 0.0
            long_enough = spent >= OWN_CLOCK_MIN_S
        rate = tokens / spent if long_enough else 0.0
        return rate if 0 < rate <= RATE_MAX else None


class AutoSaver:
    """Stores a draft while it grows: at most once in `PARTIAL_SAVE_INTERVAL_S`, at least once a second.

    Args:
        save: stores what is there now.
        complain: told once when that does not work; it is tried again.
    """

    def __init__(self, save: Callable[[], Awaitable[None]], complain: Callable[[StoreError], None]) -> None:
        self._save = save
        self._complain = complain
        self._complained = False
        self._changed = asyncio.Event()
        self._closed = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def touch(self) -> None:
        """Something is there that is not stored."""
        if self._task is None:
            self._task = asyncio.create_task(self._run(), name="partial reply")
        self._changed.set()

    async def close(self) -> None:
        """Store nothing more; what is being stored is stored."""
        self._closed.set()
        self._changed.set()
        if self._task is not None:
            await self._task

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        oldest = 0.0
        while not self._closed.is_set():
            if not self._changed.is_set():
                await self._changed.wait()
                oldest = loop.time()
            with suppress(TimeoutError):  # the time is over: it is due
                async with asyncio.timeout_at(oldest + PARTIAL_SAVE_INTERVAL_S):
                    await self._closed.wait()
                return
            self._changed.clear()
            oldest = loop.time()
            try:
                await self._save()
            except StoreError as error:
                if not self._complained:
                    self._complained = True
                    self._complain(error)


def _joined(parts: list[str]) -> str:
    """All parts as one, kept as one, so that the next call joins only what is new."""
    if len(parts) > 1:
        parts[:] = ["".join(parts)]
    return parts[0] if parts else ""


class DeltaBuffer:
    """A queue for one reader in which text piles up instead of events.

    The first piece, and the first piece of the answer after thinking, is due at once. Every later one is due
    `DELTA_INTERVAL_S` after the first piece that nobody has read, and brings all that came meanwhile: a reader that
    is slow, or 2,000 pieces that come together, make few and long deltas. There is no clock that ticks: the reader
    sleeps until something is due.
    """

    def __init__(self) -> None:
        self._events: list[TurnEvent] = []
        self._runs: list[tuple[bool, list[str]]] = []
        """What nobody has read: runs of (is it thinking, pieces)."""
        self._tokens = 0
        self._last_kind: bool | None = None
        self._due: float | None = None
        """When there is something to read, on the clock of the event loop; None for not yet."""
        self._sooner = asyncio.Event()
        self._closed = False

    def put(self, event: TurnEvent) -> None:
        """Add an event that is due at once, after the text before it."""
        self._flush()
        self._events.append(event)
        self._wake(0.0)

    def progress(self, done: int, total: int) -> None:
        """Say how much of the prompt was read; the newest replaces one that nobody has seen."""
        if self._events and isinstance(self._events[-1], PromptProgress):
            self._events[-1] = PromptProgress(done, total)
        else:
            self.put(PromptProgress(done, total))

    def piece(self, text: str, thinking: bool, tokens: int) -> None:
        """Add a piece of text.

        Args:
            text: not empty.
            thinking: whether it comes before the answer.
            tokens: all tokens of the reply so far.
        """
        self._tokens = tokens
        if self._runs and self._runs[-1][0] is thinking:
            self._runs[-1][1].append(text)
        else:
            self._runs.append((thinking, [text]))
        if self._last_kind is not thinking:
            self._last_kind = thinking
            self._wake(0.0)
        elif self._due is None:
            self._wake(asyncio.get_running_loop().time() + DELTA_INTERVAL_S)

    def close(self) -> None:
        """Nothing more will come."""
        self._closed = True
        self._wake(0.0)

    async def read(self) -> list[TurnEvent]:
        """What is due, in order, as soon as something is; empty when the feed is closed and read to its end."""
        while not self._closed:
            self._sooner.clear()
            delay = None if self._due is None else self._due - asyncio.get_running_loop().time()
            if delay is not None and delay <= 0:
                break
            try:
                async with asyncio.timeout(delay):
                    await self._sooner.wait()
            except TimeoutError:
                break
        self._flush()
        events, self._events, self._due = self._events, [], None
        return events

    def _wake(self, due: float) -> None:
        if self._due is None or due < self._due:
            self._due = due
            self._sooner.set()

    def _flush(self) -> None:
        for thinking, pieces in self._runs:
            text = "".join(pieces)
            self._events.append(ThinkingDelta(text, self._tokens) if thinking else TextDelta(text, self._tokens))
        self._runs.clear()
