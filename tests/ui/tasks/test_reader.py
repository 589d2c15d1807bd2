"""What is told of tasks while they are read."""

from __future__ import annotations

import asyncio

from support.tasks import task
from tale_tui.domain.tasks import Task, TaskState
from tale_tui.ui.tasks.reader import TaskReader

OLD, OTHER = task("k4t9", "Fibonacci function"), task("p8c3", "Tests for Fibonacci")
NEW = task("k4t9", "Fibonacci function", state=TaskState.DONE)


async def test_what_is_told_during_a_reading_goes_before_what_was_read() -> None:
    reader, goes_on = TaskReader(), asyncio.Event()

    async def read() -> tuple[Task, ...]:
        await goes_on.wait()
        return (OLD, OTHER)

    reader.told(task("p8c3", "told before it"))
    first, second = asyncio.create_task(reader.read(read())), asyncio.create_task(reader.read(read()))
    await asyncio.sleep(0)
    reader.told(NEW)
    reader.told(task("m2x7", "not among them"))
    goes_on.set()
    assert await first == await second == (NEW, OTHER)
    assert await reader.read(read()) == (OLD, OTHER)
