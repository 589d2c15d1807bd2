"""Working off the queue: until nothing is left that could be done without the user."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from contextlib import aclosing, suppress
from typing import TYPE_CHECKING

from tale_tui.at_work import engine_words, is_here
from tale_tui.background import LINGER_S
from tale_tui.cli.ready import ensure_runs
from tale_tui.cli.task_output import line_of
from tale_tui.engine.errors import WrongState
from tale_tui.engine.events import EngineMoved, TaskChanged, TasksChanged
from tale_tui.engine.task_types import ENDED, OPEN, Reason, TaskState

if TYPE_CHECKING:
    from tale_tui.engine.api import EngineApi
    from tale_tui.engine.events import Fact
    from tale_tui.engine.task_types import Task


def can_go_on(tasks: Iterable[Task]) -> bool:
    """Whether one of these runs, or will, without the user doing anything.

    A queued task that waits for others needs no look at those: where nothing else runs or is free to, all of them end
    at a task that wants the user.
    """
    return any(
        task.state is TaskState.RUNNING or (task.state is TaskState.QUEUED and not task.waits_for) for task in tasks
    )


class QueueRun:
    """One run over the queue. `end` ends it early.

    Args:
        says: writes a line about each task that has ended.
        tells: writes who works, where that is another process.
        resumes: whether tasks that were cut off go on; asked where this process is the engine.
        lingers: whether it stays until nothing was there to do for `LINGER_S`, and nobody watches.
    """

    def __init__(
        self,
        *,
        says: Callable[[str], None],
        tells: Callable[[str], None],
        resumes: Callable[[], bool],
        lingers: bool,
    ) -> None:
        self._says = says
        self._tells = tells
        self._resumes = resumes
        self._lingers = lingers
        self._wake = asyncio.Event()
        self._ending = False
        self._here = False
        self._open: dict[str, Task] = {}
        self._failed = 0

    @property
    def was_ended(self) -> bool:
        """Whether it was this process that worked, and `end` ended it: what runs is cut off with it."""
        return self._ending and self._here

    def end(self) -> None:
        """End the run; what is open goes on with the next one."""
        self._ending = True
        self._wake.set()

    async def until_empty(self, engine: EngineApi) -> int:
        """Work until nothing is left to do.

        Returns:
            How many tasks failed meanwhile.
        Raises:
            EngineLost: the engine ended, and this process could not become it.
            ReadOnly: nothing can be written, so no task is run.
        """
        await self._begin(engine)
        reader = asyncio.create_task(self._read(engine), name="queue")
        reader.add_done_callback(lambda _: self._wake.set())
        try:
            await self._work(engine, reader)
        finally:
            reader.cancel()
            with suppress(asyncio.CancelledError):  # by the line above
                await reader
        return self._failed

    async def _work(self, engine: EngineApi, reader: asyncio.Task[None]) -> None:
        loop = asyncio.get_running_loop()
        idle_since: float | None = None
        while not (self._ending or reader.done()):
            self._wake.clear()
            if can_go_on(self._open.values()) or await self._something_left(engine):
                idle_since = None
                await self._wake.wait()
                continue
            idle_since = idle_since or loop.time()
            left = idle_since + LINGER_S - loop.time() if self._lingers else 0.0
            if left <= 0:
                # One reader is this run itself.
                if not self._lingers or (await engine.control.status()).watched <= 1:
                    return
                idle_since, left = loop.time(), LINGER_S
            with suppress(TimeoutError):  # that was the time
                async with asyncio.timeout(left):
                    await self._wake.wait()

    async def _something_left(self, engine: EngineApi) -> bool:
        """Look again: that a task need not wait for another one any longer is not told."""
        await self._look(engine)
        return can_go_on(self._open.values())

    async def _begin(self, engine: EngineApi) -> None:
        """Take over where this process is the engine: what was cut off goes on."""
        await ensure_runs(engine)
        status = await engine.control.status()
        self._here = is_here(status)
        if not self._here:
            self._tells(f"At work: {engine_words(status)}. This waits until nothing is left to do.")
        elif self._resumes():
            for task in await engine.tasks.list(states=(TaskState.PAUSED,)):
                if task.reason is Reason.INTERRUPTED:
                    with suppress(WrongState):  # somebody was faster
                        await engine.tasks.resume(task.id)
        await self._look(engine)

    async def _look(self, engine: EngineApi) -> None:
        """Read what is open; what was and is not any more has ended."""
        found = {task.id: task for task in await engine.tasks.list(states=tuple(OPEN))}
        for task_id in self._open.keys() - found.keys():
            self._take((await engine.tasks.get(task_id)).task)
        self._open = found

    async def _read(self, engine: EngineApi) -> None:
        async with aclosing(engine.control.watch()) as facts:
            async for fact in facts:
                await self._hear(engine, fact)
                self._wake.set()

    async def _hear(self, engine: EngineApi, fact: Fact) -> None:
        match fact:
            case TaskChanged(task=task):
                self._take(task)
            case TasksChanged():
                await self._look(engine)
            case EngineMoved():
                await self._begin(engine)

    def _take(self, task: Task) -> None:
        if task.state not in ENDED:
            self._open[task.id] = task
        elif self._open.pop(task.id, None) is not None:
            self._failed += task.state is TaskState.FAILED
            self._says(line_of(task))
