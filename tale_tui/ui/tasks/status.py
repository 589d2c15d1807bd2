"""The keys of the tasks screen, and which of them matter for what is chosen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from textual.binding import BindingType

from tale_tui.domain.models import Role, RoleStatus
from tale_tui.domain.tasks import Reason, Task, TaskState
from tale_tui.formatting.symbols import signs
from tale_tui.formatting.units import count
from tale_tui.ui.base_screen import BaseScreen
from tale_tui.ui.keys import binding
from tale_tui.ui.widgets.key_bar import KeyBar, model_signs
from tale_tui.ui.widgets.status_line import key_hints
from tale_tui.ui.widgets.title_bar import SCREENS, TitleBar

if TYPE_CHECKING:
    from tale_tui.ui.tasks.list_model import TaskTally


TASKS_KEYS: list[BindingType] = [
    binding("tasks.back", "escape", "back", "Back", "Close, clear the filter, then back to the chat"),
    binding("tasks.filter", "slash", "filter", "Filter", "Type words that the tasks shall have"),
    binding("tasks.filter_up", "up", "move(-1)", "Up", "Choose the task above while the filter is written"),
    binding("tasks.filter_down", "down", "move(1)", "Down", "Choose the task below while the filter is written"),
    binding("tasks.next_tab", "right,right_square_bracket", "step_tab(1)", "Next kind", "Show the next kind of tasks"),
    binding(
        "tasks.previous_tab", "left,left_square_bracket", "step_tab(-1)", "Kind before", "Show the kind of tasks before"
    ),
    binding("tasks.sort", "S", "sort", "Sort", "Sort otherwise: in turn, newest, longest, title, model"),
    binding("tasks.view", "d", "step_view", "Details", "Output, request, history"),
    binding("tasks.pause", "space", "do('pause')", "Pause", "Pause the task, or go on with it"),
    binding("tasks.cancel", "x", "do('cancel')", "Cancel", "Cancel the task, or leave the chosen step out"),
    binding("tasks.plan", "p,f12", "do('plan')", "Plan", "Read its plan; where it waits or is paused, change it"),
    binding("tasks.plan_anew", "P", "do('plan_anew')", "Plan anew", "Have the rest of it planned anew, with a reason"),
    binding("tasks.retry", "r", "do('retry')", "Retry", "Run the task again"),
    binding("tasks.retry_from", "R", "do('retry_from')", "Retry from", "Run it again from one of its steps on"),
    binding("tasks.give", "m", "do('give')", "Other model", "Have the other model do it; what is done is run again"),
    binding("tasks.raise", "plus,equals_sign", "do('raise')", "Sooner", "Give it a higher priority"),
    binding("tasks.lower", "minus", "do('lower')", "Later", "Give it a lower priority"),
    binding("tasks.move_up", "shift+up,K", "do('move_up')", "Move up", "Before the task that waits before it"),
    binding("tasks.move_down", "shift+down,J", "do('move_down')", "Move down", "Behind the task that waits behind it"),
    binding("tasks.approve", "a", "do('approve')", "Approve", "Say yes to what the task asks"),
    binding("tasks.decline", "n", "do('decline')", "Decline", "Say no: it is cancelled, or ends with what is there"),
    binding("tasks.editor", "v", "do('editor')", "Editor", "Open what it wrote in $VISUAL or $EDITOR"),
    binding("tasks.save", "s", "do('save')", "Save", "Save the code of its result as files"),
    binding("tasks.copy", "c", "do('copy')", "Copy", "Copy what it wrote, as Markdown"),
    binding("tasks.quote", "i", "do('quote')", "To the chat", "Put what it wrote into the prompt of the chat"),
    binding("tasks.undo", "u", "do('undo')", "Undo", "Take back its last step, again the one before"),
    binding("tasks.redo", "U", "do('redo')", "Redo", "Do again what was undone last of it"),
    binding("tasks.checkpoints", "C", "do('checkpoints')", "Checkpoints", "What was kept of it, and the way back"),
    binding("tasks.remembered", "M", "app.show('remembered')", "Remembered", "What is remembered, and found again"),
    binding("tasks.again", "ctrl+r", "again", "Read again", "Read the list again"),
]
"""Keys of the screen; those that move the choice belong to the list."""

Hint = tuple[str, str]
"""The id of a binding and what it does now, in a word."""


@dataclass(frozen=True, slots=True)
class KeySituation:
    """What the last line of the screen depends on."""

    task: Task | None = None
    filtering: bool = False
    """Whether the filter has the focus."""
    reading: bool = False
    """Whether the text of the task has it."""
    covered: bool = False
    """Whether the task is shown over the list."""
    step: bool = False
    """Whether the keys mean a step of its plan."""
    empty: bool = False
    """Whether there is no task at all."""
    away: bool = False
    """Whether there is no engine."""


def hints(now: KeySituation) -> list[Hint]:
    """The keys that matter, the most wanted first, the one for all keys last."""
    if now.away:
        return [("tasks.again", "try again"), ("tasks.back", "chat"), ("app.help", "all keys")]
    if now.filtering:
        return [("tasks.open", "keep"), ("tasks.back", "clear"), ("app.help", "all keys")]
    if now.task is None:
        rest = [] if now.empty else [("tasks.next_tab", "other tasks")]
        return [*rest, ("tasks.back", "chat"), ("app.help_outside", "all keys")]
    if now.step:
        steps = [("plan.open", "step"), ("tasks.back", "list"), *_plan_offers(now.task)]
        return [*steps, ("tasks.view", "details"), ("app.help_outside", "")]
    first = ("tasks.back", "list") if now.reading or now.covered else ("tasks.open", "open")
    offers = [offer for offer in _offers(now.task) if offer[0] != "tasks.view"]
    return [first, *offers, ("tasks.view", "details"), ("app.help_outside", "")]


_KEPT: list[Hint] = [("tasks.undo", "undo"), ("tasks.checkpoints", "checkpoints")]


def _plan_offers(task: Task) -> list[Hint]:
    """What can be done while a step of the plan is chosen."""
    if not task.is_open:
        return [("tasks.plan", "plan"), ("tasks.retry_from", "retry from"), *_KEPT]
    pause = [("tasks.pause", "resume" if task.state is TaskState.PAUSED else "pause")]
    going = pause if task.state is not TaskState.WAITING else [("tasks.approve", "approve")]
    return [*going, ("tasks.cancel", "stop"), ("tasks.plan_anew", "plan the rest anew"), ("tasks.plan", "plan"), *_KEPT]


def _offers(task: Task) -> list[Hint]:
    match task.state:
        case TaskState.RUNNING:
            return [
                ("tasks.pause", "pause"),
                ("tasks.cancel", "cancel"),
                ("tasks.raise", "- priority"),
                ("tasks.give", "model"),
            ]
        case TaskState.QUEUED | TaskState.DRAFT:
            return [
                ("tasks.raise", "- priority"),
                ("tasks.pause", "pause"),
                ("tasks.cancel", "cancel"),
                ("tasks.give", "model"),
            ]
        case TaskState.WAITING:
            answers = ("go on", "keep it") if task.reason is Reason.LENGTH else ("approve", "decline")
            return [("tasks.approve", answers[0]), ("tasks.decline", answers[1]), ("tasks.view", "details")]
        case TaskState.PAUSED:
            return [("tasks.pause", "resume"), ("tasks.cancel", "cancel"), ("tasks.copy", "copy")]
        case TaskState.DONE:
            return [
                ("tasks.save", "save files"),
                ("tasks.quote", "to the chat"),
                ("tasks.editor", "editor"),
                ("tasks.give", "model"),
            ]
    return [("tasks.retry", "retry"), ("tasks.view", "details"), ("tasks.copy", "copy")]


_NAMES_CELLS = 21 + sum(3 + len(name) for name in SCREENS)
"""Cells of the first line that the program, the names of the screens and their counts take."""


def tally_words(tally: TaskTally, room: int) -> str:
    """`2 running · 1 needs you · 131 done · 1 failed`; what there is none of is left out.

    Args:
        tally: the numbers.
        room: cells; where they are few, what the first line shows at its left anyway goes first.
    """
    counted = (
        (tally.running, "running", 1),
        (tally.queued, "queued", 2),
        (tally.needs_you, "needs you" if tally.needs_you == 1 else "need you", 1),
        (tally.done, "done", 3),
        (tally.failed, "failed", 4),
    )
    words = ""
    for least in range(1, 5):
        parts = [f"{count(number)} {word}" for number, word, weight in counted if number and weight >= least]
        words = f" {signs().dot} ".join(parts)
        if len(words) <= room:
            break
    return words


class TasksStatus:
    """Says in the title bar and in the last line what is so now.

    Args:
        screen: whose keys are shown.
        title: the first line.
        bar: the last line.
    """

    def __init__(self, screen: BaseScreen, title: TitleBar, bar: KeyBar) -> None:
        self._screen = screen
        self._title = title
        self._bar = bar
        self._roles: dict[Role, RoleStatus] = {}
        self._working = False

    def role(self, status: RoleStatus) -> None:
        """A role is so now."""
        self._roles[status.role] = status
        self._show_models()

    def refresh(self, situation: KeySituation, tally: TaskTally) -> None:
        """Look at everything again; what did not change costs nothing."""
        self._title.note = tally_words(tally, self._screen.size.width - _NAMES_CELLS)
        self._title.running, self._title.asking = tally.running, tally.needs_you
        if self._working != bool(tally.running):
            self._working = bool(tally.running)
            self._show_models()
        if self._screen.is_current:
            keys = self._screen.keys()
            # A list has `enter`; while the filter has the focus it is the filter's own.
            keys.setdefault("tasks.open", "enter")
            self._bar.keys = key_hints(hints(situation), keys)

    def _show_models(self) -> None:
        self._bar.models = model_signs(self._roles, working=self._working)
