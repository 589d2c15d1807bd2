"""Three chats and two tasks, then the dashboard: what it shows is what was counted, to the token."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import pytest

from tale_tui.domain.metrics import CallDimension
from tale_tui.domain.samples import Figure
from tale_tui.engine.models.scripted import ScriptedBackend, spoken

F5 = "\x1b[15~"


async def test_the_screen_shows_the_numbers_of_three_chats_and_two_tasks(open_window: Any) -> None:
    backend = ScriptedBackend([spoken("One ", "two ", "three.")], models=["demo", "big"])
    async with open_window(backend=backend, ux="scripted/demo", task="scripted/big") as window:
        await window.ready()
        for number in range(1, 4):
            await window.say(f"hello {number}")
            await window.answered(number)
        for number in range(2):
            await window.engine.tasks.submit("Write a poem about rain", key=f"task000000000{number}aa")

        async def both_done() -> bool:
            return (await window.engine.control.status()).tasks.done == 2

        await window.until(both_done, "both tasks are done")
        await window.press("f5")
        await window.shows("3 of 5 replies", "last hour · all models")

        screen = window.app.screen

        async def counted() -> bool:
            total = (await window.engine.metrics.tokens()).total
            report = screen.controller.report
            return report is not None and (report.calls, report.total_tokens) == (total.calls, total.total_tokens)

        await window.until(counted, "what is shown is what was counted")
        by_model = await window.engine.metrics.tokens(by=(CallDimension.MODEL,))
        lines = {
            line.split()[2]: line.split() for line in window.painted.splitlines() if re.match(r" (chat|task) ", line)
        }
        for group in by_model.groups:
            assert str(group.sums.calls) in lines[group.key[0].partition("/")[2]]
        report = screen.controller.report
        plotted = sum(
            point.mean * point.count
            for series in report.series
            if series.figure is Figure.TOKENS
            for point in series.points
            if point is not None
        )
        assert plotted == by_model.total.total_tokens
        await window.press("m")
        await window.shows("last hour · demo")
        await window.until(lambda: screen.controller.report.model == "scripted/demo", "one model alone")
        alone = next(group.sums for group in by_model.groups if group.key == ("scripted/demo",))
        assert (screen.controller.report.calls, screen.controller.report.total_tokens) == (
            alone.calls,
            alone.total_tokens,
        )


@pytest.mark.process
@pytest.mark.long
def test_a_window_and_the_command_tell_the_same(window: Callable[..., Any], commands: Any) -> None:
    one = window()
    one.wait_for("enter send")
    one.press("hello\r")
    one.wait_for("tok/s")
    one.press(F5)
    one.wait_for("chat 1 of 5")
    told = json.loads(commands.run("dashboard", "--json"))
    total = json.loads(commands.run("tokens", "--json"))["total"]
    assert (told["calls"], told["total_tokens"]) == (total["calls"], total["total_tokens"])
    assert next(light["detail"] for light in told["promises"] if light["name"] == "chat") == "1 of 5 replies"
