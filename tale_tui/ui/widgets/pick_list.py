"""A list to choose from: rows with columns, details and headings; the words that were searched for stand out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

from rich.cells import cell_len
from rich.segment import Segment
from textual import events
from textual.binding import BindingType
from textual.content import Content
from textual.geometry import Size
from textual.message import Message

from tale_tui.domain.text import clean_line
from tale_tui.formatting.symbols import signs
from tale_tui.ui.keys import binding, moving_keys
from tale_tui.ui.text import fitted, match_parts
from tale_tui.ui.widgets.line_list import LineList, StyleOf

_GAP = 3
"""Cells between two columns."""

_TITLE_MIN = 20
"""Cells that a title keeps before columns give way to it."""

_NOTE_MIN = 20
"""Cells below which a note is left out."""

_LEFT = 2
"""The bar of the chosen row and a blank."""

_DETAIL_LINES = 4
"""Lines of a detail under a heading, at most."""

_DETAIL_MIN_WIDTH = 10

_SENTENCE_LIMIT = 1000
"""Characters of a detail, at most."""


@dataclass(frozen=True, slots=True)
class PickRow:
    """A row. Its texts may be foreign: they are cleaned before they are painted."""

    key: str
    """Tells the row from all others; empty for a row that cannot be chosen (a heading)."""
    title: str
    cells: tuple[str, ...] = ()
    """Columns at the right, the last one the most important: in a narrow list the first ones go."""
    sign: str = ""
    tone: str = ""
    """The colour of the sign: `ux`, `task`, `accent`, `muted`, `success`, `warning` or `error`."""
    detail: str = ""
    """A second line below the title, quiet; the marks of a search hit in it are shown in the accent."""
    note: str = ""
    """What it is, behind the title: aligned left, below those of the other rows; it goes before the columns do."""


@dataclass(frozen=True, slots=True)
class Measures:
    """What the rows of a list have in common, so that they stand below each other."""

    columns: tuple[int, ...]
    """The cells of each column."""
    sign_cells: int
    title_cells: int
    """Of the longest title of a row that has a note."""
    words: tuple[str, ...]
    """What was searched for, in small letters."""

    @classmethod
    def of(cls, rows: Sequence[PickRow], words: str = "") -> Measures:
        count = max((len(row.cells) for row in rows if row.key), default=0)
        padded = [("",) * (count - len(row.cells)) + row.cells for row in rows if row.cells and row.key]
        columns = tuple(max(map(cell_len, column)) for column in zip(*padded, strict=True))
        signs_wide = max((cell_len(row.sign) for row in rows if row.key), default=0)
        titles = max((cell_len(row.title) for row in rows if row.note), default=0)
        return cls(columns, signs_wide, titles, tuple(words.lower().split()))


@dataclass(frozen=True, slots=True)
class PickLines:
    """How rows are divided into lines. Only the details under headings depend on the width."""

    rows: list[int]
    """For each line: the index of its row."""
    starts: list[int]
    """For each row: its first line."""
    details: dict[int, str]
    """What the lines show that do not show a title."""

    @classmethod
    def of(cls, rows: Sequence[PickRow], width: int) -> PickLines:
        """Divide all rows for a list of `width` cells."""
        lines = cls([], [], {})
        for index, row in enumerate(rows):
            lines.starts.append(len(lines.rows))
            lines.rows.append(index)
            if row.detail:
                for detail in [row.detail] if row.key else wrapped(row.detail, width):
                    lines.details[len(lines.rows)] = detail
                    lines.rows.append(index)
        return lines


def row_segments(
    row: PickRow, detail: str, width: int, measures: Measures, style: StyleOf, *, chosen: bool
) -> Iterator[Segment]:
    """One line of a row.

    Args:
        row: the row.
        detail: the detail that stands in this line; empty for the line of the title.
        width: cells of the list.
        measures: of all rows.
        style: gives styles.
        chosen: whether it has the bar.
    """
    if not row.key:
        yield from _heading(row, detail, width, style)
        return
    yield Segment(signs().bar + " ", style("bar")) if chosen else Segment(" " * _LEFT)
    indent = measures.sign_cells + 1 if measures.sign_cells else 0
    room = width - _LEFT - indent - 1
    if detail:
        yield Segment(" " * indent)
        yield from _detail(detail, room, style)
        return
    if indent:
        yield Segment(row.sign + " " * (indent - cell_len(row.sign)), style(row.tone))
    yield from _title(row, room, measures, style)


def wrapped(text: str, width: int) -> list[str]:
    """The detail of a heading in lines for a list of `width` cells; the last one is cut where there would be more."""
    width = max(width - _LEFT - 1, _DETAIL_MIN_WIDTH)
    lines = [line.plain.rstrip() for line in Content(clean_line(text, _SENTENCE_LIMIT)).wrap(width)]
    if len(lines) > _DETAIL_LINES:
        lines = [*lines[: _DETAIL_LINES - 1], fitted(" ".join(lines[_DETAIL_LINES - 1 :]), width)]
    return lines


def _heading(row: PickRow, detail: str, width: int, style: StyleOf) -> Iterator[Segment]:
    if detail:
        yield Segment(" " * _LEFT + detail, style("muted"))
        return
    if row.sign:
        yield Segment(f"{row.sign} ", style(row.tone))
    room = width - (cell_len(row.sign) + 1 if row.sign else 0)
    title = fitted(clean_line(row.title), room)
    yield Segment(title, style("heading"))
    if note := " ".join(clean_line(cell) for cell in row.cells):
        yield Segment(fitted(f"  {note}", room - cell_len(title)), style("muted"))


def _title(row: PickRow, room: int, measures: Measures, style: StyleOf) -> Iterator[Segment]:
    cells = row.cells
    columns = measures.columns[len(measures.columns) - len(cells) :]
    while columns and room - sum(columns) - _GAP * len(columns) < _TITLE_MIN:
        cells, columns = cells[1:], columns[1:]
    room -= sum(columns) + _GAP * len(columns)
    note_cells = room - measures.title_cells - _GAP if row.note else 0
    if note_cells >= _NOTE_MIN:
        room = measures.title_cells
    title = fitted(clean_line(row.title), max(room, 0))
    yield from _highlighted(title, measures.words, style)
    yield Segment(" " * (room - cell_len(title)))
    if note_cells >= _NOTE_MIN:
        note = fitted(clean_line(row.note), note_cells)
        yield Segment(" " * _GAP + note + " " * (note_cells - cell_len(note)), style("muted"))
    for cell, column in zip(cells, columns, strict=True):
        text = clean_line(cell)
        yield Segment(" " * (_GAP + column - cell_len(text)) + text, style("muted"))


def _highlighted(title: str, words: tuple[str, ...], style: StyleOf) -> Iterator[Segment]:
    """The title with the words that were searched for."""
    lower = title.lower()
    # Where the small letters are more or fewer than the large ones their places say nothing.
    places = [(lower.find(word), len(word)) for word in words] if len(lower) == len(title) else []
    end = 0
    for start, length in sorted(place for place in places if place[0] >= 0):
        if start < end:
            continue
        yield Segment(title[end:start])
        end = start + length
        yield Segment(title[start:end], style("match"))
    yield Segment(title[end:])


def _detail(detail: str, room: int, style: StyleOf) -> Iterator[Segment]:
    for text, is_match in match_parts(detail):
        part = fitted(text, room)
        yield Segment(part, style("match" if is_match else "muted"))
        room -= cell_len(part)


class PickList(LineList[PickRow]):
    """Rows come in by `show`; `Chosen` and `Moved` go out."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"line-list--heading", "line-list--match"}
    DEFAULT_CSS = """
    PickList {
        height: auto;
        .line-list--cursor { background: $block-cursor-background; color: $block-cursor-foreground;
            text-style: $block-cursor-text-style; }
        .line-list--heading { color: $foreground; text-style: bold; }
        .line-list--match { color: $accent; text-style: bold; }
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        *moving_keys("list", "row"),
        binding("list.choose", "enter", "choose", "Choose", "Take the chosen row"),
    ]

    @dataclass
    class Chosen(Message):
        """A row was taken: enter, or a click on it."""

        key: str

    @dataclass
    class Moved(Message):
        """Another row is the chosen one."""

        key: str

    def __init__(
        self,
        rows: Sequence[PickRow] = (),
        *,
        empty: str = "",
        chosen: str = "",
        id: str | None = None,  # noqa: A002  (Textual's own name for it)
    ) -> None:
        """Begin with rows.

        Args:
            rows: what is shown first.
            empty: what is said where there are no rows: one sentence, with the key that helps.
            chosen: the key of the row that is chosen first; empty takes the first row.
            id: of the widget.
        """
        super().__init__(id=id)
        self._lines = PickLines.of((), 0)
        self._measures = Measures.of(())
        self.show(rows, chosen=chosen, empty=empty)

    def show(
        self, rows: Sequence[PickRow], *, chosen: str | None = None, words: str = "", empty: str | None = None
    ) -> None:
        """Show other rows.

        Args:
            rows: all of them.
            chosen: the key of the row to choose; None keeps the one that is chosen if it is still there.
            words: what was searched for; its words stand out in the titles.
            empty: what is said where there are no rows; None leaves it.
        """
        wanted = (self.row.key if self.row else "") if chosen is None else chosen
        self.rows = rows
        self.empty = self.empty if empty is None else empty
        self._measures = Measures.of(rows, words)
        self._lay_out(self.size.width)
        keys = [index for index, row in enumerate(rows) if row.key]
        self.index = next((index for index in keys if rows[index].key == wanted), keys[0] if keys else -1)
        self.reach()
        self.refresh(layout=True)

    def _lay_out(self, width: int) -> None:
        """Divide the rows into lines; only details under headings depend on the width."""
        self._lines = PickLines.of(self.rows, width)
        self.virtual_size = Size(width, max(len(self._lines.rows), 1))

    def on_resize(self, event: events.Resize) -> None:
        """Divide anew: a detail may need more lines or fewer."""
        self._lay_out(event.size.width)
        self.reach()

    def post_moved(self) -> None:
        if (row := self.row) is not None:
            self.post_message(self.Moved(row.key))

    def action_choose(self) -> None:
        if (row := self.row) is not None:
            self.post_message(self.Chosen(row.key))

    def click_row(self, index: int) -> None:
        self.index = index
        self.action_choose()

    def can_choose(self, index: int) -> bool:
        return bool(self.rows[index].key)

    def row_of_line(self, line: int) -> int:
        return self._lines.rows[line] if 0 <= line < len(self._lines.rows) else -1

    def lines_of_row(self, index: int) -> range:
        start = self._lines.starts[index]
        return range(start, start + 1 + bool(self.rows[index].detail))

    def lines_in_sight(self, index: int) -> range:
        """Those of the row, and those of the heading above it where there is room for both."""
        lines = self.lines_of_row(index)
        if index and not self.can_choose(index - 1):
            top = self._lines.starts[index - 1]
            return range(top if lines.stop - top <= self.size.height else lines.start, lines.stop)
        return lines

    def reach(self) -> None:
        """Scroll so that the chosen row is seen; without one to the top."""
        super().reach()
        if self.row is None:
            self.scroll_to(y=0, animate=False)

    def action_move(self, step: int) -> None:
        """Choose the next row in a direction; at the top, what stands above it is scrolled into sight."""
        if step < 0 and self.next_row(self.index, step) == self.index:
            self.scroll_to(y=0, animate=False)
        super().action_move(step)

    def segments(self, line: int, style: StyleOf) -> Iterator[Segment]:
        index = self._lines.rows[line]
        detail = self._lines.details.get(line, "")
        chosen = index == self.index
        return row_segments(self.rows[index], detail, self.size.width, self._measures, style, chosen=chosen)
