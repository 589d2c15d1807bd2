"""The first line: whose program this is, the screens, and what the one that is shown is about."""

from __future__ import annotations

from rich.cells import cell_len
from textual.content import Content
from textual.reactive import reactive
from textual.style import Style
from textual.widget import Widget

from tale_tui.formatting.symbols import signs
from tale_tui.formatting.units import plural
from tale_tui.ui.text import fitted, spread

NAME = "tale"
SCREENS = ("Chat", "Tasks", "Tokens", "Dashboard")
_GAP = 3
"""Cells between two parts at least."""
_MOST_SHOWN = 999


class TitleBar(Widget):
    """The name, the screens (the one that is shown in bold) and, at the right, what it is about.

    A click on the name of a screen goes there: the application has an action `show` for it.
    """

    ALLOW_SELECT = False
    # The names are clickable and look like the rest of the line.
    auto_links = False

    label: reactive[str] = reactive(NAME)
    """Whose program this is."""
    screens: reactive[tuple[str, ...]] = reactive(SCREENS)
    """The names of the screens that exist."""
    current: reactive[str] = reactive("")
    """The screen that is shown."""
    below: reactive[str] = reactive("")
    """What is shown below it, as in `Dashboard › Learning`."""
    running: reactive[int] = reactive(0)
    """How many tasks run; shown at the name of their screen."""
    asking: reactive[int] = reactive(0)
    """How many tasks wait for the user."""
    title: reactive[str] = reactive("")
    """Of the conversation; safe text."""
    turns: reactive[int] = reactive(0)
    """How many messages the user wrote in it."""
    note: reactive[str] = reactive("")
    """Said in the place of the conversation on other screens; safe text."""

    def render(self) -> Content:
        """One line; where there is little room the title gives way, then the number of turns."""
        left = Content.assemble((f" {self.label}", "bold $accent"))
        for name in self.screens:
            shown = Content.assemble((name, "bold" if name == self.current else "$muted"))
            if name == self.current and self.below:
                shown += Content.assemble((f" {signs().below} {self.below}", "bold"))
            if name == "Tasks" and self.running:
                shown += Content.assemble((f" {min(self.running, _MOST_SHOWN)}", "$task"))
            if name == "Tasks" and self.asking:
                shown += Content.assemble((f" {signs().asks}{min(self.asking, _MOST_SHOWN)}", "$warning"))
            left += Content.assemble(
                " " * _GAP, shown.stylize(Style.from_meta({"@click": f"app.show({name.lower()!r})"}))
            )
        width = self.size.width
        room = width - left.cell_length - _GAP - 1
        counted = plural(self.turns, "turn") if self.turns else ""
        if self.note or not (self.title and counted):
            right = fitted(self.note or self.title or counted, room)
        else:
            tail = f" {signs().dot} {counted}"
            title = fitted(self.title, room - cell_len(tail))
            right = title + tail if title else fitted(counted, room)
        return spread(left, Content(f"{right} ").stylize("$muted"), width)
