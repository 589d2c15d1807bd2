"""What an empty conversation tells: tasks that ask for the user and the last conversations, as they are now."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from tale_tui.domain.events import TaskChanged
from tale_tui.domain.tasks import Task, TaskState
from tale_tui.ui.chat.first_screen import READ_EVERY_S
from tale_tui.ui.widgets.empty_state import EmptyState

PLAN = json.dumps({"format": 1, "approval": True, "steps": [{"key": "a", "title": "Write", "prompt": "Write it."}]})


async def test_what_asks_and_what_was_said_last_stand_on_the_first_screen(open_window: Any) -> None:
    async with open_window() as window:
        await window.ready()
        await window.shows("Nothing waits for you.", "None yet.", "a task")
        await window.say("hello there")
        await window.answered()
        await window.hides("Last conversations")
        await window.press("ctrl+n")
        await window.shows("Last conversations", "hello there")
        task = await window.engine.tasks.submit("A web application", key="k4t9aaaaaaaa", plan=PLAN)
        await window.shows("A web application", "approve 1 step")
        await window.engine.tasks.approve(task.id, yes=True)
        await window.shows("Nothing waits for you.")


async def test_a_row_opens_what_it_names(open_window: Any) -> None:
    async with open_window() as window:
        await window.ready()
        await window.say("hello there")
        await window.answered()
        await window.press("ctrl+n")
        await window.until(
            lambda: window.chat.empty.display and window.chat.empty.recent, "the row of the conversation"
        )
        window.chat.post_message(EmptyState.RowChosen("session", window.chat.empty.recent[0].key))
        await window.until(lambda: window.texts == ["hello there", "An answer."], "the conversation")
        await window.press("ctrl+n")
        window.chat.post_message(EmptyState.RowChosen("example", "What is memoisation?"))
        await window.until(lambda: window.prompt.text == "What is memoisation?", "the example in the prompt")
        task = await window.engine.tasks.submit("A web application", key="k4t9aaaaaaaa", plan=PLAN)
        window.chat.post_message(EmptyState.RowChosen("task", task.id))
        await window.until(lambda: window.app.current_mode == "tasks", "the screen of tasks")


async def test_it_is_read_while_tasks_change_all_the_time_and_not_with_every_change(open_window: Any) -> None:
    read = list[float]()
    writes = Task("k4t9bbbb", "k4t9", "A title", TaskState.RUNNING, 1.0, 2.0)
    async with open_window() as window:
        await window.ready()
        listed = window.engine.sessions.list

        async def counted(**asked: Any) -> Any:
            read.append(asyncio.get_running_loop().time())
            await asyncio.sleep(READ_EVERY_S / 10)  # as long as there are ten changes
            return await listed(**asked)

        async def change() -> None:
            while True:
                window.engine.bus.publish(TaskChanged(writes))
                await asyncio.sleep(READ_EVERY_S / 100)

        window.engine.sessions.list = counted
        began = asyncio.get_running_loop().time()
        changes = asyncio.create_task(change())
        await window.engine.tasks.submit("A web application", key="k4t9aaaaaaaa", plan=PLAN)
        await window.shows("A web application")
        await window.until(lambda: len(read) >= 3, "it is read again")
        changes.cancel()
        assert len(read) <= (asyncio.get_running_loop().time() - began) / READ_EVERY_S + 2
