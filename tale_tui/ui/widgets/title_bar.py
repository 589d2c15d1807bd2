"""The first line: whose program this is, which screen, which conversation."""

from __future__ import annotations

from rich.cells import cell_len
from textual.content import Content
from textual.reactive import reactive
from textual.widget import Widget

from tale_tui.ui.signs import signs
from tale_tui.ui.widgets.line import fitted, spread
from tale_tui.ui.words import plural

NAME = "tale"
_GAP = 3
"""Cells between two parts at least."""


class TitleBar(Widget):
    """The name, the screens (the one that is shown in bold) and, at the right, the conversation."""

    ALLOW_SELECT = False

    label: reactive[str] = reactive(NAME)
    """Whose program this is."""
    screens: reactive[tuple[str, ...]] = reactive(())
    """The names of the screens that exist."""
    current: reactive[str] = reactive("")
    """The screen that is shown."""
    title: reactive[str] = reactive("")
    """Of the conversation; safe text."""
    turns: reactive[int] = reactive(0)
    """How many messages the user wrote in it."""

    def render(self) -> Content:
        """One line; where there is little room the title gives way, then the number of turns."""
        left = Content.assemble((f" {self.label}", "bold $accent"))
        for name in self.screens:
            left += Content.assemble(" " * _GAP, (name, "bold" if name == self.current else "$muted"))
        width = self.size.width
        right = self._conversation(width - left.cell_length - _GAP - 1)
        return spread(left, Content(f"{right} ").stylize("$muted"), width)

    def _conversation(self, room: int) -> str:
        counted = plural(self.turns, "turn") if self.turns else ""
        if not self.title or not counted:
            return fitted(self.title or counted, room)
        tail = f" {signs().dot} {counted}"
        title = fitted(self.title, room - cell_len(tail))
        return title + tail if title else fitted(counted, room)
