"""`tokens`: what it says, writes and refuses."""

from __future__ import annotations

import csv
import io
import json
import time
from pathlib import Path
from typing import Any

import pytest

from support.calls import LARGE, NOON, SMALL, new_call
from tale_tui.config.settings import ModelPrice
from tale_tui.domain.budgets import BudgetPeriod, BudgetUse
from tale_tui.domain.metrics import CallDimension, CallFilter, CallKind, CallOutcome, RunningCall, TokenSavings
from tale_tui.domain.models import Role

FIGURES = (
    "prompt_tokens", "cached_tokens", "completion_tokens", "thinking_tokens", "total_tokens", "calls", "failed", "cost",
)  # fmt: skip


@pytest.fixture
def counted(engine: Any) -> Any:
    """Three calls: one of them failed without a number, one was a step of a task."""
    step = {"kind": CallKind.STEP, "task_id": "abcd2222eeeeffff", "task_type": "task"}
    engine.rows = [
        new_call(SMALL, cached_tokens=4, ttft_ms=310.0, session_id="s1", task_type="chat"),
        new_call(
            SMALL, outcome=CallOutcome.FAILED, prompt_tokens=None, completion_tokens=None,
            estimated_completion_tokens=1100, task_type="chat",
        ),
        new_call(LARGE, NOON + 60, prompt_tokens=1000, completion_tokens=200, tokens_per_second=40.0, **step),
    ]  # fmt: skip
    return engine


def test_json_is_the_total_and_the_groups_which_sum_to_it(cli: Any, counted: Any) -> None:
    result = cli("tokens", "--json", "--by", "model")
    data = json.loads(result.out)
    assert (result.code, result.out.count("\n")) == (0, 1)
    assert list(data) == ["from", "to", "total", "groups"]
    assert tuple(data["total"]) == FIGURES
    assert data["total"] == {
        "prompt_tokens": 1012,
        "cached_tokens": 4,
        "completion_tokens": 203,
        "thinking_tokens": None,
        "total_tokens": 1215,
        "calls": 3,
        "failed": 1,
        "cost": None,
    }
    assert [group["model"] for group in data["groups"]] == [str(LARGE), str(SMALL)]
    for figure in ("prompt_tokens", "completion_tokens", "total_tokens", "calls", "failed"):
        assert sum(group[figure] or 0 for group in data["groups"]) == data["total"][figure]


def test_a_range_is_told_in_utc_and_an_open_end_is_null(cli: Any, counted: Any) -> None:
    data = json.loads(cli("tokens", "--json", "--since", "2026-11-01T00:00Z").out)
    assert (data["from"], data["to"]) == ("2026-11-01T00:00:00Z", None)
    assert counted.calls[-1][1].since == 1_793_491_200.0


def test_a_cost_is_told_where_there_is_a_price(cli: Any, counted: Any) -> None:
    counted.prices = {str(LARGE): ModelPrice(prompt=2.0, completion=10.0)}
    data = json.loads(cli("tokens", "--json", "--by", "model").out)
    assert [group["cost"] for group in data["groups"]] == [0.004, None]
    assert data["total"]["cost"] == 0.004
    assert "cost" in cli("tokens").out


def test_csv_has_a_line_for_each_group(cli: Any, counted: Any) -> None:
    result = cli("tokens", "--csv", "--by", "type, kind")
    rows = list(csv.DictReader(io.StringIO(result.out)))
    assert result.out.splitlines()[0] == ",".join(("type", "kind", *FIGURES))
    assert [(row["type"], row["kind"], row["total_tokens"]) for row in rows] == [
        ("task", "step", "1200"),
        ("chat", "chat", "15"),
    ]
    assert rows[0]["thinking_tokens"] == ""


def test_csv_of_nothing_is_its_head(cli: Any, engine: Any) -> None:
    assert cli("tokens", "--csv", "--by", "task").out == ",".join(("task", "title", *FIGURES)) + "\n"
    assert json.loads(cli("tokens", "--json").out)["total"]["total_tokens"] == 0


def test_no_cell_of_a_spreadsheet_is_a_formula(cli: Any, counted: Any) -> None:
    counted.rows.append(new_call(task_id="=1+1"))
    assert "'=1+1" in cli("tokens", "--csv", "--by", "task").out


def test_the_table_has_every_number_to_the_last_token(cli: Any, counted: Any) -> None:
    result = cli("tokens", "--by", "model")
    overview, head, large, small, whole = result.out.splitlines()
    assert overview.startswith("hour ")
    assert head.split() == [
        "model", "calls", "failed", "prompt", "cached", "completion", "total", "tok/s", "first",
    ]  # fmt: skip
    assert large.split() == [str(LARGE), "1", "0", "1,000", "–", "200", "1,200", "40.0"]
    assert small.split()[:3] == [str(SMALL), "2", "1"]
    assert whole.split()[:7] == ["all", "3", "1", "1,012", "4", "203", "1,215"]
    assert result.err == "1 call gave no numbers, or not all: about 1.1k tokens by estimate, in no sum above.\n"


def test_a_column_of_which_nothing_is_known_is_left_out(cli: Any, engine: Any) -> None:
    engine.rows = [new_call(thinking_tokens=0)]
    assert cli("tokens", "--by", "kind").out.splitlines()[1].split() == [
        "kind", "calls", "prompt", "completion", "thinking", "total", "tok/s", "first",
    ]  # fmt: skip


def test_nothing_counted_is_a_sentence(cli: Any, engine: Any) -> None:
    result = cli("tokens", "--model", "qwen2.5:7b")
    assert (result.code, result.out) == (0, "")
    assert "No call of a model is counted there." in result.err


def test_what_was_saved_is_told_with_its_promise_and_its_misses(cli: Any, counted: Any) -> None:
    counted.saved = TokenSavings(SMALL, LARGE, 0.38, 0.3, 0.61, 0.5, turns=118, misses=2)
    result = cli("tokens")
    [line] = [line for line in result.out.splitlines() if line.startswith("saved")]
    assert "38 % each prompt alone (60 % promised), 30 % if every task had gone to qwen3:14b" in line
    assert "with the history resent 61 % and 50 %; 2 misses of 118 turns" in line
    assert "saved = what qwen3:14b would have used for what qwen2.5:7b answered" in result.err


def test_the_filters_reach_the_engine(cli: Any, counted: Any) -> None:
    cli("tokens", "--json", "--model", str(LARGE), "--by", "day,hour,session")
    assert counted.calls[-1] == (
        "tokens",
        CallFilter(model=str(LARGE)),
        (CallDimension.DAY, CallDimension.HOUR, CallDimension.SESSION),
    )


def test_a_deleted_session_is_found_by_its_whole_id(cli: Any, counted: Any) -> None:
    assert json.loads(cli("tokens", "--json", "--session", "s1").out)["total"]["calls"] == 1
    unknown = cli("tokens", "--session", "s9")
    assert (unknown.code, unknown.err.count("\n")) == (2, 1)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--since", "today", "--until", "2020-01-01"], "ends before it begins"),
        (["--since", "2999-01-01"], "ends before it begins"),
        (["--since", "yore"], "'yore' is no time"),
        (["--until", "2026-02-30"], "is no time"),
        (["--until", "9999-12-31"], "is no time"),
        (["--model", "nobody"], "No model nobody was called"),
        (["--by", "colour"], "'colour' is nothing to group by"),
        (["--by", ","], "nothing to group by"),
        (["--live", "--json"], "leave --json, --csv and --output out"),
        (["--output", "figures.txt"], "Say --json or --csv"),
        (["--csv", "--output", "/no/such/folder/x.csv"], "is no folder"),
        (["--csv", "--output", "/"], "cannot be written"),
    ],
)
def test_bad_input_is_one_sentence(cli: Any, counted: Any, arguments: list[str], says: str) -> None:
    result = cli("tokens", *arguments)
    assert (result.code, result.out, result.err.count("\n")) == (2, "", 1)
    assert says in result.err


def test_a_file_is_replaced_only_by_force(cli: Any, counted: Any, tmp_path: Path) -> None:
    file = tmp_path / "tokens.csv"
    file.write_text("mine")
    refused = cli("tokens", "--output", str(file))
    assert (refused.code, file.read_text()) == (2, "mine")
    assert "--force" in refused.err
    written = cli("tokens", "--output", str(file), "--force", "--by", "kind")
    assert (written.code, written.out) == (0, "")
    assert file.read_text() == cli("tokens", "--csv", "--by", "kind").out
    as_json = tmp_path / "tokens.json"
    assert cli("tokens", "--output", str(as_json)).code == 0
    assert json.loads(as_json.read_text()) == json.loads(cli("tokens", "--json").out)


def test_the_present_is_told(cli: Any, counted: Any) -> None:
    counted.running = [RunningCall(LARGE, Role.TASK, CallKind.STEP, NOON, 316, 42.0)]
    assert "now 42 tok/s" in cli("tokens").out.splitlines()[0]


def test_budgets_and_what_is_used_of_them_stand_in_a_line(cli: Any, engine: Any) -> None:
    assert "budget" not in cli("tokens").out
    engine.budgets = [
        BudgetUse(BudgetPeriod.DAY, "", 1000, 120, 0.0),
        BudgetUse(BudgetPeriod.MONTH, "openai/m", 100, 110, 0.0),
    ]
    assert "budget: day 120 of 1.0k (12 %), month of openai/m 110 of 100 (110 %)" in cli("tokens").out


def test_days_are_compared_with_those_before(cli: Any, counted: Any) -> None:
    yesterday = time.time() - 90_000
    counted.rows = [
        new_call(SMALL, yesterday, prompt_tokens=100, completion_tokens=100),
        new_call(SMALL, yesterday + 88_000, prompt_tokens=100, completion_tokens=200),
    ]
    told = cli("tokens", "--since", "1d").out.splitlines()
    assert told[0] == "than the day before: tokens +50 %, calls +0 %"
    assert "the day before" not in cli("tokens", "--since", "6h").out
    assert "the day before" not in cli("tokens", "--since", "1d", "--json").out
