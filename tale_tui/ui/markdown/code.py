"""Blocks of code -> lines: a title with the language and the way to copy it, then the code on a ground of its own."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from tale_tui.ui.markdown.highlight import CodeLine, CodeReader
from tale_tui.ui.markdown.lines import CopyCode, Piece, Sheet, Unfold
from tale_tui.ui.markdown.styles import MUTED, PANEL, code_style
from tale_tui.ui.markdown.wrap import cells, chop
from tale_tui.ui.words import plural

if TYPE_CHECKING:
    from tale_tui.ui.markdown.marks import Marks

LINES_SHOWN = 400
"""Lines of a block of code that are shown before the reader asks for more; copying always gives all."""
LINE_SHOWN = 4000
"""Characters of a line that are shown."""
TAB = 4
"""Cells from one tab stop to the next."""
COPY_LABEL = "  copy"
"""With room before it for the key, which is shown where the key would copy this block."""
_LEFT = 2
"""Cells before the code; what continues a line that is too long has its sign there."""
_RIGHT = 1
_QUIET = MUTED | PANEL

Pieces = tuple[Piece, ...]


class CodeMemory:
    """What is known of a block of code that grows, so that only its new lines are set.

    Args:
        language: of the code.
        width: cells that the block may take.
    """

    def __init__(self, language: str, width: int) -> None:
        self.key = language, width
        self.reader = CodeReader(language)
        self.lines: list[tuple[CodeLine, list[Pieces]]] = []


class CodePanel:
    """How one block of code is set.

    Args:
        sheet: takes the lines.
        margin: what stands before every line.
        memory: of the same block when it was shorter.
        marks: the signs of this terminal.
    """

    def __init__(self, sheet: Sheet, margin: Pieces, memory: CodeMemory, marks: Marks) -> None:
        self._sheet = sheet
        self._margin = margin
        self._memory = memory
        self._marks = marks
        self._language, self._width = memory.key

    def put(self, text: str, *, finished: bool, unfolded: bool) -> None:
        """Append the block.

        Args:
            text: the code as it was written.
            finished: whether no more will come.
            unfolded: whether all of it is shown.
        """
        number = len(self._sheet.codes)
        self._sheet.codes.append(text)
        self._sheet.code_lines.append(len(self._sheet.lines))
        self._put(self._title(number), None)
        lines = text.split("\n")
        limit = len(lines) if unfolded else LINES_SHOWN
        shown = [_displayed(line) for line in lines[:limit]]
        self._code(shown, self._memory.reader.read(shown, finished=finished))
        if len(lines) > limit:
            rest = plural(len(lines) - limit, "more line")
            note = f"{self._marks.ellipsis} {rest}, click or enter shows them; copying gives all"
            pieces = (Piece(" " * _LEFT, PANEL), Piece(note, _QUIET, target=Unfold(f"code {number}")))
            self._put(self._filled(pieces), None)

    def _put(self, pieces: Pieces, row: int | None) -> None:
        self._sheet.put((*self._margin, *pieces), self._sheet.row(None) if row is None else row)

    def _title(self, number: int) -> Pieces:
        room = self._width - _LEFT - _RIGHT - len(COPY_LABEL)
        if room < 0:
            return self._filled(())
        name = self._language[:room]
        space = " " * (room - cells(name))
        label = Piece(COPY_LABEL, _QUIET, target=CopyCode(number))
        return self._filled((Piece(" " * _LEFT + name + space, _QUIET), label))

    def _code(self, texts: list[str], lines: list[CodeLine]) -> None:
        known = self._memory.lines
        for number, (text, words) in enumerate(zip(texts, lines, strict=True)):
            if number == len(known):
                known.append((words, self._broken(text, words)))
            elif known[number][0] is not words:
                known[number] = words, self._broken(text, words)
            row = self._sheet.row(text)
            for pieces in known[number][1]:
                self._put(pieces, row)

    def _broken(self, text: str, words: CodeLine) -> list[Pieces]:
        """A line of code as lines of the screen."""
        width = max(self._width - _LEFT - _RIGHT, 1)
        found: list[Pieces] = []
        for start, end in chop(text, width):
            lead = Piece(self._marks.continued + " ", _QUIET) if found else Piece(" " * _LEFT, PANEL)
            found.append(self._filled((lead, *_between(words, start, end))))
        return found

    def _filled(self, pieces: Pieces) -> Pieces:
        """With the ground of the block up to its right edge."""
        rest = self._width - sum(cells(piece.text) for piece in pieces)
        return (*pieces, Piece(" " * rest, PANEL)) if rest > 0 else pieces


def _displayed(line: str) -> str:
    """A line of code as it is shown: tabs as spaces, and no endless line."""
    return line[:LINE_SHOWN].expandtabs(TAB)


def _between(words: CodeLine, start: int, end: int) -> Iterator[Piece]:
    """The words from character `start` to `end` of a line."""
    position = 0
    for word, kind in words:
        first, last = max(start, position), min(end, position + len(word))
        if first < last:
            yield Piece(word[first - position : last - position], code_style(kind), first)
        position += len(word)
