"""Selecting words with the mouse. What is copied are rows as they were written, not the lines of the screen."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.segment import Segment
from rich.style import Style
from textual.geometry import Offset
from textual.selection import Selection
from textual.strip import Strip

from tale_tui.ui.markdown.wrap import cells
from tale_tui.ui.transcript.paint import LEFT, offsets
from tale_tui.ui.transcript.turn import FOOT, HEAD

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tale_tui.ui.markdown.lines import Line
    from tale_tui.ui.transcript.layout import ShownLine, TurnLayout

_PARTS = FOOT + 1
_ROW_BITS = 40
"""A selection names a row by one number that grows from top to bottom: turn, part and row. It stays right when the
transcript is scrolled, made wider or extended."""


def row_number(turn: int, part: int, row: int) -> int:
    """The number of a row within the transcript."""
    return (turn * _PARTS + part) << _ROW_BITS | row


class TextSelection:
    """What is selected of the text of all turns.

    Attributes:
        current: from where to where; None where nothing is selected.
    """

    def __init__(self, layout: TurnLayout) -> None:
        self._layout = layout
        self.current: Selection | None = None

    def span(self, shown: ShownLine) -> tuple[int, int] | None:
        """The part of a line's row that is selected; None for nothing."""
        return self.current.get_span(_row_of(shown)) if self.current is not None else None

    def text(self, selection: Selection) -> str | None:
        """What is selected, as it was written; None where there is no text."""
        start, end = selection
        parts: list[str] = []
        for row, text in self._rows_between(start, end):
            first = start.x if start is not None and row == start.y else 0
            last = end.x if end is not None and row == end.y else len(text)
            parts.append(text[first:last])
        return "\n".join(parts) if parts else None

    def _rows_between(self, start: Offset | None, end: Offset | None) -> Iterator[tuple[int, str]]:
        last_turn = len(self._layout.turns) - 1
        first = 0 if start is None else (start.y >> _ROW_BITS) // _PARTS
        last = last_turn if end is None else min((end.y >> _ROW_BITS) // _PARTS, last_turn)
        for number in range(first, last + 1):
            turn = self._layout.laid_out(number)
            for part in range(HEAD, _PARTS):
                for row, text in enumerate(turn.sheets[part].rows):
                    place = row_number(number, part, row)
                    inside = (start is None or place >= start.y) and (end is None or place <= end.y)
                    if inside and text is not None:
                        yield place, text

    def around(self, shown: ShownLine, x: int, *, whole_row: bool) -> Selection | None:
        """The word, or the whole row (a paragraph, a line of code), under cell `x` of a line; None beyond its text."""
        text = self._layout.turns[shown.turn].sheets[shown.part].rows[shown.line.row]
        place = _place(shown.line, x - LEFT)
        if text is None or place is None:
            return None
        start, end = (0, len(text)) if whole_row else _word(text, place)
        return Selection(Offset(start, _row_of(shown)), Offset(end, _row_of(shown)))


def placed_strip(lines: Sequence[ShownLine], y: int, width: int) -> Strip:
    """A line of the screen with the place of every character, which is how Textual finds what is selected.

    Args:
        lines: those on the screen from top to bottom.
        y: which of them; below the last one is its end.
        width: cells of an empty screen.
    """
    if not lines:
        return Strip.blank(width)
    shown = lines[min(y, len(lines) - 1)]
    row = _row_of(shown)
    places = list(offsets(shown.line))
    first = places[0][1] if places else 0
    if y >= len(lines):
        places, first = [], places[-1][1] + 1 if places else 0
    segments = [_placed(" ", first, row)] * LEFT
    segments += [_placed(character, place, row) for character, place in places]
    return Strip(segments)


def _row_of(shown: ShownLine) -> int:
    return row_number(shown.turn, shown.part, shown.line.row)


def _placed(character: str, place: int, row: int) -> Segment:
    return Segment(character, Style.from_meta({"offset": (place, row)}))


def _place(line: Line, x: int) -> int | None:
    """The place in the row of the character at cell `x` of a line; None beyond its text."""
    for character, place in offsets(line):
        width = cells(character)
        if 0 <= x < width:
            return place
        x -= width
    return None


def _word(text: str, place: int) -> tuple[int, int]:
    """From where to where the word goes that a character is in; the character alone where it is in none."""
    if place >= len(text) or not _in_word(text[place]):
        return place, place + 1
    start = end = place
    while start > 0 and _in_word(text[start - 1]):
        start -= 1
    while end < len(text) and _in_word(text[end]):
        end += 1
    return start, end


def _in_word(character: str) -> bool:
    return character.isalnum() or character in "_'’-"
