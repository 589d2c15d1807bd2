"""The table of what learns: a line for each part."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from rich.cells import cell_len
from rich.segment import Segment
from textual.binding import BindingType
from textual.content import Content
from textual.geometry import Size
from textual.message import Message
from textual.widget import Widget

from tale_tui.formatting.learning import changed_words, good_words, last_event, was_words
from tale_tui.formatting.symbols import signs
from tale_tui.formatting.units import count, when
from tale_tui.ui.keys import binding, moving_keys
from tale_tui.ui.text import fitted
from tale_tui.ui.widgets.line_list import LineList, StyleOf

if TYPE_CHECKING:
    from tale_tui.domain.learning import LearnedState

ROOMY = 96
"""Cells from which a line says what was changed too."""
_LEFT, _GAP = 2, 2
_CELLS = (
    ("what", 11),
    ("learns", 6),
    ("examples", 8),
    ("how good", 22),
    ("was", 5),
    ("last", 6),
    ("what that changed", 0),
)
"""Columns and their cells; the last one has what is left."""
_RIGHT = {"examples", "was"}
"""Numbers, which stand at the right of their column."""


def _columns(width: int) -> list[tuple[str, int]]:
    """The columns of a table of `width` cells."""
    shown = list(_CELLS if width >= ROOMY else _CELLS[:-1])
    rest = width - _LEFT - 1 - sum(cells + _GAP for _, cells in shown)
    name, cells = shown[-1]
    shown[-1] = (name, max(cells + (rest if width >= ROOMY else 0), 0))
    return shown


def _cells(state: LearnedState, now: float) -> tuple[str, ...]:
    """What stands in the columns of a part."""
    event = last_event(state)
    return (
        str(state.part),
        "on" if state.enabled else "off",
        count(state.examples) if state.examples else signs().dash,
        good_words(state, short=True),
        was_words(state),
        signs().dash if event is None else when(event.at, now),
        changed_words(state),
    )


def _line(words: Sequence[str], width: int) -> list[str]:
    """The cells of a line, each as wide as its column with the gap behind it."""
    line = []
    for (name, cells), text in zip(_columns(width), words, strict=False):
        shown = fitted(text, cells)
        blank = " " * (cells - cell_len(shown))
        line.append((blank + shown if name in _RIGHT else shown + blank) + " " * _GAP)
    return line


class PartHeading(Widget):
    """The names of the columns."""

    ALLOW_SELECT = False
    DEFAULT_CSS = """
    PartHeading { height: 1; width: 1fr; }
    """

    def render(self) -> Content:
        width = self.size.width
        return Content(" " * _LEFT + "".join(_line([name for name, _ in _CELLS], width))).stylize("$muted")


class PartList(LineList["LearnedState"]):
    """A line for each part. `Moved` and `Opened` go out."""

    DEFAULT_CSS = """
    PartList { height: auto; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        *moving_keys("learning", "part"),
        binding("learning.open", "enter", "open", "Why", "All that the chosen part has learned, with examples"),
    ]

    class Moved(Message):
        """Another part is the chosen one."""

    @dataclass
    class Opened(Message):
        """All of a part is wanted."""

        state: LearnedState

    def __init__(self, clock: Callable[[], float]) -> None:
        super().__init__()
        self._clock = clock

    def show(self, states: Sequence[LearnedState], empty: str = "") -> None:
        """Show these parts; the chosen one stays the chosen one.

        Args:
            states: of the parts.
            empty: what is said where there are none.
        """
        chosen = self.row.part if self.row is not None else None
        self.rows, self.empty = states, empty
        self.virtual_size = Size(self.size.width, max(len(states), 1))
        places = [place for place, state in enumerate(states) if state.part is chosen]
        self.index = places[0] if places else 0 if states else -1
        self.refresh(layout=True)

    def post_moved(self) -> None:
        self.post_message(self.Moved())

    def action_open(self) -> None:
        if (state := self.row) is not None:
            self.post_message(self.Opened(state))

    def segments(self, line: int, style: StyleOf) -> Iterator[Segment]:
        state = self.rows[line]
        words = _line(_cells(state, self._clock()), self.size.width)
        yield Segment(f"{signs().bar if line == self.index else '':{_LEFT}}", style("bar"))
        yield Segment(words[0], style("warning" if state.problem else ""))
        yield Segment(words[1], style("" if state.enabled else "muted"))
        yield Segment("".join(words[2:]))
