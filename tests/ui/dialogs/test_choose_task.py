"""Which of several tasks is meant."""

from __future__ import annotations

from typing import Any

import pytest

from tale_tui.domain.tasks import Task, TaskState
from tale_tui.ui.dialogs.choose_task import ChooseTaskDialog


def task(id_: str, title: str, state: TaskState = TaskState.RUNNING, **fields: Any) -> Task:
    return Task(id_, id_[:4], title, state, 1.0, 2.0, **fields)


TASKS = (
    task("k4t9aaaa", "Fibonacci function", started=0.0, worked_s=42.0, expected_s=72.0),
    task("k4t9bbbb", "Compare three databases", TaskState.QUEUED, waits_for=("k4t9",)),
    task("k4p2cccc", "[/] <script> \x1b[31m", TaskState.FAILED, error_code="out_of_memory"),
)


def dialog(now: float) -> ChooseTaskDialog:
    return ChooseTaskDialog(TASKS, now, title="Which task is to be cancelled?", verb="cancel")


@pytest.mark.parametrize("size", [(20, 5), (80, 24), (120, 40)])
async def test_each_task_says_how_it_is(show: Any, now: float, size: tuple[int, int], harmless: Any) -> None:
    async with show(dialog(now), size=size) as shown:
        assert "k4t9" in shown.text
        assert harmless(shown.text)
        if size[0] >= 80:
            for words in (
                "Fibonacci function",
                "0:42",
                "waits for k4t9",
                "out of memory",
                "[/] <script>",
                "enter cancel",
            ):
                assert words in shown.text
        await shown.window.press("down", "enter")
        assert await shown.result() == "k4t9bbbb"


async def test_typing_finds_by_title_and_id(show: Any, now: float) -> None:
    async with show(dialog(now)) as shown:
        await shown.type("data")
        await shown.window.press("enter")
        assert await shown.result() == "k4t9bbbb"
        await shown.next(dialog(now))
        await shown.type("k4p")
        await shown.window.press("enter")
        assert await shown.result() == "k4p2cccc"
        await shown.next(dialog(now))
        await shown.type("zzz")
        assert "No task is called so." in shown.text
        await shown.window.press("escape")
        assert await shown.result() is None
