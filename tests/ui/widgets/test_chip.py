"""The chip, in one line."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tale_tui.domain.forecasts import NOTHING, Estimate, ForecastSummary
from tale_tui.formatting.symbols import UNICODE
from tale_tui.ui.widgets.chip import ChipShown, chip_line

NARROW, WIDE = 14, 60
TASK = ChipShown("task", 0.934, model="qwen3:14b", expected_s=70, key="f8")


@pytest.fixture(autouse=True)
def unicode_signs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tale_tui.ui.widgets.chip.signs", lambda: UNICODE)
    monkeypatch.setattr("tale_tui.formatting.forecasts.signs", lambda: UNICODE)


@pytest.mark.parametrize(
    ("shown", "narrow", "wide"),
    [
        (TASK, "a task .93", "a task .93 → qwen3:14b · about 1:10 ─ f8 just talk"),
        (ChipShown("task", 0.999, model="qwen3:14b"), "a task .99", "a task .99 → qwen3:14b"),
        (ChipShown("task", 0.71), "a task .71", "a task .71"),
        (ChipShown("ask", 0.52, key="f8"), "ask .52", "ask .52 ─ f8 a task"),
        (ChipShown("chat", 0.97, key="f8"), "chat .97", "chat .97 ─ f8 a task"),
        (ChipShown("task", 1.0, True, "qwen3:14b", 70.0), "a task set", "a task set → qwen3:14b · about 1:10"),
        (ChipShown("chat", 1.0, True), "chat set", "chat set"),
    ],
)
def test_it_says_what_will_become_of_the_message(shown: ChipShown, narrow: str, wide: str) -> None:
    assert chip_line(shown, NARROW).plain == narrow
    assert chip_line(shown, WIDE).plain == wide


@pytest.mark.parametrize("width", range(12, 80))
def test_it_never_takes_more_than_it_has(width: int) -> None:
    shown = ChipShown("task", 0.93, model="a-model-with-a-very-long-name:70b-instruct-q4", expected_s=725, key="f8")
    assert chip_line(shown, width).cell_length <= width


FORESEEN = replace(
    TASK, forecast=ForecastSummary(Estimate(620, 380, 1_020), Estimate(70, 45, 110), NOTHING, 12, "medium")
)


@pytest.mark.parametrize(
    ("width", "said"),
    [
        (110, "a task .93 · medium → qwen3:14b · 620 tok (380–1.0k) · 1:10 (0:45–1:50) ─ f8 just talk"),
        (80, "a task .93 · medium → qwen3:14b · 620 tok · 1:10 (0:45–1:50) ─ f8 just talk"),
        (70, "a task .93 · medium → qwen3:14b · 620 tok · 1:10 (0:45–1:50)"),
        (56, "a task .93 → qwen3:14b · 620 tok · 1:10 (0:45–1:50)"),
        (44, "a task .93 → qwen3:14b · 1:10 (0:45–1:50)"),
    ],
)
def test_what_is_foreseen_stands_beside_the_model_as_far_as_there_is_room(width: int, said: str) -> None:
    assert chip_line(FORESEEN, width).plain == said


@pytest.mark.parametrize("width", range(12, 120))
def test_a_forecast_never_takes_more_than_there_is(width: int) -> None:
    assert FORESEEN.forecast is not None
    few = replace(FORESEEN, forecast=replace(FORESEEN.forecast, runs=4, waiting=Estimate(40, 20, 60)))
    for shown in (FORESEEN, few, replace(few, model="a-model-with-a-very-long-name:70b-instruct-q4")):
        assert chip_line(shown, width).cell_length <= width


def test_a_long_name_gives_way_to_the_time() -> None:
    shown = ChipShown("task", 0.93, model="a-model-with-a-very-long-name:70b-instruct-q4", expected_s=725)
    assert chip_line(shown, 40).plain.endswith(" · about 12:05")


@pytest.mark.parametrize(
    ("width", "said"),
    [
        (
            140,
            "a task .93 · large · medium → qwen3:14b · 620 tok (380–1.0k) · 1:10 (0:45–1:50) · cost 0.012 (0.008–0.02) "
            "─ f8 just talk",
        ),
        (100, "a task .93 · large · medium → qwen3:14b · 620 tok (380–1.0k) · 1:10 (0:45–1:50) ─ f8 just talk"),
        (90, "a task .93 · large · medium → qwen3:14b · 620 tok · 1:10 (0:45–1:50) ─ f8 just talk"),
        (80, "a task .93 · large · medium → qwen3:14b · 620 tok · 1:10 (0:45–1:50)"),
        (50, "a task .93 · large → qwen3:14b · 1:10 (0:45–1:50)"),
    ],
)
def test_that_it_is_large_is_said_as_long_as_there_is_room_for_anything(width: int, said: str) -> None:
    assert FORESEEN.forecast is not None
    dear = replace(FORESEEN.forecast, large=True, cost=Estimate(0.0123, 0.008, 0.0204))
    assert chip_line(replace(FORESEEN, forecast=dear), width).plain == said
