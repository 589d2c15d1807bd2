"""What the message in the prompt will become, at the right of its first line: `task .93`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from textual.content import Content
from textual.reactive import reactive
from textual.widget import Widget

from tale_tui.formatting.symbols import signs
from tale_tui.formatting.units import clock, format_probability
from tale_tui.ui.text import fitted

ChipKind = Literal["task", "ask", "chat"]

NARROW, WIDE = 8, 34
"""Cells of the chip, without and with words; it never has another width, so that what is typed does not move."""
_TONES: dict[ChipKind, str] = {"task": "$task", "ask": "$foreground", "chat": "$muted"}


@dataclass(frozen=True, slots=True)
class ChipShown:
    """A judgement, as the chip says it."""

    kind: ChipKind
    share: float = 0.0
    """How sure that is, 0 to 1."""
    chosen: bool = False
    """Whether the user said so; then nobody asks how sure it is."""
    model: str = ""
    """Who would do it; safe text."""
    expected_s: float | None = None
    """How long that would take."""
    key: str = ""
    """The key that makes it the other thing."""


class Chip(Widget):
    """Is displayed, and so has its room, while there is something to judge; what it says comes a moment later."""

    ALLOW_SELECT = False

    shown: reactive[ChipShown | None] = reactive(None)
    """What is said; None leaves the room empty."""

    def on_mount(self) -> None:
        """There is nothing to judge at first."""
        self.display = False

    def render(self) -> Content:
        """One line, aligned right; with little room only the label and the number."""
        shown, width = self.shown, self.size.width
        if shown is None:
            return Content("")
        number = "set" if shown.chosen else format_probability(shown.share)
        tone = _TONES[shown.kind]
        label = Content.assemble((f"{shown.kind} ", f"{tone} bold" if shown.chosen else tone), (number, tone))
        room = width - label.cell_length
        line = label + self._more(shown, room) if width > NARROW else label
        return Content(" " * max(width - line.cell_length, 0)) + line

    def _more(self, shown: ChipShown, room: int) -> Content:
        if shown.kind != "task":
            other = "a task" if shown.kind == "ask" else "task"
            return Content.assemble("   ", shown.key, (f" {other}", "$muted")) if shown.key else Content("")
        if not shown.model:
            return Content("")
        time = "" if shown.expected_s is None else f", about {clock(shown.expected_s)}"
        arrow = f" {signs().arrow} "
        name = fitted(shown.model, room - len(arrow) - len(time))
        return Content.assemble((arrow, "$muted"), (name, "$task"), (time, "$muted"))
