"""One reading of a Markdown source: its blocks at the left edge and where they begin."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, NamedTuple

from tale_tui.ui.markdown.blocks import (
    Block,
    Fence,
    Heading,
    Item,
    Paragraph,
    Quote,
    Rule,
    TableHead,
    TableRow,
)

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.token import Token

_SPACED = (Heading, Fence, Rule, Quote, TableHead)
"""Blocks that have an empty line above and below them, whether the source has one or not."""


@cache
def _reader() -> MarkdownIt:
    """The reader of blocks. It is made at first use: markdown_it is not imported before something is to be shown."""
    from markdown_it import MarkdownIt

    reader = MarkdownIt("commonmark", {"html": False}).enable("table")
    return reader.disable(["reference", "html_block", "inline", "text_join"])


class Unit(NamedTuple):
    """A block at the left edge and the line where it begins."""

    line: int
    block: Block


class Units:
    """One reading of a source.

    Args:
        source: with the head of the table before it, where its first line is a row.
        head_lines: how many lines of `source` that head has.
        above: the block before the first.
        blank_above: whether an empty line is between the two.
    """

    def __init__(self, source: str, head_lines: int, above: Block | None, blank_above: bool) -> None:
        self._lines = source.split("\n")
        self._head_lines = head_lines
        self._tokens = _reader().parse(source)
        self._above = above
        self._blank_above = blank_above

    def read(self) -> list[Unit]:
        """The units; their lines count from the first one after the head."""
        units, _ = self._level(0, "", self._above)
        head = self._head_lines
        return [Unit(line - head, block) for line, block in units if line >= head]

    def blank_above(self, line: int) -> bool:
        """Whether the line above `line` (counted as in the units) is empty but for the signs of quotes."""
        line += self._head_lines
        if line <= self._head_lines:
            return self._blank_above
        return not self._lines[line - 1].strip("> \t")

    def _level(self, index: int, end: str, above: Block | None) -> tuple[list[Unit], int]:
        """The blocks from token `index` to the one of type `end`, and the place after that."""
        units: list[Unit] = []
        tokens = self._tokens
        while index < len(tokens) and tokens[index].type != end:
            token = tokens[index]
            if token.type in ("bullet_list_open", "ordered_list_open"):
                found, index = self._list(index, units[-1].block if units else above)
            elif token.type == "table_open":
                found, index = self._table(index, units[-1].block if units else above)
            else:
                block, following = self._block(index, units[-1].block if units else above)
                found, index = [Unit(_first_line(token), block)], following
            units += found
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
        return Paragraph(self._tokens[index + 1].content, gap), index + 3

    def _gap(self, token: Token, above: Block | None) -> bool:
        if above is None:
            return False
        spaced = isinstance(above, (*_SPACED, TableRow))
        return spaced or self.blank_above(_first_line(token) - self._head_lines)

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


def language_of(info: str) -> str:
    """`python` of an info string such as `python title="x"` or `{.python}`."""
    words = info.replace("{", " ").replace("}", " ").replace(",", " ").split()
    return words[0].lstrip(".").lower() if words else ""
