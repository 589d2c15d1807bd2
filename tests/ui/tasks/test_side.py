"""The tasks beside the conversation, as they are painted and clicked."""

from __future__ import annotations

from typing import Any

import pytest
from textual.app import App, ComposeResult
from textual.geometry import Region

from tale_tui.domain.tasks import Task, TaskState
from tale_tui.formatting.symbols import UNICODE
from tale_tui.ui.tasks.side import TaskSide
from tale_tui.ui.theming import VARIABLE_DEFAULTS

NOW = 1000.0
WIDTH, HEIGHT = 36, 9


def task(name: str, title: str, state: str, **fields: Any) -> Task:
    return Task(f"{name}aaaa", name, title, TaskState(state), 1.0, 2.0, **fields)


RUNNING = task("k4t9", "Fibonacci function", "running", running_since=NOW - 42, expected_s=72.0)
DONE = task("w9d4", "A letter to the landlord about the heating", "done", worked_s=51.0)


class Host(App[None]):
    def __init__(self) -> None:
        super().__init__()
        self.side = TaskSide(lambda: NOW)
        self.side.styles.width, self.side.styles.height = WIDTH, HEIGHT
        self.chosen: list[str] = []

    def get_theme_variable_defaults(self) -> dict[str, str]:
        return dict(VARIABLE_DEFAULTS)

    def compose(self) -> ComposeResult:
        yield self.side

    def on_task_side_chosen(self, event: TaskSide.Chosen) -> None:
        self.chosen.append(event.task_id)

    @property
    def lines(self) -> list[str]:
        return [strip.text.rstrip() for strip in self.side.render_lines(Region(0, 0, WIDTH, HEIGHT))]


@pytest.fixture(autouse=True)
def _signs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tale_tui.formatting.tasks.signs", lambda: UNICODE)
    monkeypatch.setattr("tale_tui.ui.text.signs", lambda: UNICODE)


async def test_what_needs_a_look_has_the_colour_of_its_sign() -> None:
    host = Host()
    async with host.run_test() as pilot:
        host.side.tasks = (task("t6b2", "Summary", "paused", reason="interrupted"), DONE)
        await pilot.pause()
        colours = {
            segment.text.strip(): segment.style.color
            for strip in host.side.render_lines(Region(0, 0, WIDTH, HEIGHT))
            for segment in strip
            if segment.style is not None
        }
        assert colours["interrupted"] == colours[UNICODE.paused]
        assert colours["done"] != colours[UNICODE.done]


async def test_two_lines_each() -> None:
    host = Host()
    async with host.run_test() as pilot:
        host.side.tasks = (RUNNING, DONE)
        await pilot.pause()
        assert host.lines[2:7] == [
            "◐ k4t9  Fibonacci function",
            "        working           0:42 ~0:30",
            "",
            "✓ w9d4  A letter to the landlord ab…",
            "        done                    0:51",
        ]


async def test_all_words_where_there_is_room() -> None:
    host = Host()
    host.side.styles.width = WIDTH + 10
    async with host.run_test() as pilot:
        host.side.tasks = (RUNNING,)
        await pilot.pause()
        assert host.side.render_line(3).text == f"        working{'0:42, about 0:30 left':>31}"


async def test_a_click_chooses() -> None:
    host = Host()
    async with host.run_test() as pilot:
        host.side.tasks = (RUNNING, DONE)
        await pilot.click(TaskSide, offset=(3, 6))
        await pilot.click(TaskSide, offset=(3, 0))
        await pilot.click(TaskSide, offset=(3, 8))
        assert host.chosen == [DONE.id]


async def test_it_moves_only_while_something_runs() -> None:
    host = Host()
    async with host.run_test():
        host.side.tasks = (DONE,)
        assert host.side.auto_refresh is None
        assert host.side.has_class("-some")
        host.side.tasks = (RUNNING,)
        assert host.side.auto_refresh == 1
        host.side.tasks = ()
        assert host.side.auto_refresh is None
        assert not host.side.has_class("-some")


async def test_what_has_no_room_is_left_out() -> None:
    host = Host()
    async with host.run_test() as pilot:
        host.side.tasks = tuple(task(f"t{n:03}", "Title", "queued") for n in range(50))
        await pilot.pause()
        assert sum("queued" in line for line in host.lines) == 1
        assert "and 49 more" in host.lines
