"""What goes into the tasks of a store and comes out of them, besides the classes of `task_types`."""

from __future__ import annotations

from dataclasses import dataclass

from tale_tui.engine.task_types import Plan, Priority, Reason, TaskDetail, TaskState
from tale_tui.engine.types import ModelRef


@dataclass(frozen=True, slots=True)
class NewTask:
    """A task that is to be stored. Its texts pass the border on the way in."""

    id: str
    text: str
    """What was asked."""
    plan: Plan
    title: str = ""
    """Empty for the first words of the text."""
    priority: Priority = Priority.NORMAL
    state: TaskState = TaskState.QUEUED
    """Where it begins; a queued task whose plan wants approval begins as waiting instead."""
    reason: Reason = Reason.NONE
    session_id: str | None = None
    ref: ModelRef | None = None
    """The model that would do it, as far as it is known."""
    why: str = ""
    p: float | None = None
    """The probability with which it was detected; None where somebody said that it is a task."""
    after: tuple[str, ...] = ()
    """Whole ids of the tasks that must be done before it."""
    time_limit_s: float | None = None


@dataclass(frozen=True, slots=True)
class TaskEnd:
    """How a task ends with its last step."""

    result: str
    why: str = ""
    """Why this model did it, in a few words; empty keeps what is there."""


@dataclass(frozen=True, slots=True)
class Claim:
    """A task that was taken out of the queue: whoever holds this runs it, and nobody else."""

    detail: TaskDetail
    epoch: int
    """Goes with every change that the run makes."""
