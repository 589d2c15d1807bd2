"""Tables -> lines: columns without frames, or, where they do not fit, one row under the other as `title  value`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tale_tui.formatting.units import plural
from tale_tui.ui.markdown.inline import References, Run, spans
from tale_tui.ui.markdown.lines import MUTED, PLAIN, STRONG, RenderedLines, TextPart, Unfold
from tale_tui.ui.markdown.wrap import cells, wrap

if TYPE_CHECKING:
    from tale_tui.formatting.symbols import Signs
    from tale_tui.ui.markdown.document import TableHead, TableRow

ROWS_SHOWN = 100
"""Rows that are shown before the reader asks for more."""
COLUMNS_SHOWN = 40
"""Columns that are shown."""
_BETWEEN = 2
"""Cells between two columns."""
_NARROWEST = 6
"""Cells; where a column would get fewer and needs more, the rows are set one under the other."""
_CELL_SHOWN = 2000
"""Characters of a cell that are shown."""
_BETWEEN_CELLS = "\t"
"""Between two cells of a row that is copied: every spreadsheet understands it."""


@dataclass(frozen=True, slots=True)
class _Row:
    """A row whose cells are read, and its text for the clipboard."""

    cells: tuple[Run, ...]
    text: str
    starts: tuple[int, ...]
    """Where each cell begins in `text`."""


class TableSetter:
    """How one table is set.

    Args:
        sheet: takes the lines.
        margin: what stands before every line.
        width: cells that the table may take.
        style: added to all text.
        signs: those of this terminal.
        references: what labels of links stand for.
    """

    def __init__(
        self,
        sheet: RenderedLines,
        margin: tuple[TextPart, ...],
        width: int,
        style: int,
        signs: Signs,
        references: References,
    ) -> None:
        self._sheet = sheet
        self._margin = margin
        self._width = width
        self._style = style
        self._signs = signs
        self._references = references

    def put(self, head: TableHead, rows: Sequence[TableRow], *, unfold: Unfold, unfolded: bool) -> None:
        """Append the table.

        Args:
            head: its titles.
            rows: its rows.
            unfold: what the line stands for that tells of rows left out.
            unfolded: whether all rows are shown.
        """
        limit = len(rows) if unfolded else ROWS_SHOWN
        titles = _row(head.cells, STRONG | self._style, self._references)
        body = [_row(row.cells, self._style, self._references) for row in rows[:limit]]
        widths = _widths([titles, *body], self._width)
        if widths is None:
            self._stacked(titles, body)
        else:
            self._columns(titles, body, widths, head.aligns)
        if len(rows) > limit:
            note = f"{self._signs.ellipsis} {plural(len(rows) - limit, 'more row')}, click or enter shows them"
            self._put((TextPart(note[: self._width], MUTED, target=unfold),), None)

    def _put(self, pieces: Sequence[TextPart], row: int | None) -> None:
        self._sheet.put((*self._margin, *pieces), self._sheet.row(None) if row is None else row)

    def _columns(self, titles: _Row, body: list[_Row], widths: list[int], aligns: Sequence[str]) -> None:
        if any(cell.text for cell in titles.cells):
            self._in_columns(titles, widths, aligns)
            rule = self._signs.rule * (sum(widths) + _BETWEEN * (len(widths) - 1))
            self._put((TextPart(rule, MUTED),), None)
        for row in body:
            self._in_columns(row, widths, aligns)

    def _in_columns(self, row: _Row, widths: list[int], aligns: Sequence[str]) -> None:
        number = self._sheet.row(row.text)
        columns = [wrap(cell.text, width) for cell, width in zip(row.cells, widths, strict=True)]
        for line in range(max(map(len, columns), default=0)):
            pieces: list[TextPart] = []
            for column, breaks in enumerate(columns):
                start, end = breaks[line] if line < len(breaks) else (0, 0)
                cell = row.cells[column]
                spare = widths[column] - cells(cell.text[start:end])
                before = {"right": spare, "center": spare // 2}.get(aligns[column], 0)
                after = spare - before + _BETWEEN if column + 1 < len(columns) else 0
                pieces += _blank(before)
                pieces += cell.pieces(start, end, row.starts[column])
                pieces += _blank(after)
            self._put(pieces, number)

    def _stacked(self, titles: _Row, body: list[_Row]) -> None:
        """Each cell in a line of its own behind its title."""
        wanted = max((cells(cell.text) for cell in titles.cells), default=0)
        label = min(wanted, max(self._width // 3, 1))
        room = max(self._width - label - _BETWEEN, 1)
        for number, row in enumerate(body):
            if number:
                self._put((), self._sheet.row(""))
            for title, cell in zip(titles.cells, row.cells, strict=True):
                self._pair(title, cell, label, room)

    def _pair(self, title: Run, cell: Run, label: int, room: int) -> None:
        row = self._sheet.row(f"{title.text}{_BETWEEN_CELLS}{cell.text}")
        start = len(title.text) + len(_BETWEEN_CELLS)
        left, right = wrap(title.text, label), wrap(cell.text, room)
        for line in range(max(len(left), len(right))):
            first, last = left[line] if line < len(left) else (0, 0)
            pieces = [*title.pieces(first, last, 0)]
            pieces += _blank(label - cells(title.text[first:last]) + _BETWEEN)
            if line < len(right):
                pieces += cell.pieces(*right[line], start)
            self._put(pieces, row)


def _row(texts: Sequence[str], style: int, references: References) -> _Row:
    runs = tuple(Run(spans(text[:_CELL_SHOWN], references), style) for text in texts[:COLUMNS_SHOWN])
    starts, position = [], 0
    for run in runs:
        starts.append(position)
        position += len(run.text) + len(_BETWEEN_CELLS)
    flat = _BETWEEN_CELLS.join(run.text.replace("\n", " ") for run in runs)
    return _Row(runs, flat, tuple(starts))


def _blank(width: int) -> tuple[TextPart, ...]:
    return (TextPart(" " * width, PLAIN),) if width > 0 else ()


def _widths(rows: Sequence[_Row], width: int) -> list[int] | None:
    """The cells of each column; None where columns cannot be read any more."""
    count = len(rows[0].cells)
    wanted = [max(max(_widest_line(row.cells[column].text) for row in rows), 1) for column in range(count)]
    room = width - _BETWEEN * (count - 1)
    if sum(wanted) <= room:
        return wanted
    given = [0] * count
    open_columns = sorted(range(count), key=wanted.__getitem__)
    while open_columns:
        share = room // len(open_columns)
        column = open_columns.pop(0)
        if share < min(wanted[column], _NARROWEST):
            return None
        given[column] = min(wanted[column], share)
        room -= given[column]
    return given


def _widest_line(text: str) -> int:
    return max(map(cells, text.split("\n"))) if "\n" in text else cells(text)
