"""How fast a model writes, measured from the pieces that come."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from tale_tui.ui.widgets.transcript import Live

RATE_AFTER_S = 0.3
"""Seconds of writing before a speed is shown: of less it would be a guess."""


class Pace:
    """Of one reply, or of one step of a task.

    Args:
        monotonic: seconds of a clock that only goes forward.

    Attributes:
        started: when it began.
        ttft_ms: how long the first text took; None while there is none, or where a model had to be loaded first.
    """

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self.started = monotonic()
        self.ttft_ms: float | None = None
        self._monotonic = monotonic
        self._loaded = False
        self._pieces_from: tuple[float, int] | None = None

    def loading(self) -> Live:
        """A model is loaded: it counts from now."""
        self._loaded = True
        return Live("loading", self._monotonic())

    def reading(self, done: int = 0, total: int = 0) -> Live:
        """So many tokens of the prompt are read."""
        return Live("reading", self.started, done, total)

    def writing(self, phase: Literal["thinking", "writing"], tokens: int) -> Live:
        """More came; `tokens` is all of it."""
        now = self._monotonic()
        if phase == "writing" and self.ttft_ms is None and not self._loaded:
            self.ttft_ms = (now - self.started) * 1000
        if self._pieces_from is None:
            self._pieces_from = now, tokens
        since, before = self._pieces_from
        spent = now - since
        rate = (tokens - before) / spent if spent >= RATE_AFTER_S else None
        return Live(phase, self.started, tokens=tokens, rate=rate, ttft_ms=self.ttft_ms)
