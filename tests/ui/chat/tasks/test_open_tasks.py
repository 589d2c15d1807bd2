"""The number of tasks in the first and in the last line: asked once, whoever shows it."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tale_tui.domain.events import TaskChanged
from tale_tui.domain.tasks import EngineStatus, Task, TaskCounts, TaskState
from tale_tui.ui.chat.tasks.open_tasks import READ_EVERY_S


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[TaskCounts]:
    """What the engine answers while a test runs, one entry a call."""
    from tale_tui.engine.control import EngineControl

    status, asked = EngineControl.status, []

    async def counted(self: EngineControl) -> EngineStatus:
        asked.append((await status(self)).tasks)
        return await status(self)

    monkeypatch.setattr(EngineControl, "status", counted)
    return asked


async def test_one_event_of_a_task_is_one_call_and_many_at_once_are_no_more(
    open_window: Any, asked: list[TaskCounts]
) -> None:
    task = Task("k4t9aaaa", "k4t9", "A title", TaskState.DONE, 1.0, 2.0)
    async with open_window() as window:
        await window.ready()
        await asyncio.sleep(2 * READ_EVERY_S)
        for count in (1, 5):
            asked.clear()
            for _ in range(count):
                window.engine.bus.publish(TaskChanged(task))
            await window.until(lambda: asked, "the tasks are counted")
            await asyncio.sleep(2 * READ_EVERY_S)
            assert len(asked) == 1


async def test_both_lines_show_what_was_counted(open_window: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    async with open_window() as window:
        await window.ready()
        window.controller.tasks.open.show(TaskCounts(waiting=2, queued=3, running=4, interrupted=1, paused=1))
        assert (window.chat.title_bar.running, window.chat.title_bar.asking) == (4, 3)
        assert (window.chat.line.tasks.running, window.chat.line.tasks.queued, window.chat.line.tasks.asking) == (
            4,
            3,
            2,
        )


async def test_a_conversation_that_is_not_there_keeps_nobody_from_counting(
    open_window: Any, asked: list[TaskCounts]
) -> None:
    async with open_window(session_id="zzzz") as window:
        await window.until(lambda: asked, "the tasks are counted")
