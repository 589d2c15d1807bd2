"""A plan on the tasks screen: its gauge, its tree, what the chosen step writes, and the keys of both."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from support import plans
from tale_tui.domain.events import StepDelta
from tale_tui.domain.tasks import Reason, StepState, TaskState
from tale_tui.ui.dialogs.confirm import ConfirmDialog
from tale_tui.ui.dialogs.text_entry import TextDialog
from tale_tui.ui.plans.dialog import PlanDialog
from tale_tui.ui.tasks.screen import TasksScreen

TASK = "r5n100000000000"


@pytest.fixture
def engine() -> Any:
    return plans.planned(plans.running())


async def read(window: Any) -> None:
    await window.shows("3 of 13", "of ~17.1k tok", "def sign_in")


async def test_how_far_each_step_is_stands_in_the_tree(open_tasks: Any, engine: Any) -> None:
    async with open_tasks(engine) as window:
        await window.shows("▰▰▱▱▱▱▱▱ 3 of 13   9:10, ~15 min   8.2k of ~17.1k tok")
        lines = [" ".join(line.partition("▏")[2].split()) for line in window.painted.splitlines()]
        assert "✓ 1 Requirements 1:04 588 spec.md" in lines
        assert "◐ 5 │ └ Routes 0:40 ~4:10 310 of ~2.9k" in "\n".join(lines)
        await window.shows("again in 0:04: no JSON came", "waits for 4, 5", "left out: refused by you")


async def test_the_list_says_the_same_of_it(open_tasks: Any, engine: Any) -> None:
    async with open_tasks(engine) as window:
        await read(window)
        await window.shows("3/13   9:10  ~15:00 ▏", "3 of 13   9:10, ~15 min")


async def test_what_never_ran_of_a_cancelled_plan_does_not_wait(open_tasks: Any, engine: Any) -> None:
    async with open_tasks(engine) as window:
        await read(window)
        engine.change(TASK, state=TaskState.CANCELLED, finished=plans.NOW, running_since=None)
        await window.shows("cancelled", "not run")
        await window.hides("waits for")


async def test_what_runs_is_read_until_the_user_chooses_another_step(open_tasks: Any, engine: Any) -> None:
    async with open_tasks(engine) as window:
        await read(window)
        engine.tell(TASK, StepDelta("auth", "    ...\n", False, 1_750))
        await window.shows("-> Session: ...", "1.8k of ~2.4k")
        await window.press("enter")
        assert window.app.tasks.pane.plan.has_focus
        await window.press("down")
        await window.shows("@app.get('/')")
        await window.hides("def sign_in")
        engine.tell(TASK, StepDelta("routes", "def index(): ...\n", False, 900))
        await window.shows("def index()", "900 of ~2.9k")
        await window.press("up", "up")
        await window.shows("The interface.")
        await window.press("home")
        await window.shows("The requirements.")
        await window.press("end")
        await window.shows("Join the results.")
        await window.press("enter")
        assert window.app.tasks.pane.text.has_focus
        await window.press("escape")
        assert window.app.tasks.list.has_focus


async def test_the_choice_goes_to_the_next_step_that_runs(open_tasks: Any, engine: Any) -> None:
    async with open_tasks(engine) as window:
        await read(window)
        detail = engine.work[TASK]
        steps = tuple(
            replace(one, state=StepState.DONE, finished=plans.NOW) if one.spec.key == "auth" else one
            for one in detail.steps
        )
        engine.work[TASK] = replace(detail, steps=steps)
        engine.change(TASK, steps_done=4)
        await window.shows("4 of 13", "@app.get('/')")
        assert window.app.tasks.pane.plan.key == "routes"


async def test_a_step_is_left_out_after_asking(open_tasks: Any, engine: Any) -> None:
    async with open_tasks(engine) as window:
        await read(window)
        await window.press("enter", "down", "x")
        await window.dialog(ConfirmDialog)
        await window.shows("Leave 5 Routes out?", "What needs it is left out too: 7, 8, 11, 13.")
        await window.press("right", "enter")
        await window.until(lambda: engine.calls == [("skip", TASK, "routes")], "it is left out")


async def test_the_whole_task_is_cancelled_from_the_list(open_tasks: Any, engine: Any) -> None:
    async with open_tasks(engine) as window:
        await read(window)
        await window.press("x")
        await window.shows("Cancel it")


async def test_the_rest_is_planned_anew_with_a_reason(open_tasks: Any, engine: Any) -> None:
    async with open_tasks(engine) as window:
        await read(window)
        await window.press("P")
        await window.dialog(TextDialog)
        await window.press("escape")
        await window.dialog(TasksScreen)
        assert engine.calls == []
        await window.press("P")
        await window.dialog(TextDialog)
        await window.press(*"slow", "enter")
        await window.until(lambda: engine.calls == [("refuse", TASK, "slow")], "it is planned anew")
        await window.tells("r5n1 gets another plan.")


async def test_a_task_without_a_plan_is_not_planned_anew(open_tasks: Any, engine: Any) -> None:
    async with open_tasks(engine) as window:
        await window.press("down", "P")
        await window.tells("w9d4 has no plan of which anything is left.")


@pytest.mark.parametrize("key", ["p", "f12"])
async def test_its_plan_opens_for_reading(open_tasks: Any, engine: Any, key: str) -> None:
    async with open_tasks(engine) as window:
        await read(window)
        await window.press(key)
        await window.dialog(PlanDialog)
        await window.shows("Web application: its plan")


async def test_the_keys_of_a_step_stand_in_the_last_line(open_tasks: Any, engine: Any) -> None:
    async with open_tasks(engine) as window:
        await read(window)
        await window.press("enter")
        await window.shows("enter step", "space pause", "x stop", "P plan the rest anew")


async def test_what_waits_for_a_step_of_it_is_answered_in_the_dialog(open_tasks: Any, engine: Any) -> None:
    detail = engine.work[TASK]
    steps = tuple(
        replace(one, state=StepState.PENDING, allowed=False) if one.state is StepState.RUNNING else one
        for one in detail.steps
    )
    asks = replace(detail.task, state=TaskState.WAITING, reason=Reason.APPROVAL, running_since=None, worked_s=550.0)
    engine.give(replace(detail, task=asks, steps=steps))
    async with open_tasks(engine) as window:
        await window.shows("3 of 13  approve Authentication")
        await window.press("a")
        await window.dialog(PlanDialog)
        await window.press("space")
        await window.until(lambda: engine.calls == [("approve step", TASK, True, "auth")], "one step may run")


async def test_narrow_it_opens_over_the_list(open_tasks: Any, engine: Any) -> None:
    async with open_tasks(engine, size=(80, 24)) as window:
        await window.until(lambda: window.app.tasks.pane.plan.display, "the plan is read")
        await window.press("enter")
        await read(window)
        await window.press("down", "escape")
        await window.hides("def sign_in")
        assert window.app.tasks.list.has_focus
