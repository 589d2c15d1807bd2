"""The line for what is told and goes by itself: above the prompt, or above the keys. It covers nothing."""

from __future__ import annotations

from collections.abc import Callable

from textual.content import Content
from textual.reactive import reactive
from textual.widget import Widget

from tale_tui.ui.widgets.banner import Banner, banner_lines, in_rows


class NoticeLine(Widget):
    """One notice at a time, in one line where it fits.

    How high it is at least, the style of the screen says: where a blank line stands anyway, nothing moves for a notice.

    Attributes:
        otherwise: what stands in the line while nothing is told, for so many cells.
    """

    ALLOW_SELECT = False
    auto_links = False

    shown: reactive[Banner | None] = reactive(None, layout=True)
    """What is told; None for nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.otherwise: Callable[[int], Content] | None = None

    def get_content_height(self, container: object, viewport: object, width: int) -> int:
        """The lines of the notice."""
        return 0 if self.shown is None else len(banner_lines(self.shown, width))

    def render(self) -> Content:
        """The notice, or what stands here otherwise."""
        width = self.size.width
        if self.shown is not None:
            return Content("\n").join(in_rows(banner_lines(self.shown, width), self.size.height))
        return Content("") if self.otherwise is None else self.otherwise(width)
