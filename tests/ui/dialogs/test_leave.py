"""What becomes of open tasks when the window is left."""

from __future__ import annotations

from typing import Any

import pytest

from tale_tui.domain.tasks import TaskCounts
from tale_tui.ui.dialogs.leave import LeaveDialog, at_work

COUNTS = TaskCounts(running=2, queued=5, paused=3, waiting=1, done=9)


def test_only_what_would_go_on_counts() -> None:
    assert at_work(COUNTS) == 7
    assert at_work(TaskCounts(waiting=1, paused=2, done=3)) == 0


@pytest.mark.parametrize(
    ("keys", "result"),
    [
        (("enter",), "stay"),
        (("right", "enter"), "background"),
        (("right", "right", "enter"), "pause"),
        (("escape",), None),
    ],
)
async def test_the_safe_answer_is_chosen(show: Any, keys: tuple[str, ...], result: str | None) -> None:
    async with show(LeaveDialog(COUNTS)) as shown:
        assert "Leave while 7 tasks are open?" in shown.text
        assert "2 running, 5 queued" in shown.text
        await shown.window.press(*keys)
        assert await shown.result() == result


@pytest.mark.parametrize("size", [(20, 5), (80, 24), (120, 40)])
async def test_all_answers_can_be_reached(show: Any, size: tuple[int, int]) -> None:
    async with show(LeaveDialog(TaskCounts(running=1)), size=size) as shown:
        assert ("Leave while 1 task is open?" if size[0] > 20 else "Leave") in shown.text
        for words in ("Stay", "Go on in the", "Pause and"):
            assert words in shown.text
        if size[0] > 80:
            assert "it goes on without a window" in shown.text
