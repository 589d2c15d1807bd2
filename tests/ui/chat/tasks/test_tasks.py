"""Tasks from the chat: their results, their cards, completions of their ids, and what becomes of them on leaving."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest

from support.waiting import until
from support.window import Window
from tale_tui.domain.models import Role
from tale_tui.domain.tasks import Task, TaskState
from tale_tui.engine.models.scripted import Hold, Say, Script, spoken
from tale_tui.formatting.symbols import signs
from tale_tui.ui.dialogs.save_files import SaveFilesDialog
from tale_tui.ui.tasks.screen import TasksScreen

FIRST, SECOND = "k4t90000000000aa", "m2x70000000000bb"
CODE = "Save it as `fib.py`:\n\n```python\ndef fib(n): return n\n```\n"


def held(*steps: Any) -> Script:
    """Work that does not end by itself."""
    return Script((*steps, Hold(asyncio.Event())))


async def submit(window: Window, task_id: str, state: TaskState, text: str = "Write a poem") -> Task:
    """Hand a task in that belongs to no conversation, and wait for its state."""
    await window.engine.tasks.submit(text, key=task_id)
    return await reaches(window, task_id, state)


async def reaches(window: Window, task_id: str, state: TaskState) -> Task:
    async def has() -> bool:
        return (await window.engine.tasks.get(task_id)).task.state is state

    await window.until(has, f"{task_id} is {state.value}")
    return (await window.engine.tasks.get(task_id)).task


async def test_a_result_without_a_card_here_is_shown_among_the_tasks(open_window: Any) -> None:
    async with open_window([spoken("The first result."), spoken("The second result.")]) as window:
        await window.ready()
        await submit(window, FIRST, TaskState.DONE)
        await submit(window, SECOND, TaskState.DONE)
        await window.say("/result k4t9")
        await window.dialog(TasksScreen)
        await window.shows("The first result.")


async def test_files_are_saved_in_the_folder_that_is_named(
    open_window: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here, named = tmp_path / "here", tmp_path / "named"
    here.mkdir()
    named.mkdir()
    monkeypatch.chdir(here)
    async with open_window([spoken(CODE)]) as window:
        await window.ready()
        await submit(window, FIRST, TaskState.DONE)
        await window.say(f"/save k4t9 {named}")
        await window.dialog(SaveFilesDialog)
        await window.press("enter")
        await window.tells("fib.py in")
        assert [file.name for file in named.iterdir()] == ["fib.py"]
        assert not list(here.iterdir())


async def test_a_card_that_the_user_opened_is_written_on_after_the_next_message(open_window: Any) -> None:
    go_on = asyncio.Event()

    def answer(request: Any) -> Script:
        if request.role is Role.TASK:
            return held(Say("The first line."), Hold(go_on), Say("\n\nThe second line."))
        return spoken("Fine.")

    async with open_window(answer) as window:
        await window.ready()
        await window.say("/task Write two lines")
        await window.shows("The first line.")
        # Enter on the empty prompt folds the card, and opens it by the user's own hand.
        await window.press("enter")
        await window.hides("The first line.")
        await window.press("enter")
        await window.shows("The first line.")
        await window.say("hello")
        await window.shows("Fine.")
        await window.until(lambda: not window.busy, "the reply has ended")
        go_on.set()
        await window.shows("The second line.")


async def test_completions_that_were_closed_stay_closed_when_the_tasks_are_known(open_window: Any) -> None:
    async with open_window([held()]) as window:
        await window.ready()
        await submit(window, FIRST, TaskState.RUNNING, "Write a poem about rain")
        known, read = asyncio.Event(), window.engine.tasks.list

        async def slow(**asked: Any) -> tuple[Task, ...]:
            await known.wait()
            return await read(**asked)  # type: ignore[no-any-return]

        window.engine.tasks.list = slow
        await window.write("/cancel ")
        await window.press("escape")
        known.set()
        await window.idle()
        await window.pilot.pause()
        assert "/cancel" in window.painted
        assert "Write a poem about rain" not in window.painted
        await window.write("k")
        await window.shows("Write a poem about rain")


async def test_nobody_is_asked_on_leaving_while_another_window_goes_on(open_window: Any) -> None:
    async with open_window([held()]) as window:
        await window.ready()
        await submit(window, FIRST, TaskState.RUNNING)

        async def watch() -> None:
            async with aclosing(window.engine.control.watch(window=True)) as facts:
                async for _ in facts:
                    pass

        async def watched_by_two() -> bool:
            return (await window.engine.control.status()).watched == 2

        other = asyncio.create_task(watch())
        await until(watched_by_two, "another window is open")
        await window.press("ctrl+q")
        await window.left()
        other.cancel()
        await asyncio.gather(other, return_exceptions=True)


async def test_going_on_with_what_was_cut_off_leaves_alone_what_the_user_paused(open_window: Any) -> None:
    async with open_window([held(Say("begun"))]) as window:
        await window.ready()
        await submit(window, FIRST, TaskState.RUNNING, "Paused by hand")
        await window.say("/pause k4t9")
        await reaches(window, FIRST, TaskState.PAUSED)
        await submit(window, SECOND, TaskState.RUNNING, "Cut off")
    async with open_window([held(Say("begun"))]) as window:
        await window.shows("1 task was cut off")
        await window.ready()
        await window.press("f6")
        await reaches(window, SECOND, TaskState.RUNNING)
        await window.hides("1 task was cut off")
        await window.idle()
        assert (await window.engine.tasks.get(FIRST)).task.state is TaskState.PAUSED


async def test_the_first_line_counts_what_was_cut_off_among_what_needs_the_user(open_window: Any) -> None:
    async with open_window([held(Say("begun"))]) as window:
        await window.ready()
        await submit(window, FIRST, TaskState.RUNNING)
    async with open_window() as window:
        await window.ready()
        await window.until(
            lambda: f"Tasks {signs().asks}1" in window.painted.splitlines()[0], "it is counted in the first line"
        )
