"""NO_COLOR: no colour at all leaves the process; what only a colour told apart is reversed."""

from __future__ import annotations

from functools import lru_cache

from rich.segment import Segment
from rich.style import Style
from textual.color import Color
from textual.filter import LineFilter

REVERSED_FROM = 0.1
"""Difference of brightness (0 to 1) to the background from which on a text is marked: the cursor, a selection."""

_KEPT = ("bold", "dim", "italic", "underline", "strike", "reverse")
"""What a text may have besides colours."""


class Colourless(LineFilter):
    """Takes all colours from what is painted."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        """The segments without colours.

        Args:
            segments: of a line.
            background: of the widget that painted them.
        """
        return [
            Segment(text, None if style is None else _colourless(style, background), control)
            for text, style, control in segments
        ]


@lru_cache(1024)
def _colourless(style: Style, background: Color) -> Style:
    marked = style.bgcolor is not None and (
        abs(Color.from_rich_color(style.bgcolor).brightness - background.brightness) >= REVERSED_FROM
    )
    kept = {name: True for name in _KEPT if getattr(style, name)}
    if marked:
        kept["reverse"] = not style.reverse
    return Style(**kept, link=style.link, meta=style.meta or None)  # type: ignore[arg-type]
