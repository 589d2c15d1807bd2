"""Blocks -> lines at a width, kept together while the document grows: what is finished is laid out once."""

from __future__ import annotations

from collections.abc import Container, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from tale_tui.formatting.symbols import signs
from tale_tui.ui.markdown.code import CodeMemory, CodePanel
from tale_tui.ui.markdown.document import (
    Block,
    Definition,
    Fence,
    Heading,
    Item,
    MarkdownDocument,
    Paragraph,
    Quote,
    Rule,
    TableHead,
    TableRow,
    Verbatim,
    VerbatimDocument,
)
from tale_tui.ui.markdown.inline import References, Run, Span, settle, spans
from tale_tui.ui.markdown.lines import HEADING, MUTED, PLAIN, RenderedLines, TextPart, Unfold
from tale_tui.ui.markdown.table import TableSetter
from tale_tui.ui.markdown.wrap import GrowingWrap, wrap

Document = MarkdownDocument | VerbatimDocument

NARROWEST = 8
"""Cells that text gets at least, however deep it stands in lists and quotes."""

TAB = "    "


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
        self.sheet = RenderedLines()
        self._options = options
        self._settled = 0
        """How many of the finished blocks are on the sheet for good."""
        self._known: dict[str, str] = {}
        """The references that the first of them was set with."""
        self._mark = self.sheet.mark()

    def update(self, *, finished: bool) -> None:
        """Set what has come since the last time; lines that look as they did stay the same objects.

        Args:
            finished: whether the document will not grow any more.
        """
        references = self.document.references
        if finished and self._settled and references != self._known:
            # Addresses mostly stand at the end of a text, and what names them is on the sheet by then; the last of them
            # may have been read before all of it had come.
            self._settled, self._mark = 0, RenderedLines().mark()
        first = self._mark[0]
        before = self.sheet.cut_back(self._mark)
        blocks = self.document.finished
        end = len(blocks)
        if self.document.open and isinstance(self.document.open[0], TableRow):  # it may get more rows
            while end > self._settled and isinstance(blocks[end - 1], TableRow):
                end -= 1
            end -= 1
        if end > self._settled:
            self._known = self._known if self._settled else dict(references)
            Setter(self.sheet, self._options, references, finished=True).put(blocks[self._settled : end])
            self._settled, self._mark = end, self.sheet.mark()
        rest: list[Block] = [*blocks[self._settled :], *self.document.open]
        Setter(self.sheet, self._options, references, finished=finished).put(rest)
        lines = self.sheet.lines
        for number, line in enumerate(before[: len(lines) - first], first):
            if lines[number].row == line.row and lines[number].pieces == line.pieces:
                lines[number] = line


@dataclass(slots=True)
class Options:
    """How a message is set.

    Attributes:
        width: cells of the text column.
        style: added to all text.
        unfolded: what is shown whole, by the names that `Unfold` has.
        codes: what is known of blocks of code that grow, by their number in the message.
        wraps: how long paragraphs that grow were broken, by the number of their row.
    """

    width: int
    style: int = PLAIN
    unfolded: Container[str] = ()
    codes: dict[int, CodeMemory] = field(default_factory=dict)
    wraps: dict[int, GrowingWrap] = field(default_factory=dict)


class _Signs(NamedTuple):
    """What stands before the lines of a quote or of an item of a list."""

    first: TextPart
    rest: TextPart
    row_first: str
    """What the clipboard gets before the first line."""
    row_indent: int
    """Blanks that the clipboard gets before the other lines."""


class Setter:
    """Sets blocks one after the other on a sheet.

    Args:
        sheet: takes the lines.
        options: how.
        references: what labels of links stand for.
        finished: False for text that may grow: its code is coloured for now, its last paragraph as if what it has
            opened were closed.
    """

    def __init__(self, sheet: RenderedLines, options: Options, references: References, *, finished: bool) -> None:
        self._sheet = sheet
        self._options = options
        self._references = references
        self._finished = finished
        self._signs = signs()
        self._margin: tuple[TextPart, ...] = ()
        self._first: tuple[TextPart, ...] | None = None
        """What the next line has in place of the margin: a bullet, a number."""
        self._row_margin = ""
        self._row_first: str | None = None
        self._width = options.width
        self._depth = 0

    def put(self, blocks: Sequence[Block]) -> None:
        """Append blocks; a table's head and all of its rows must come in one call."""
        number = 0
        while number < len(blocks):
            block = blocks[number]
            end = number + 1
            if block.gap:
                self._sheet.put(self._margin, self._sheet.row(""))
            match block:
                case TableHead():
                    while end < len(blocks) and isinstance(blocks[end], TableRow):
                        end += 1
                    self._table(block, [row for row in blocks[number:end] if isinstance(row, TableRow)])
                case Quote() | Item():
                    # Called here: the fewer calls a level takes, the deeper Python lets it go.
                    self._nested(block)
                case _:
                    self._block(block, last=end == len(blocks))
            number = end

    def _block(self, block: Block, *, last: bool) -> None:
        match block:
            case Paragraph(text):
                text = text if self._finished or not last else settle(text)
                self._text(spans(text, self._references), PLAIN)
            case Verbatim():
                self._text((Span(block.text.replace("\t", TAB)),), PLAIN)
            case Heading():
                self._text(spans(block.text, self._references), HEADING)
            case Fence():
                self._fence(block)
            case Rule():
                rule = TextPart(self._signs.rule * self._width, MUTED)
                self._sheet.put((*self._take_leads()[0], rule), self._sheet.row(None))

    def _take_leads(self) -> tuple[tuple[TextPart, ...], str]:
        """What stands before the text of the next line, and of the next row."""
        first, row_first = self._first, self._row_first
        self._first = self._row_first = None
        return self._margin if first is None else first, self._row_margin if row_first is None else row_first

    def _text(self, found: Sequence[Span], style: int) -> None:
        run = Run(found, style | self._options.style)
        lead, row_lead = self._take_leads()
        row = self._sheet.row(row_lead + run.text)
        wraps = self._options.wraps
        if self._finished:
            wraps.pop(row, None)
            lines = wrap(run.text, self._width)
        else:
            lines = wraps.setdefault(row, GrowingWrap()).wrap(run.text, self._width)
        for start, end in lines:
            self._sheet.put((*lead, *run.pieces(start, end, len(row_lead))), row)
            lead = self._margin

    def _nested(self, block: Quote | Item) -> None:
        margin, row_margin, width = self._margin, self._row_margin, self._width
        signs = self._quote_signs() if isinstance(block, Quote) else self._item_signs(block)
        lead, row_lead = self._take_leads()
        if width - len(signs.rest.text) >= NARROWEST:
            lead, self._margin = (*lead, signs.first), (*margin, signs.rest)
            self._width = width - len(signs.rest.text)
        self._first, self._row_first = lead, row_lead + signs.row_first
        self._row_margin = row_margin + " " * signs.row_indent
        self._depth += isinstance(block, Item)
        if any(not isinstance(inner, Definition) for inner in block.blocks):
            self.put(block.blocks)
        else:
            self._text((), PLAIN)
        self._depth -= isinstance(block, Item)
        self._margin, self._row_margin, self._width = margin, row_margin, width
        self._first = self._row_first = None

    def _quote_signs(self) -> _Signs:
        bar = TextPart(self._signs.quote + " ", MUTED)
        return _Signs(bar, bar, "", 0)

    def _item_signs(self, item: Item) -> _Signs:
        sign = item.marker
        if item.done is not None:
            sign = self._signs.done if item.done else self._signs.absent
        elif sign == "-":
            sign = self._signs.bullets[min(self._depth, len(self._signs.bullets) - 1)]
        box = {None: "", True: "[x] ", False: "[ ] "}[item.done]
        plain = f"{item.marker} "
        # A bullet takes the place of the sign in the source, so that it can be selected as that.
        at = len(self._row_margin) if len(sign) == len(item.marker) and item.done is None else -1
        return _Signs(TextPart(f"{sign} ", MUTED, at), TextPart(" " * (len(sign) + 1)), plain + box, len(plain))

    def _fence(self, fence: Fence) -> None:
        number = len(self._sheet.codes)
        memory = self._options.codes.pop(number, None)
        if memory is None or memory.key != (fence.language, self._width):
            memory = CodeMemory(fence.language, self._width)
        if not self._finished:
            self._options.codes[number] = memory
        self._own_line()
        panel = CodePanel(self._sheet, self._margin, memory, self._signs)
        unfolded = f"code {number}" in self._options.unfolded
        panel.put(fence.text, finished=self._finished, unfolded=unfolded)

    def _table(self, head: TableHead, rows: Sequence[TableRow]) -> None:
        name = f"table {len(self._sheet.rows)}"
        self._own_line()
        setter = TableSetter(self._sheet, self._margin, self._width, self._options.style, self._signs, self._references)
        setter.put(head, rows, unfold=Unfold(name), unfolded=name in self._options.unfolded)

    def _own_line(self) -> None:
        """Where a list item begins with a block that has its own margin, its bullet gets a line of its own."""
        if self._first is not None:
            self._text((), PLAIN)
