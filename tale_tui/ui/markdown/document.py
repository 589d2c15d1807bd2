"""A growing text as blocks, Markdown or as it stands: only what can still change is read again."""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from tale_tui.formatting.markdown import (
    DEFINITION,
    PLAIN_TEXT,
    block_tokens,
    closing_line,
    fence_signs,
    language_of,
)

if TYPE_CHECKING:
    from markdown_it.token import Token

_HEAD_LINES = 2
"""Lines of a table before its first row."""

_STUB = "x\n"
"""Stands for the beginning of a long paragraph: its lines are text, whatever they are."""

STUB_LINES = 24
"""So many lines of a paragraph that nothing can change any more are left to the stub at once."""

_UNSURE_LINES = 4
"""Lines at the end of a paragraph that may turn out to be something else: the head of a table, a title, a list."""


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


@dataclass(frozen=True, slots=True)
class Definition:
    """What a label of links stands for; nothing of it is shown."""

    label: str
    """As `reference_key` gives it."""
    href: str
    gap: bool = False


Block = Paragraph | Verbatim | Heading | Fence | Rule | Quote | Item | TableHead | TableRow | Definition

_SPACED = (Heading, Fence, Rule, Quote, TableHead)
"""Blocks that have an empty line above and below them, whether the source has one or not."""


class Unit(NamedTuple):
    """A block at the left edge and the line where it begins."""

    line: int
    block: Block


class Units:
    """One reading of a source.

    Args:
        source: with the head of the table before it, where its first line is a row.
        head_lines: how many lines of `source` that head has.
        above: the block that is shown before the first.
        blank_above: whether an empty line is between the two.
    """

    def __init__(self, source: str, head_lines: int, above: Block | None, blank_above: bool) -> None:
        self._lines = source.split("\n")
        self._head_lines = head_lines
        self._tokens = block_tokens(source)
        self._definitions = {_first_line(token) for token in self._tokens if token.type == DEFINITION}
        self._above = above
        self._blank_above = blank_above

    def read(self) -> list[Unit]:
        """The units; their lines count from the first one after the head."""
        units, _ = self._level(0, "", self._above)
        head = self._head_lines
        return [Unit(line - head, block) for line, block in units if line >= head]

    def blank_above(self, line: int) -> bool:
        """Whether the line above `line` (counted as in the units) shows nothing but signs of quotes."""
        line += self._head_lines
        if line <= self._head_lines:
            return self._blank_above
        return line - 1 in self._definitions or not self._lines[line - 1].strip("> \t")

    def _level(self, index: int, end: str, above: Block | None) -> tuple[list[Unit], int]:
        """The blocks from token `index` to the one of type `end`, and the place after that."""
        units: list[Unit] = []
        tokens = self._tokens
        while index < len(tokens) and tokens[index].type != end:
            token = tokens[index]
            if token.type in ("bullet_list_open", "ordered_list_open"):
                found, index = self._list(index, above)
            elif token.type == "table_open":
                found, index = self._table(index, above)
            elif token.type == PLAIN_TEXT:
                found, index = self._plain_text(index, above)
            else:
                block, following = self._block(index, above)
                found, index = [Unit(_first_line(token), block)], following
            units += found
            above = last_shown(found[-1].block, above)
        return units, index + 1

    def _block(self, index: int, above: Block | None) -> tuple[Block, int]:
        token = self._tokens[index]
        gap = self._gap(token, above)
        match token.type:
            case "heading_open":
                gap = above is not None
                return Heading(int(token.tag[1:]), self._tokens[index + 1].content, gap), index + 3
            case "fence" | "code_block":
                text = token.content.removesuffix("\n")
                return Fence(language_of(token.info), text, above is not None), index + 1
            case "hr":
                return Rule(above is not None), index + 1
            case "blockquote_open":
                units, following = self._level(index + 1, "blockquote_close", None)
                return Quote(tuple(unit.block for unit in units), above is not None), following
            case _ if token.type == DEFINITION:
                return Definition(token.meta["label"], token.meta["href"]), index + 1
        return Paragraph(self._tokens[index + 1].content, gap), index + 3

    def _gap(self, token: Token, above: Block | None) -> bool:
        if above is None:
            return False
        spaced = isinstance(above, (*_SPACED, TableRow))
        return spaced or self.blank_above(_first_line(token) - self._head_lines)

    def _plain_text(self, index: int, above: Block | None) -> tuple[list[Unit], int]:
        token = self._tokens[index]
        first, gap = _first_line(token), self._gap(token, above)
        lines = token.content.split("\n")
        return [Unit(first + line, Verbatim(text, gap and not line)) for line, text in enumerate(lines)], index + 1

    def _list(self, index: int, above: Block | None) -> tuple[list[Unit], int]:
        opening = self._tokens[index]
        ordered = opening.type == "ordered_list_open"
        number = _number_after(above, opening) if ordered else 0
        units: list[Unit] = []
        index += 1
        while self._tokens[index].type == "list_item_open":
            token = self._tokens[index]
            gap = self._gap(token, units[-1].block if units else above)
            inner, index = self._level(index + 1, "list_item_close", None)
            blocks = [unit.block for unit in inner]
            done = _take_checkbox(blocks)
            marker = f"{number}{opening.markup}" if ordered else "-"
            units.append(Unit(_first_line(token), Item(marker, tuple(blocks), gap, done, opening.markup)))
            number += 1
        return units, index + 1

    def _table(self, index: int, above: Block | None) -> tuple[list[Unit], int]:
        units: list[Unit] = []
        cells: list[str] = []
        aligns: list[str] = []
        line = 0
        while (token := self._tokens[index]).type != "table_close":
            if token.type == "tr_open":
                line, cells, aligns = _first_line(token), [], []
            elif token.type == "inline":
                cells.append(token.content)
            elif token.type in ("th_open", "td_open"):
                aligns.append(str(token.attrs.get("style", "")).removeprefix("text-align:"))
            elif token.type == "tr_close":
                row = TableRow(tuple(cells))
                head = TableHead(tuple(cells), tuple(aligns), above is not None)
                units.append(Unit(line, row if units else head))
            index += 1
        return units, index + 1


def _first_line(token: Token) -> int:
    return token.map[0] if token.map else 0


def _number_after(above: Block | None, opening: Token) -> int:
    """The number of the first item of an ordered list: it goes on where the list above it ended."""
    if isinstance(above, Item) and above.sign == opening.markup:
        return int(above.marker[:-1]) + 1
    return int(opening.attrs.get("start", 1))


def _take_checkbox(blocks: list[Block]) -> bool | None:
    """Take `[x]` or `[ ]` from the beginning of an item; None where there is none."""
    if not blocks or not isinstance(first := blocks[0], Paragraph):
        return None
    box, rest = first.text[:4], first.text[4:]
    if box.lower() not in ("[x] ", "[ ] ") or not rest.strip():
        return None
    blocks[0] = Paragraph(rest.lstrip(), first.gap)
    return box != "[ ] "


def last_shown(block: Block, above: Block | None) -> Block | None:
    """What is the block above for the one after `block`: nothing is shown of a definition."""
    return above if isinstance(block, Definition) else block


class VerbatimDocument:
    """Text that grows and is shown line by line as it is, but for fenced code.

    Attributes:
        finished: blocks that no further text can change.
        open: the blocks after them, which it may.
        references: none, as nothing in it is a link by reference.
    """

    def __init__(self) -> None:
        self.finished: list[Block] = []
        self.open: list[Block] = []
        self.references: Mapping[str, str] = {}
        self._source = ""

    def feed(self, text: str) -> None:
        """Append `text`, which is clean (no control characters but tab and line feed)."""
        lines = (self._source + text).split("\n")
        position = 0
        while position < len(lines):
            fence = fence_signs(lines[position])
            end = _end_of_fence(lines, position) if fence else position
            if end is None or end >= len(lines) - 1:
                break
            self.finished.append(self._block(lines[position : end + 1], fence, closed=True))
            position = end + 1
        rest = lines[position:]
        self._source = "\n".join(rest)
        fence = fence_signs(rest[0])
        closed = bool(fence) and _end_of_fence(rest, 0) is not None
        self.open = [self._block(rest, fence, closed)] if self._source else []

    def _block(self, lines: Sequence[str], fence: str, closed: bool) -> Block:
        above = self.finished[-1] if self.finished else None
        if not fence:
            gap = isinstance(above, Fence) and bool(lines[0].strip())
            return Verbatim(lines[0], gap)
        gap = above is not None and not (isinstance(above, Verbatim) and not above.text.strip())
        return Fence(language_of(lines[0].strip()[len(fence) :]), "\n".join(lines[1 : -1 if closed else None]), gap)


def _end_of_fence(lines: Sequence[str], opening: int) -> int | None:
    """The line that closes the fence which `opening` opens; None where none does."""
    closing = closing_line(lines[opening], (lines[line] for line in range(opening + 1, len(lines))))
    return None if closing is None else opening + 1 + closing


class MarkdownDocument:
    """Markdown that grows.

    Attributes:
        finished: blocks that no further text can change.
        open: the blocks after them, which it may.
        references: what labels stand for, label to address; of two definitions the first one counts.
    """

    def __init__(self) -> None:
        self.finished: list[Block] = []
        self.open: list[Block] = []
        self.references: Mapping[str, str] = {}
        self._fixed: dict[str, str] = {}
        """Those of `references` that stand in finished blocks."""
        self._above: Block | None = None
        """The last finished block that is shown."""
        self._source = ""
        """From the first line of the first open block on, without `_paragraph`."""
        self._paragraph = ""
        """Lines at the beginning of an open paragraph that are part of it whatever comes; `_STUB` stands for them."""
        self._head = ""
        """The head of the table that an open row belongs to: without it a row could not be told from a paragraph."""
        self._blank_above = False

    def feed(self, text: str) -> None:
        """Append `text`, which is clean (no control characters but tab and line feed)."""
        self._source += text
        reader = Units(self._head + self._source, self._head.count("\n"), self._above, self._blank_above)
        units = reader.read()
        if units and self._paragraph:
            units[0] = Unit(units[0].line, _unstubbed(units[0].block, self._paragraph))
        kept = self._first_open(units)
        if kept:
            self._finish(units, kept, reader)
        elif len(units) == 1:
            self._shorten(units[0])
        self.open = [unit.block for unit in units[kept:]]
        self.references = ChainMap(self._fixed, _definitions(self.open)) if self._fixed else _definitions(self.open)

    def _first_open(self, units: Sequence[Unit]) -> int:
        """The place among `units` of the first that more text may change."""
        last = len(units) - 1
        if last > 0:
            begin = units[last].line + (_HEAD_LINES - 1 if isinstance(units[last].block, TableHead) else 0)
            last -= begin == self._source.count("\n")
        return max(last, 0)

    def _finish(self, units: Sequence[Unit], kept: int, reader: Units) -> None:
        fresh = [unit.block for unit in units[:kept]]
        self.finished += fresh
        for block in fresh:
            self._above = last_shown(block, self._above)
        self._fixed = _definitions(fresh, self._fixed)
        first = units[kept]
        lines = self._source.split("\n")
        heads = [unit.line for unit in units[:kept] if isinstance(unit.block, TableHead)]
        if not isinstance(first.block, TableRow):
            self._head = ""
        elif heads:
            self._head = "\n".join(lines[heads[-1] : heads[-1] + _HEAD_LINES]) + "\n"
        self._blank_above = reader.blank_above(first.line)
        self._source = "\n".join(lines[first.line :])
        self._paragraph = ""

    def _shorten(self, unit: Unit) -> None:
        """Let the stub stand for the lines of a long paragraph that nothing can change any more."""
        if not isinstance(unit.block, Paragraph):
            return
        text = unit.block.text.split("\n")
        fixed = len(text) - _UNSURE_LINES
        known = self._paragraph.count("\n")
        if fixed - known < STUB_LINES:
            return
        # One line of the source stands for all that are known.
        first = unit.line + fixed - known + (1 if known else 0)
        self._paragraph = "\n".join(text[:fixed]) + "\n"
        self._source = _STUB + "\n".join(self._source.split("\n")[first:])


def parse(text: str) -> list[Block]:
    """All blocks of a Markdown source."""
    document = MarkdownDocument()
    document.feed(text)
    return document.finished + document.open


def _definitions(blocks: Sequence[Block], known: dict[str, str] | None = None) -> dict[str, str]:
    """Add to `known` what the definitions in some blocks say of other labels."""
    found = {} if known is None else known
    rest = list(reversed(blocks))
    while rest:
        block = rest.pop()
        if isinstance(block, Definition):
            found.setdefault(block.label, block.href)
        elif isinstance(block, Quote | Item):
            rest += reversed(block.blocks)
    return found


def _unstubbed(block: Block, beginning: str) -> Block:
    match block:
        case Paragraph(text, gap):
            return Paragraph(beginning + text.removeprefix(_STUB), gap)
        case Heading(level, text, gap):
            return Heading(level, beginning + text.removeprefix(_STUB), gap)
    return block
