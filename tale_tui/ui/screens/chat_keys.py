"""The keys of the chat screen."""

from __future__ import annotations

from textual.binding import Binding, BindingType


def _key(name: str, keys: str, action: str, description: str, tooltip: str, *, priority: bool = False) -> Binding:
    return Binding(keys, action, description, show=False, tooltip=tooltip, id=f"chat.{name}", priority=priority)


CHAT_KEYS: list[BindingType] = [
    _key("back", "escape", "back", "Stop", "Stop; take back what waits"),
    _key(
        "copy",
        "ctrl+c,super+c",
        "copy_or_stop",
        "Copy",
        "Copy, else stop, clear, leave",
        priority=True,
    ),
    _key("turns", "shift+tab", "turns", "Turns", "To the turns and back"),
    _key("next", "tab", "turns", "Turns", "Back to the prompt"),
    _key("go_on", "ctrl+r", "command('continue')", "Go on", "Go on, or try the model again"),
    _key("other_way", "f8", "other_way", "Task or talk", "Make a task of talk, talk of a task", priority=True),
    _key("resume_tasks", "f6", "resume_tasks", "Resume", "Go on with tasks that were cut off"),
    _key("new", "ctrl+n", "command('new')", "New", "Start a new conversation"),
    _key("sessions", "ctrl+o", "command('sessions')", "Conversations", "Earlier conversations"),
    _key("models", "ctrl+l", "command('model')", "Models", "Choose the model that answers"),
    _key("editor", "ctrl+g", "command('editor')", "Editor", "Write in $VISUAL or $EDITOR"),
    _key("starter", "ctrl+s", "command('starter')", "Starter", "Use the starter model"),
    _key("trim", "ctrl+t", "command('trim')", "Cut", "Cut a long message to what fits", priority=True),
    _key("to_file", "ctrl+f", "command('to_file')", "File", "Keep a long message in a file", priority=True),
]
"""All of them. Those on single letters belong to the transcript, where nothing is typed."""
