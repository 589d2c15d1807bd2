"""Text on widgets. The only ways in which text that is not ours gets there: cleaned, and never read as markup; and text
in lines of fixed places."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.cells import cell_len, set_cell_size
from textual.content import Content, Span
from textual.widgets import Static

from tale_tui.domain.text import LINE_LIMIT, clean, clean_line
from tale_tui.formatting.symbols import signs

if TYPE_CHECKING:
    from textual.style import Style
    from textual.visual import VisualType

MATCH_START, MATCH_END = "\ue000", "\ue001"
"""The marks around the words of a search hit; clean text never contains them."""


def plain(text: str, style: Style | str = "") -> Content:
    """Foreign text as Textual shows it: safe, literal, its lines kept.

    Args:
        text: anything.
        style: for the whole of it.
    """
    return Content(clean(text)).stylize(style) if style else Content(clean(text))


def plain_line(text: str, limit: int = LINE_LIMIT, style: Style | str = "") -> Content:
    """Foreign text in one line of at most `limit` characters: a title, a name, an error."""
    line = Content(clean_line(text, limit))
    return line.stylize(style) if style else line


def match_parts(snippet: str) -> tuple[tuple[str, bool], ...]:
    """The pieces of a search hit, clean and without line ends, each with whether it is a matching word.

    Args:
        snippet: text with the matching words between `MATCH_START` and `MATCH_END`, as the engine's search gives it.
    """
    parts: list[tuple[str, bool]] = []
    for number, piece in enumerate(snippet.split(MATCH_START)):
        match, found, rest = piece.partition(MATCH_END)
        inside, outside = (match, rest) if number and found else ("", piece.replace(MATCH_END, ""))
        parts.append((_flat(inside), True))
        parts.append((_flat(outside), False))
    return tuple((text, is_match) for text, is_match in parts if text)


def marked(snippet: str, style: Style | str) -> Content:
    """A search hit as Textual shows it, its matching words in `style`."""
    parts = match_parts(snippet)
    spans, start = [], 0
    for text, is_match in parts:
        if is_match:
            spans.append(Span(start, start + len(text), style))
        start += len(text)
    return Content("".join(text for text, _ in parts), spans=spans)


def _flat(text: str) -> str:
    return clean(text).replace("\n", " ").replace("\t", " ")


def fitted(text: str, cells: int) -> str:
    """`text` in at most `cells` cells, with a sign where it was cut."""
    if cell_len(text) <= cells:
        return text
    if cells < 1:
        return ""
    return set_cell_size(text, cells - 1).rstrip() + signs().ellipsis


def padded(text: str, cells: int) -> str:
    """`text` in exactly `cells` cells: cut as by `fitted`, else with blanks behind it."""
    shown = fitted(text, cells)
    return shown + " " * (cells - cell_len(shown))


def spread(left: Content, right: Content, width: int) -> Content:
    """A line of `width` cells with `left` at its start and `right` at its end; the right part gives way."""
    gap = width - left.cell_length - right.cell_length
    if gap < 1:
        return left.truncate(width)
    return Content.assemble(left, " " * gap, right)


class NoMarkup(Static):
    """A Static whose text is foreign: strings are cleaned and shown letter by letter."""

    def __init__(
        self,
        content: VisualType = "",
        *,
        id: str | None = None,  # noqa: A002  (Textual's own name for it)
        classes: str | None = None,
    ) -> None:
        super().__init__(_safe(content), markup=False, id=id, classes=classes)

    def update(self, content: VisualType = "", *, layout: bool = True) -> None:
        """Show something else.

        Args:
            content: a string is foreign text; anything else is shown as it is.
            layout: whether the size may change by it.
        """
        super().update(_safe(content), layout=layout)


def _safe(content: VisualType) -> VisualType:
    return plain(content) if isinstance(content, str) else content
