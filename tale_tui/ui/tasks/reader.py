"""Reading tasks while more is told of them."""

from __future__ import annotations

from collections.abc import Awaitable

from tale_tui.domain.tasks import Task


class TaskReader:
    """Reads tasks; what was told of one meanwhile is newer than what was read, and goes before."""

    def __init__(self) -> None:
        self._told: list[dict[str, Task]] = []
        """By each reading that is under way: what was told since."""

    def told(self, task: Task) -> None:
        """The engine said how a task is now."""
        for told in self._told:
            told[task.id] = task

    async def read(self, tasks: Awaitable[tuple[Task, ...]]) -> tuple[Task, ...]:
        """What is read, as it is when it has been read.

        Args:
            tasks: the reading.
        """
        told: dict[str, Task] = {}
        self._told.append(told)
        try:
            return tuple(told.get(task.id, task) for task in await tasks)
        finally:
            self._told = [other for other in self._told if other is not told]
