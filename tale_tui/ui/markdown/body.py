"""A document and its sheet, kept together while the document grows: what is finished is set once."""

from __future__ import annotations

from tale_tui.ui.markdown.blocks import Block, TableRow
from tale_tui.ui.markdown.layout import Options, Setter
from tale_tui.ui.markdown.lines import Line, Sheet
from tale_tui.ui.markdown.parse import MarkdownDocument
from tale_tui.ui.markdown.verbatim import VerbatimDocument

Document = MarkdownDocument | VerbatimDocument


class Body:
    """The text of a message at a width.

    Args:
        document: what it says.
        options: how it is set.

    Attributes:
        sheet: its lines, as they are after the last `update`.
    """

    def __init__(self, document: Document, options: Options) -> None:
        self.document = document
        self.sheet = Sheet()
        self._options = options
        self._settled = 0
        """How many of the finished blocks are on the sheet for good."""
        self._mark = self.sheet.mark()

    def update(self, *, finished: bool) -> None:
        """Set what has come since the last time; lines that look as they did stay the same objects.

        Args:
            finished: whether the document will not grow any more.
        """
        first = self._mark[0]
        before = self.sheet.cut_back(self._mark)
        blocks = self.document.finished
        end = self._end_of_settled()
        if end > self._settled:
            Setter(self.sheet, self._options, finished=True).put(blocks[self._settled : end])
            self._settled, self._mark = end, self.sheet.mark()
        rest: list[Block] = [*blocks[self._settled :], *self.document.open]
        Setter(self.sheet, self._options, finished=finished).put(rest)
        _keep_objects(self.sheet.lines, first, before)

    def _end_of_settled(self) -> int:
        """How many blocks can be set for good: a table that may get rows cannot."""
        blocks, end = self.document.finished, len(self.document.finished)
        if self.document.open and isinstance(self.document.open[0], TableRow):
            while end > self._settled and isinstance(blocks[end - 1], TableRow):
                end -= 1
            end -= 1
        return max(end, self._settled)


def _keep_objects(lines: list[Line], first: int, before: list[Line]) -> None:
    for number, line in enumerate(before[: len(lines) - first], first):
        if lines[number].same(line):
            lines[number] = line
