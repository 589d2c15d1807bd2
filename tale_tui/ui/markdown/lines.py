"""How a piece of text is set, as a number: flags, and above them the kind of a word of code.

Numbers because they are made, joined and looked up for every word that is shown; the widget turns each into colours.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum
from typing import NamedTuple

from tale_tui.ui.markdown.wrap import cells

PLAIN = 0

STRONG = 1

EMPHASIS = 2

STRIKE = 4

CODE = 8
"""Code within running text."""

LINK = 16

HEADING = 32

MUTED = 64

PANEL = 128
"""On the ground of a block of code."""

MARKED = 256
"""The link that the reader has moved to."""

ERROR = 512

WARNING = 1024

ACCENT = 2048

AUTHOR_USER = 4096

AUTHOR_MODEL = 8192
"""The small model; the big one is `AUTHOR_TASK`."""

AUTHOR_TASK = 16384

SUCCESS = 32768

_CODE_SHIFT = 16

DECORATION = -1
"""Where a piece stands in its row when it does not: a bar, a bullet, a space at a break."""


class CodeKind(IntEnum):
    """What a word is in its programming language."""

    PLAIN = 0
    COMMENT = 1
    KEYWORD = 2
    CONSTANT = 3
    FUNCTION = 4
    CLASS = 5
    BUILTIN = 6
    DECORATOR = 7
    TAG = 8
    ATTRIBUTE = 9
    STRING = 10
    NUMBER = 11
    OPERATOR = 12
    INSERTED = 13
    DELETED = 14
    HEADING = 15


def code_style(kind: CodeKind) -> int:
    """The style of a word in a block of code."""
    return PANEL | kind << _CODE_SHIFT


def code_kind(style: int) -> CodeKind:
    """The kind of word that a style is for."""
    return CodeKind(style >> _CODE_SHIFT)


@dataclass(frozen=True, slots=True)
class Link:
    """A click opens `url`, which begins with http, https or mailto."""

    url: str


@dataclass(frozen=True, slots=True)
class CopyCode:
    """A click copies block of code number `number` of the message, from 0."""

    number: int


@dataclass(frozen=True, slots=True)
class Unfold:
    """A click shows all of `what`, of which a part is left out."""

    what: str


@dataclass(frozen=True, slots=True)
class Version:
    """A click shows the version of the message `step` places further."""

    step: int


@dataclass(frozen=True, slots=True)
class CardAction:
    """A click does what a key does too: something with the task of a card (`open`, `retry`, ...), or `reclassify`."""

    kind: str


Target = Link | CopyCode | Unfold | Version | CardAction


class TextPart(NamedTuple):
    """Text of one style within a line."""

    text: str
    style: int = PLAIN
    at: int = DECORATION
    """The place of its first character in the row."""
    target: Target | None = None


@dataclass(eq=False, slots=True)
class Line:
    """A line of the screen; one that is drawn again is the same object.

    Attributes:
        pieces: from left to right.
        row: the number of the row that it shows a part of.
    """

    pieces: tuple[TextPart, ...]
    row: int

    @property
    def text(self) -> str:
        """What the screen shows."""
        return "".join(piece.text for piece in self.pieces)

    @property
    def width(self) -> int:
        """In cells."""
        return sum(cells(piece.text) for piece in self.pieces)

    def below(self, rows: int) -> Line:
        """The line on a sheet that has `rows` more rows above its own."""
        return Line(self.pieces, self.row + rows)


@dataclass(eq=False, slots=True)
class RenderedLines:
    """Lines, the rows that they show, and the blocks of code among them.

    Attributes:
        lines: for the screen.
        rows: for the clipboard; None for what is on the screen only, such as the title of a block of code.
        codes: the text of each block of code, as it was written.
        code_lines: the line with the title of each block of code.
    """

    lines: list[Line] = field(default_factory=list)
    rows: list[str | None] = field(default_factory=list)
    codes: list[str] = field(default_factory=list)
    code_lines: list[int] = field(default_factory=list)

    def row(self, text: str | None) -> int:
        """Begin a row; its number."""
        self.rows.append(text)
        return len(self.rows) - 1

    def put(self, pieces: tuple[TextPart, ...], row: int) -> None:
        """Append a line that shows a part of `row`."""
        self.lines.append(Line(pieces, row))

    def mark(self) -> tuple[int, int, int]:
        """How far the sheet is filled, for `cut_back`."""
        return len(self.lines), len(self.rows), len(self.codes)

    def cut_back(self, mark: tuple[int, int, int]) -> list[Line]:
        """Take away all that came after `mark`; the lines that stood there."""
        lines, rows, codes = mark
        removed = self.lines[lines:]
        del self.lines[lines:], self.rows[rows:], self.codes[codes:], self.code_lines[codes:]
        return removed
