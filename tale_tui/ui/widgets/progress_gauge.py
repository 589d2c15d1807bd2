"""How far a download is: a bar, the sizes, the time that is left."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from textual.content import Content
from textual.reactive import reactive
from textual.widget import Widget

from tale_tui.formatting.units import SIZE_WIDTH, about, bar, percent, size
from tale_tui.ui.text import plain_line

if TYPE_CHECKING:
    from tale_tui.domain.models import Progress

BAR_CELLS = 40
"""The longest bar."""
BAR_MIN_CELLS = 4
"""A shorter bar says nothing: it is left out."""
_LEFT_CELLS = len("  about 100 min left")
"""Room for the time that is left."""
FORECAST_AFTER_S = 1.0
"""Seconds after which the speed is known well enough to say how long it will take."""


class ProgressGauge(Widget):
    """Two lines: what is done, and how far it is. Its numbers keep their places."""

    ALLOW_SELECT = False
    DEFAULT_CSS = """
    ProgressGauge { height: 2; text-wrap: nowrap; text-overflow: ellipsis; }
    """

    progress: reactive[Progress | None] = reactive(None)
    """How far it is; None before anything is known."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Begin.

        Args:
            clock: seconds that only go forward.
        """
        super().__init__()
        self.clock = clock
        self._since: tuple[float, int] | None = None
        """When bytes were first counted, and how many there were."""

    def restart(self) -> None:
        """Forget what was measured: something else is fetched."""
        self.progress, self._since = None, None

    def watch_progress(self, progress: Progress | None) -> None:
        """Begin to measure with the first number."""
        if progress is not None and progress.total and self._since is None:
            self._since = (self.clock(), progress.done)

    def render(self) -> Content:
        """The label and the bar."""
        progress = self.progress
        if progress is None:
            return Content.assemble("Asking for it\n", (bar(0, min(self.size.width, BAR_CELLS)), "$muted"))
        label = plain_line(progress.label)
        if not progress.total:
            known = f"{size(progress.done)} so far" if progress.done else ""
            return Content.assemble(label, "\n", (known, "$muted"))
        share = min(progress.done / progress.total, 1.0)
        numbers = f"{size(progress.done):>{SIZE_WIDTH}} of {size(progress.total)}  {percent(share):>5}"
        room = self.size.width - len(numbers) - 2
        if room >= _LEFT_CELLS + BAR_MIN_CELLS:
            numbers = f"{numbers}  {self._left()}"
            room -= _LEFT_CELLS
        gauge = bar(share, min(room, BAR_CELLS)) + "  " if room >= BAR_MIN_CELLS else ""
        return Content.assemble(label, "\n", (gauge, "$accent"), (numbers, "$muted"))

    def _left(self) -> str:
        """How long it will take at the speed so far; empty while that is not known."""
        progress = self.progress
        if progress is None or not progress.total or self._since is None or progress.finished:
            return ""
        begun, done = self._since
        passed, fetched = self.clock() - begun, progress.done - done
        if passed < FORECAST_AFTER_S or fetched <= 0:
            return ""
        return f"about {about((progress.total - progress.done) * passed / fetched)} left"
