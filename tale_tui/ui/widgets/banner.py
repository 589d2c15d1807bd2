"""The banner above the prompt: what is the matter, and the keys that help. It never covers anything."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from textual.content import Content
from textual.reactive import reactive
from textual.widget import Widget

from tale_tui.formatting.symbols import signs
from tale_tui.formatting.units import bar
from tale_tui.ui.text import fitted, spread
from tale_tui.ui.widgets.status_line import KeyHint

LINES_MAX = 3
"""Lines of text that are shown, without the line of keys."""
_LEFT = 3
_BAR_CELLS = 20
_GAP = 3
_COLOURS = {"information": "$accent", "warning": "$warning", "error": "$error"}

Severity = Literal["information", "warning", "error"]


@dataclass(frozen=True, slots=True)
class Banner:
    """What is said until it is no longer true."""

    text: str
    """Safe text."""
    keys: tuple[KeyHint, ...] = ()
    severity: Severity = "information"
    share: float | None = None
    """How far a download is, 0 to 1; None where there is none."""


class BannerBar(Widget):
    """A sign, a sentence or two, and keys; with a bar where something is on its way."""

    ALLOW_SELECT = False
    auto_links = False

    shown: reactive[Banner | None] = reactive(None, layout=True)
    """What is said; None takes no room."""

    def on_mount(self) -> None:
        """Nothing is said at first."""
        self.display = self.shown is not None

    def watch_shown(self, shown: Banner | None) -> None:
        """Take room only while there is something to say."""
        self.display = shown is not None

    def get_content_height(self, container: object, viewport: object, width: int) -> int:
        """The lines of the text and one for the keys."""
        return len(banner_lines(self.shown, width))

    def render(self) -> Content:
        """The whole banner; where there is no room for all of it, its beginning and the keys."""
        return Content("\n").join(in_rows(banner_lines(self.shown, self.size.width), self.size.height))


def in_rows(lines: list[Content], rows: int) -> list[Content]:
    """The lines; of more than `rows` the beginning and the last one, which has the keys."""
    return [*lines[: rows - 1], lines[-1]] if 1 < rows < len(lines) else lines


def banner_lines(shown: Banner | None, width: int) -> list[Content]:
    """What is said, in as few lines as it fits: the keys at the right of one line, else below the text.

    Args:
        shown: what is said; no line for None.
        width: cells of a line.
    """
    if shown is None:
        return []
    keys = Content(" " * _GAP).join(hint.shown("$accent") for hint in shown.keys)
    if shown.share is not None:
        gauge = Content.assemble((bar(shown.share, _BAR_CELLS), "$accent"), "  ", keys)
        text = fitted(shown.text, width - _LEFT - 1)
        whole = Content.assemble(" " * _LEFT, text, "  ", gauge)
        return [whole] if whole.cell_length <= width else [Content(" " * _LEFT + text), Content(" " * _LEFT) + gauge]
    sign = signs().failed if shown.severity != "information" else signs().dot
    wrapped = Content(shown.text).wrap(max(width - _LEFT - 1, 1))[:LINES_MAX]
    first = Content.assemble(" ", (sign, f"{_COLOURS[shown.severity]} bold"), " ")
    lines = [(first if index == 0 else Content(" " * _LEFT)) + line for index, line in enumerate(wrapped)]
    if not shown.keys:
        return lines
    if len(lines) == 1 and lines[0].cell_length + _GAP + keys.cell_length < width:
        return [spread(lines[0], keys + " ", width)]
    return [*lines, Content(" " * _LEFT) + keys]
