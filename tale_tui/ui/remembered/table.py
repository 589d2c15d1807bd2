"""The table of what is remembered: a line for each item."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from textwrap import wrap
from typing import TYPE_CHECKING, ClassVar

from rich.cells import cell_len
from rich.segment import Segment
from textual.binding import BindingType
from textual.content import Content
from textual.geometry import Size
from textual.message import Message
from textual.widget import Widget

from tale_tui.domain.text import clean_line
from tale_tui.formatting.recall import source_words
from tale_tui.formatting.symbols import signs
from tale_tui.formatting.units import count, when
from tale_tui.ui.keys import binding, moving_keys
from tale_tui.ui.remembered.pages import PAGE
from tale_tui.ui.text import fitted, padded
from tale_tui.ui.widgets.line_list import LineList, StyleOf

if TYPE_CHECKING:
    from tale_tui.domain.recall import RecallItem

PINNED = "!"
_LEFT, _GAP = 4, 2
"""Cells before the first column (the bar of the chosen row and the sign of a pinned one), and behind each."""
_NARROW = 96
"""Cells of a table below which where an item comes from is only said below it."""
_TINY = 40
"""Cells below which there is only what an item says."""
_KIND, _USED, _WHEN = 10, 4, 8
_FROM_SHARE, _FROM_MIN, _FROM_MOST = 0.22, 20, 40
"""Of the table, and cells at least and at most, that say where an item comes from."""


@dataclass(frozen=True, slots=True)
class ItemColumns:
    """Cells of the columns of a table of a width."""

    what: int
    source: int = 0
    """None where there is little room."""
    about: bool = True
    """Whether there is more than what an item says."""

    @classmethod
    def of(cls, width: int) -> ItemColumns:
        """Divide `width` cells."""
        if width < _TINY:
            return cls(max(width - _LEFT - 1, 0), about=False)
        source = 0 if width < _NARROW else min(max(int(width * _FROM_SHARE), _FROM_MIN), _FROM_MOST)
        fixed = _LEFT + _KIND + _USED + _WHEN + (source + _GAP if source else 0) + 3 * _GAP + 1
        return cls(width - fixed, source)

    def line(self, what: str, kind: str, source: str, used: str, said: str) -> tuple[str, str]:
        """What an item says, and all behind it, each as wide as its columns."""
        parts = [f"{kind:<{_KIND}}"] if self.about else []
        if self.source:
            parts.append(padded(source, self.source))
        parts += [f"{used:>{_USED}}", f"{said:>{_WHEN}}"] if self.about else []
        return padded(what, self.what), "".join(" " * _GAP + part for part in parts)


class ItemHeading(Widget):
    """The names of the columns."""

    ALLOW_SELECT = False
    DEFAULT_CSS = """
    ItemHeading { height: 1; width: 1fr; }
    """

    def render(self) -> Content:
        what, rest = ItemColumns.of(self.size.width).line("what", "kind", "from", "used", "when")
        return Content(" " * _LEFT + what + rest).stylize("$muted")


class ItemList(LineList["RecallItem | None"]):
    """A line for each item. `Moved` and `Opened` go out, and `PageWanted` for what was not read yet and is seen."""

    BINDINGS: ClassVar[list[BindingType]] = [
        *moving_keys("remembered", "item"),
        binding("remembered.open", "enter", "open", "Open", "Where it was said, or the task that gave it"),
    ]

    class Moved(Message):
        """Another item is the chosen one."""

    @dataclass
    class Opened(Message):
        """Where an item comes from is wanted."""

        item: RecallItem

    @dataclass
    class PageWanted(Message):
        """A page that was not read is seen."""

        page: int

    def __init__(self, clock: Callable[[], float]) -> None:
        super().__init__()
        self._clock = clock

    def show(self, rows: Sequence[RecallItem | None], index: int, empty: str) -> None:
        """Show these rows.

        Args:
            rows: None stands for what was not read yet.
            index: of the one that is chosen; out of their range it is the nearest.
            empty: what is said where there are none.
        """
        self.rows, self.empty = rows, empty
        self.virtual_size = Size(self.size.width, max(len(rows), 1))
        self.index = min(max(index, 0), len(rows) - 1)
        self.reach()
        self.refresh()

    def post_moved(self) -> None:
        self.post_message(self.Moved())

    def action_open(self) -> None:
        if (item := self.row) is not None:
            self.post_message(self.Opened(item))

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Where no item is chosen there is nothing to open."""
        return self.row is not None if action == "open" else super().check_action(action, parameters)

    def empty_line(self, y: int) -> str:
        """A sentence may be longer than a line."""
        lines = wrap(self.empty, max(self.size.width - 2 * _LEFT, 1))
        return " " * _LEFT + lines[y] if y < len(lines) else ""

    def segments(self, line: int, style: StyleOf) -> Iterator[Segment]:
        item = self.rows[line]
        bar = signs().bar if line == self.index else " "
        yield Segment(f"{bar} ", style("bar"))
        if item is None:
            self.post_message(self.PageWanted(line // PAGE))
            yield Segment(f"  {signs().ellipsis}", style("muted"))
            return
        yield Segment(f"{PINNED if item.pinned else ' '} ", style("accent"))
        columns = ItemColumns.of(self.size.width)
        what, rest = columns.line(
            what=clean_line(item.text),
            kind=item.kind.value,
            source=_source(item, columns.source),
            used=count(item.uses) if item.uses else "",
            said=when(item.said, self._clock()),
        )
        yield Segment(what)
        yield Segment(rest, style("muted"))


def _source(item: RecallItem, cells: int) -> str:
    """Where an item comes from, the title of its conversation cut rather than the turn."""
    room = cells - cell_len(source_words(item, title="")) - len(", ")
    return source_words(item, title=fitted(item.source.session_title, max(room, 0)))
