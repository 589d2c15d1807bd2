"""A button: its label says what will be done."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.message import Message

from tale_tui.ui.keys import binding
from tale_tui.ui.text import NoMarkup, plain_line

LABEL_LIMIT = 48
"""Characters of a label, at most: it may name a thing of any length."""


class TextButton(NoMarkup, can_focus=True):
    """A label that is pressed by enter, space or a click; the one with the focus has the accent."""

    ALLOW_SELECT = False
    DEFAULT_CSS = """
    TextButton {
        width: auto;
        height: 1;
        padding: 0 1;
        margin-right: 2;
        color: $foreground;
        background: $panel;
        pointer: pointer;
        text-wrap: nowrap;
        text-overflow: ellipsis;
        &:hover { background: $block-hover-background; color: $accent; }
        &:focus { background: $accent; color: $background; text-style: bold; }
        &:ansi { background: ansi_default; color: ansi_default; }
        &:ansi:focus { background: ansi_default; color: ansi_default; text-style: bold reverse; }
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter,space", "press", "do it", id="verb.press", tooltip="Do what the chosen button says"),
        binding("verb.before", "left,up", "app.focus_previous", "Before", "The button before"),
        binding("verb.next", "right,down", "app.focus_next", "Next", "The next button"),
    ]

    @dataclass
    class Pressed(Message):
        """The button was pressed."""

        button: TextButton

    def __init__(self, label: str, *, id: str | None = None) -> None:  # noqa: A002  (Textual's own name for it)
        shown = plain_line(label, LABEL_LIMIT)
        super().__init__(shown, id=id)
        self.label = shown.plain
        """What it says; safe text."""

    def action_press(self) -> None:
        self.post_message(self.Pressed(self))

    def on_click(self) -> None:
        self.action_press()
