"""Stories of forecasts: from the chip to what came of it; more than a budget has; far longer than its like."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tale_tui.domain.models import FinishReason, Role
from tale_tui.domain.tasks import Reason, Task, TaskState
from tale_tui.engine.models.scripted import Hold, Say, Script, spoken
from tale_tui.ui.dialogs.confirm import ConfirmDialog

POEM = "Write a poem about the sea"
PRICES = {"scripted/demo": {"prompt": 2.0, "completion": 10.0}}


def only(window: Any) -> Task:
    [task] = window.tasks.values()
    return task


async def typed(window: Any, text: str) -> None:
    await window.write(text)
    await window.until(lambda: window.chip is not None and window.chip.forecast is not None, "the forecast")


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
async def test_from_the_chip_to_what_came_of_it(open_window: Any, size: tuple[int, int]) -> None:
    go_on = asyncio.Event()

    def answers(request: Any) -> Script:
        if request.role is Role.UX:
            return spoken("yes")
        return Script((*(Say("word ") for _ in range(40)), Hold(go_on), *(Say("word ") for _ in range(10))))

    async with open_window(answers, detect=True, prices=PRICES, size=size) as window:
        await window.ready()
        await typed(window, POEM)
        foreseen = window.chip.forecast
        assert foreseen.cost is not None
        await window.shows("task .", "tok")
        await window.press("enter")
        await window.until(lambda: window.tasks and only(window).forecast is not None, "its card has the forecast")
        assert only(window).forecast.completion_tokens == foreseen.completion_tokens
        await window.until(lambda: only(window).state is TaskState.RUNNING, "it runs")
        await window.until(lambda: (only(window).completion_tokens or 0) >= 40, "what it wrote is counted")
        go_on.set()
        await window.until(lambda: only(window).state is TaskState.DONE, "it is done")
        await window.shows(" tok, forecast " if size[0] > 80 else "forecast")


async def test_more_than_a_budget_has_left_asks_before_it_runs(open_window: Any) -> None:
    async with open_window([spoken("The sea.")], budgets={"day_tokens": 100}) as window:
        await window.ready()
        await window.say(f"/task {POEM}")
        await window.dialog(ConfirmDialog)
        assert (only(window).state, only(window).reason) == (TaskState.WAITING, Reason.BUDGET)
        await window.shows("More is foreseen than the budget has left", "100 of 100 tokens of this day are left")
        await window.press("tab", "enter")
        await window.closed()
        await window.until(lambda: only(window).state is TaskState.DONE, "it is done")


async def test_far_longer_than_its_like_asks_and_goes_on_without_losing_a_word(open_window: Any) -> None:
    def answers(request: Any) -> Script:
        if request.continue_text:
            return spoken("The end.")
        words = tuple(Say(f"w{number} ") for number in range(request.max_tokens))
        return Script(words, FinishReason.LENGTH, completion_tokens=len(words))

    async with open_window(answers) as window:
        await window.ready()
        await window.say(f"/task {POEM}")
        await window.dialog(ConfirmDialog)
        assert only(window).reason is Reason.LENGTH
        await window.shows("Far longer than its like", "has written")
        before = (await window.engine.tasks.get(only(window).id)).steps[0].text
        await window.press("tab", "enter")
        await window.closed()
        await window.until(lambda: only(window).state is TaskState.DONE, "it is done")
        assert (await window.engine.tasks.get(only(window).id)).result == f"{before}The end."


async def test_a_key_never_waits_for_a_forecast(open_window: Any) -> None:
    """While a forecast is being made, which may take for ever, keys are taken and the message is sent."""
    async with open_window([spoken("The sea.")], detect=True) as window:
        await window.ready()
        asked = asyncio.Event()

        async def forecast(text: str, *, model: str = "") -> Any:
            asked.set()
            await asyncio.Event().wait()

        window.engine.learning.forecast = forecast
        await window.write(POEM)
        await window.until(asked.is_set, "a forecast is asked for")
        await window.press("!")
        assert window.prompt.text == f"{POEM}!"
        await window.press("enter")
        await window.until(lambda: len(window.tasks) == 1, "it is a task")
