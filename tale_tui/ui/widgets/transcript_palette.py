"""The colours of the transcript: from the styles of the theme for text, from a Pygments style for code."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.color import Color
from rich.style import Style

from tale_tui.ui.markdown import styles as kinds
from tale_tui.ui.markdown.styles import CodeKind, code_kind

if TYPE_CHECKING:
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
    from pygments.util import ClassNotFound

    from tale_tui.ui.markdown.highlight import kind_tokens

    try:
        pygments_style = get_style_by_name(theme)
    except ClassNotFound:
        return {}
    styles: dict[CodeKind, Style] = {}
    for kind, token in kind_tokens().items():
        found = pygments_style.style_for_token(token)
        color: Color | None = None
        if found["ansicolor"]:
            name = found["ansicolor"].removeprefix("ansi")
            color = Color.parse(_ANSI_NAMES.get(name, name.replace("bright", "bright_")))
        elif found["color"]:
            color = Color.parse(f"#{found['color']}")
        styles[kind] = Style(color=color, bold=found["bold"] or None, italic=found["italic"] or None)
    return styles
