"""The plots: all of them, two of them, or one that is large."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from textual import events
from textual.app import ComposeResult
from textual.containers import Grid
from textual.content import Content
from textual.message import Message
from textual.reactive import reactive
from textual.style import Style
from textual.timer import Timer
from textual.widget import Widget

from tale_tui.ui.text import fitted
from tale_tui.ui.widgets.plot import PlotData, PlotView, plot_columns

PLOTS = ("first token", "tok/s", "waiting", "memory", "processor", "tokens")
"""What is plotted, as the line names it that chooses; the key of each is its number."""
COUNT = len(PLOTS)
APART_S = 0.05
"""Between two plots that are painted anew."""
_ACROSS, _GUTTER = 3, 3
"""Plots beside each other at most, and the cells between two of them; as in the style sheet."""


@dataclass(frozen=True, slots=True)
class PlotChoice:
    """Which plots are seen, by their places in `PLOTS`."""

    left: int = 0
    right: int = 1
    """Where there is room for two, these; the right one is the one that was chosen last."""
    large: bool = False
    """Whether the right one has the whole screen."""

    def choose(self, place: int, *, narrow: bool) -> PlotChoice:
        """Another plot is wanted.

        Args:
            place: in `PLOTS`.
            narrow: whether there is room for two only; else, and where one is large, it gets the whole screen.
        """
        left = self.left if place == self.right else self.right
        return PlotChoice(left, place, self.large or not narrow)

    def seen(self, *, narrow: bool) -> tuple[int, ...]:
        """The plots in sight, from the left."""
        if self.large:
            return (self.right,)
        return (self.left, self.right) if narrow else tuple(range(COUNT))


class PlotGrid(Grid):
    """The plots in places that stay; which plot is in which place is data."""

    @dataclass
    class PlotClicked(Message):
        """A plot is wanted large."""

        place: int

    def __init__(self) -> None:
        super().__init__()
        self.views = tuple(PlotView() for _ in PLOTS)
        self._seen: tuple[int, ...] = ()
        self._due: list[tuple[PlotView, PlotData | None]] = []
        """What is to be painted yet, the next one last."""
        self._next: Timer | None = None

    def compose(self) -> ComposeResult:
        yield from self.views

    def show(self, plots: Sequence[PlotData | None], seen: Sequence[int]) -> None:
        """Show plots: other ones at once, and what is new in the same ones one after the other, so that painting all of
        them holds up nothing else.

        Args:
            plots: all of them, in the order of `PLOTS`.
            seen: the places of those in sight, from the left.
        """
        others = tuple(seen) != self._seen
        if others:
            self._seen = tuple(seen)
            self.set_class(len(seen) == 1, "-one")
            self.set_class(len(seen) == 2, "-two")  # noqa: PLR2004  (the name says it)
            for place, view in enumerate(self.views):
                view.display = place < len(seen)
        shown = [(view, plots[place]) for view, place in zip(self.views, seen, strict=False)]
        if others or any(view.data is None for view, _ in shown):
            self._due = []
            for view, data in shown:
                view.data = data
        else:
            self._due = [(view, data) for view, data in reversed(shown) if data != view.data]
            if self._next is None:
                self._paint_next()

    def _paint_next(self) -> None:
        self._next = None
        if self._due:
            view, data = self._due.pop()
            view.data = data
        if self._due:
            self._next = self.set_timer(APART_S, self._paint_next)

    def columns(self, seen: int) -> int:
        """Cells across that each of so many plots has for what it shows."""
        across = min(seen, _ACROSS)
        return plot_columns((self.size.width - _GUTTER * (across - 1)) // across)

    def on_click(self, event: events.Click) -> None:
        """Hand on the plot under the pointer."""
        if isinstance(event.widget, PlotView) and event.widget in self.views:
            self.post_message(self.PlotClicked(self._seen[self.views.index(event.widget)]))


class PlotPicker(Widget):
    """The names of the plots with their keys; those in sight stand out. Each can be clicked."""

    ALLOW_SELECT = False
    auto_links = False

    seen: reactive[tuple[int, ...]] = reactive(())
    """The places of those in sight."""

    def render(self) -> Content:
        width, left = self.size.width, Content(" ")
        for place, name in enumerate(PLOTS):
            shown = place in self.seen
            words = f"[{place + 1} {name}]" if shown else f"{place + 1} {name}"
            if left.cell_length + len(words) > width:
                words = fitted(words, width - left.cell_length)
            one = Content.assemble((words, "$foreground" if shown else "$muted"))
            left += one.stylize(Style.from_meta({"@click": f"screen.plot({place})"})) + Content("  ")
        return left.truncate(width)
