"""A plan: waiting for a yes in a dialog, changed, and as a tree while it is carried out."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from textual.pilot import Pilot

from support import plans
from support.looks import SIZES, THEMES
from support.tasks import TasksApp
from support.window import Window
from tale_tui.ui.plans.dialog import PlanDialog

SMALL, USUAL = (80, 24), (120, 40)


@pytest.fixture
def picture(snap_compare: Callable[..., bool]) -> Callable[..., bool]:
    """Whether a plan looks as in the picture that was kept."""

    def compare(
        act: Callable[[Window], Awaitable[None]], engine: Any, size: tuple[int, int], theme: str = "tale-dark"
    ) -> bool:
        app = TasksApp(engine, theme)
        app.animation_level = "none"
        window = Window(app)

        async def play(pilot: Pilot[None]) -> None:
            await window.shows("r5n1")
            await act(window)

        return snap_compare(app, terminal_size=size, run_before=play)

    return compare


async def approval(window: Window) -> None:
    await window.press("a")
    await window.dialog(PlanDialog)
    await window.shows("Keep waiting", "Requirements")


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("size", SIZES.values(), ids=SIZES)
def test_a_plan_that_waits(picture: Any, size: tuple[int, int], theme: str) -> None:
    assert picture(approval, plans.planned(), size, theme)


@pytest.mark.parametrize("size", SIZES.values(), ids=SIZES)
def test_a_plan_that_was_changed(picture: Any, size: tuple[int, int]) -> None:
    async def act(window: Window) -> None:
        await approval(window)
        await window.press(*["down"] * 4, "plus")
        await window.shows("Routes *")
        await window.press("t")
        await window.shows("The data model and the interface come first")

    assert picture(act, plans.planned(), size)


def test_what_cannot_be_done_is_said_below_the_tree(picture: Any) -> None:
    async def act(window: Window) -> None:
        await approval(window)
        await window.press("down", "K")
        await window.shows("2 waits for 1")

    assert picture(act, plans.planned(), SMALL)


@pytest.mark.parametrize("size", SIZES.values(), ids=SIZES)
def test_a_step_is_edited(picture: Any, size: tuple[int, int]) -> None:
    async def act(window: Window) -> None:
        await approval(window)
        await window.press("down", "e")
        await window.shows("What its model is asked", "schema.sql")

    assert picture(act, plans.planned(), size)


def test_a_plan_that_runs_is_read_in_the_dialog(picture: Any) -> None:
    async def act(window: Window) -> None:
        await window.shows("3 of 13")
        await window.press("p")
        await window.dialog(PlanDialog)
        await window.shows("Close", "again in 0:04")

    assert picture(act, plans.planned(plans.running()), USUAL)


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("size", SIZES.values(), ids=SIZES)
def test_a_plan_that_runs(picture: Any, size: tuple[int, int], theme: str) -> None:
    async def act(window: Window) -> None:
        if size == SMALL:
            await window.until(lambda: window.app.tasks.pane.plan.display, "the plan is read")
            await window.press("enter")
        await window.shows("3 of 13", "def sign_in", "of ~17", "again in 0:04")

    assert picture(act, plans.planned(plans.running()), size, theme)
