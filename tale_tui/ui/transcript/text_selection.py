"""Selecting words with the mouse. What is copied are rows as they were written, not the lines of the screen."""

from __future__ import annotations

from collections.abc import Iterator

from rich.segment import Segment
from rich.style import Style
from textual.geometry import Offset
from textual.selection import Selection
from textual.strip import Strip

from tale_tui.ui.markdown.lines import Line, Target
from tale_tui.ui.markdown.wrap import cells
from tale_tui.ui.transcript.canvas import ShownLines
from tale_tui.ui.transcript.paint import LEFT, offsets
from tale_tui.ui.transcript.paper import TranscriptPaper
from tale_tui.ui.transcript.turn import FOOT, HEAD

_PARTS = FOOT + 1
_ROW_BITS = 40
"""A selection names a row by one number that grows from top to bottom: turn, part and row. It stays right when the
transcript is scrolled, made wider or extended."""


def row_number(turn: int, part: int, row: int) -> int:
    """The number of a row within the transcript."""
    return (turn * _PARTS + part) << _ROW_BITS | row


class TextSelection(TranscriptPaper):
    """Turns whose text can be selected."""

    _selection: Selection | None = None

    def selection_updated(self, selection: Selection | None) -> None:
        """Show what is selected now."""
        self._selection = selection
        self.repaint()

    def selected(self, shown: ShownLines) -> tuple[int, int] | None:
        """The part of a line's row that is selected."""
        if self._selection is None:
            return None
        return self._selection.get_span(row_number(shown.turn, shown.part, shown.line.row))

    def render_line(self, y: int) -> Strip:
        """A line of the screen with the place of every character, which is how Textual finds what is selected."""
        lines = list(self.shown())
        if not lines:
            return Strip.blank(self.size.width)
        shown = lines[min(y, len(lines) - 1)]
        row = row_number(shown.turn, shown.part, shown.line.row)
        places = list(offsets(shown.line))
        first = places[0][1] if places else 0
        if y >= len(lines):
            places, first = [], places[-1][1] + 1 if places else 0
        segments = [_placed(" ", first, row)] * LEFT
        segments += [_placed(character, place, row) for character, place in places]
        return Strip(segments)

    def get_selection(self, selection: Selection) -> tuple[str, str] | None:
        """What is selected, as it was written."""
        start, end = selection
        parts: list[str] = []
        for row, text in self._rows_between(start, end):
            first = start.x if start is not None and row == start.y else 0
            last = end.x if end is not None and row == end.y else len(text)
            parts.append(text[first:last])
        return ("\n".join(parts), "\n") if parts else None

    def _rows_between(self, start: Offset | None, end: Offset | None) -> Iterator[tuple[int, str]]:
        last_turn = len(self.stack) - 1
        first = 0 if start is None else (start.y >> _ROW_BITS) // _PARTS
        last = last_turn if end is None else min((end.y >> _ROW_BITS) // _PARTS, last_turn)
        for number in range(first, last + 1):
            turn = self.stack.lay(number)
            for part in range(HEAD, _PARTS):
                for row, text in enumerate(turn.sheet(part).rows):
                    place = row_number(number, part, row)
                    inside = (start is None or place >= start.y) and (end is None or place <= end.y)
                    if inside and text is not None:
                        yield place, text

    def target_at(self, x: int, y: int) -> tuple[ShownLines | None, Target | None]:
        """The line under a cell of the screen and what a click there does."""
        lines = list(self.shown())
        if not 0 <= y < len(lines):
            return None, None
        shown = lines[y]
        return shown, _target(shown.line, x - LEFT)

    def select_word(self, x: int, y: int) -> None:
        """Select the word under a cell of the screen."""
        self._select(x, y, whole_row=False)

    def select_row(self, x: int, y: int) -> None:
        """Select the paragraph, or the line of code, under a cell of the screen."""
        self._select(x, y, whole_row=True)

    def _select(self, x: int, y: int, *, whole_row: bool) -> None:
        shown, _ = self.target_at(x, y)
        if shown is None:
            return
        text = self.stack.turns[shown.turn].sheet(shown.part).rows[shown.line.row]
        place = _place(shown.line, x - LEFT)
        if text is None or place is None:
            return
        start, end = (0, len(text)) if whole_row else _word(text, place)
        row = row_number(shown.turn, shown.part, shown.line.row)
        self.screen.selections = {self: Selection(Offset(start, row), Offset(end, row))}


def _placed(character: str, place: int, row: int) -> Segment:
    return Segment(character, Style.from_meta({"offset": (place, row)}))


def _target(line: Line, x: int) -> Target | None:
    for piece in line.pieces:
        width = cells(piece.text)
        if 0 <= x < width:
            return piece.target
        x -= width
    return None


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
