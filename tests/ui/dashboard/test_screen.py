"""The dashboard: what it shows, its keys, and when it asks the engine."""

from __future__ import annotations

import asyncio
import itertools
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
from textual.screen import Screen

from support.dashboard import BIG, SMALL, busy, engine_of, promises, uses
from support.window import Window
from tale_tui.domain.checkpoints import CheckpointScope
from tale_tui.domain.errors import CheckpointFailed, DatabaseBusy, EngineLost, UnknownModel
from tale_tui.domain.events import TaskChanged
from tale_tui.domain.samples import DashboardReport, PromiseLight, PromiseName, PromiseState
from tale_tui.domain.tasks import TaskState
from tale_tui.domain.time_ranges import ShownRange

WIDE, NARROW = (120, 40), (80, 24)


def reads(window: Window) -> list[tuple[Any, ...]]:
    """What the engine was asked for: range in seconds and model."""
    return [call[1:] for call in window.engine.calls if call[0] == "dashboard"]


async def test_promises_plots_models_tasks_and_alerts_are_shown(open_dashboard: Any) -> None:
    async with open_dashboard() as window:
        await window.shows(
            "✓ chat < 1 s", "0.31  p95 0.62", "✗ switch < 500 ms", "620  p95 810", "last hour · all models"
        )
        await window.shows("first token, s", "tokens a second", "tasks waiting", "memory of models", "processor, %")
        await window.shows("tokens a minute", "qwen2.5:7b", "4.9 GB", "412", "qwen3:14b", "11.8", "closed")
        await window.shows("k4t9  Fibonacci function", "1/3", "m2x7", "14:01  switch to qwen3:14b took 810 ms")


async def test_a_promise_with_few_calls_is_grey_and_says_how_many(open_dashboard: Any) -> None:
    few = PromiseLight(PromiseName.CHAT, PromiseState.UNKNOWN, 1.0, 3, detail="3 of 5 calls")
    engine = engine_of(lambda range_s, model: replace(busy(range_s, model), promises=promises(chat=few)))
    async with open_dashboard(engine) as window:
        await window.shows("· chat < 1 s", "3 of 5 calls")
        await window.pilot.resize_terminal(*NARROW)
        await window.shows("· chat 3 of 5")


async def test_a_broken_promise_is_never_left_out_for_want_of_room(open_dashboard: Any) -> None:
    async with open_dashboard(size=(40, 24)) as window:
        await window.shows("✗ switch 810 ms")
        assert "saved" not in window.painted


async def test_why_memory_is_not_known_is_said(open_dashboard: Any) -> None:
    small, big = uses()
    told = replace(big, memory_bytes=None, cpu_percent=None, reason="it runs on another machine")
    engine = engine_of(lambda range_s, model: replace(busy(range_s, model), models=(small, told)))
    async with open_dashboard(engine) as window:
        await window.shows("qwen3:14b: memory not told by Ollama", "cpu not known, it runs on another machine")


@pytest.mark.parametrize(("key", "title"), [("1", "first token"), ("3", "tasks waiting"), ("6", "tokens a minute")])
async def test_a_digit_shows_a_plot_large_and_escape_all_again(open_dashboard: Any, key: str, title: str) -> None:
    async with open_dashboard() as window:
        await window.press(key)
        await window.hides("chat < 1 s")
        await window.shows(title, "esc all plots")
        await window.press("escape")
        await window.shows("chat < 1 s", "processor, %")
        assert window.app.left == 0


async def test_another_digit_shows_another_plot_large(open_dashboard: Any) -> None:
    async with open_dashboard() as window:
        await window.press("1", "5")
        await window.shows("processor, %")
        await window.hides("first token, s")


async def test_where_there_is_little_room_a_digit_moves_plots_to_the_left(open_dashboard: Any) -> None:
    async with open_dashboard(size=NARROW) as window:
        await window.shows("[1 first token]  [2 tok/s]  3 waiting")
        await window.press("4")
        await window.shows("1 first token  [2 tok/s]  3 waiting  [4 memory]")
        heading = next(line for line in window.painted.splitlines() if "memory of models" in line)
        assert heading.index("tokens a second") < heading.index("memory of models")
        await window.press("2")
        heading = next(line for line in window.painted.splitlines() if "memory of models" in line)
        assert heading.index("memory of models") < heading.index("tokens a second")
        await window.press("enter")
        await window.hides("memory of models")
        await window.shows("tokens a second", "esc all plots")


async def test_a_click_opens_a_plot_and_another_one_closes_it(open_dashboard: Any) -> None:
    async with open_dashboard() as window:
        await window.pilot.click(window.app.dashboard.grid.views[4])
        await window.shows("esc all plots", "processor, %")
        await window.pilot.click(window.app.dashboard.grid.views[0])
        await window.shows("chat < 1 s")


async def test_a_click_on_a_name_shows_its_plot(open_dashboard: Any) -> None:
    async with open_dashboard(size=NARROW) as window:
        await window.pilot.click(window.app.dashboard.picker, offset=(31, 0))
        await window.shows("[3 waiting]")


async def test_ranges_go_from_a_quarter_of_an_hour_to_ninety_days(open_dashboard: Any) -> None:
    async with open_dashboard() as window:
        await window.press("left_square_bracket", "left_square_bracket")
        await window.shows("last 15 min")
        await window.press(*["right_square_bracket"] * (len(ShownRange) + 1))
        await window.shows("last 90 days")
        await window.until(lambda: reads(window)[-1] == (ShownRange.QUARTER_YEAR.length_s, ""), "it is asked for")


async def test_one_model_after_the_other_is_shown_and_then_all(open_dashboard: Any) -> None:
    async with open_dashboard() as window:
        await window.press("m")
        await window.shows("last hour · qwen2.5:7b")
        await window.until(lambda: reads(window)[-1][1] == SMALL, "it is asked for")
        await window.press("m")
        await window.until(lambda: reads(window)[-1][1] == BIG, "it is asked for")
        await window.press("m")
        await window.shows("all models")


async def test_a_model_of_which_nothing_is_kept_any_more_is_left(open_dashboard: Any) -> None:
    async with open_dashboard() as window:
        window.engine.errors["metrics.dashboard"] = UnknownModel("No model qwen2.5:7b was called.")
        await window.press("m")
        await window.shows("all models")
        assert window.app.told == []


async def test_held_it_shows_what_it_showed_and_says_so(open_dashboard: Any) -> None:
    async with open_dashboard() as window:
        await window.press("space")
        await window.shows("‖ held at 14:02:00", "space go on")
        before = len(reads(window))
        window.app.passed = 60.0
        window.app.dashboard.tick()
        await window.idle()
        assert len(reads(window)) == before
        await window.shows("held at 14:02:00")
        await window.pilot.resize_terminal(*NARROW)
        await window.shows("‖ held · 1h · all models")
        await window.pilot.resize_terminal(*WIDE)
        await window.press("space")
        await window.shows("14:03:00", "space hold")


async def test_it_reads_only_while_it_is_shown_and_no_more_than_every_two_seconds(open_dashboard: Any) -> None:
    async with open_dashboard() as window:
        screen = window.app.dashboard
        await window.idle()
        before = len(reads(window))
        for _ in range(3):
            screen.tick()
        await window.idle()
        assert len(reads(window)) == before, "nothing has passed"
        window.app.passed = 10.0
        screen.tick()
        await window.until(lambda: len(reads(window)) == before + 1, "it is read again")
        await window.idle()
        window.app.add_mode("other", Screen)
        await window.app.switch_mode("other")
        window.app.passed = 100.0
        for _ in range(3):
            screen.tick()
            window.engine.publish(TaskChanged(next(iter(window.engine.all.values()))))
        await window.idle()
        assert len(reads(window)) == before + 1, "nobody looks"


async def test_a_task_that_ends_goes_and_nothing_moves(open_dashboard: Any) -> None:
    async with open_dashboard() as window:
        await window.shows("k4t9", "m2x7")
        place = window.app.dashboard.work.region
        for one in list(window.engine.all.values()):
            if one.state is TaskState.RUNNING:
                window.engine.change(one.id, state=TaskState.DONE, running_since=None)
        await window.until(lambda: window.engine.heard, "it is heard")
        window.app.dashboard.tick()
        await window.shows("No task runs.")
        assert window.app.dashboard.work.region == place


async def test_an_alert_is_acknowledged_by_a_key_that_then_is_none(open_dashboard: Any) -> None:
    async with open_dashboard() as window:
        await window.shows("a acknowledge", "810 ms", "24 % slower")
        await window.press("a")
        await window.hides("took 810 ms")
        await window.press("a")
        await window.hides("a acknowledge")
        assert all(alert.acknowledged is not None for alert in window.engine.alerts)
        await window.press("a")
        assert window.app.told == []


async def test_where_nothing_was_recorded_it_says_so_and_how_to_look_further(open_dashboard: Any) -> None:
    async with open_dashboard(engine_of(None, works=False)) as window:
        await window.shows("Nothing was recorded in the last hour.", "] shows a longer time", "f2 goes to the chat")
        assert "a acknowledge" not in window.painted


async def test_without_an_engine_it_says_why_and_tries_again(open_dashboard: Any) -> None:
    broken = EngineLost("The engine ended. Press ctrl+r to start it again.")
    async with open_dashboard(broken=broken) as window:
        await window.shows("The engine ended", "ctrl+r try again")
        await window.press("ctrl+r")
        await window.shows("✓ chat < 1 s", "qwen3:14b")


async def test_the_same_trouble_is_told_once(open_dashboard: Any) -> None:
    async with open_dashboard() as window:
        for _ in range(3):
            window.engine.errors["metrics.dashboard"] = DatabaseBusy("The database is busy.")
            window.app.dashboard.controller.refresh()
            await window.idle()
        assert window.app.told == ["The database is busy."]
        await window.shows("✓ chat < 1 s")


async def test_escape_leads_back_to_the_chat(open_dashboard: Any) -> None:
    async with open_dashboard() as window:
        await window.press("escape")
        await window.until(lambda: window.app.left == 1, "the chat is asked for")


async def test_what_comes_late_of_another_range_is_not_shown(open_dashboard: Any) -> None:
    async with open_dashboard() as window:
        shown = window.app.dashboard.controller.report
        window.engine.dashboard = lambda range_s, model: (
            setattr(window.app.dashboard.controller, "range", ShownRange.HOURS)
            or replace(busy(range_s, model), calls=1)
        )
        window.app.dashboard.controller.refresh()
        await window.idle()
        assert window.app.dashboard.controller.report is shown


@pytest.mark.parametrize("size", [(20, 5), (30, 10), (60, 18), (80, 24), (99, 30), (100, 30), (200, 60)])
async def test_every_size_has_what_fits(open_dashboard: Any, size: tuple[int, int]) -> None:
    async with open_dashboard(size=size) as window:
        await window.pilot.pause()
        lines = window.painted.splitlines()
        assert len(lines) == size[1]
        assert any(sign in window.painted for sign in ("✓", "✗"))


async def test_new_plots_are_painted_one_after_the_other_and_none_is_left_out(open_dashboard: Any) -> None:
    async with open_dashboard() as window:
        screen, old = window.app.dashboard, [view.data for view in window.app.dashboard.grid.views]
        window.engine.dashboard = lambda range_s, model: moved(busy(range_s, model))
        turns = itertools.count()
        painted: list[int] = []
        """The turn of the loop in which each was painted."""

        async def count_turns() -> None:
            while True:
                next(turns)
                await asyncio.sleep(0)

        for view in screen.grid.views:
            screen.watch(view, "data", lambda _: painted.append(next(turns)), init=False)
        counting = asyncio.ensure_future(count_turns())
        screen.controller.refresh()
        await window.until(lambda: len(painted) == len(old), "all are painted anew")
        counting.cancel()
        assert all(view.data != before for view, before in zip(screen.grid.views, old, strict=True))
        assert all(later > one + 1 for one, later in pairwise(painted)), "each has a turn of its own"


async def test_figures_that_change_lay_nothing_out_anew(open_dashboard: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    async with open_dashboard() as window:
        screen = window.app.dashboard
        await window.idle()
        laid_out: list[object] = []
        monkeypatch.setattr(screen.models, "refresh", lambda *_, layout=False, **__: laid_out.append(layout))
        small, big = uses()
        window.engine.dashboard = lambda range_s, model: replace(
            busy(range_s, model), models=(replace(small, calls=500), big)
        )
        screen.controller.refresh()
        await window.until(lambda: "500" in str(screen.models.rows), "it is read")
        assert True not in laid_out


def moved(report: DashboardReport) -> DashboardReport:
    """The same a part later."""
    later = [replace(one, points=(*one.points[1:], one.points[0])) for one in report.series]
    return replace(report, begin=report.begin + report.slot_s, end=report.end + report.slot_s, series=tuple(later))


async def test_the_checkpoints_stand_in_a_line_and_their_key_leads_there(open_dashboard: Any) -> None:
    async with open_dashboard() as window:
        await window.shows("↶ 5 checkpoints today, the last 14:01 after 3, Interface of the API, 41 MB of 1.0 GB")
        await window.press("C")
        await window.until(lambda: window.app.scopes == [CheckpointScope()], "all of them are wanted")


async def test_the_room_of_the_checkpoints_is_read_again_although_no_task_did_anything(open_dashboard: Any) -> None:
    engine = engine_of()
    async with open_dashboard(engine) as window:
        await window.shows("↶ 5 checkpoints today")
        engine.kept = engine.kept[1:]
        window.app.passed = 60.0
        window.app.dashboard.tick()
        await window.shows("↶ 4 checkpoints today")


async def test_checkpoints_that_cannot_be_read_are_said_and_the_rest_is_shown(open_dashboard: Any) -> None:
    engine = engine_of()
    engine.errors["checkpoints.list"] = CheckpointFailed("The checkpoints cannot be opened: permission denied.")
    async with open_dashboard(engine) as window:
        await window.shows("The checkpoints cannot be opened: permission denied.", "✓ chat")
