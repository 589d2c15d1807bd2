"""All that one part has learned: from what, how good it is, each fit and what it changed."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from textual.widget import Widget

from tale_tui.domain.learning import LearnedPart
from tale_tui.formatting.forecasts import history_lines
from tale_tui.formatting.learning import learned_lines
from tale_tui.formatting.units import when
from tale_tui.ui.dialogs.dialog import Dialog, Reader
from tale_tui.ui.text import NoMarkup

if TYPE_CHECKING:
    from tale_tui.domain.forecasts import ForecastHistory
    from tale_tui.domain.learning import LearnedState

EVENTS_SHOWN = 50


class LearnedDialog(Dialog[None]):
    """Text that scrolls; nothing is changed here."""

    def __init__(self, state: LearnedState, history: ForecastHistory | None, now: float) -> None:
        """Take what is told.

        Args:
            state: of the part.
            history: how near the last forecasts were; told with what forecasts have learned.
            now: the present, in seconds since the epoch.
        """
        super().__init__(f"What {state.part} has learned", "" if state.enabled else "stopped")
        self._state = state
        self._history = history
        self._now = now

    def body(self) -> Iterable[Widget]:
        """The lines of the command line, with all events."""
        lines = learned_lines(self._state, lambda at: when(at, self._now), events=EVENTS_SHOWN)
        if self._state.part is LearnedPart.FORECAST and self._history is not None:
            lines += ["", *history_lines(self._history)]
        yield Reader(NoMarkup("\n".join(lines)), id="focus-first")
