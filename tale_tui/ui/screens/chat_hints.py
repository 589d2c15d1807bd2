"""Which keys matter now: a plain function of what is going on. Part of the first frame, so it imports little."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from tale_tui.ui.widgets.status_line import KeyHint


@dataclass(frozen=True, slots=True)
class Situation:
    """What decides which keys matter."""

    in_prompt: bool = True
    busy: bool = False
    """A reply is on its way, in this window or in another one."""
    writing: bool = False
    """It is this window that can stop it."""
    waiting: bool = False
    """Something waits in the queue."""
    resumable: bool = False
    """The last reply broke off."""
    editing: bool = False
    completing: bool = False
    other: str = ""
    """What the key for both ways would make of what is written, or of the last turn."""
    cut_off: bool = False
    """Tasks were cut off, and the user is asked about them."""


def hints(situation: Situation, keys: Mapping[str, str]) -> tuple[KeyHint, ...]:
    """The keys that matter now, the most wanted first and the one for help last.

    Args:
        situation: what is going on.
        keys: binding id -> key, of what can be done now.
    """
    if not situation.in_prompt:
        wanted = [
            ("transcript.copy", "copy"),
            ("transcript.regenerate", "ask again"),
            ("transcript.fork", "fork"),
            ("chat.back", "prompt"),
            ("app.help_outside", "help"),
        ]
    elif situation.completing:
        wanted = [("prompt.send", "run"), ("prompt.complete", "take"), ("chat.back", "close"), ("app.help", "help")]
    else:
        wanted = [("prompt.send", "queue" if situation.busy else "send")]
        if situation.other and not situation.editing:
            wanted.append(("chat.other_way", situation.other))
        if situation.resumable and not situation.editing:
            wanted.append(("chat.go_on", "go on"))
        if situation.writing:
            wanted.append(("chat.back", "stop"))
        elif situation.editing:
            wanted.append(("chat.back", "leave it"))
        elif situation.waiting:
            wanted.append(("chat.back", "take back"))
        wanted += [("chat.turns", "turns"), ("app.help", "help")]
    return tuple(KeyHint(keys[name], label) for name, label in wanted if name in keys)


def beginnings(keys: Mapping[str, str]) -> tuple[KeyHint, ...]:
    """What can be done in an empty conversation besides writing; `keys` as for `hints`."""
    wanted = (
        ("chat.sessions", "earlier conversations"),
        ("chat.models", "another model"),
        ("app.tasks", "all tasks"),
        ("app.palette", "all commands"),
        ("app.help", "all keys"),
    )
    return tuple(KeyHint(keys[name], label) for name, label in wanted if name in keys)
