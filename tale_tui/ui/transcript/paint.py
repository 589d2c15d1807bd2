"""The colours of the transcript: from the styles of the theme for text, from a Pygments style for code."""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING, NamedTuple

from rich.color import Color
from rich.segment import Segment
from rich.style import Style
from textual.cache import LRUCache
from textual.geometry import Region
from textual.strip import Strip

from tale_tui.formatting.symbols import ASCII, signs
from tale_tui.ui.markdown import lines as kinds
from tale_tui.ui.markdown.lines import CodeKind, CopyCode, Line, Link, Target, TextPart, code_kind
from tale_tui.ui.markdown.wrap import cells

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from textual.widget import Widget


COMPONENTS = {
    kinds.MUTED: "transcript--muted",
    kinds.AUTHOR_USER: "transcript--user",
    kinds.AUTHOR_MODEL: "transcript--model",
    kinds.AUTHOR_TASK: "transcript--task",
    kinds.SUCCESS: "transcript--success",
    kinds.ACCENT: "transcript--accent",
    kinds.ERROR: "transcript--error",
    kinds.WARNING: "transcript--warning",
    kinds.CODE: "transcript--code",
    kinds.LINK: "transcript--link",
    kinds.HEADING: "transcript--heading",
    kinds.MARKED: "transcript--marked",
}
"""The component class of each flag; where a piece has several, the later ones win."""

PANEL_COMPONENT = "transcript--panel"

SELECTION_COMPONENT = "screen--selection"

_ATTRIBUTES = {
    kinds.STRONG: Style(bold=True),
    kinds.EMPHASIS: Style(italic=True),
    kinds.STRIKE: Style(strike=True),
    kinds.HEADING: Style(bold=True),
    kinds.LINK: Style(underline=True),
    kinds.AUTHOR_USER: Style(bold=True),
    kinds.AUTHOR_MODEL: Style(bold=True),
}

_ANSI_NAMES = {"gray": "white", "white": "bright_white"}
"""Where Rich calls a colour of the terminal otherwise than Pygments."""


class Palette:
    """Colours for the styles of pieces.

    Args:
        widget: has the component classes of `COMPONENTS`.
        code_theme: name of a Pygments style; one that does not exist leaves code in the colour of text.
    """

    def __init__(self, widget: Widget, code_theme: str) -> None:
        self.base = widget.rich_style
        self.selection = widget.screen.get_component_rich_style(SELECTION_COMPONENT)
        self._components = {flag: widget.get_component_rich_style(name) for flag, name in COMPONENTS.items()}
        self._panel = widget.get_component_rich_style(PANEL_COMPONENT)
        self._code_theme = code_theme
        self._code: dict[CodeKind, Style] | None = None
        self._styles: dict[int, Style] = {kinds.PLAIN: self.base}

    def style(self, style: int, *, bold: bool = True) -> Style:
        """The colours of a style.

        Args:
            style: flags of `ui/markdown/styles.py`.
            bold: False takes bold away.
        """
        found = self._styles.get(style)
        if found is None:
            found = self._styles[style] = self._mixed(style)
        return found if bold else found + Style(bold=False)

    def _mixed(self, style: int) -> Style:
        mixed = self.base
        if style & kinds.PANEL:
            mixed += Style(bgcolor=self._panel.bgcolor)
            mixed += self._code_style(code_kind(style))
        for flag, component in self._components.items():
            if style & flag:
                mixed += Style(color=component.color)
                if component.bgcolor != self.base.bgcolor:
                    mixed += Style(bgcolor=component.bgcolor)
                elif flag == kinds.CODE:
                    # The theme has no ground for it, as those of 16 colours: it must still differ from prose.
                    mixed += Style(italic=True)
        for flag, attributes in _ATTRIBUTES.items():
            if style & flag:
                mixed += attributes
        return mixed

    def _code_style(self, kind: CodeKind) -> Style:
        if kind is CodeKind.PLAIN:
            return Style()
        if self._code is None:
            self._code = _code_styles(self._code_theme)
        return self._code.get(kind, Style())


def _code_styles(theme: str) -> dict[CodeKind, Style]:
    """The colours that a Pygments style has for each kind of word; nothing for an unknown style."""
    from pygments.styles import get_style_by_name
    from pygments.token import string_to_tokentype
    from pygments.util import ClassNotFound

    from tale_tui.ui.markdown.code import kind_tokens

    try:
        pygments_style = get_style_by_name(theme)
    except ClassNotFound:
        return {}
    styles: dict[CodeKind, Style] = {}
    for kind, token in kind_tokens().items():
        found = pygments_style.style_for_token(string_to_tokentype(".".join(token)))
        color: Color | None = None
        if found["ansicolor"]:
            name = found["ansicolor"].removeprefix("ansi")
            color = Color.parse(_ANSI_NAMES.get(name, name.replace("bright", "bright_")))
        elif found["color"]:
            color = Color.parse(f"#{found['color']}")
        styles[kind] = Style(color=color, bold=found["bold"] or None, italic=found["italic"] or None)
    return styles


LEFT = 3
"""Cells at the left of the text: the bar with a space at each side."""

COLUMN = 100
"""Cells that the text takes at most: longer lines are hard to read."""

STRIPS_KEPT = 1000
"""A strip is about 2 kB."""


class Bar(IntEnum):
    """What stands at the left of a line."""

    NONE = 0
    USER = 1
    MODEL = 2
    CHOSEN = 3
    TASK = 4
    OURS = 5


class LineStyle(NamedTuple):
    """What a line looks like besides what it says.

    Attributes:
        bar: the bar at its left.
        marked: the address that the reader has moved to.
        code: the block of code that `code_key` copies; -1 for none of this turn.
        code_key: the key.
    """

    bar: Bar
    marked: str = ""
    code: int = -1
    code_key: str = ""


class Painter:
    """Paints lines.

    Args:
        palette: the colours.
        width: cells of the whole widget.
    """

    def __init__(self, palette: Palette, width: int) -> None:
        self.width = width
        self._palette = palette
        self._strips: LRUCache[tuple[Line, LineStyle], Strip] = LRUCache(STRIPS_KEPT)
        chosen = ">" if signs() == ASCII else "▌"
        bar = f" {signs().bar} "
        self._bars = {
            Bar.NONE: Segment(" " * LEFT, palette.base),
            Bar.USER: Segment(bar, palette.style(kinds.AUTHOR_USER, bold=False)),
            Bar.MODEL: Segment(bar, palette.style(kinds.AUTHOR_MODEL, bold=False)),
            Bar.TASK: Segment(bar, palette.style(kinds.AUTHOR_TASK)),
            Bar.OURS: Segment(bar, palette.style(kinds.MUTED)),
            Bar.CHOSEN: Segment(f" {chosen} ", palette.style(kinds.ACCENT)),
        }
        self.blank = self._padded([], 0)

    def strip(self, line: Line, style: LineStyle) -> Strip:
        """A line of a turn."""
        key = line, style
        strip = self._strips.get(key)
        if strip is None:
            strip = self._strips[key] = self.paint(line, style)
        return strip

    def paint(self, line: Line, style: LineStyle, selected: tuple[int, int] | None = None) -> Strip:
        """As `strip`, not kept.

        Args:
            line: what it says.
            style: how.
            selected: from which character of the row to which it is selected; -1 for its end.
        """
        pieces: Sequence[TextPart] = line.pieces
        if style.marked or style.code >= 0:
            pieces = [_adapted(piece, style) for piece in pieces]
        segments = [self._bars[style.bar]]
        used = LEFT
        for piece in pieces:
            colors = self._palette.style(piece.style)
            if selected is None or piece.at < 0:
                segments.append(Segment(piece.text, colors))
            else:
                segments += self._highlighted(piece, colors, selected)
            used += cells(piece.text)
        return self._padded(segments, used)

    def plain(self, pieces: Sequence[TextPart]) -> Strip:
        """A line that belongs to no turn."""
        return self.paint(Line(tuple(pieces), 0), LineStyle(Bar.NONE))

    def over(self, strip: Strip, piece: TextPart, x: int) -> Strip:
        """A strip with `piece` laid over it at cell `x`; the strip as it is where there is no room."""
        end = x + cells(piece.text)
        if x < 0 or end > self.width:
            return strip
        middle = Segment(piece.text, self._palette.style(piece.style))
        return Strip([*strip.crop(0, x), middle, *strip.crop(end, self.width)], self.width)

    def _highlighted(self, piece: TextPart, style: Style, selected: tuple[int, int]) -> Iterator[Segment]:
        start, end = selected
        first = min(max(start - piece.at, 0), len(piece.text))
        last = len(piece.text) if end < 0 else min(max(end - piece.at, first), len(piece.text))
        parts = (
            (piece.text[:first], style),
            (piece.text[first:last], style + self._palette.selection),
            (
                piece.text[last:],
                style,
            ),
        )
        yield from (Segment(text, part_style) for text, part_style in parts if text)

    def _padded(self, segments: list[Segment], used: int) -> Strip:
        """Fill up with blanks, joined with the last segment where that looks the same: fewer bytes to send."""
        base, missing = self._palette.base, self.width - used
        if missing > 0:
            if segments and segments[-1].style is base:
                segments[-1] = Segment(segments[-1].text + " " * missing, base)
            else:
                segments.append(Segment(" " * missing, base))
        strip = Strip(segments, used + max(missing, 0))
        return strip.crop(0, self.width) if missing < 0 else strip


def _adapted(piece: TextPart, style: LineStyle) -> TextPart:
    match piece.target:
        case Link(url) if url == style.marked:
            return piece._replace(style=piece.style | kinds.MARKED)
        case CopyCode(number) if number == style.code and len(style.code_key) == 1:
            return piece._replace(text=style.code_key + piece.text[1:])
    return piece


def offsets(line: Line) -> Iterator[tuple[str, int]]:
    """Each character of a line with its place in the row; what stands between words has the place of the next."""
    after = 0
    following = [0] * len(line.pieces)
    ends = [piece.at + len(piece.text) for piece in line.pieces if piece.at >= 0]
    after = ends[-1] if ends else 0
    for number in range(len(line.pieces) - 1, -1, -1):
        piece = line.pieces[number]
        following[number] = after if piece.at < 0 else piece.at
        after = following[number]
    for piece, place in zip(line.pieces, following, strict=True):
        for index, character in enumerate(piece.text):
            yield character, place + (index if piece.at >= 0 else 0)


def target_in(line: Line, x: int) -> Target | None:
    """What a click at cell `x` of a line does."""
    for piece in line.pieces:
        width = cells(piece.text)
        if 0 <= x < width:
            return piece.target
        x -= width
    return None


def changed_regions(before: Sequence[Strip], after: Sequence[Strip]) -> list[Region]:
    """What has to be sent where the rows of a screen become others."""
    return [
        Region(0, y, _changed_cells(old, new), 1)
        for y, (old, new) in enumerate(zip(before, after, strict=True))
        if old is not new and old != new
    ]


def _changed_cells(old: Strip, new: Strip) -> int:
    """How many cells from the left have to be sent for `new` to replace `old`: not the blanks that both end with."""
    if old and new:
        ends = [list(strip)[-1] for strip in (old, new)]
        if ends[0].style == ends[1].style:
            blanks = [len(end.text) - len(end.text.rstrip(" ")) for end in ends]
            return max(new.cell_length - min(blanks), 1)
    return new.cell_length
