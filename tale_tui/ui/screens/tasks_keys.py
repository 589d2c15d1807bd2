"""The keys of the tasks screen, and which of them matter for what is chosen."""

from __future__ import annotations

from dataclasses import dataclass

from textual.binding import Binding, BindingType

from tale_tui.engine.task_types import Task, TaskState


def _key(name: str, keys: str, action: str, description: str, tooltip: str) -> Binding:
    return Binding(keys, action, description, show=False, tooltip=tooltip, id=f"tasks.{name}")


TASKS_KEYS: list[BindingType] = [
    _key("back", "escape", "back", "Back", "Close, clear the filter, then back to the chat"),
    _key("filter", "slash", "filter", "Filter", "Type words that the tasks shall have"),
    _key("filter_up", "up", "move(-1)", "Up", "Choose the task above while the filter is written"),
    _key("filter_down", "down", "move(1)", "Down", "Choose the task below while the filter is written"),
    _key("next_tab", "right,right_square_bracket", "step_tab(1)", "Next kind", "Show the next kind of tasks"),
    _key("previous_tab", "left,left_square_bracket", "step_tab(-1)", "Kind before", "Show the kind of tasks before"),
    _key("sort", "S", "sort", "Sort", "Sort otherwise: in turn, newest, longest, title, model"),
    _key("view", "d", "step_view", "Details", "Output, request, history"),
    _key("pause", "space", "do('pause')", "Pause", "Pause the task, or go on with it"),
    _key("cancel", "x", "do('cancel')", "Cancel", "Cancel the task, after asking"),
    _key("retry", "r", "do('retry')", "Retry", "Run the task again"),
    _key("retry_from", "R", "do('retry_from')", "Retry from", "Run it again from one of its steps on"),
    _key("raise", "plus,equals_sign", "do('raise')", "Sooner", "Give it a higher priority"),
    _key("lower", "minus", "do('lower')", "Later", "Give it a lower priority"),
    _key("move_up", "shift+up,K", "do('move_up')", "Move up", "Before the task that waits before it"),
    _key("move_down", "shift+down,J", "do('move_down')", "Move down", "Behind the task that waits behind it"),
    _key("approve", "a", "do('approve')", "Approve", "Say yes to what the task asks"),
    _key("decline", "n", "do('decline')", "Decline", "Say no: the task is cancelled"),
    _key("editor", "o", "do('editor')", "Editor", "Open what it wrote in $VISUAL or $EDITOR"),
    _key("save", "s", "do('save')", "Save", "Save the code of its result as files"),
    _key("copy", "c", "do('copy')", "Copy", "Copy what it wrote, as Markdown"),
    _key("quote", "t", "do('quote')", "To the chat", "Put what it wrote into the prompt of the chat"),
    _key("again", "ctrl+r", "again", "Read again", "Read the list again"),
]
"""Keys of the screen; those that move the choice belong to the list."""

Hint = tuple[str, str]
"""The id of a binding and what it does now, in a word."""


@dataclass(frozen=True, slots=True)
class Situation:
    """What the last line of the screen depends on."""

    task: Task | None = None
    filtering: bool = False
    """Whether the filter has the focus."""
    reading: bool = False
    """Whether the text of the task has it."""
    covered: bool = False
    """Whether the task is shown over the list."""
    empty: bool = False
    """Whether there is no task at all."""
    away: bool = False
    """Whether there is no engine."""


def hints(now: Situation) -> list[Hint]:
    """The keys that matter, the most wanted first, the one for all keys last."""
    if now.away:
        return [("tasks.again", "try again"), ("tasks.back", "chat"), ("app.help", "all keys")]
    if now.filtering:
        return [("tasks.open", "keep"), ("tasks.back", "clear"), ("app.help", "all keys")]
    if now.task is None:
        rest = [] if now.empty else [("tasks.next_tab", "other tasks")]
        return [*rest, ("tasks.back", "chat"), ("app.help_outside", "all keys")]
    first = ("tasks.back", "list") if now.reading or now.covered else ("tasks.open", "open")
    offers = [offer for offer in _offers(now.task) if offer[0] != "tasks.view"]
    return [first, *offers, ("tasks.view", "details"), ("app.help_outside", "")]


def _offers(task: Task) -> list[Hint]:
    match task.state:
        case TaskState.RUNNING:
            return [("tasks.pause", "pause"), ("tasks.cancel", "cancel"), ("tasks.raise", "- priority")]
        case TaskState.QUEUED | TaskState.DRAFT:
            return [("tasks.raise", "- priority"), ("tasks.pause", "pause"), ("tasks.cancel", "cancel")]
        case TaskState.WAITING:
            return [("tasks.approve", "approve"), ("tasks.decline", "decline"), ("tasks.view", "details")]
        case TaskState.PAUSED:
            return [("tasks.pause", "resume"), ("tasks.cancel", "cancel"), ("tasks.copy", "copy")]
        case TaskState.DONE:
            return [("tasks.save", "save files"), ("tasks.quote", "to the chat"), ("tasks.editor", "editor")]
    return [("tasks.retry", "retry"), ("tasks.view", "details"), ("tasks.copy", "copy")]
