"""`tale-tui learning`: what was learned, undone and forgotten."""

from __future__ import annotations

import json
from typing import Any

import pytest

from support.scripted_engine import ScriptedEngine
from tale_tui.domain.learning import (
    LearnedPart,
    LearnedState,
    LearningEvent,
    LearningOutcome,
    LearningPoint,
    LearningReport,
)

NOON = 1_794_139_200.0
CHANGE = "Plan it: simple -> medium"
REPORT = LearningReport(True, 0.8, 0.85, examples=1_400, kept_apart=120, changed=1, changes=(CHANGE,))
FIT = LearningEvent("complexity-2", LearnedPart.COMPLEXITY, LearningOutcome.LEARNED, NOON, 0.0, REPORT)
DROPPED = LearningEvent(
    *("complexity-1", LearnedPart.COMPLEXITY, LearningOutcome.DROPPED, NOON - 60, 0.0), LearningReport(False, 0.8, 0.7)
)
COMPLEXITY = LearnedState(
    *(LearnedPart.COMPLEXITY, True, "learning.complexity", 40, 3, 120, 0.85, 0.8, (FIT, DROPPED)),
    points=(LearningPoint(NOON - 60, 120, 0.8), LearningPoint(NOON, 120, 0.85)),
)
FORECAST = LearnedState(LearnedPart.FORECAST, False, "learning.forecast", 7, 0, 6, 0.5, None)


@pytest.fixture(autouse=True)
def learned(engine: ScriptedEngine) -> None:
    engine.learned = (COMPLEXITY, FORECAST)


def test_it_says_what_was_learned_how_good_it_is_and_what_changed(cli: Any) -> None:
    out = cli("learning").out
    assert "complexity: from 40 tasks, 3 of them new\n" in out
    assert "85 % right on 120 texts kept apart; 80 % before\n" in out
    assert "learned from 1.4k examples: right 80 % before, 85 % after; 1 text of yours judged differently\n" in out
    assert f"    {CHANGE}\n" in out
    assert "  undone    1 time what was learned was dropped or undone\n" in out
    assert "20 %, " in out
    assert "forecast: from 7 runs; learns nothing more (learning.forecast is off, or nothing can be written)\n" in out
    assert "50 % of the last 6 tasks within 30 %\n" in out


def test_json_has_all_of_it(cli: Any) -> None:
    data = json.loads(cli("learning", "--json").out)
    complexity = data["complexity"]
    assert (complexity["now"], complexity["before"], complexity["examples"], complexity["rollbacks"]) == (
        0.85,
        0.8,
        40,
        1,
    )
    assert [point["error"] for point in complexity["over_time"]] == [0.2, 0.15]
    assert complexity["history"][0]["changes"] == [CHANGE]
    assert data["forecast"]["learns"] is False


def test_an_undo_and_a_reset_say_what_they_did(cli: Any, engine: ScriptedEngine) -> None:
    result = cli("learning", "undo", "complexity-2")
    assert (result.code, result.err) == (0, "Undone: complexity-2. What was in use before it serves.\n")
    assert ("undo", "complexity-2") in engine.calls
    result = cli("learning", "reset", "forecast")
    assert result.err == "Forgotten: forecast. tale-tui learning undo forecast-9 brings it back.\n"
    assert json.loads(cli("learning", "reset", "forecast", "--json").out)["outcome"] == "reset"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("undo",), "Say what: tale-tui learning undo ID"),
        (("reset",), "Say what: tale-tui learning reset PART"),
        (("reset", "routes"), "'routes' learns nothing: give detection, complexity, forecast."),
        (("undo", "complexity-9"), "Nothing was learned as complexity-9"),
        (("forget",), "forget"),
    ],
)
def test_what_cannot_be_done_is_said_and_changes_nothing(cli: Any, arguments: tuple[str, ...], sentence: str) -> None:
    result = cli("learning", *arguments)
    assert result.code == 2
    assert sentence in result.err
