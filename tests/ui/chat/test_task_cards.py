"""A card of a task that goes on while its reader does something else."""

from __future__ import annotations

import asyncio
from typing import Any

from tale_tui.domain.models import Role
from tale_tui.engine.models.scripted import Hold, Say, Script, spoken
from tale_tui.ui.tasks.screen import TasksScreen


class Work:
    """Answers talk at once; a task writes its lines one by one, each after its event."""

    def __init__(self) -> None:
        self.more, self.end = asyncio.Event(), asyncio.Event()

    def __call__(self, request: Any) -> Script:
        if request.role is Role.TASK:
            return Script(
                (Say("line one\n\n"), Hold(self.more), Say("line two\n\n"), Hold(self.end), Say("line three"))
            )
        return spoken("An ", "answer.")


async def begun(window: Any) -> None:
    """Begin a task, and wait until what it writes stands under its card."""
    await window.ready()
    await window.say("/task Write three lines")
    await window.shows("line one")


async def test_nothing_is_told_of_a_task_where_the_list_of_all_tasks_is_in_front(open_window: Any) -> None:
    work = Work()
    async with open_window(work) as window:
        await begun(window)
        await window.press("f3")
        await window.dialog(TasksScreen)
        work.more.set()
        work.end.set()
        await window.shows("1 done")
        await window.press("f2")
        await window.closed()
        assert window.told == []


async def test_a_card_that_the_reader_opened_goes_on_being_written_after_the_conversation_was_read_again(
    open_window: Any,
) -> None:
    work = Work()
    async with open_window(work) as window:
        await begun(window)
        await window.say("hello")
        await window.answered(1)
        await window.hides("line one")
        reply = window.messages[-1]
        await window.press("shift+tab", "up", "up", "enter")
        await window.shows("line one")
        # Another version of the reply below it: what is on the screen is not only longer.
        async for _ in window.engine.chat.regenerate(reply.session_id, reply.id):
            pass
        await window.until(lambda: window.messages[-1].siblings == 2, "the other version is shown")
        await window.press("escape")
        await window.say("go on")
        await window.answered(2)
        work.more.set()
        await window.shows("line one", "line two")
