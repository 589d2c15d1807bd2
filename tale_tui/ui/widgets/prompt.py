"""Where the user writes: a few lines that grow, with history, a clean paste and one key that sends."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from textual import events
from textual.binding import BindingsMap, BindingType
from textual.content import Content
from textual.message import Message
from textual.widgets import TextArea

from tale_tui.ui.widgets.prompt_history import PromptHistory
from tale_tui.ui.widgets.prompt_keys import PROMPT_KEYS

PASTE_MAX = 1_000_000
"""Characters that are pasted at most: more makes every key slow, and no model reads it."""
BINARY_SHARE = 0.1
"""From this share of control characters on a paste is not text."""
_TEXT_CONTROLS = "\t\n\r\x1b"
"""Control characters that text from a terminal may hold; the border takes the sequences away."""
_FIRST_PRINTABLE = " "


def looks_binary(text: str) -> bool:
    """Whether so much of `text` is control characters or undecodable bytes that it is no text."""
    odd = sum((char < _FIRST_PRINTABLE and char not in _TEXT_CONTROLS) or char == "\ufffd" for char in text)
    return odd > BINARY_SHARE * len(text)


class Prompt(TextArea, inherit_bindings=False):
    """The message being written.

    It knows nothing of commands or replies: while `completing` is set, the keys that move and take go to the list
    above it instead.

    Args:
        placeholder: our own words, shown while nothing is written.
        keymap: binding id -> keys, as the user chose them.
    """

    BINDING_GROUP_TITLE = "Prompt"
    BINDINGS: ClassVar[list[BindingType]] = PROMPT_KEYS

    @dataclass
    class Submitted(Message):
        """The user wants to send `text`, which is no longer in the prompt."""

        text: str

    @dataclass
    class CompletionMoved(Message):
        """The choice in the list above the prompt is to move by `step`."""

        step: int

    class CompletionTaken(Message):
        """The chosen completion is wanted in the prompt."""

    @dataclass
    class CompletionRun(Message):
        """The chosen completion of `text` is to be done at once; `text` is no longer in the prompt."""

        text: str

    def __init__(self, placeholder: str, keymap: Mapping[str, str]) -> None:
        super().__init__(placeholder=Content(placeholder), id="prompt", compact=True, highlight_cursor_line=False)
        # A steady cursor: an application that waits costs nothing.
        self.cursor_blink = False
        self.match_cursor_bracket = False
        self.completing = False
        self.history_of_messages = PromptHistory()
        self._walked_to = ""
        self._keys = BindingsMap(PROMPT_KEYS)
        self._keys.apply_keymap(dict(keymap))

    def on_resize(self) -> None:
        """Paint what is wrapped anew: Textual does so by itself only where it takes more or fewer lines than before."""
        self.refresh()

    async def on_key(self, event: events.Key) -> None:
        """Do what a key of the prompt does here and now.

        Textual would look for it at the top of the application, where it comes after letters that were typed later:
        what is typed fast would be sent without its end.
        """
        for binding in self._keys.key_to_bindings.get(event.key, ()):
            event.prevent_default()
            event.stop()
            await self.run_action(binding.action)

    def find_matching_bracket(self, bracket: str, search_from: tuple[int, int]) -> None:
        """No bracket is matched: in prose it means nothing, and in a long paste the search takes seconds."""

    def fill(self, text: str) -> None:
        """Put `text` in the place of what is there, with the cursor at its end."""
        self.load_text(text)
        self.move_cursor(self.document.end)

    def rewrite(self, text: str) -> None:
        """Put `text` in the place of what is there, in a way that can be undone."""
        self.replace(text, self.document.start, self.document.end)
        self.move_cursor(self.document.end)

    def take(self) -> str:
        """What was written, which is gone from the prompt afterwards."""
        text = self.text
        self.load_text("")
        return text

    def action_send(self) -> None:
        """Send the message, or take and run the chosen completion."""
        run = self.CompletionRun if self.completing else self.Submitted
        self.post_message(run(self.take()))

    def action_newline(self) -> None:
        """Begin a new line."""
        self.replace("\n", *self.selection)

    def action_complete(self) -> None:
        """Write the chosen completion into the prompt."""
        if self.completing:
            self.post_message(self.CompletionTaken())

    def action_cursor_up(self, select: bool = False) -> None:
        """One line up; at the first line the message before, or the completion above."""
        if self.completing and not select:
            self.post_message(self.CompletionMoved(-1))
        elif select or not self.navigator.is_first_wrapped_line(self.cursor_location):
            super().action_cursor_up(select)
        else:
            self._walk(self.history_of_messages.back(self.text))

    def action_cursor_down(self, select: bool = False) -> None:
        """One line down; at the last line the message after, or the completion below."""
        if self.completing and not select:
            self.post_message(self.CompletionMoved(1))
        elif select or not self.navigator.is_last_wrapped_line(self.cursor_location):
            super().action_cursor_down(select)
        else:
            self._walk(self.history_of_messages.forward())

    def _walk(self, text: str | None) -> None:
        if text is not None:
            self._walked_to = text
            self.fill(text)

    def on_text_area_changed(self) -> None:
        """A message from the history that is changed is a new message."""
        if self.history_of_messages.walking and self.text != self._walked_to:
            self.history_of_messages.keep_draft()

    def on_paste(self, event: events.Paste) -> None:
        """The clipboard may hold anything: what comes in is text that has passed the border, or nothing."""
        # The border is not needed for the first frame.
        from tale_tui.engine.text import clean

        event.prevent_default()
        event.stop()
        if looks_binary(event.text):
            self._refuse("The clipboard does not hold text. Nothing was pasted.")
        elif len(event.text) > PASTE_MAX:
            self._refuse(f"The clipboard holds {len(event.text):,} characters: too many to paste. Nothing was pasted.")
        else:
            self.paste(clean(event.text))

    def _refuse(self, sentence: str) -> None:
        self.notify(sentence, title="Not pasted", severity="warning", markup=False)

    def paste(self, text: str) -> None:
        """Insert safe text at the cursor, in the place of what is selected."""
        result = self.replace(text, *self.selection)
        self.move_cursor(result.end_location)
        self.focus()
