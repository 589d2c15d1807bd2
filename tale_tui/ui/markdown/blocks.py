"""What a Markdown source consists of, before anything is known of its width or its colours.

Texts of blocks are Markdown still (their emphasis, links and so on are read by `inline.spans`), those of `Fence` and
`Verbatim` are literal.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Paragraph:
    """Running text."""

    text: str
    gap: bool = False
    """Whether an empty line stands above it; of every block."""


@dataclass(frozen=True, slots=True)
class Verbatim:
    """One line that is shown as it is, such as a line that the user wrote."""

    text: str
    gap: bool = False


@dataclass(frozen=True, slots=True)
class Heading:
    """A title; `level` is 1 to 6."""

    level: int
    text: str
    gap: bool = False


@dataclass(frozen=True, slots=True)
class Fence:
    """Code. `language` is as the source names it, empty where it does not."""

    language: str
    text: str
    gap: bool = False


@dataclass(frozen=True, slots=True)
class Rule:
    """A line across."""

    gap: bool = False


@dataclass(frozen=True, slots=True)
class Quote:
    """What stands behind `>`."""

    blocks: tuple[Block, ...]
    gap: bool = False


@dataclass(frozen=True, slots=True)
class Item:
    """One item of a list. Items in a row make a list; there is nothing around them."""

    marker: str
    """`-` (whichever of -, *, + the source has) or its number with its mark, as in `3.` or `3)`."""
    blocks: tuple[Block, ...]
    gap: bool = False
    done: bool | None = None
    """Of an item of a task list; None for others."""
    sign: str = "-"
    """The character that tells lists apart in the source: -, *, +, . or )."""


@dataclass(frozen=True, slots=True)
class TableHead:
    """The titles of a table's columns; its rows follow as blocks of their own."""

    cells: tuple[str, ...]
    aligns: tuple[str, ...]
    """Of `left`, `right`, `center` or empty, one a column."""
    gap: bool = False


@dataclass(frozen=True, slots=True)
class TableRow:
    """A row of the table above it."""

    cells: tuple[str, ...]
    gap: bool = False


Block = Paragraph | Verbatim | Heading | Fence | Rule | Quote | Item | TableHead | TableRow
