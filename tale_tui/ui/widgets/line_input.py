"""One line to type into, flat, and safe to paste into."""

from __future__ import annotations

from textual import events
from textual.widgets import Input

from tale_tui.domain.text import clean_line

INPUT_LIMIT = 4096
"""Characters of a line, at most: the longest path that a system takes."""


class LineInput(Input):
    """An Input without a frame. What is pasted is cleaned; keys that would change nothing are left to the screen."""

    DEFAULT_CSS = """
    LineInput {
        background: $panel;
        padding: 0 1;
        border: none;
        height: 1;
        &:focus { border: none; background-tint: $foreground 0%; }
        &>.input--placeholder { color: $muted; text-style: none; }
        &:ansi { background: ansi_default; text-style: underline; padding: 0; }
        &:ansi>.input--placeholder { color: $muted; text-style: none; }
    }
    """

    def __init__(
        self,
        value: str = "",
        *,
        placeholder: str = "",
        id: str | None = None,  # noqa: A002  (Textual's own name for it)
    ) -> None:
        """Begin with a value.

        Args:
            value: foreign text.
            placeholder: our own words, shown while nothing is typed.
            id: of the widget.
        """
        super().__init__(
            clean_line(value, INPUT_LIMIT),
            placeholder=placeholder,
            max_length=INPUT_LIMIT,
            select_on_focus=False,
            id=id,
        )
        # One thing moves on a screen at most, and it is never the cursor of a dialog.
        self.cursor_blink = False

    def on_paste(self, event: events.Paste) -> None:
        """The clipboard may hold anything: what comes in has passed the border."""
        event.prevent_default()
        event.stop()
        self.replace(clean_line(event.text, INPUT_LIMIT), *sorted(self.selection))

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Leave `delete` to the screen where there is nothing behind the cursor."""
        if action == "delete_right" and self.selection.is_empty and self.cursor_at_end:
            return False
        return super().check_action(action, parameters)
