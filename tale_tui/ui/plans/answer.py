"""What a dialog about a plan asks of others, and what the user says in it."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tale_tui.domain.tasks import Reason, Task, TaskState

if TYPE_CHECKING:
    from tale_tui.domain.events import TaskEvent
    from tale_tui.domain.plans import PlanDraft
    from tale_tui.ui.widgets.pick_list import PickRow


@dataclass(frozen=True, slots=True)
class PlanAnswer:
    """What the user wants done with a plan."""

    plan: str = ""
    """As JSON, where it was changed; empty where it was not."""
    yes: bool = False
    """It may run, or the one step of it."""
    step: str = ""
    """The key of the only step that may run; empty for all."""
    reason: str = ""
    """Why it is refused; empty where it is not."""
    skip: str = ""
    """The key of the step that asks to copy files out and is not to; empty for none."""


@dataclass(frozen=True, slots=True)
class PlanSource:
    """What a dialog about a plan asks of others; each may raise `TaleError`."""

    draft: Callable[[str], Awaitable[PlanDraft]]
    """Checks another plan and foresees it."""
    read: Callable[[], Awaitable[PlanDraft]]
    """The plan as it is stored now."""
    follow: Callable[[], AsyncGenerator[TaskEvent, None]]
    """The task as it goes."""
    models: Callable[[], Awaitable[Sequence[PickRow]]]
    """Those that a step may be given to."""
    save: Callable[[str], Awaitable[None]]
    """Writes a plan to a file that the user names."""
    load: Callable[[], Awaitable[str | None]]
    """A plan from a file that the user names; None where they name none."""


def may_change(task: Task) -> bool:
    """Whether a task may be given another plan now."""
    return task.state is TaskState.PAUSED or asks_about_plan(task)


def asks_about_plan(task: Task) -> bool:
    """Whether a task waits for a yes to its plan, or to a step of it."""
    return task.state is TaskState.WAITING and task.reason is Reason.APPROVAL
