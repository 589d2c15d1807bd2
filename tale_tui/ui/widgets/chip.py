"""What the message in the prompt will become, in one line: `a task .93 → qwen3:14b · about 1:10`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from textual.content import Content

from tale_tui.formatting.symbols import signs
from tale_tui.formatting.units import clock, format_probability
from tale_tui.ui.text import fitted

ChipKind = Literal["task", "ask", "chat"]

NAME_MIN = 6
"""Cells that the name of a model gets at least."""
_NAMES: dict[ChipKind, str] = {"task": "a task", "ask": "ask", "chat": "chat"}
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


def chip_line(shown: ChipShown, width: int) -> Content:
    """The judgement in one line; with little room first the key, then the model, then the time go.

    Args:
        shown: the judgement.
        width: cells at most.
    """
    tone = _TONES[shown.kind]
    number = "set" if shown.chosen else format_probability(shown.share)
    line = Content.assemble((f"{_NAMES[shown.kind]} ", f"{tone} bold" if shown.chosen else tone), (number, tone))
    if shown.kind == "task":
        arrow = f" {signs().arrow} "
        time = "" if shown.expected_s is None else f" {signs().dot} about {clock(shown.expected_s)}"
        room = width - line.cell_length - len(arrow) - len(time)
        if shown.model and room >= NAME_MIN:
            line += Content.assemble((arrow, "$muted"), (fitted(shown.model, room), "$task"), (time, "$muted"))
    if shown.key:
        other = "just talk" if shown.kind == "task" else "a task"
        key = Content.assemble((f" {signs().rule} ", "$muted"), shown.key, (f" {other}", "$muted"))
        if line.cell_length + key.cell_length <= width:
            line += key
    return line
