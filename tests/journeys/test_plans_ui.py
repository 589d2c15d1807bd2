"""Stories of plans in the window, with the engine behind it: from the request to the yes, and to what came of it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest

from tale_tui.domain.models import Role
from tale_tui.domain.tasks import Reason, StepKind, StepState, Task, TaskDetail, TaskState
from tale_tui.engine.models.scripted import Hold, Script, spoken
from tale_tui.ui.dialogs.confirm import ConfirmDialog
from tale_tui.ui.dialogs.help import HelpScreen
from tale_tui.ui.dialogs.text_entry import TextDialog
from tale_tui.ui.plans.dialog import PlanDialog
from tale_tui.ui.plans.edit_step import StepTextsDialog
from tale_tui.ui.tasks.screen import TasksScreen
from tale_tui.ui.tokens.screen import TokensScreen

pytestmark = pytest.mark.long

APPLICATION = "Build a complete web application with user authentication, database, and API"


def step(key: str, *after: str, **more: Any) -> dict[str, Any]:
    return {"key": key, "title": f"The {key}", "prompt": f"do {key}", "after": list(after)} | more


def plan(*steps: dict[str, Any]) -> str:
    return json.dumps({"reasoning": "The schema comes first.", "steps": list(steps)})


FIRST = plan(step("schema"), step("api", "schema"), step("pages", "schema"))
SECOND = plan(step("sqlite"), step("rest", "sqlite"))


@pytest.fixture
def planner() -> tuple[Callable[[Any], Script], list[str]]:
    """Makes two plans, and says the titles of the steps; what it was asked for plans is kept."""
    asked: list[str] = []

    def answer(request: Any) -> Script:
        if request.role is Role.UX:
            return spoken("Fine.")
        if "You break a task down" in request.messages[0].text:
            asked.append(request.messages[-1].text)
            return spoken((FIRST if len(asked) == 1 else SECOND).removeprefix(request.continue_text))
        return spoken(f"result: {request.messages[-1].text.rpartition('Your step of it, ')[2].partition(':')[0]}")

    return answer, asked


def only(window: Any) -> Task:
    [task] = window.tasks.values()
    return task


async def detail(window: Any) -> TaskDetail:
    found: TaskDetail = await window.engine.tasks.get(only(window).id)
    return found


async def states(window: Any) -> dict[str, StepState]:
    return {one.spec.key: one.state for one in (await detail(window)).steps if one.spec.kind != StepKind.PLAN}


async def asks(window: Any) -> None:
    """Hand the task in, and wait until its plan wants a yes."""
    await window.ready()
    await window.say(f"/task {APPLICATION}")
    await waits(window)


async def waits(window: Any) -> None:
    await window.until(lambda: window.tasks and only(window).state is TaskState.WAITING, "its plan waits")
    assert only(window).reason is Reason.APPROVAL


async def opened(window: Any) -> Any:
    await window.say("/plan")
    dialog = await window.dialog(PlanDialog)
    await window.shows("may this run?")
    return dialog


async def ends(window: Any, state: TaskState = TaskState.DONE) -> None:
    await window.until(lambda: only(window).state is state, f"it is {state}")


async def test_all_of_a_plan_is_approved(open_window: Any, planner: Any) -> None:
    async with open_window(planner[0]) as window:
        await asks(window)
        await opened(window)
        await window.shows("The schema", "The api", "Join and check", "It asks because of this: the task is complex")
        await window.press("f1")
        await window.dialog(HelpScreen)
        await window.shows("Approve the chosen step alone")
        await window.press("escape")
        await window.dialog(PlanDialog)
        await window.press("a")
        await window.closed()
        await ends(window)
        assert set((await states(window)).values()) == {StepState.DONE}
        await window.say("/plan")
        await window.dialog(PlanDialog)
        await window.shows("its plan", "4 of 4 done")


async def test_a_plan_is_approved_step_by_step(open_window: Any, planner: Any) -> None:
    async with open_window(planner[0]) as window:
        await asks(window)
        seen = []
        for _ in range(4):
            await opened(window)
            await window.press("right", "right", "enter")
            await window.closed()
            await window.until(lambda: only(window).state in (TaskState.WAITING, TaskState.DONE), "the step is done")
            done = sum([state is StepState.DONE for state in (await states(window)).values()])
            seen.append(done)
        assert seen == [1, 2, 3, 4]
        assert only(window).state is TaskState.DONE


async def test_a_plan_is_refused_and_the_next_one_asks(open_window: Any, planner: Any) -> None:
    answer, asked = planner
    async with open_window(answer) as window:
        await asks(window)
        await opened(window)
        await window.press("n")
        await window.dialog(TextDialog)
        await window.press(*"Use", "space", *"SQLite", "enter")
        await window.until(lambda: len(asked) == 2, "another plan is made")
        assert "Use SQLite" in asked[1]
        await waits(window)
        await window.say("/plan")
        await window.dialog(PlanDialog)
        await window.shows("The sqlite", "You refused the plan before this one.", "Refused before: Use SQLite")
        await window.press("a")
        await ends(window)
        assert list(await states(window)) == ["sqlite", "rest", "result"]


async def test_a_plan_is_changed_and_approved(open_window: Any, planner: Any) -> None:
    async with open_window(planner[0]) as window:
        await asks(window)
        await opened(window)
        await window.press("down", "down", "d")
        await window.hides("The pages")
        await window.press("home", "e")
        await window.dialog(StepTextsDialog)
        await window.press("space", *"first", "ctrl+s")
        await window.dialog(PlanDialog)
        await window.shows("The schema first *")
        await window.press("a")
        await window.closed()
        await ends(window)
        assert await states(window) == dict.fromkeys(("schema", "api", "result"), StepState.DONE)
        titles = [one.spec.title for one in (await detail(window)).steps]
        assert "The schema first" in titles


async def test_what_was_changed_waits_where_it_is_kept_waiting(open_window: Any, planner: Any) -> None:
    async with open_window(planner[0]) as window:
        await asks(window)
        await opened(window)
        await window.press("escape")
        await window.closed()
        assert only(window).state is TaskState.WAITING
        await opened(window)
        await window.press("end", "plus", "escape")
        await window.dialog(ConfirmDialog)
        await window.press("enter")
        await window.closed()
        await window.tells("keeps the changed plan, and waits")
        found = await detail(window)
        assert found.task.state is TaskState.WAITING
        assert found.plan.steps[-1].max_tokens is not None
        assert set((await states(window)).values()) == {StepState.PENDING}


async def test_it_opens_from_the_notice_the_card_and_the_palette(open_window: Any, planner: Any) -> None:
    go_on = asyncio.Event()

    def answer(request: Any) -> Script:
        script: Script = planner[0](request)
        return Script((Hold(go_on), *script.steps), prompt_tokens=script.prompt_tokens)

    async with open_window(answer) as window:
        await window.ready()
        await window.say(f"/task {APPLICATION}")
        await window.press("f4")
        await window.dialog(TokensScreen)
        go_on.set()
        await window.tells("approve 4 steps")
        await window.press("f2")
        await window.closed()
        await waits(window)
        await window.shows("f12 its plan", "f3 look")
        await window.press("f12")
        await window.dialog(PlanDialog)
        await window.press("escape")
        await window.closed()
        await window.press("shift+tab", "p")
        await window.dialog(PlanDialog)
        await window.press("escape")
        await window.closed()
        await window.press("enter")
        await window.dialog(PlanDialog)
        await window.press("escape")
        await window.closed()
        await window.press("ctrl+p", *"plan", "enter")
        await window.dialog(PlanDialog)
        await window.press("escape")
        await window.closed()
        await window.press("f3")
        await window.dialog(TasksScreen)
        await window.shows("approve 4 steps")
        await window.press("a")
        await window.dialog(PlanDialog)
        await window.press("a")
        await ends(window)
