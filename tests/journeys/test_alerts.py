"""Stories of alerts: one that is forced with a low limit appears once; a spent budget asks once and talk goes on."""

from __future__ import annotations

from typing import Any

from tale_tui.domain.alerts import AlertKind
from tale_tui.domain.tasks import Reason, TaskState
from tale_tui.engine.models.scripted import spoken
from tale_tui.ui.dialogs.alerts import AlertsDialog
from tale_tui.ui.dialogs.confirm import ConfirmDialog

QUIET = {"first_text_s": 0, "simple_task_s": 0, "switch_s": 0, "failures": 0, "memory": False}
FIRST, SECOND = "k4t90000000000aa", "m2x70000000000bb"


async def alert_is_kept(window: Any) -> None:
    async def is_kept() -> bool:
        return [alert.kind for alert in await window.engine.metrics.alerts()] == [AlertKind.BUDGET_SPENT]

    await window.until(is_kept, "one alert is kept")


async def test_an_alert_that_is_forced_appears_once_and_is_acknowledged_with_a_key(open_window: Any) -> None:
    async with open_window([spoken("yes")] * 5, alerts=QUIET, budgets={"day_tokens": 1}) as window:
        await window.ready()
        for number in range(1, 4):
            await window.say("How are you?")
            await window.answered(number)
            await alert_is_kept(window)
        titles = [notice.title for _, notice in window.app.notices.kept]
        assert titles.count("Alert: budget, spent") == 1
        await window.say("/alerts")
        await window.dialog(AlertsDialog)
        await window.shows("budget, spent (day)", "1 not read")
        await window.press("enter")
        await window.shows("open, read")
        await window.press("escape")
        await window.closed()
        assert await window.engine.metrics.alerts(waiting=True) == ()


async def test_a_spent_budget_asks_once_about_all_tasks_and_talk_goes_on(open_window: Any) -> None:
    answers = [spoken("yes") for _ in range(9)]
    budgets = {"day_tokens": 1, "when_spent": "ask"}
    async with open_window(answers, alerts=QUIET, budgets=budgets) as window:
        await window.ready()
        await window.say("How are you?")
        await window.answered()
        await alert_is_kept(window)
        for key in (FIRST, SECOND):
            await window.engine.tasks.submit("Write a poem", key=key)

        async def all_in(state: TaskState) -> bool:
            return {task.state for task in await window.engine.tasks.list()} == {state}

        await window.dialog(ConfirmDialog)
        await window.until(lambda: all_in(TaskState.WAITING), "both wait")
        assert {task.reason for task in await window.engine.tasks.list()} == {Reason.BUDGET}
        await window.shows("The budget is spent", "tokens of this day are spent")
        await window.press("tab", "enter")
        await window.closed()
        await window.until(lambda: all_in(TaskState.DONE), "both are done")
        await window.say("How are you?")
        await window.answered(2)
