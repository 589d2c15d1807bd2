"""Reading tasks on their screen: what is opened by a click, goes on by itself, and is chosen for the user."""

from __future__ import annotations

import asyncio
from typing import Any

from support.tasks import NOW, FakeEngine, task
from support.window import Window
from tale_tui.engine.models.scripted import Hold, Say, Script
from tale_tui.ui.dialogs.choose_step import StepDialog
from tale_tui.ui.tasks.screen import TasksScreen


async def click(window: Window, words: str) -> None:
    """Click where these words stand."""
    lines = window.painted.splitlines()
    y = next(number for number, line in enumerate(lines) if words in line)
    await window.pilot.click(offset=(lines[y].index(words), y))


async def test_a_click_on_the_chosen_task_opens_it(open_tasks: Any) -> None:
    async with open_tasks(size=(80, 24)) as window:
        await click(window, "Compare three databases")
        assert "approve 14 steps" in window.painted
        await click(window, "Compare three databases")
        await window.shows("SQLite is")
        assert "approve 14 steps" not in window.painted


async def test_the_seconds_until_the_next_try_go_by(open_tasks: Any) -> None:
    engine = FakeEngine([task("bbbb", "Again", "queued", next_try=NOW + 30)])
    async with open_tasks(engine, size=(80, 24)) as window:
        await window.shows("again in 30 s")
        window.app.passed = 21.0
        await window.shows("again in 9 s")


async def test_a_task_is_read_on_when_its_screen_is_shown_again(open_window: Any) -> None:
    go_on = asyncio.Event()
    script = Script((Say("The first words"), Hold(go_on), Say(" and more words"), Hold(asyncio.Event())))
    async with open_window([script]) as window:
        await window.ready()
        await window.engine.tasks.submit("Write a poem about rain", key="k4t90000000000aa")
        await window.press("f3")
        await window.dialog(TasksScreen)
        await window.shows("The first words")
        await window.press("f2")
        await window.closed()
        await window.idle()
        await window.press("f3")
        await window.dialog(TasksScreen)
        await window.shows("The first words")
        go_on.set()
        await window.shows("The first words and more words")


async def test_running_again_begins_with_the_first_step_that_is_not_done(open_tasks: Any) -> None:
    async with open_tasks() as window:
        await window.shows("Fibonacci function", "outline")
        await window.press("R")
        await window.dialog(StepDialog)
        await window.press("enter")
        await window.until(lambda: window.engine.calls, "the engine is asked")
        assert window.engine.calls == [("retry write", "k4t9")]
