"""The rows of a list to choose from, and how each becomes a line of text: pure functions."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual.content import Content

from tale_tui.engine.text import clean_line
from tale_tui.ui.signs import signs
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
class Pick:
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
    def of(cls, rows: Sequence[Pick], words: str = "") -> Measures:
        """Measure all rows."""
        count = max((len(row.cells) for row in rows if row.key), default=0)
        padded = [("",) * (count - len(row.cells)) + row.cells for row in rows if row.cells and row.key]
        columns = tuple(max(map(cell_len, column)) for column in zip(*padded, strict=True))
        signs_wide = max((cell_len(row.sign) for row in rows if row.key), default=0)
        return cls(columns, signs_wide, tuple(words.lower().split()))


@dataclass(frozen=True, slots=True)
class Lines:
    """How rows are divided into lines. Only the details under headings depend on the width."""

    rows: list[int]
    """For each line: the index of its row."""
    starts: list[int]
    """For each row: its first line."""
    details: dict[int, str]
    """What the lines show that do not show a title."""

    @classmethod
    def of(cls, rows: Sequence[Pick], width: int) -> Lines:
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
    row: Pick, detail: str, width: int, measures: Measures, tone: Tone, *, chosen: bool
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


def _heading(row: Pick, detail: str, width: int, tone: Tone) -> Iterator[Segment]:
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


def _title(row: Pick, room: int, measures: Measures, tone: Tone) -> Iterator[Segment]:
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
