"""The verbs on tasks: what the store knows of them, and what the executor does with them."""

from __future__ import annotations

from collections.abc import AsyncGenerator

from tale_tui.engine.events import TaskEvent
from tale_tui.engine.store import Store
from tale_tui.engine.task_types import Priority, Task, TaskDetail, TaskState
from tale_tui.engine.tasks import Executor


class TaskVerbs:
    """A part of `Engine`. The verbs are described in `verbs.Verbs`.

    Args:
        store: holds the tasks.
        executor: carries them out.
    """

    def __init__(self, store: Store, executor: Executor) -> None:
        self._store = store
        self._executor = executor

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
        """See `Verbs.submit`."""
        return await self._executor.submit(
            text,
            key=key,
            priority=priority,
            plan=plan,
            after=after,
            time_limit_s=time_limit_s,
            session_id=session_id,
            p=p,
        )

    async def tasks(
        self, *, states: tuple[TaskState, ...] = (), session_id: str = "", limit: int = 10_000
    ) -> tuple[Task, ...]:
        """See `Verbs.tasks`."""
        return await self._store.tasks(states, session_id, limit)

    async def task(self, task_id: str) -> TaskDetail:
        """See `Verbs.task`."""
        return await self._executor.detail(task_id)

    async def find_task(self, prefix: str) -> Task:
        """See `Verbs.find_task`."""
        return await self._store.find_task(prefix)

    def follow_task(self, task_id: str) -> AsyncGenerator[TaskEvent, None]:
        """See `Verbs.follow_task`."""
        return self._executor.follow(task_id)

    async def cancel_task(self, task_id: str) -> Task:
        """See `Verbs.cancel_task`."""
        return await self._executor.cancel(task_id)

    async def pause_task(self, task_id: str) -> Task:
        """See `Verbs.pause_task`."""
        return await self._executor.pause(task_id)

    async def resume_task(self, task_id: str) -> Task:
        """See `Verbs.resume_task`."""
        return await self._executor.resume(task_id)

    async def retry_task(self, task_id: str, *, step: str = "") -> Task:
        """See `Verbs.retry_task`."""
        return await self._executor.retry(task_id, step)

    async def approve_task(self, task_id: str, *, yes: bool) -> Task:
        """See `Verbs.approve_task`."""
        return await self._executor.approve(task_id, yes=yes)

    async def set_priority(self, task_id: str, priority: Priority) -> Task:
        """See `Verbs.set_priority`."""
        return await self._executor.set_priority(task_id, priority)

    async def move_task(self, task_id: str, *, before: str | None) -> Task:
        """See `Verbs.move_task`."""
        return await self._executor.move(task_id, before)
