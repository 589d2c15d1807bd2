"""What becomes of tasks, told once: in the line for notices, and by the terminal to those who look elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from textual.screen import Screen
from textual.timer import Timer

from tale_tui.domain.tasks import Reason, Task, TaskState
from tale_tui.formatting.tasks import elapsed_s, state_words
from tale_tui.formatting.units import clock, plural
from tale_tui.ui.base_screen import BaseScreen
from tale_tui.ui.preferences import WindowPreferences
from tale_tui.ui.terminal.notifications import send
from tale_tui.ui.widgets.banner import Severity

if TYPE_CHECKING:
    from tale_tui.domain.clock import Clock

FIRST_S = 0.4
"""What happens is told after so long, with what happens until then."""
GATHER_S = 5.0
"""What happens within so long after it was told is told at the end, in one notice with what was told before."""
NAMED_MAX = 3
"""Tasks that a notice names; of more it tells how many."""
TOLD_MAX = 20_000
"""Ends that are remembered, so that none is told twice."""
_STATES = (TaskState.WAITING, TaskState.FAILED, TaskState.DONE)
"""What is worth a word, the most urgent first. Who cancels or pauses a task knows it."""
_VERBS = {TaskState.WAITING: "needs you", TaskState.FAILED: "failed", TaskState.DONE: "is done"}
_VERBS_OF_MANY = {TaskState.WAITING: "need you", TaskState.FAILED: "failed", TaskState.DONE: "are done"}


@dataclass(frozen=True, slots=True)
class Notification:
    """Something to be told."""

    title: str
    sentence: str
    severity: Severity = "information"
    about: str = "tasks"
    """As `Notice.about`."""


def news_of(tasks: Sequence[Task], now: float) -> Notification:
    """What is told of tasks that ended or need an answer.

    Args:
        tasks: at least one.
        now: the present, in seconds since the epoch.
    """
    severity: Severity = "information"
    if any(task.state is TaskState.FAILED for task in tasks):
        severity = "error"
    elif any(task.state is TaskState.WAITING for task in tasks):
        severity = "warning"
    if len(tasks) == 1:
        task = tasks[0]
        about = "plans" if task.state is TaskState.WAITING and task.reason is Reason.APPROVAL else "tasks"
        return Notification(f"{task.shown} {_VERBS[task.state]}", _about(task, now), severity, about)
    by_state = [(state, [task for task in tasks if task.state is state]) for state in _STATES]
    counted = [
        f"{plural(len(those), 'task')} {(_VERBS if len(those) == 1 else _VERBS_OF_MANY)[state]}"
        for state, those in by_state
        if those
    ]
    named = [f"{task.shown} {task.title}" for _, those in by_state for task in those][:NAMED_MAX]
    more = f", and {len(tasks) - NAMED_MAX} more" if len(tasks) > NAMED_MAX else ""
    return Notification(", ".join(counted), ", ".join(named) + more, severity)


def _about(task: Task, now: float) -> str:
    match task.state:
        case TaskState.FAILED:
            return f"{task.title}: {task.error or state_words(task, now)}"
        case TaskState.WAITING:
            return f"{task.title}: {state_words(task, now)}"
    return f"{task.title}, {clock(elapsed_s(task, now))}"


@dataclass
class TaskNotifier:
    """Gathers what happens and tells it.

    Attributes:
        screen: of the window.
        clock: the time.
        say: shows a notice, in place of the one before.
        watched: whether a task is being looked at, so that nothing need be said of it while the window is.
        manners: what the user wants.
    """

    screen: Screen[Any]
    clock: Clock
    say: Callable[[Notification], None]
    watched: Callable[[str], bool]
    manners: WindowPreferences = field(default_factory=WindowPreferences)
    _told: dict[tuple[str, str, float | None], None] = field(default_factory=dict, init=False)
    _gathered: dict[str, Task] = field(default_factory=dict, init=False)
    _gathered_anew: bool = field(default=False, init=False)
    _timer: Timer | None = field(default=None, init=False)

    def on_task(self, task: Task) -> None:
        """A task changed."""
        if task.state not in _STATES:
            self._gathered.pop(task.id, None)
            return
        key = (task.id, task.state.value, task.finished if task.finished is not None else task.steps_done)
        if key in self._told:
            return
        self._told[key] = None
        if len(self._told) > TOLD_MAX:
            del self._told[next(iter(self._told))]
        if self.screen.app.app_focus and self._is_in_sight(task.id):
            return
        self._gathered[task.id] = task
        self._gathered_anew = True
        if self._timer is None:
            self._timer = self.screen.set_timer(FIRST_S, self._tell_first)

    def _is_in_sight(self, task_id: str) -> bool:
        """Whether the screen shows what became of a task."""
        front = self.screen.app.screen
        if front is self.screen:
            return self.watched(task_id)
        return isinstance(front, BaseScreen) and front.LISTS_TASKS

    def _tell_first(self) -> None:
        self._timer = self.screen.set_timer(GATHER_S, self._tell_rest) if self._tell() else None

    def _tell_rest(self) -> None:
        self._timer = None
        self._tell()
        self._gathered.clear()

    def _tell(self) -> bool:
        """Tell what was gathered; False where that is nothing, or nothing more than was told."""
        tasks = list(self._gathered.values())
        if not tasks or not self._gathered_anew:
            return False
        self._gathered_anew = False
        news = news_of(tasks, self.clock.now())
        self.say(news)
        if not self.screen.app.app_focus:
            send(self.screen.app, f"tale: {news.title}", news.sentence, self.manners, self.clock.now())
        return True
