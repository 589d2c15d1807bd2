"""What happens in a turn, on its way to whoever reads it."""

from __future__ import annotations

import asyncio

from tale_tui.domain.constants import DELTA_INTERVAL_S
from tale_tui.domain.events import PromptProgress, TextDelta, ThinkingDelta, TurnEvent
from tale_tui.engine.streaming import DeltaBuffer


class TurnEventQueue:
    """The events of a turn for its one reader; text that nobody has read is joined.

    The first piece, and the first piece of the answer after thinking, is due at once. Every later one is due
    `DELTA_INTERVAL_S` after the first piece that nobody has read, and brings all that came meanwhile: a reader that
    is slow, or 2,000 pieces that come together, make few and long deltas. There is no clock that ticks: the reader
    sleeps until something is due.
    """

    def __init__(self) -> None:
        self._events: list[TurnEvent] = []
        self._deltas = DeltaBuffer[bool]()
        """By whether it is thinking."""
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
            tokens: all tokens of the reply with it.
        """
        self._deltas.add(thinking, text, tokens)
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
        """What is due, in order, as soon as something is; empty when it is closed and read to its end."""
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
        if self._deltas.runs:
            for thinking, text, tokens in self._deltas.take():
                self._events.append(ThinkingDelta(text, tokens) if thinking else TextDelta(text, tokens))
