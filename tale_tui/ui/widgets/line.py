"""Lines of fixed places: text cut to its cells, one part at the left and one at the right."""

from __future__ import annotations

from rich.cells import cell_len, set_cell_size
from textual.content import Content

from tale_tui.formatting.symbols import signs


def fitted(text: str, cells: int) -> str:
    """`text` in at most `cells` cells, with a sign where it was cut."""
    if cell_len(text) <= cells:
        return text
    if cells < 1:
        return ""
    return set_cell_size(text, cells - 1).rstrip() + signs().ellipsis


def spread(left: Content, right: Content, width: int) -> Content:
    """A line of `width` cells with `left` at its start and `right` at its end; the right part gives way."""
    gap = width - left.cell_length - right.cell_length
    if gap < 1:
        return left.truncate(width)
    return Content.assemble(left, " " * gap, right)
