"""The keys of the prompt: those of a text editor, each with an id, so that every one can be given another key."""

from __future__ import annotations

from textual.binding import Binding, BindingType


def _key(name: str, keys: str, action: str, description: str, tooltip: str) -> Binding:
    return Binding(keys, action, description, show=False, tooltip=tooltip, id=f"prompt.{name}")


SENDING: tuple[BindingType, ...] = (
    _key("send", "enter", "send", "Send", "Send, or run the chosen command"),
    _key("newline", "ctrl+j,shift+enter,alt+enter", "newline", "New line", "Begin a new line"),
    _key("complete", "tab", "complete", "Complete", "Take the chosen command"),
)
"""What a prompt adds to an editor."""

MOVING: tuple[BindingType, ...] = (
    _key("up", "up", "cursor_up", "Up", "Up; from the top, the message before"),
    _key("down", "down", "cursor_down", "Down", "Down; from the end, the message after"),
    _key("left", "left", "cursor_left", "Left", "One character left"),
    _key("right", "right", "cursor_right", "Right", "One character right"),
    _key("word_left", "ctrl+left,alt+b", "cursor_word_left", "Word left", "One word left"),
    _key("word_right", "ctrl+right,alt+f", "cursor_word_right", "Word right", "One word right"),
    _key("line_start", "home,ctrl+a", "cursor_line_start", "Line start", "To the start of the line"),
    _key("line_end", "end,ctrl+e", "cursor_line_end", "Line end", "To the end of the line"),
)

SELECTING: tuple[BindingType, ...] = (
    _key("select_up", "shift+up", "cursor_up(True)", "Select up", "Select one line up"),
    _key("select_down", "shift+down", "cursor_down(True)", "Select down", "Select one line down"),
    _key("select_left", "shift+left", "cursor_left(True)", "Select left", "Select a character left"),
    _key("select_right", "shift+right", "cursor_right(True)", "Select right", "Select a character right"),
    _key("select_word_left", "ctrl+shift+left", "cursor_word_left(True)", "Select word left", "Select a word left"),
    _key(
        "select_word_right",
        "ctrl+shift+right",
        "cursor_word_right(True)",
        "Select word right",
        "Select a word right",
    ),
    _key("select_start", "shift+home", "cursor_line_start(True)", "Select to start", "Select to the line's start"),
    _key("select_end", "shift+end", "cursor_line_end(True)", "Select to end", "Select to the line's end"),
    _key("select_all", "f7", "select_all", "Select all", "Select the whole message"),
)

CHANGING: tuple[BindingType, ...] = (
    _key("erase_left", "backspace,ctrl+h", "delete_left", "Erase", "Delete left"),
    _key("erase_right", "delete,ctrl+d", "delete_right", "Delete", "Delete right"),
    _key(
        "erase_word",
        "ctrl+w,ctrl+backspace,alt+backspace",
        "delete_word_left",
        "Erase word",
        "Delete the word left",
    ),
    _key("erase_word_right", "alt+delete,alt+d", "delete_word_right", "Delete word", "Delete the word right"),
    _key("erase_to_start", "ctrl+u", "delete_to_start_of_line", "Erase to start", "Delete to the line's start"),
    _key(
        "erase_to_end",
        "ctrl+k",
        "delete_to_end_of_line_or_delete_line",
        "Erase to end",
        "Delete to the line's end",
    ),
    _key("cut", "ctrl+x,super+x", "cut", "Cut", "Cut what is selected, or the line"),
    _key("paste", "ctrl+v", "paste", "Paste", "Paste what was copied here"),
    _key("undo", "ctrl+z,super+z", "undo", "Undo", "Take back the last change"),
    _key("redo", "ctrl+y,super+y", "redo", "Redo", "Make the change again"),
)

PROMPT_KEYS: list[BindingType] = [*SENDING, *MOVING, *SELECTING, *CHANGING]
"""All keys of the prompt. Copying is a key of the screen: what is selected may be anywhere on it."""
