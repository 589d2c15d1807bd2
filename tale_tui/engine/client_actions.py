"""What a user can do with a task, on the API alone: one set for both screens, line mode and the command line.

Plain data comes back, or a `TaleError` whose sentence can be shown. Which of several tasks is meant, and what is said
afterwards, is for the caller to ask and to tell.
"""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Literal

from tale_tui.domain.constants import TIME_LIMIT_MAX_S
from tale_tui.domain.errors import AmbiguousTask, BadPriority, BadTimeLimit, NoModel, NoSuchTask, WrongState
from tale_tui.domain.models import Role
from tale_tui.domain.tasks import ENDED, OPEN, Priority, Task, TaskDetail, TaskState, is_time_limit
from tale_tui.domain.text import clean, clean_line
from tale_tui.engine.api import EngineApi
from tale_tui.formatting.plans import numbered

TaskKind = Literal["any", "open", "going", "paused", "waiting", "written", "again"]
"""Tasks by what can be done with them: those that can be ended, stopped, resumed, answered, read, run again."""
KINDS: Mapping[TaskKind, frozenset[TaskState]] = {
    "any": frozenset(TaskState),
    "open": OPEN,
    "going": frozenset({TaskState.QUEUED, TaskState.RUNNING}),
    "paused": frozenset({TaskState.PAUSED}),
    "waiting": frozenset({TaskState.WAITING}),
    "written": frozenset({TaskState.DONE}),
    "again": ENDED | {TaskState.PAUSED},
}
"""The states of the tasks of a kind."""
PRIORITY_NAMES = ", ".join(priority.value for priority in Priority)
"""The highest first, for sentences."""
CHOICES_MAX = 200
"""Tasks among which one can be chosen: all that run or wait, and those that ended last."""

_NONE: Mapping[TaskKind, str] = {
    "any": "There is no task yet. What is work becomes one, or write /task and what is to be done.",
    "open": "No task is open.",
    "going": "No task runs or is queued.",
    "paused": "No task is paused.",
    "waiting": "No task waits for you.",
    "written": "No task is done yet.",
    "again": "No task has ended yet.",
}


@dataclass(frozen=True, slots=True)
class TaskAction:
    """Something that can be done with a task by its id alone."""

    kind: TaskKind
    """The tasks with which it can be done."""
    run: Callable[[EngineApi, str], Awaitable[Task]]
    """Does it, and gives the task as it is then."""


ACTIONS: Mapping[str, TaskAction] = {
    "cancel": TaskAction("open", lambda engine, task_id: engine.tasks.cancel(task_id)),
    "pause": TaskAction("going", lambda engine, task_id: engine.tasks.pause(task_id)),
    "resume": TaskAction("paused", lambda engine, task_id: engine.tasks.resume(task_id)),
    "retry": TaskAction("again", lambda engine, task_id: engine.tasks.retry(task_id)),
    "approve": TaskAction("waiting", lambda engine, task_id: engine.tasks.approve(task_id, yes=True)),
    "give": TaskAction("any", lambda engine, task_id: give_to_other(engine, task_id)),
    "decline": TaskAction("waiting", lambda engine, task_id: engine.tasks.approve(task_id, yes=False)),
}
"""By the name that the commands and the keys have."""


async def give_to_other(engine: EngineApi, task_id: str) -> Task:
    """Have a task done by the model of the other role than the one that does it now.

    Raises:
        NoModel: the other role has none.
        WrongState: one model does both.
    """
    task = (await engine.tasks.get(task_id)).task
    refs = {status.role: status.ref for status in await engine.models.roles()}
    at_small = task.ref == refs.get(Role.UX) if task.given is None else task.given is Role.UX
    to = Role.TASK if at_small else Role.UX
    if refs.get(to) is None:
        raise NoModel(f"There is no model for {'tasks' if to is Role.TASK else 'conversations'} to give it to.")
    if refs[Role.UX] == refs[Role.TASK]:
        raise WrongState("One model answers and works here: there is no other one to give the task to.")
    return await engine.tasks.give(task_id, to)


# which task


async def matching(engine: EngineApi, prefix: str) -> tuple[Task, ...]:
    """The task whose id begins with `prefix`; all of them where several do.

    Raises:
        NoSuchTask: none does; the sentence suggests the nearest.
    """
    prefix = prefix.lower()
    try:
        return (await engine.tasks.find(prefix),)
    except AmbiguousTask:
        return tuple(task for task in await engine.tasks.list() if task.id.startswith(prefix))


async def choices(engine: EngineApi, kind: TaskKind) -> tuple[Task, ...]:
    """The tasks with which something can be done.

    Raises:
        NoSuchTask: there is none.
    """
    found = await engine.tasks.list(states=tuple(KINDS[kind]), limit=CHOICES_MAX)
    if not found:
        raise NoSuchTask(_NONE[kind])
    return found


async def latest(engine: EngineApi, kind: TaskKind, session_id: str = "") -> Task:
    """The task of a conversation that changed last, else of all.

    Args:
        engine: has them.
        kind: what can be done with it.
        session_id: the conversation; empty for none.
    Raises:
        NoSuchTask: there is none.
    """
    found: tuple[Task, ...] = ()
    if session_id:
        found = await engine.tasks.list(states=tuple(KINDS[kind]), session_id=session_id, limit=CHOICES_MAX)
    return max(found or await choices(engine, kind), key=lambda task: task.updated)


async def running(engine: EngineApi) -> tuple[Task, ...]:
    """The tasks that run now."""
    return await engine.tasks.list(states=(TaskState.RUNNING,))


async def likeliest(engine: EngineApi, states: Collection[TaskState]) -> Task | None:
    """The task that is meant where none is named: in one of these states, running, the newest; None without tasks."""
    found = await engine.tasks.list()
    rank = {task.id: (task.state in states, task.state is TaskState.RUNNING, task.created) for task in found}
    return max(found, key=lambda task: rank[task.id], default=None)


# what is written behind a command


def parse_priority(text: str) -> Priority:
    """A priority by its name.

    Raises:
        BadPriority: there is none of that name.
    """
    try:
        return Priority(text.strip().lower())
    except ValueError as error:
        raise BadPriority(f"There is no priority {clean_line(text)!r}: write one of {PRIORITY_NAMES}.") from error


def parse_time_limit(text: str) -> float:
    """A time limit in seconds.

    Raises:
        BadTimeLimit: it is not a number above zero, or more than a year.
    """
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not is_time_limit(seconds):
        raise BadTimeLimit(
            f"{clean_line(text)!r} is no time limit: write seconds above 0 and up to {TIME_LIMIT_MAX_S:,.0f} (a year), "
            "as in --time-limit 600."
        )
    return seconds


# what came of it


def result_text(detail: TaskDetail) -> str:
    """All that came of a task: its result, else what its steps wrote so far, as Markdown."""
    if detail.result:
        return clean(detail.result)
    written = [step for step in numbered(detail) if step.text.strip()]
    if len(written) == 1:
        return clean(written[0].text)
    return clean("\n\n".join(f"## {clean_line(step.spec.title or step.spec.key)}\n\n{step.text}" for step in written))
