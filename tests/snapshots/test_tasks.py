"""The tasks screen."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest
from textual.pilot import Pilot

from support import tasks as fake_tasks
from support.window import Window
from tale_tui.domain.errors import EngineLost
from tale_tui.domain.forecasts import NOTHING, Estimate, ForecastSummary, PastForecasts, StepEstimate
from tale_tui.domain.tasks import Reason

TINY, SMALL, USUAL, LARGE = (20, 5), (80, 24), (120, 40), (200, 60)
SIZES = {"80x24": SMALL, "120x40": USUAL, "200x60": LARGE}


@pytest.fixture
def picture(snap_compare: Callable[..., bool], request: pytest.FixtureRequest) -> Callable[..., bool]:
    """Whether the tasks look as in the picture that was kept."""

    def compare(
        engine: Any = None,
        *,
        size: tuple[int, int] = USUAL,
        theme: str = "tale-dark",
        keys: tuple[str, ...] = (),
        before: str = "k4t9",
        after: tuple[str, ...] = (),
        act: Callable[[Window], Awaitable[None]] | None = None,
        broken: Any = None,
    ) -> bool:
        app = fake_tasks.TasksApp(fake_tasks.some() if engine is None else engine, theme, broken)
        app.animation_level = "none"
        window = Window(app)

        async def play(pilot: Pilot[None]) -> None:
            await window.shows(before)
            for key in keys:
                await window.press(key)
            if act is not None:
                await act(window)
            await window.shows(*after)

        return snap_compare(app, terminal_size=size, run_before=play)

    return compare


@pytest.mark.parametrize("size", SIZES.values(), ids=SIZES)
def test_what_runs(picture: Any, size: tuple[int, int]) -> None:
    assert picture(size=size, after=() if size == SMALL else ("from functools",))


def test_light(picture: Any) -> None:
    assert picture(theme="tale-light", after=("from functools",))


def test_a_task_over_the_list(picture: Any) -> None:
    assert picture(size=SMALL, keys=("enter",), after=("from functools",))


def test_light_over_the_list(picture: Any) -> None:
    assert picture(size=SMALL, theme="tale-light", keys=("enter",), after=("from functools",))


@pytest.mark.parametrize("size", [SMALL, USUAL], ids=["80x24", "120x40"])
def test_approval(picture: Any, size: tuple[int, int]) -> None:
    keys = ("down", "down", "enter") if size == SMALL else ("down", "down")
    assert picture(size=size, keys=keys, after=("1 of 14",))


def test_failed(picture: Any) -> None:
    assert picture(keys=("left",), after=("does not fit", "The first chapter"))


def test_done(picture: Any) -> None:
    assert picture(keys=("left", "left"), after=("test_the_first_ones",))


def test_history(picture: Any) -> None:
    async def act(window: Window) -> None:
        await window.shows("from functools")
        await window.press("d", "d")

    assert picture(act=act, after=("What happened",))


@pytest.mark.parametrize("size", [SMALL, USUAL], ids=["80x24", "120x40"])
def test_nothing_yet(picture: Any, size: tuple[int, int]) -> None:
    assert picture(fake_tasks.plain(), size=size, before="No tasks yet")


def test_nothing_found(picture: Any) -> None:
    assert picture(keys=("slash", *"zebra"), after=("Nothing here has",))


def test_filtered(picture: Any) -> None:
    assert picture(keys=("slash", *"fib"), after=("from functools",))


def test_no_engine(picture: Any) -> None:
    broken = EngineLost("The engine ended. Press ctrl+r to start it again.")
    assert picture(broken=broken, before="The engine ended")


def test_cancelling(picture: Any) -> None:
    assert picture(keys=("x",), after=("Keep it",))


@pytest.mark.parametrize("size", [TINY, SMALL, USUAL], ids=["20x5", "80x24", "120x40"])
def test_what_is_told_covers_no_beginning(picture: Any, size: tuple[int, int]) -> None:
    assert picture(size=size, keys=("S",), after=("Sorted",))


def test_choosing_a_step(picture: Any) -> None:
    assert picture(keys=("R",), before="from functools", after=("again from",))


def test_saving_files(picture: Any, tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)

    async def act(window: Window) -> None:
        await window.shows("Letter")
        await window.press("left", "left")
        await window.shows("test_the_first_ones")
        await window.press("s")
        await window.shows("fib.py")
        window.app.screen.query_one("#folder").value = "~/fibonacci"

    assert picture(act=act, after=("~/fibonacci",))


def test_saving_files_of_a_long_title(picture: Any, tmp_path: Any, monkeypatch: Any) -> None:
    monkeypatch.chdir(tmp_path)
    one = fake_tasks.task("w9d4", "Write a Python function to calculate the Fibonacci", "done", finished_ago=60)
    engine = fake_tasks.plain()
    engine.give(fake_tasks.detail_of(one, result=fake_tasks.CODE))

    async def act(window: Window) -> None:
        await window.press("s")
        await window.shows("fib.py")
        window.app.screen.query_one("#folder").value = "~/fibonacci"

    assert picture(engine, size=SMALL, before="w9d4", act=act, after=("~/fibonacci",))


def foreseen_tasks() -> Any:
    """Tasks of which everything was foreseen; the chosen one is a plan."""
    whole = ForecastSummary(
        *(Estimate(900, 600, 1_400), Estimate(70, 45, 110), NOTHING, 231, "medium"),
        prompt_tokens=Estimate(220, 200, 250),
        cost=Estimate(0.0123, 0.008, 0.0204),
        past=PastForecasts(50, 26, "code"),
    )
    one = StepEstimate(Estimate(300, 200, 480), Estimate(23, 15, 40))
    engine = fake_tasks.plain()
    runs = fake_tasks.task(
        *("k4t9", "Fibonacci function", "running"), started_ago=42, running_since_ago=42, steps_total=3, steps_done=1,
        step_title="write", completion_tokens=412, forecast=whole,
    )  # fmt: skip
    steps = (
        fake_tasks.step("outline", "done", "1. Use a cache.", 96, took=8),
        fake_tasks.step("write", "running", fake_tasks.CODE[:210], took=34),
        fake_tasks.step("check"),
    )
    engine.give(fake_tasks.detail_of(runs, [replace(step, foreseen=one) for step in steps]))
    long = fake_tasks.task("s6k3", "A poem", "waiting", reason=Reason.LENGTH, completion_tokens=2_100, forecast=whole)
    engine.give(fake_tasks.detail_of(long))
    waits = fake_tasks.task("p8c3", "Tests for Fibonacci", after=(runs.id,), waits_for=("k4t9",))
    engine.give(fake_tasks.detail_of(replace(waits, forecast=replace(whole, large=True))))
    done = fake_tasks.task("w9d4", "Letter", "done", finished_ago=60, worked_s=51.0, completion_tokens=812)
    engine.give(fake_tasks.detail_of(replace(done, forecast=whole), result=fake_tasks.CODE))
    return engine


@pytest.mark.parametrize("theme", ["tale-dark", "tale-light"])
@pytest.mark.parametrize("size", SIZES.values(), ids=SIZES)
def test_what_was_foreseen(picture: Any, size: tuple[int, int], theme: str) -> None:
    assert picture(foreseen_tasks(), size=size, theme=theme, after=() if size == SMALL else ("from functools",))
