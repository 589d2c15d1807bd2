"""What the tokens screen shows and what its keys do."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest

from support import tokens as fake_tokens
from support.calls import LARGE, SMALL, new_call
from support.screen_app import NOW
from support.tasks import plain, task
from support.window import Window
from tale_tui.domain.errors import EngineLost
from tale_tui.domain.metrics import CallDimension, CallKind, RunningCall
from tale_tui.domain.models import Role
from tale_tui.domain.tasks import Reason
from tale_tui.domain.time_ranges import ShownRange
from tale_tui.formatting.units import count
from tale_tui.ui.dialogs.budgets import BudgetsDialog
from tale_tui.ui.dialogs.calls import CallsDialog
from tale_tui.ui.dialogs.confirm import ConfirmDialog
from tale_tui.ui.dialogs.pick import PickDialog
from tale_tui.ui.dialogs.text_entry import TextDialog


def row(window: Window, name: str) -> list[str]:
    """The cells of a row of the table."""
    heading = next(place for place, line in enumerate(window.painted.splitlines()) if "completion" in line)
    lines = window.painted.splitlines()[heading + 1 :]
    return next(line.removeprefix("▎").split() for line in lines if line.removeprefix("▎").split()[:1] == [name])


async def test_sums_savings_groups_and_the_dearest_are_those_of_the_rows(open_tokens: Any) -> None:
    async with open_tokens() as window:
        rows = window.engine.rows
        recent = [one for one in rows if one.timestamp >= ShownRange.DAY.edges(NOW, 48)[0]]
        for ref in (SMALL, LARGE):
            own = [one for one in recent if one.ref == ref]
            total = sum(one.total_tokens or 0 for one in own)
            assert row(window, ref.model)[1] == str(len(own))
            assert count(total) in row(window, ref.model)
        assert count(sum(one.total_tokens or 0 for one in recent)) in row(window, "all")
        await window.shows(
            "38 % each prompt alone (60 % promised), 30 % if every task had gone to qwen3:14b",
            "with the history resent 61 % and 50 %; 2 misses of 118 turns",
            "saved = what qwen3:14b would have used for what qwen2.5:7b answered",
            "3 calls gave no numbers, or not all: about 1.1k tokens by estimate, in no sum above.",
            "tokens in 30 min, by model",
            "now 12 tok/s",
        )
        assert "Translate the manual" in next(line for line in window.painted.splitlines() if "dearest" in line)


async def test_the_bars_are_the_calls_of_the_table(open_tokens: Any) -> None:
    async with open_tokens() as window:
        for span in ShownRange:
            window.app.tokens.action_range(span)
            await window.until(lambda s=span: window.app.tokens.controller.shown.view.span is s, f"{span} is read")
            plotted = sum(sum(one.values) for one in window.app.tokens.plot.data.series)
            assert plotted == window.app.tokens.controller.shown.report.total.total_tokens


@pytest.mark.long
@pytest.mark.parametrize("by", CallDimension)
async def test_every_grouping_is_a_choice_and_its_rows_open(open_tokens: Any, by: CallDimension) -> None:
    async with open_tokens() as window:
        await window.press("b")
        dialog = await window.dialog(PickDialog)
        dialog.dismiss(by.value)
        await window.until(lambda: window.app.tokens.controller.shown.view.by is by, f"by {by}")
        await window.shows(f"by {by.value}")
        report = window.app.tokens.controller.shown.report
        assert sum(group.sums.calls for group in report.groups) == report.total.calls
        assert window.app.tokens.list.rows == report.groups
        await window.press("enter")
        dialog = await window.dialog(CallsDialog)
        first = report.groups[0].sums.calls
        await window.shows("completion", "1 call" if first == 1 else f"{first} calls")
        await window.press("escape")
        await window.until(lambda: window.app.screen is window.app.tokens, "the dialog is closed")


async def test_the_calls_of_a_row_are_the_newest_first_with_what_failed(open_tokens: Any) -> None:
    async with open_tokens() as window:
        await window.press("down", "enter")
        await window.dialog(CallsDialog)
        await window.shows("failed: timeout", "12 tok/s")


async def test_brackets_look_further_back_and_less_far(open_tokens: Any) -> None:
    async with open_tokens() as window:
        await window.press("right_square_bracket")
        await window.shows("last 7 days")
        await window.press(*["left_square_bracket"] * 5)
        await window.shows("last 15 min")
        await window.press(*["right_square_bracket"] * 9)
        await window.shows("last 90 days")


async def test_a_range_is_clicked(open_tokens: Any) -> None:
    async with open_tokens() as window:
        lines = window.painted.splitlines()
        place = next(number for number, line in enumerate(lines) if "15m" in line)
        await window.pilot.click(offset=(lines[place].index("15m"), place))
        await window.shows("last 15 min")


async def test_one_model_alone(open_tokens: Any) -> None:
    async with open_tokens() as window:
        await window.press("m")
        await window.dialog(PickDialog)
        await window.press("down", "down", "enter")
        await window.until(lambda: window.app.tokens.controller.shown.view.model == str(LARGE), "one model")
        await window.shows("last day · qwen3:14b · by model")
        assert [group.key for group in window.app.tokens.list.rows] == [(str(LARGE),)]
        await window.press("m", "home", "enter")
        await window.shows("last day · by model")


async def test_nothing_yet_is_a_sentence_and_no_key_does_nothing(open_tokens: Any) -> None:
    async with open_tokens(plain(), before="No call yet.") as window:
        await window.shows("No call yet. What is said and done from here on is counted. F2 to the chat.")
        for key in ("b", "m", "e", "enter", "right_square_bracket"):
            await window.press(key)
        assert window.app.screen is window.app.tokens
        assert {"tokens.by", "tokens.model", "tokens.export", "tokens.longer"} & {*window.app.tokens.keys()} == set()


async def test_what_asks_and_what_was_cut_off_is_counted_in_the_first_line(open_tokens: Any) -> None:
    asks, cut_off = task("r5n1", "Web", "waiting"), task("k4t9", "Fibonacci", "paused", reason=Reason.INTERRUPTED)
    async with open_tokens(plain([asks, cut_off]), before="No call yet.") as window:
        await window.shows("Tasks ?2")


async def test_a_range_without_a_call_says_where_there_may_be_some(open_tokens: Any) -> None:
    engine = plain()
    engine.rows = [new_call(timestamp=NOW - 3 * 86_400)]
    async with open_tokens(engine, before="No call in the last day. ] looks further back.") as window:
        await window.press("right_square_bracket")
        await window.until(lambda: len(window.app.tokens.list.rows) == 1, "it is there")


async def test_it_moves_while_work_runs_and_reads_the_sums_again_when_a_call_was_stored(open_tokens: Any) -> None:
    async with open_tokens() as window:
        reads = [one for one in window.engine.calls if one[0] == "metrics.tokens"]
        window.engine.running = [RunningCall(LARGE, Role.TASK, CallKind.STEP, NOW - 35, 917, 26.0)]
        await window.shows("now 26 tok/s", "917 tok")
        assert [one for one in window.engine.calls if one[0] == "metrics.tokens"] == reads
        window.engine.running = []
        window.engine.rows.append(
            new_call(LARGE, NOW - 1, CallKind.STEP, prompt_tokens=5_000_000, tokens_per_second=1.0)
        )
        await window.shows("5.1M")
        await window.hides("now 26")


async def test_what_is_shown_is_written_as_csv_and_json(
    open_tokens: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    async with open_tokens() as window:
        total = window.app.tokens.controller.shown.report.total.total_tokens
        await window.press("e")
        await window.dialog(TextDialog)
        await window.press("enter")
        await window.tells("tokens-2026-11-08.csv")
        with (tmp_path / "tokens-2026-11-08.csv").open() as file:
            assert sum(int(one["total_tokens"]) for one in csv.DictReader(file)) == total
        await window.press("e")
        dialog = await window.dialog(TextDialog)
        dialog.dismiss("all.json")
        await window.tells("all.json")
        assert json.loads((tmp_path / "all.json").read_text())["total"]["total_tokens"] == total


@pytest.mark.long
async def test_no_file_is_replaced_without_asking_and_no_form_is_guessed(
    open_tokens: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    there = tmp_path / "there.csv"
    there.write_text("mine")
    async with open_tokens() as window:
        await window.press("e")
        (await window.dialog(TextDialog)).dismiss("there.txt")
        await window.tells("neither in .csv nor in .json")
        (await window.dialog(TextDialog)).dismiss("there.csv")
        await window.dialog(ConfirmDialog)
        await window.press("escape")
        await window.until(lambda: window.app.screen is window.app.tokens, "nothing is asked any more")
        assert there.read_text() == "mine"
        await window.press("e")
        (await window.dialog(TextDialog)).dismiss("there.csv")
        (await window.dialog(ConfirmDialog)).dismiss(True)
        await window.until(lambda: there.read_text() != "mine", "it was replaced")
        await window.press("e")
        (await window.dialog(TextDialog)).dismiss("there.csv/x.csv")
        await window.tells("x.csv cannot be written")


async def test_without_an_engine_it_says_why_and_what_helps(open_tokens: Any) -> None:
    broken = EngineLost("The engine ended. Press ctrl+r to start it again.")
    async with open_tokens(broken=broken, before="The engine ended") as window:
        await window.shows("ctrl+r try again")
        await window.press("ctrl+r")
        await window.shows("dearest")


async def test_escape_leads_back_to_the_chat(open_tokens: Any) -> None:
    async with open_tokens() as window:
        await window.press("escape")
        assert window.app.left == 1


@pytest.mark.parametrize("size", [(20, 5), (30, 8), (44, 12), (60, 16), (80, 24), (100, 30), (200, 60)])
async def test_it_fits_every_size(open_tokens: Any, size: tuple[int, int]) -> None:
    async with open_tokens(fake_tokens.wide(), size=size, before="") as window:
        await window.until(lambda: window.app.tokens.list.rows, "the rows are there")
        assert all(strip.cell_length == size[0] for strip in window.strips)
        assert "gpt-4o" in window.painted or "qwen" in window.painted


async def test_days_are_compared_with_those_before_and_hours_are_not(open_tokens: Any) -> None:
    async with open_tokens() as window:
        assert "the day before" not in window.painted
        at = NOW - 86_400 - 3600
        window.engine.rows.insert(0, new_call(SMALL, at, prompt_tokens=50_000, completion_tokens=50_000))
        await window.press("ctrl+r")
        await window.shows("than the day before: tokens +10 %, calls")
        window.app.tokens.action_range(ShownRange.HOUR)
        await window.hides("the day before")


async def test_budgets_stand_above_and_all_of_them_in_a_list(open_tokens: Any) -> None:
    async with open_tokens(engine=fake_tokens.wide()) as window:
        await window.shows("budget  today ▰▰▰▰▰▱▱▱▱▱ 48 % of 380k", "month ! ▰▰▰▰▰▰▰▰▱▱ 81 % of 3.0M")
        await window.press("B")
        await window.dialog(BudgetsDialog)
        await window.shows("183k of 380k", "2.4M of 3.0M", "when_spent")
        await window.press("escape")
        await window.hides("when_spent")


async def test_without_a_budget_it_is_said_how_to_set_one(open_tokens: Any) -> None:
    async with open_tokens() as window:
        assert "budget  " not in window.painted
        await window.press("B")
        await window.shows("No budget is set.", "day_tokens")
