"""Forecasts in words."""

from __future__ import annotations

from dataclasses import replace

import pytest

from support.scripted_engine import FORECAST
from tale_tui.domain.forecasts import (
    NOTHING,
    Estimate,
    ForecastAccuracy,
    ForecastHistory,
    ForecastSummary,
    PastForecasts,
    StepEstimate,
)
from tale_tui.formatting.forecasts import (
    cost_words,
    forecast_lines,
    foreseen_time,
    foreseen_tokens,
    history_lines,
    left_words,
    near_words,
    past_words,
    seconds_words,
    step_words,
    summary_words,
    tokens_words,
)
from tale_tui.formatting.symbols import UNICODE

KNOWN = ForecastSummary(Estimate(620, 380, 1_020), Estimate(70, 45, 110), NOTHING, 12, "medium")
FEW = replace(KNOWN, runs=4)


@pytest.fixture(autouse=True)
def unicode_signs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tale_tui.formatting.forecasts.signs", lambda: UNICODE)


def test_a_summary_is_one_line() -> None:
    assert summary_words(KNOWN) == "medium, 620 tok (380–1.0k), 1:10 (0:45–1:50)"
    waits = replace(KNOWN, waiting=Estimate(40, 20, 60), complexity=None)
    assert summary_words(waits) == "620 tok (380–1.0k), 1:10 (0:45–1:50), waits about 0:40"


def test_from_few_runs_it_says_from_how_many_in_place_of_the_interval() -> None:
    assert summary_words(FEW) == "medium, 620 tok, about 1:10, from 4 runs"
    assert summary_words(replace(FEW, runs=1)).endswith("about 1:10, from 1 run")
    assert summary_words(replace(FEW, runs=0)).endswith("about 1:10, no run of it yet")
    assert summary_words(replace(FEW, runs=9)).endswith("from 9 runs")
    assert summary_words(replace(FEW, runs=10)).endswith("1:10 (0:45–1:50)")


def test_what_it_costs_and_that_it_is_large_stand_in_a_summary() -> None:
    dear = replace(KNOWN, cost=Estimate(0.0123, 0.008, 0.0204), large=True)
    assert summary_words(dear) == "large, medium, 620 tok (380–1.0k), 1:10 (0:45–1:50), cost 0.012 (0.008–0.02)"
    assert cost_words(Estimate(12.345, 3, 100), 12) == "cost 12.35 (3.00–100.00)"
    assert cost_words(Estimate(0, 0, 0), 12) == "cost 0 (0–0)"
    assert cost_words(None, 12) == ""
    assert cost_words(Estimate(0.0123, 0.008, 0.0204), 4) == "cost 0.012"


def test_how_near_earlier_ones_were_stands_beside_it() -> None:
    assert past_words(PastForecasts(50, 26, "code")) == "tokens within 30 %: .52 of the last 50 (code)"
    assert past_words(PastForecasts(3, 3)) == "tokens within 30 %: 1.00 of the last 3"
    assert past_words(PastForecasts()) == ""
    assert forecast_lines(replace(FORECAST, past=PastForecasts(9, 0)))[-1][1].endswith(".00 of the last 9")


def test_a_step_of_a_plan_has_its_own() -> None:
    assert step_words(StepEstimate(KNOWN.completion_tokens, KNOWN.seconds)) == "forecast 620 tok, 1:10"


def test_what_is_left_and_what_was_foreseen_have_their_intervals() -> None:
    assert left_words(Estimate(30, 20, 50), 12) == "about 0:30 left (0:20–0:50)"
    assert left_words(Estimate(30, 20, 50), 4) == "about 0:30 left, from 4 runs"
    assert foreseen_time(KNOWN) == "forecast 1:10 (0:45–1:50)"
    assert foreseen_tokens(KNOWN) == "forecast 620 (380–1.0k)"
    assert foreseen_tokens(FEW) == "forecast 620"


def test_a_number_stands_with_its_interval() -> None:
    assert tokens_words(Estimate(1_020, 380, 2_400)) == "about 1.0k tokens (380 to 2.4k)"
    assert seconds_words(Estimate(70, 45, 110)) == "about 1 min (45 s to 2 min)"


def test_what_is_not_waited_for_and_costs_nothing_has_no_line() -> None:
    assert [name for name, _ in forecast_lines(FORECAST)] == ["answer", "prompt", "time", "from"]
    both = replace(FORECAST, waiting=Estimate(0, 0, 5), cost=Estimate(0, 0, 0))
    assert [name for name, _ in forecast_lines(both)] == ["answer", "prompt", "time", "waits", "cost", "from"]


def test_the_history_has_the_share_its_aim_and_each_kind() -> None:
    none = ForecastAccuracy("", 0, 0, 0, 0)
    [line] = history_lines(ForecastHistory(none, ()))
    assert "within 30 %" in line
    assert "80 %" in line
    first, kind = history_lines(
        ForecastHistory(ForecastAccuracy("", 1, 1, 1, 1), (ForecastAccuracy("code", 1, 1, 1, 1),))
    )
    assert first == "the last task was within 30 %; the aim is 80 %"
    assert near_words(0.0, 1) == "the last task was not within 30 %"
    assert near_words(0.5, 2) == "50 % of the last 2 tasks within 30 %"
    assert kind.split() == ["code", "100", "%", "of", "1", "task"]
