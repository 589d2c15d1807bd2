"""Reading tasks on their screen: what is opened by a click, goes on by itself, and is chosen for the user."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from textual.geometry import Region
from textual.strip import Strip

from support.scripted_engine import ScriptedEngine
from support.tasks import NOW, detail_of, plain, step, task
from support.window import Window
from tale_tui.config.first_frame import FirstFrameSettings
from tale_tui.config.paths import Paths
from tale_tui.domain.clock import Clock
from tale_tui.engine.api import EngineApi
from tale_tui.ui.app import TaleApp
from tale_tui.ui.engine_bridge import Bridge
from tale_tui.ui.tasks.choose_step import StepDialog
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
    # The task that is read is another one: its text moves by itself.
    engine = plain([task("bbbb", "Again", "queued", next_try=NOW + 30), task("cccc", "Over", "done", finished_ago=60)])
    async with open_tasks(engine, size=(80, 24)) as window:
        await window.shows("again in 30 s")
        await window.press("down")
        await window.idle()
        # To look at the screen would paint it: what counts is what is painted by itself.
        shown = window.app.tasks.list
        paint, repainted = shown.render_lines, []

        def render_lines(crop: Region) -> list[Strip]:
            strips: list[Strip] = paint(crop)
            repainted.extend(strip.text for strip in strips)
            return strips

        shown.render_lines = render_lines
        window.app.passed = 21.0
        await window.until(lambda: any("again in 9 s" in line for line in repainted), "its seconds are painted")


async def test_a_task_is_read_on_when_its_screen_is_shown_again(paths: Paths, clock: Clock) -> None:
    engine = ScriptedEngine(
        [detail_of(task("k4t9", "Poem", "running"), [step("answer", "running", "The first words")])]
    )

    @asynccontextmanager
    async def opened() -> AsyncIterator[EngineApi]:
        yield engine

    window = Window(TaleApp(Bridge(opened), paths, FirstFrameSettings(), clock=clock))
    async with window.app.run_test(size=(120, 40), notifications=True):
        await window.ready()
        await window.press("f3")
        await window.shows("The first words")
        await window.press("f2")
        await window.closed()
        await window.until(lambda: engine.followed("k4t900000000000") == 0, "it is left")
        await window.press("f3")
        await window.dialog(TasksScreen)
        await window.until(lambda: engine.followed("k4t900000000000") == 1, "it is read again")
        engine.write("k4t900000000000", " and more words")
        await window.shows("The first words and more words")


async def test_running_again_begins_with_the_first_step_that_is_not_done(open_tasks: Any) -> None:
    async with open_tasks() as window:
        await window.shows("Fibonacci function", "outline")
        await window.press("R")
        await window.dialog(StepDialog)
        await window.press("enter")
        await window.until(lambda: window.engine.calls, "the engine is asked")
        assert window.engine.calls == [("retry", "k4t900000000000", "write")]
