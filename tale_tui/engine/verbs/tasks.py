"""Verbs on tasks: hand in, watch, steer."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Protocol

from tale_tui.engine.events import TaskEvent
from tale_tui.engine.task_types import Priority, Task, TaskDetail, TaskState


class TaskVerbs(Protocol):
    """Work that goes on in the background."""

    async def submit(
        self,
        text: str,
        *,
        key: str,
        priority: Priority = Priority.NORMAL,
        plan: str = "",
        after: tuple[str, ...] = (),
        time_limit_s: float | None = None,
        session_id: str | None = None,
        p: float | None = None,
    ) -> Task:
        """Hand in a task.

        Args:
            text: what is to be done; passes the border here.
            key: becomes the id, so that a repeated call hands in nothing twice.
            priority: who goes first.
            plan: the steps as JSON; empty for one step.
            after: whole ids of tasks that must be done before.
            time_limit_s: in all; None takes that of the settings.
            session_id: the conversation that it belongs to; None for none. It gets no card there.
            p: the probability with which it was detected, where it was.
        Raises:
            EmptyMessage, TaskTooLong, BadPlan, BadTimeLimit, NoSuchTask, NoSuchSession, TooManyTasks: nothing was
                stored.
        """
        ...

    async def tasks(
        self, *, states: tuple[TaskState, ...] = (), session_id: str = "", limit: int = 10_000
    ) -> tuple[Task, ...]:
        """Tasks: the open ones first (running, waiting, paused, queued in their order), then the newest end first.

        Args:
            states: only these; empty for all.
            session_id: only those of a conversation; empty for all.
            limit: at most so many.
        """
        ...

    async def task(self, task_id: str) -> TaskDetail:
        """Everything about a task.

        Raises:
            NoSuchTask: it is not there.
        """
        ...

    async def find_task(self, prefix: str) -> Task:
        """The task whose id begins with `prefix`; an exact match wins.

        Raises:
            NoSuchTask: none; the sentence suggests the nearest.
            AmbiguousTask: several; the sentence names them.
        """
        ...

    def follow_task(self, task_id: str) -> AsyncGenerator[TaskEvent, None]:
        """A task as it goes, from now until it has ended. Closing the stream does nothing to the task.

        Raises:
            NoSuchTask: it is not there.
        """
        ...

    async def cancel_task(self, task_id: str) -> Task:
        """End a task that is open; its model is stopped before this returns.

        Raises:
            NoSuchTask, WrongState: nothing was changed.
        """
        ...

    async def pause_task(self, task_id: str) -> Task:
        """Stop a task that is queued or running; its text is kept, its slot is free.

        Raises:
            NoSuchTask, WrongState: nothing was changed.
        """
        ...

    async def resume_task(self, task_id: str) -> Task:
        """Queue a paused task again; a half-written step goes on from its last second where the model allows it.

        Raises:
            NoSuchTask, WrongState: nothing was changed.
        """
        ...

    async def retry_task(self, task_id: str, *, step: str = "") -> Task:
        """Run a task that has ended, or is paused, again.

        Args:
            task_id: the whole id.
            step: the key of the step from which on it is run again; empty: a failed or cancelled task from where it
                stands, a done one from the beginning.
        Raises:
            NoSuchTask, WrongState, BadPlan: nothing was changed; the last for a step that it does not have.
        """
        ...

    async def approve_task(self, task_id: str, *, yes: bool) -> Task:
        """Answer a task that waits for the user: it is queued again, or cancelled.

        Raises:
            NoSuchTask, WrongState: nothing was changed.
        """
        ...

    async def set_priority(self, task_id: str, priority: Priority) -> Task:
        """Give an open task another priority.

        Raises:
            NoSuchTask, WrongState: nothing was changed.
        """
        ...

    async def move_task(self, task_id: str, *, before: str | None) -> Task:
        """Put a queued task before another one, which gives it its priority; None puts it last of its priority.

        Raises:
            NoSuchTask, WrongState: nothing was changed.
        """
        ...
