"""`tale-tui predict`: one text, many as lines of JSON, and how near forecasts were."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from support.scripted_engine import FORECAST, ScriptedEngine
from tale_tui.domain.forecasts import Estimate, ForecastAccuracy, ForecastHistory


def test_it_says_what_is_foreseen(cli: Any, connection: Any) -> None:
    result = cli("predict", "Write a haiku")
    assert result.code == 0
    assert result.out == (
        "simple\n"
        "  answer  about 60 tokens (30 to 110)\n"
        "  prompt  about 85 tokens (80 to 95)\n"
        "  time    about 4 s (2 s to 8 s)\n"
        "  from    the nearest of 12 runs of this model\n"
        "  model   ollama/qwen2.5:7b (task): works on tasks\n"
    )
    assert connection.loaded is False


def test_waiting_and_cost_stand_apart(cli: Any, engine: ScriptedEngine) -> None:
    engine.forecast = replace(FORECAST, waiting=Estimate(30, 10, 90), cost=Estimate(0.5, 0.25, 1))
    out = cli("predict", "Write a haiku").out
    assert "  waits   about 30 s (10 s to 2 min) for a slot\n" in out
    assert "  cost    about 0.5 (0.25 to 1)\n" in out


def test_json_has_every_interval(cli: Any, connection: Any) -> None:
    data = json.loads(cli("predict", "Write", "a", "haiku", "--json").out)
    assert (data["label"], data["complexity"], data["route"], data["runs"]) == ("simple", "simple", "task", 12)
    assert data["completion_tokens"] == {"middle": 60, "low": 30, "high": 110}
    assert data["cost"] is None
    assert data["why"] == "the nearest of 12 runs of this model; works on tasks"


def test_a_text_may_come_on_standard_input_and_a_model_be_named(cli: Any, engine: ScriptedEngine) -> None:
    assert cli("predict", "--model", "big", stdin="Write a haiku").code == 0
    assert ("forecast", "Write a haiku", "big") in engine.calls


def test_lines_are_answered_in_order(cli: Any, engine: ScriptedEngine) -> None:
    rows = [{"id": "a", "text": "Write"}, {"id": 7, "text": "Plan", "model": "far", "label": "x"}]
    result = cli("predict", "--jsonl", stdin="\n".join(map(json.dumps, rows)) + "\n\n")
    first, second = map(json.loads, result.out.splitlines())
    assert (first["id"], second["id"]) == ("a", 7)
    assert first == {
        "id": "a",
        "p": 0.97,
        "label": "simple",
        "complexity": "simple",
        "prompt_tokens": 85,
        "completion_tokens": 60,
        "pred": 60,
        "lo": 30,
        "hi": 110,
        "seconds": 4.0,
        "route": "task",
        "why": "the nearest of 12 runs of this model; works on tasks",
    }
    assert [call[1:] for call in engine.calls if call[0] == "forecast"] == [("Write", ""), ("Plan", "far")]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("nonsense", "Line 1 is not JSON"),
        ('{"id": 1}', "no id or no text"),
        ('{"id": 1, "text": " "}', "1: Nothing that can be read"),
        ('{"id": 1, "text": "Write", "model": 3}', "The model of 1 is no text"),
    ],
)
def test_a_line_that_cannot_be_foreseen_is_named(cli: Any, line: str, words: str) -> None:
    result = cli("predict", "--jsonl", stdin=line)
    assert result.code == 2
    assert words in result.err


@pytest.mark.parametrize(
    "arguments",
    [("",), ("--jsonl", "text"), ("--jsonl", "--json"), ("--history", "text"), ("--history", "--model", "big")],
)
def test_what_does_not_go_together_is_said(cli: Any, arguments: tuple[str, ...]) -> None:
    assert cli("predict", *arguments, stdin="").code == 2


def test_the_history_tells_the_share_beside_its_aim(cli: Any, engine: ScriptedEngine) -> None:
    assert "within 30 %" in cli("predict", "--history").out
    engine.forecast_history = ForecastHistory(
        ForecastAccuracy("", 50, 41, 40, 39),
        (ForecastAccuracy("code", 30, 27, 24, 23), ForecastAccuracy("explanation", 20, 14, 16, 16)),
    )
    assert cli("predict", "--history").out == (
        "82 % of the last 50 tasks within 30 %; the aim is 80 %\n"
        "  code          90 %  of 30 tasks\n"
        "  explanation   70 %  of 20 tasks\n"
    )
    data = json.loads(cli("predict", "--history", "--json").out)
    assert (data["tasks"], data["within_30_percent"], data["aim"]) == (50, 0.82, 0.8)
    assert data["kinds"]["code"]["tokens_covered"] == 24


def test_the_old_name_works(cli: Any, connection: Any) -> None:
    assert cli("predict-complexity", "Write a haiku").out.startswith("simple\n")
