"""The rows of a list to choose from, and how each becomes a line of text: pure functions."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.geometry import Region, Size
from textual.message import Message
from textual.reactive import reactive
from textual.scroll_view import ScrollView
from textual.strip import Strip

from tale_tui.domain.text import clean_line
from tale_tui.formatting.symbols import signs
from tale_tui.ui.text import match_parts
from tale_tui.ui.widgets.line import fitted

_GAP = 3
"""Cells between two columns."""

_TITLE_MIN = 20
"""Cells that a title keeps before columns give way to it."""

_LEFT = 2
"""The bar of the chosen row and a blank."""

_DETAIL_LINES = 4
"""Lines of a detail under a heading, at most."""

_DETAIL_MIN_WIDTH = 10

_SENTENCE_LIMIT = 1000
"""Characters of a detail, at most."""

Tone = Callable[[str], Style]
"""The style of a tone: `heading`, `muted`, `bar`, `match` or one of `PickList.TONES`; the empty name has none."""


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
    """The colour of the sign: one of `PickList.TONES`."""
    detail: str = ""
    """A second line below the title, quiet; the marks of a search hit in it are shown in the accent."""


@dataclass(frozen=True, slots=True)
class Measures:
    """What the rows of a list have in common, so that they stand below each other."""

    columns: tuple[int, ...]
    """The cells of each column."""
    sign_cells: int
    words: tuple[str, ...]
    """What was searched for, in small letters."""

    @classmethod
    def of(cls, rows: Sequence[PickRow], words: str = "") -> Measures:
        """Measure all rows."""
        count = max((len(row.cells) for row in rows if row.key), default=0)
        padded = [("",) * (count - len(row.cells)) + row.cells for row in rows if row.cells and row.key]
        columns = tuple(max(map(cell_len, column)) for column in zip(*padded, strict=True))
        signs_wide = max((cell_len(row.sign) for row in rows if row.key), default=0)
        return cls(columns, signs_wide, tuple(words.lower().split()))


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
    row: PickRow, detail: str, width: int, measures: Measures, tone: Tone, *, chosen: bool
) -> Iterator[Segment]:
    """One line of a row.

    Args:
        row: the row.
        detail: the detail that stands in this line; empty for the line of the title.
        width: cells of the list.
        measures: of all rows.
        tone: gives styles.
        chosen: whether it has the bar.
    """
    if not row.key:
        yield from _heading(row, detail, width, tone)
        return
    yield Segment(signs().bar + " ", tone("bar")) if chosen else Segment(" " * _LEFT)
    indent = measures.sign_cells + 1 if measures.sign_cells else 0
    room = width - _LEFT - indent - 1
    if detail:
        yield Segment(" " * indent)
        yield from _detail(detail, room, tone)
        return
    if indent:
        yield Segment(row.sign + " " * (indent - cell_len(row.sign)), tone(row.tone))
    yield from _title(row, room, measures, tone)


def wrapped(text: str, width: int) -> list[str]:
    """The detail of a heading in lines for a list of `width` cells; the last one is cut where there would be more."""
    width = max(width - _LEFT - 1, _DETAIL_MIN_WIDTH)
    lines = [line.plain.rstrip() for line in Content(clean_line(text, _SENTENCE_LIMIT)).wrap(width)]
    if len(lines) > _DETAIL_LINES:
        lines = [*lines[: _DETAIL_LINES - 1], fitted(" ".join(lines[_DETAIL_LINES - 1 :]), width)]
    return lines


def _heading(row: PickRow, detail: str, width: int, tone: Tone) -> Iterator[Segment]:
    if detail:
        yield Segment(" " * _LEFT + detail, tone("muted"))
        return
    if row.sign:
        yield Segment(f"{row.sign} ", tone(row.tone))
    room = width - (cell_len(row.sign) + 1 if row.sign else 0)
    title = fitted(clean_line(row.title), room)
    yield Segment(title, tone("heading"))
    if note := " ".join(clean_line(cell) for cell in row.cells):
        yield Segment(fitted(f"  {note}", room - cell_len(title)), tone("muted"))


def _title(row: PickRow, room: int, measures: Measures, tone: Tone) -> Iterator[Segment]:
    cells = row.cells
    columns = measures.columns[len(measures.columns) - len(cells) :]
    while columns and room - sum(columns) - _GAP * len(columns) < _TITLE_MIN:
        cells, columns = cells[1:], columns[1:]
    room -= sum(columns) + _GAP * len(columns)
    title = fitted(clean_line(row.title), max(room, 0))
    yield from _highlighted(title, measures.words, tone)
    yield Segment(" " * (room - cell_len(title)))
    for cell, column in zip(cells, columns, strict=True):
        text = clean_line(cell)
        yield Segment(" " * (_GAP + column - cell_len(text)) + text, tone("muted"))


def _highlighted(title: str, words: tuple[str, ...], tone: Tone) -> Iterator[Segment]:
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
        yield Segment(title[start:end], tone("match"))
    yield Segment(title[end:])


def _detail(detail: str, room: int, tone: Tone) -> Iterator[Segment]:
    for text, is_match in match_parts(detail):
        part = fitted(text, room)
        yield Segment(part, tone("match" if is_match else "muted"))
        room -= cell_len(part)


_CSS = """
PickList {
    height: auto;
    overflow-x: hidden;
    scrollbar-size-vertical: 1;
    pointer: pointer;
    background: transparent;
    .pick-list--cursor { background: $block-cursor-background; color: $block-cursor-foreground;
        text-style: $block-cursor-text-style; }
    .pick-list--hover { background: $block-hover-background; }
    .pick-list--bar { color: $accent; }
    .pick-list--heading { color: $foreground; text-style: bold; }
    .pick-list--match { color: $accent; text-style: bold; }
    .pick-list--ux { color: $ux; }
    .pick-list--task { color: $task; }
    .pick-list--accent { color: $accent; }
    .pick-list--muted { color: $muted; }
    .pick-list--success { color: $success; }
    .pick-list--warning { color: $warning; }
    .pick-list--error { color: $error; }
}
"""


class PickList(ScrollView, can_focus=True):
    """Rows, one of them chosen. Rows come in by `show`; `Chosen` and `Moved` go out."""

    ALLOW_SELECT = False
    TONES: ClassVar[tuple[str, ...]] = ("ux", "task", "accent", "muted", "success", "warning", "error")
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "pick-list--cursor", "pick-list--bar", "pick-list--heading", "pick-list--match", "pick-list--hover",
        "pick-list--ux", "pick-list--task", "pick-list--accent", "pick-list--muted", "pick-list--success",
        "pick-list--warning", "pick-list--error",
    }  # fmt: skip
    DEFAULT_CSS = _CSS
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "move(-1)", "Up", show=False, id="list.up", tooltip="Choose the row above"),
        Binding("down,j", "move(1)", "Down", show=False, id="list.down", tooltip="Choose the row below"),
        Binding("pageup", "page(-1)", "Page up", show=False, id="list.page_up", tooltip="One page up"),
        Binding("pagedown", "page(1)", "Page down", show=False, id="list.page_down", tooltip="One page down"),
        Binding("home", "end(-1)", "First", show=False, id="list.first", tooltip="Choose the first row"),
        Binding("end", "end(1)", "Last", show=False, id="list.last", tooltip="Choose the last row"),
        Binding("enter", "choose", "Choose", show=False, id="list.choose", tooltip="Take the chosen row"),
    ]

    chosen: reactive[int] = reactive(-1, repaint=False)
    """The index of the chosen row; -1 where there is none."""
    hovered: reactive[int] = reactive(-1)
    """The index of the row under the pointer; -1 where there is none."""

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
        self.rows: Sequence[PickRow] = ()
        """All of them; others are shown by `show`."""
        self._lines = PickLines.of((), 0)
        self._measures = Measures.of(())
        self._empty = empty
        self.show(rows, chosen=chosen)

    @property
    def row(self) -> PickRow | None:
        """The chosen row."""
        return self.rows[self.chosen] if 0 <= self.chosen < len(self.rows) else None

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
        self._empty = self._empty if empty is None else empty
        self._measures = Measures.of(rows, words)
        self._lay_out(self.size.width)
        keys = [index for index, row in enumerate(rows) if row.key]
        self.chosen = next((index for index in keys if rows[index].key == wanted), keys[0] if keys else -1)
        self._reach()
        self.refresh(layout=True)

    def _lay_out(self, width: int) -> None:
        """Divide the rows into lines; only details under headings depend on the width."""
        self._lines = PickLines.of(self.rows, width)
        self.virtual_size = Size(width, max(len(self._lines.rows), 1))

    def on_resize(self, event: events.Resize) -> None:
        """Divide anew: a detail may need more lines or fewer."""
        self._lay_out(event.size.width)
        self._reach()

    def watch_chosen(self, old: int, new: int) -> None:
        """Paint the two rows anew, keep the chosen one in sight, say so."""
        self.refresh()
        if self.is_mounted:
            self._reach()
        if new != old and (row := self.row) is not None and self.is_attached:
            self.post_message(self.Moved(row.key))

    def _reach(self) -> None:
        """Scroll so that the chosen row is seen, with the heading above it."""
        if not 0 <= self.chosen < len(self._lines.starts):
            self.scroll_to(y=0, animate=False)
            return
        start = self._lines.starts[self.chosen]
        end = start + 1 + bool(self.rows[self.chosen].detail)
        under_heading = self.chosen > 0 and not self.rows[self.chosen - 1].key
        top = self._lines.starts[self.chosen - 1] if under_heading else start
        if end - top > self.size.height:
            top = start
        self.scroll_to_region(Region(0, top, max(self.size.width, 1), end - top), animate=False)

    def _neighbour(self, index: int, step: int) -> int:
        """The next row in a direction that can be chosen; the same one at an end."""
        found = index + step
        while 0 <= found < len(self.rows) and not self.rows[found].key:
            found += step
        return found if 0 <= found < len(self.rows) else index

    def action_move(self, step: int) -> None:
        """Choose the next row in a direction; at the top, what stands above it is scrolled into sight."""
        index = self._neighbour(self.chosen, step)
        if index == self.chosen and step < 0:
            self.scroll_to(y=0, animate=False)
        self.chosen = index

    def action_page(self, direction: int) -> None:
        """Choose a row a page away."""
        index = self.chosen
        for _ in range(max(self.size.height - 1, 1)):
            index = self._neighbour(index, direction)
        self.chosen = index

    def action_end(self, direction: int) -> None:
        """Choose the first or the last row."""
        order = range(len(self.rows)) if direction < 0 else range(len(self.rows) - 1, -1, -1)
        self.chosen = next((index for index in order if self.rows[index].key), -1)

    def action_choose(self) -> None:
        """Take the chosen row."""
        if (row := self.row) is not None:
            self.post_message(self.Chosen(row.key))

    def _row_at(self, event: events.MouseEvent) -> int:
        """The index of the row under the pointer that can be chosen; -1 where there is none."""
        offset = event.get_content_offset(self)
        line = -1 if offset is None else offset.y + self.scroll_offset.y
        index = self._lines.rows[line] if 0 <= line < len(self._lines.rows) else -1
        return index if index >= 0 and self.rows[index].key else -1

    def on_click(self, event: events.Click) -> None:
        """Take the row under the pointer."""
        index = self._row_at(event)
        if index >= 0:
            self.chosen = index
            self.action_choose()

    def on_mouse_move(self, event: events.MouseMove) -> None:
        """Show which row a click would take."""
        self.hovered = self._row_at(event)

    def on_leave(self) -> None:
        """The pointer is elsewhere."""
        self.hovered = -1

    def render_line(self, y: int) -> Strip:
        """One line of the list, as wide as the widget."""
        width = self.size.width
        line = y + self.scroll_offset.y
        if not self.rows and line == 0:
            return self._strip([Segment(fitted(self._empty, width), self._tone("muted"))], width, self.rich_style)
        if line >= len(self._lines.rows):
            return Strip.blank(width, self.rich_style)
        index, detail = self._lines.rows[line], self._lines.details.get(line, "")
        row = self.rows[index]
        base = self.rich_style
        if index == self.chosen:
            base += self.get_component_rich_style("pick-list--cursor", partial=True)
        elif index == self.hovered:
            base += self.get_component_rich_style("pick-list--hover", partial=True)
        # Where the cursor is the reverse of the text, colours inside it would be patches.
        tone = _no_tone if base.reverse else self._tone
        segments = row_segments(row, detail, width, self._measures, tone, chosen=index == self.chosen)
        return self._strip(segments, width, base)

    def _strip(self, segments: Iterable[Segment], width: int, base: Style) -> Strip:
        return Strip(Segment.apply_style(segments, base)).adjust_cell_length(width, base)

    def _tone(self, name: str) -> Style:
        return self.get_component_rich_style(f"pick-list--{name}", partial=True) if name else Style.null()


def _no_tone(name: str) -> Style:
    return Style.null()
