"""Finding words in the turns. Which turns have them is seen from their text; lines are made for the one that is shown
alone, so that ten thousand turns are searched between two key presses.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

from tale_tui.ui.markdown.lines import ACCENT, MARKED, STRONG, TextPart
from tale_tui.ui.transcript.turn import FOOT, HEAD

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tale_tui.ui.transcript.layout import ShownLine, TurnLayout
    from tale_tui.ui.transcript.turn import TurnBlock


class Place(NamedTuple):
    """Where words stand: characters `start` to `end` of a row of a part of a turn."""

    turn: int
    part: int
    row: int
    start: int
    end: int


class Found(NamedTuple):
    """How many turns have the words, and which of them is shown."""

    number: int
    """From 1; 0 where there is none."""
    turns: int


class TurnFinder:
    """Words that are looked for, without regard to capital letters.

    Args:
        layout: the turns.

    Attributes:
        active: whether words are looked for.
        place: the one that is shown; None where there is none. In a turn that has the words where no row shows them
            (in the address of a link, in what is left out) it is its beginning, without characters.
    """

    def __init__(self, layout: TurnLayout) -> None:
        self.active = False
        self.place: Place | None = None
        self._layout = layout
        self._words = ""
        self._pattern: re.Pattern[str] | None = None

    def look_for(self, words: str) -> None:
        """Look for other words; empty ends it."""
        self._words = words.lower()
        self._pattern = re.compile(re.escape(words), re.IGNORECASE) if words else None
        self.active = bool(words)
        self.place = None

    def step(self, step: int, from_turn: int) -> Found:
        """Go to the next place, or to the one before; round the ends.

        Args:
            step: 1 or -1.
            from_turn: the turn where it begins while no place is shown.
        """
        turns = self._turns()
        if not turns:
            self.place = None
            return Found(0, 0)
        before = self.place if self.place is not None and self.place.turn in turns else None
        within = self._beyond(before, step) if before is not None else None
        if within is None:
            number = self._next_turn(turns, step, before.turn if before else from_turn - (step > 0))
            places = list(self.places(number))
            within = places[0 if step > 0 else -1] if places else Place(number, HEAD, 0, 0, 0)
        self.place = within
        return Found(turns.index(within.turn) + 1, len(turns))

    def _turns(self) -> list[int]:
        if not self._words:
            return []
        return [number for number, turn in enumerate(self._layout.turns) if self._words in turn.content.text.lower()]

    def _next_turn(self, turns: Sequence[int], step: int, after: int) -> int:
        if step > 0:
            return next((number for number in turns if number > after), turns[0])
        return next((number for number in reversed(turns) if number < after), turns[-1])

    def _beyond(self, place: Place, step: int) -> Place | None:
        """The next place in the same turn."""
        places = list(self.places(place.turn))
        if step > 0:
            return next((one for one in places if one > place), None)
        return next((one for one in reversed(places) if one < place), None)

    def places(self, number: int) -> Iterator[Place]:
        """Where the words stand in the rows of a turn, from top to bottom."""
        turn = self._layout.laid_out(number)
        while not turn.whole and self._layout.context is not None:
            turn = self._layout.laid_out(number)
        for part, sheet in enumerate(turn.sheets):
            if part not in (HEAD, FOOT):
                for row, text in enumerate(sheet.rows):
                    yield from self._in_row(number, part, row, text)

    def _in_row(self, turn: int, part: int, row: int, text: str | None) -> Iterator[Place]:
        if text and self._pattern is not None:
            for match in self._pattern.finditer(text):
                yield Place(turn, part, row, match.start(), match.end())

    def line_of(self, turn: TurnBlock, place: Place) -> int:
        """The line of its turn that a place begins in."""
        found = 0
        for number in range(turn.height):
            part, line = turn.line(number)
            if (part, line.row) == (place.part, place.row):
                starts = [piece.at for piece in line.pieces if piece.at >= 0]
                if not starts or starts[0] <= place.start:
                    found = number
        return found

    def marked(self, shown: ShownLine) -> tuple[TextPart, ...] | None:
        """The pieces of a line with the words marked; None where it has none."""
        if self._pattern is None or shown.part in (HEAD, FOOT):
            return None
        text = self._layout.turns[shown.turn].sheets[shown.part].rows[shown.line.row]
        places = list(self._in_row(shown.turn, shown.part, shown.line.row, text))
        pieces = shown.line.pieces
        for place in places:
            style = MARKED if place == self.place else ACCENT | STRONG
            pieces = tuple(part for piece in pieces for part in _split(piece, place, style))
        return pieces if places else None


def _split(piece: TextPart, place: Place, style: int) -> Iterator[TextPart]:
    """A piece in up to three, the middle one with a style more."""
    if piece.at < 0:
        yield piece
        return
    first = min(max(place.start - piece.at, 0), len(piece.text))
    last = min(max(place.end - piece.at, first), len(piece.text))
    for start, end, more in ((0, first, 0), (first, last, style), (last, len(piece.text), 0)):
        if start < end:
            yield piece._replace(text=piece.text[start:end], at=piece.at + start, style=piece.style | more)
