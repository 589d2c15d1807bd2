"""The keys of the transcript, and which of them the chosen turn offers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from textual.binding import Binding, BindingType

from tale_tui.formatting.symbols import ASCII, signs
from tale_tui.formatting.units import key_name
from tale_tui.ui.markdown.lines import ACCENT, MUTED, TextPart
from tale_tui.ui.markdown.wrap import cells

if TYPE_CHECKING:
    from tale_tui.domain.conversation import Message
    from tale_tui.domain.tasks import Task

Offer = tuple[tuple[str, ...], str]
"""Names of bindings, and the word for what they do."""

KEY_PREFIX = "transcript."
"""Of the ids of the bindings, before their names."""
_GAP = "   "
_ARROWS = {"left": "←", "right": "→", "up": "↑", "down": "↓"}


def _binding(keys: str, action: str, name: str, description: str, tooltip: str) -> Binding:
    return Binding(keys, action, description, show=False, id=f"{KEY_PREFIX}{name}", tooltip=tooltip)


KEYS: list[BindingType] = [
    _binding("up,k", "choose(-1)", "up", "Turn above", "Choose the turn above, or scroll to its beginning"),
    _binding("down,j", "choose(1)", "down", "Turn below", "Choose the turn below; below the last one is the prompt"),
    _binding("pageup", "page(-1)", "page_up", "Page up", "Scroll one screen up"),
    _binding("pagedown", "page(1)", "page_down", "Page down", "Scroll one screen down"),
    _binding("home", "home", "home", "To the beginning", "Scroll to the first turn"),
    _binding("end", "end", "end", "To the end", "Scroll to the last line and follow the text that comes"),
    _binding("c", "request('copy')", "copy", "Copy", "Copy the chosen turn as Markdown"),
    _binding("b", "request('copy_code')", "copy_code", "Copy code", "Copy the block of code in view"),
    _binding("e", "request('edit')", "edit", "Edit", "Edit the message and ask again; the old version stays"),
    _binding("r", "request('regenerate')", "regenerate", "Ask again", "Ask for another reply; the old one stays"),
    _binding("f", "request('fork')", "fork", "Fork", "A new conversation with all up to the chosen turn"),
    _binding("d", "request('details')", "details", "Details", "All that is known of the chosen turn"),
    _binding("left", "request('previous')", "previous", "Version before", "Show the version before this one"),
    _binding("right", "request('next')", "next", "Next version", "Show the next version"),
    _binding("g", "request('continue')", "continue", "Go on", "Let the model go on with this reply"),
    _binding("t", "think", "thinking", "Thoughts", "Open or close what the model thought"),
    _binding("o", "link", "link", "Link", "Open the link of the chosen turn, or move to its next one"),
    _binding("space", "task('pause')", "pause_task", "Pause", "Stop the task of the chosen card; what it wrote stays"),
    _binding("space", "task('resume')", "resume_task", "Go on", "Go on with the task of the chosen card"),
    _binding("x", "task('cancel')", "cancel_task", "Cancel", "End the task of the chosen card"),
    _binding("r", "task('retry')", "retry_task", "Try again", "Run the task of the chosen card again"),
    _binding("m", "task('give')", "give_task", "Other model", "Have the other model do the task of the chosen card"),
    _binding("s", "task('save')", "save", "Save files", "Save the code of the chosen card as files"),
    _binding("v", "task('result')", "result", "Editor", "Open the result of the chosen card in the editor"),
    _binding("p", "task('show')", "show_task", "Plan", "Show the task of the chosen card among all tasks"),
    _binding("enter", "open", "open", "Open", "Open the link that is marked, or show what is left out"),
]


def usual_keys() -> dict[str, str]:
    """Name of a binding -> its first key, as long as the user has not set another."""
    bindings = (binding for binding in KEYS if isinstance(binding, Binding))
    return {(binding.id or "").removeprefix(KEY_PREFIX): binding.key.split(",")[0] for binding in bindings}


def goes_on(message: Message) -> bool:
    """Whether a reply broke off and the model can go on with it."""
    broken = message.state in ("stopped", "interrupted", "failed") or message.finish == "length"
    return message.author == "assistant" and message.state != "streaming" and broken


def offered(message: Message, *, code: bool, thoughts: bool, links: int, folded: bool) -> list[Offer]:
    """What the keys do with a turn: names of bindings and the word for them, the most wanted first."""
    user, ended = message.author == "user", message.state != "streaming"
    table: list[tuple[bool, tuple[str, ...], str]] = [
        (True, ("copy",), "copy"),
        (code, ("copy_code",), "copy code"),
        (user, ("edit",), "edit"),
        (not user and ended, ("regenerate",), "ask again"),
        (goes_on(message), ("continue",), "go on"),
        (message.siblings > 1, ("previous", "next"), "versions"),
        (ended, ("fork",), "fork"),
        (ended, ("details",), "details"),
        (thoughts, ("thinking",), "thoughts"),
        (links > 0, ("link",), "link" if links == 1 else "links"),
        (folded, ("open",), "show all"),
    ]
    return [(names, word) for wanted, names, word in table if wanted]


_KINDS = {
    "draft": ("cancel",),
    "waiting": ("cancel",),
    "queued": ("pause", "cancel"),
    "running": ("pause", "cancel"),
    "paused": ("resume", "retry", "cancel"),
    "done": ("save", "result", "retry"),
    "failed": ("retry",),
    "cancelled": ("retry",),
}


def task_kinds(task: Task) -> tuple[str, ...]:
    """What can be asked for of a task in its state, as `TranscriptView.TaskActionRequested` names it."""
    return (*_KINDS[task.state], "give", "show")


def card_offers(message: Message, task: Task, *, text: str, written: bool, code: bool) -> list[Offer]:
    """What the keys do with the card of a task, the most wanted first.

    Args:
        message: the card.
        task: as it is now.
        text: `folded` where not all of its text is shown, `open` where it can be folded, else empty.
        written: whether there is text at all.
        code: whether a block of code is shown.
    """
    kinds, ended, waiting = task_kinds(task), not task.is_open, task.state == "waiting"
    shown = "whole result" if task.state == "done" else "text"
    table: list[tuple[bool, tuple[str, ...], str]] = [
        (waiting, ("open",), "plan"),
        (bool(text) and not waiting, ("open",), shown if text == "folded" else "fold"),
        ("resume" in kinds, ("resume_task",), "go on"),
        ("retry" in kinds and task.state != "done", ("retry_task",), "try again"),
        ("pause" in kinds, ("pause_task",), "pause"),
        ("cancel" in kinds, ("cancel_task",), "cancel"),
        (written, ("copy",), "copy"),
        (code and ended, ("copy_code",), "copy code"),
        ("save" in kinds and (code or text == "folded"), ("save",), "save files"),
        ("result" in kinds, ("result",), "editor"),
        (task.state == "done", ("retry_task",), "again"),
        (not waiting, ("show_task",), "plan"),
        (message.siblings > 1, ("previous", "next"), "versions"),
        (ended, ("fork",), "fork"),
        (True, ("give_task",), "other model"),
        (True, ("details",), "details"),
    ]
    return [(names, word) for wanted, names, word in table if wanted]


def key_line(offers: list[Offer], keys: Mapping[str, str], width: int) -> tuple[TextPart, ...]:
    """The line that tells the keys of the chosen turn; those that have no room are left out.

    Args:
        offers: as `offered` gives them.
        keys: name of a binding -> its key as Textual names it.
        width: cells.
    """
    pieces: list[TextPart] = []
    used = 0
    for names, word in offers:
        shown = "".join(key_sign(keys[name]) for name in names if name in keys)
        gap = _GAP if pieces else ""
        wanted = cells(gap) + cells(shown) + 1 + cells(word)
        if not shown or used + wanted > width:
            continue
        pieces += [TextPart(gap + shown, ACCENT), TextPart(f" {word}", MUTED)]
        used += wanted
    return tuple(pieces)


def key_sign(key: str) -> str:
    """A key in as few cells as can be."""
    return _ARROWS.get(key, key_name(key)) if signs() != ASCII else key_name(key)
