"""The prompt: an editor whose every key can be given another one, the walk through earlier messages, safe pastes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import ClassVar

from rich.text import Text
from textual import events
from textual.binding import BindingsMap, BindingType
from textual.content import Content
from textual.message import Message
from textual.strip import Strip
from textual.widgets import TextArea

from tale_tui.ui.graphemes import sign_at
from tale_tui.ui.keys import binding

SENDING: tuple[BindingType, ...] = (
    binding("prompt.send", "enter", "send", "Send", "Send, or run the chosen command"),
    binding("prompt.newline", "ctrl+j,shift+enter,alt+enter", "newline", "New line", "Begin a new line"),
    binding("prompt.complete", "tab", "complete", "Complete", "Take the chosen command"),
)
"""What a prompt adds to an editor."""

MOVING: tuple[BindingType, ...] = (
    binding("prompt.up", "up", "cursor_up", "Up", "Up; from the top, the message before"),
    binding("prompt.down", "down", "cursor_down", "Down", "Down; from the end, the message after"),
    binding("prompt.left", "left", "cursor_left", "Left", "One character left"),
    binding("prompt.right", "right", "cursor_right", "Right", "One character right"),
    binding("prompt.word_left", "ctrl+left,alt+b", "cursor_word_left", "Word left", "One word left"),
    binding("prompt.word_right", "ctrl+right,alt+f", "cursor_word_right", "Word right", "One word right"),
    binding("prompt.line_start", "home,ctrl+a", "cursor_line_start", "Line start", "To the start of the line"),
    binding("prompt.line_end", "end,ctrl+e", "cursor_line_end", "Line end", "To the end of the line"),
)

SELECTING: tuple[BindingType, ...] = (
    binding("prompt.select_up", "shift+up", "cursor_up(True)", "Select up", "Select one line up"),
    binding("prompt.select_down", "shift+down", "cursor_down(True)", "Select down", "Select one line down"),
    binding("prompt.select_left", "shift+left", "cursor_left(True)", "Select left", "Select a character left"),
    binding("prompt.select_right", "shift+right", "cursor_right(True)", "Select right", "Select a character right"),
    binding(
        "prompt.select_word_left", "ctrl+shift+left", "cursor_word_left(True)", "Select word left", "Select a word left"
    ),
    binding(
        "prompt.select_word_right",
        "ctrl+shift+right",
        "cursor_word_right(True)",
        "Select word right",
        "Select a word right",
    ),
    binding(
        "prompt.select_start", "shift+home", "cursor_line_start(True)", "Select to start", "Select to the line's start"
    ),
    binding("prompt.select_end", "shift+end", "cursor_line_end(True)", "Select to end", "Select to the line's end"),
    binding("prompt.select_all", "f7", "select_all", "Select all", "Select the whole message"),
)

CHANGING: tuple[BindingType, ...] = (
    binding("prompt.erase_left", "backspace,ctrl+h", "delete_left", "Erase", "Delete left"),
    binding("prompt.erase_right", "delete,ctrl+d", "delete_right", "Delete", "Delete right"),
    binding(
        "prompt.erase_word",
        "ctrl+w,ctrl+backspace,alt+backspace",
        "delete_word_left",
        "Erase word",
        "Delete the word left",
    ),
    binding("prompt.erase_word_right", "alt+delete,alt+d", "delete_word_right", "Delete word", "Delete the word right"),
    binding(
        "prompt.erase_to_start", "ctrl+u", "delete_to_start_of_line", "Erase to start", "Delete to the line's start"
    ),
    binding(
        "prompt.erase_to_end",
        "ctrl+k",
        "delete_to_end_of_line_or_delete_line",
        "Erase to end",
        "Delete to the line's end",
    ),
    binding("prompt.cut", "ctrl+x,super+x", "cut", "Cut", "Cut what is selected, or the line"),
    binding("prompt.paste", "ctrl+v", "paste", "Paste", "Paste what was copied here"),
    binding("prompt.undo", "ctrl+underscore,alt+z,super+z", "undo", "Undo", "Take back the last change"),
    binding("prompt.redo", "ctrl+y,super+y", "redo", "Redo", "Make the change again"),
)

PROMPT_KEYS: list[BindingType] = [*SENDING, *MOVING, *SELECTING, *CHANGING]
"""All keys of the prompt. Copying is a key of the screen: what is selected may be anywhere on it."""

HISTORY_MAX = 500
"""Messages that are kept to be walked through."""

PASTE_MAX = 1_000_000
"""Characters that are pasted at most: more makes every key slow, and no model reads it."""

BINARY_SHARE = 0.1
"""From this share of control characters on a paste is not text."""

_TEXT_CONTROLS = "\t\n\r\x1b"
"""Control characters that text from a terminal may hold; the border takes the sequences away."""

_FIRST_PRINTABLE = " "

Location = tuple[int, int]
"""Line and column, both from 0."""


class PromptHistory:
    """Earlier messages, oldest first, and the place of the reader among them.

    What stood in the prompt when the walk began is kept and comes back at the end of it.
    """

    def __init__(self) -> None:
        self._texts: list[str] = []
        self._at: int | None = None
        self._draft = ""

    def load(self, texts: Iterable[str]) -> None:
        """Put what an earlier run left, oldest first, before what was written in this one."""
        self._texts = [*texts, *self._texts][-HISTORY_MAX:]
        self.leave()

    def add(self, text: str) -> None:
        """Remember a message that was sent; a repeat of the last one is not kept twice."""
        if not self._texts or self._texts[-1] != text:
            self._texts = [*self._texts, text][-HISTORY_MAX:]
        self.leave()

    def leave(self) -> None:
        """End the walk: what is in the prompt is new text from here on."""
        self._at = None
        self._draft = ""

    def keep_draft(self) -> None:
        """End the walk, if there is one: its message was changed, and what stood in the prompt before is the newest."""
        if self._draft:
            self.add(self._draft)
        self.leave()

    def back(self, current: str) -> str | None:
        """The message before the one that is shown; None at the oldest.

        Args:
            current: what stands in the prompt, kept where a walk begins.
        """
        at = len(self._texts) if self._at is None else self._at
        if at == 0:
            return None
        if self._at is None:
            self._draft = current
        self._at = at - 1
        return self._texts[self._at]

    def forward(self) -> str | None:
        """The message after the one that is shown, at last what stood in the prompt; None where no walk is."""
        if self._at is None:
            return None
        if self._at == len(self._texts) - 1:
            draft = self._draft
            self.leave()
            return draft
        self._at += 1
        return self._texts[self._at]


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
        for found in self._keys.key_to_bindings.get(event.key, ()):
            event.prevent_default()
            event.stop()
            await self.run_action(found.action)

    # a sign of several characters is one step

    def get_cursor_left_location(self) -> Location:
        """Before the whole sign at the left."""
        return self._before(super().get_cursor_left_location())

    def get_cursor_right_location(self) -> Location:
        """Behind the whole sign at the right."""
        row, column = self.cursor_location
        end = sign_at(self.document[row], column)[1]
        return (row, end) if end > column else super().get_cursor_right_location()

    def get_cursor_up_location(self) -> Location:
        """Above, before a whole sign."""
        return self._before(super().get_cursor_up_location())

    def get_cursor_down_location(self) -> Location:
        """Below, before a whole sign."""
        return self._before(super().get_cursor_down_location())

    def get_cursor_word_left_location(self) -> Location:
        """The word left; marks belong to its letters."""
        return self._before(super().get_cursor_word_left_location())

    def get_cursor_word_right_location(self) -> Location:
        """The word right; likewise."""
        return self._behind(super().get_cursor_word_right_location())

    def get_target_document_location(self, event: events.MouseEvent) -> Location:
        """Where the pointer is, before a whole sign."""
        return self._before(super().get_target_document_location(event))

    def _before(self, location: Location) -> Location:
        row, column = location
        return row, sign_at(self.document[row], column)[0]

    def _behind(self, location: Location) -> Location:
        row, column = location
        start, end = sign_at(self.document[row], column)
        return row, end if start < column else column

    def get_line(self, line_index: int) -> Text:
        """A line, with the cursor over the whole of its sign: TextArea draws it over one character."""
        line = super().get_line(line_index)
        row, column = self.cursor_location
        if row == line_index and self.has_focus and not line.plain.isascii():
            start, end = sign_at(line.plain, column)
            if end - start > 1:
                line.stylize(self.get_component_rich_style("text-area--cursor"), start, end)
        return line

    def render_line(self, y: int) -> Strip:
        """A line, with nothing between the characters of a sign."""
        return super().render_line(y).simplify()

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

    def action_send(self) -> None:
        """Send the message, or take and run the chosen completion."""
        text, wanted = self.text, self.CompletionRun if self.completing else self.Submitted
        self.load_text("")
        self.post_message(wanted(text))

    def action_newline(self) -> None:
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
        if self.text != self._walked_to:
            self.history_of_messages.keep_draft()

    def on_paste(self, event: events.Paste) -> None:
        """The clipboard may hold anything: what comes in is text that has passed the border, or nothing."""
        # The border is not needed for the first frame.
        from tale_tui.domain.text import clean

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
