"""Markdown source -> blocks, incrementally: feeding a text in pieces gives the blocks of the whole text.

The blocks that stand at the left edge, each item of a list and each row of a table by itself, are units. Text that is
appended can only change the last unit, or the last two while the line that begins the last one is incomplete (`#` may
become `#1`, which is no heading). All units before are finished and never read again, so that a long reply costs what
its length costs, however it is cut.

What would make an earlier unit depend on a later one is left out of the language: link reference definitions (shown as
they are written) and the difference between tight and loose lists (an empty line is shown where the source has one).
HTML is text.
"""

from __future__ import annotations

from collections.abc import Sequence

from tale_tui.ui.markdown.blocks import Block, Heading, Paragraph, TableHead, TableRow
from tale_tui.ui.markdown.units import Unit, Units

_HEAD_LINES = 2
"""Lines of a table before its first row."""
_STUB = "x\n"
"""Stands for the beginning of a long paragraph: its lines are text, whatever they are."""
_STUB_LINES = 24
_UNSURE_LINES = 4
"""Lines at the end of a paragraph that may turn out to be something else: the head of a table, a title, a list."""


class MarkdownDocument:
    """Markdown that grows.

    Attributes:
        finished: blocks that no further text can change.
        open: the blocks after them, which it may.
    """

    def __init__(self) -> None:
        self.finished: list[Block] = []
        self.open: list[Block] = []
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
        above = self.finished[-1] if self.finished else None
        reader = Units(self._head + self._source, self._head.count("\n"), above, self._blank_above)
        units = reader.read()
        if units and self._paragraph:
            units[0] = Unit(units[0].line, _unstubbed(units[0].block, self._paragraph))
        kept = self._first_open(units)
        if kept:
            self._finish(units, kept, reader)
        elif len(units) == 1:
            self._shorten(units[0])
        self.open = [unit.block for unit in units[kept:]]

    def _first_open(self, units: Sequence[Unit]) -> int:
        """The place among `units` of the first that more text may change."""
        last = len(units) - 1
        if last > 0 and units[last].line == self._source.count("\n"):
            last -= 1
        return max(last, 0)

    def _finish(self, units: Sequence[Unit], kept: int, reader: Units) -> None:
        self.finished += [unit.block for unit in units[:kept]]
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
        if fixed - known < _STUB_LINES:
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


def _unstubbed(block: Block, beginning: str) -> Block:
    match block:
        case Paragraph(text, gap):
            return Paragraph(beginning + text.removeprefix(_STUB), gap)
        case Heading(level, text, gap):
            return Heading(level, beginning + text.removeprefix(_STUB), gap)
    return block
