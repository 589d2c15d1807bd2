"""The learning view: what it shows, and what its keys do."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from support.learning import COMPLEXITY, DETECTION, FORECAST, TEXTS, engine_of, taught, untaught
from support.window import Window
from tale_tui.domain.errors import CannotUndo, EngineLost, ReadOnly
from tale_tui.domain.learning import LearningEvent, LearningOutcome, LearningReport

NARROW = (80, 24)


def asked(window: Window, verb: str) -> list[tuple[Any, ...]]:
    """What the engine was asked for by a verb."""
    return [call[1:] for call in window.engine.calls if call[0] == verb.split(".")[1]]


async def test_parts_their_figures_and_what_happened_lately_are_shown(open_learning: Any) -> None:
    async with open_learning() as window:
        await window.shows("Dashboard › Learning", "all of it on this machine", "how good", "what that changed")
        await window.shows("detection", "412", ".968 right", ".961", TEXTS[0], "188", ".66 right")
        await window.shows("52 % of the last 50 tasks within 30 %; the aim is 80 %", "code 61 % of 28 tasks")
        await window.shows("detection: wrong on what was kept apart, by week")
        await window.shows("dropped from 1.2k examples: right 66 % before, 64 % after", "u undoes")


async def test_the_plot_and_the_undo_are_of_the_chosen_part(open_learning: Any) -> None:
    async with open_learning() as window:
        await window.press("down", "down")
        await window.shows("forecast: off by more than 30 %, by week", "median of the model alone", "learned", "31 %")
        assert "u undoes" not in window.painted
        await window.press("u")
        assert not asked(window, "learning.undo")


async def test_undo_takes_back_the_newest_fit_that_counts(open_learning: Any) -> None:
    async with open_learning() as window:
        await window.press("down", "u")
        await window.shows("What was in use before it serves.")
        assert asked(window, "learning.undo") == [("complexity-1",)]


async def test_what_cannot_be_undone_is_said(open_learning: Any) -> None:
    engine = engine_of()
    engine.errors["learning.undo"] = CannotUndo("detection-1 is too long ago.")
    async with open_learning(engine) as window:
        await window.press("u")
        await window.shows("detection-1 is too long ago.")


async def test_forgetting_asks_first_and_the_safe_choice_is_chosen(open_learning: Any) -> None:
    async with open_learning() as window:
        await window.press("x")
        await window.shows("Forget what detection has learned?", "Nothing is deleted")
        await window.press("enter")
        await window.shows("412")
        assert not asked(window, "learning.reset")
        await window.press("x")
        await window.shows("Forget what detection has learned?")
        await window.press("tab", "enter")
        await window.shows("Forgotten", "tale-tui learning undo detection-9")
        assert asked(window, "learning.reset") == [(DETECTION,)]


async def test_the_key_that_brings_it_back_is_the_one_that_the_user_gave_it(open_learning: Any) -> None:
    async with open_learning() as window:
        window.app.set_keymap({"learning.undo": "z"})
        await window.press("x")
        await window.shows("Nothing is deleted: z brings it back.")
        await window.press("tab", "enter")
        await window.shows("tale-tui learning undo detection-9 brings it back, and so does z.")


async def test_space_stops_a_part_and_starts_it_again(open_learning: Any) -> None:
    async with open_learning() as window:
        await window.press("down", "space")
        await window.shows("off", "space start")
        await window.press("space")
        await window.shows("space stop")
        assert asked(window, "learning.switch") == [(COMPLEXITY, False), (COMPLEXITY, True)]
        await window.until(lambda: len(window.app.switched) == 2, "the settings are told of")
        assert window.app.switched == [("learning.complexity", False), ("learning.complexity", True)]


async def test_a_process_that_only_reads_switches_nothing(open_learning: Any) -> None:
    engine = engine_of()
    engine.errors["learning.switch"] = ReadOnly("This process only reads.")
    async with open_learning(engine) as window:
        await window.press("space")
        await window.shows("This process only reads.")
        assert window.app.switched == []


async def test_all_of_it_is_exported_as_json(
    open_learning: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    async with open_learning() as window:
        await window.press("e")
        await window.shows("Write what was learned to", "learning-2026-11-08.json")
        await window.press("enter")
        await window.shows("Written")
    data = json.loads((tmp_path / "learning-2026-11-08.json").read_text(encoding="utf-8"))
    assert list(data) == ["detection", "complexity", "forecast"]
    assert data["detection"]["history"][0]["changes"] == list(TEXTS)
    assert data["forecast"]["over_time"][-1]["error_of_median"] == 0.54


async def test_enter_says_why_with_examples(open_learning: Any) -> None:
    async with open_learning() as window:
        await window.press("enter")
        await window.shows("What detection has learned", "from 412 corrections, 3 of them new", *TEXTS)
        await window.press("escape", "down", "down", "enter")
        await window.shows("What forecast has learned", "52 % of the last 50 tasks", "28 tasks")


async def test_a_machine_that_has_learned_nothing_says_how_it_will(open_learning: Any) -> None:
    async with open_learning(engine_of(untaught())) as window:
        await window.shows(
            "Nothing was learned here yet.", "Where it is wrong F8 says so", "No task that was foreseen is done"
        )
        assert "u undo" not in window.painted
        assert "x forget" not in window.painted


async def test_what_is_damaged_is_said_in_one_sentence(open_learning: Any) -> None:
    first, *others = taught()
    problem = "detector.json cannot be used: it is cut off. The detector goes on as the program brought it."
    async with open_learning(engine_of((replace(first, problem=problem), *others)), size=NARROW) as window:
        await window.shows("detector.json cannot be used", "The detector goes on as the", "program brought it.")


async def test_a_reset_stands_among_what_happened(open_learning: Any) -> None:
    first, second, third = taught()
    reset = LearningEvent(
        "forecast-1", FORECAST, LearningOutcome.RESET, 1_794_146_000.0, 0.0, LearningReport(kept=True)
    )
    async with open_learning(engine_of((first, second, replace(third, events=(reset,))))) as window:
        await window.press("end")
        await window.shows("all was forgotten", "u undoes")


async def test_escape_leads_to_the_dashboard(open_learning: Any) -> None:
    async with open_learning() as window:
        await window.press("escape")
        await window.until(lambda: window.app.left_to == ["dashboard"], "the dashboard is asked for")


async def test_without_an_engine_one_sentence_is_shown(open_learning: Any) -> None:
    broken = EngineLost("The engine ended. Press ctrl+r to start it again.")
    async with open_learning(broken=broken) as window:
        await window.shows("The engine ended.", "try again")
        await window.press("ctrl+r")
        await window.shows(".968 right")


@pytest.mark.parametrize("size", [(120, 40), NARROW, (60, 14), (20, 5)])
async def test_no_line_is_wider_than_the_screen(open_learning: Any, size: tuple[int, int]) -> None:
    async with open_learning(size=size) as window:
        await window.shows("detection")
        assert all(len(line) <= size[0] for line in window.painted.splitlines())
