"""What was learned, as a user meets it: looked at, undone, stopped for good, written to a file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tale_tui.config.load import load_settings
from tale_tui.domain.learning import LearnedPart
from tale_tui.engine.models.scripted import ScriptedBackend, spoken

pytestmark = pytest.mark.long


async def test_the_view_opens_from_the_dashboard_and_by_its_command_and_goes_back(open_window: Any) -> None:
    async with open_window() as window:
        await window.ready()
        await window.press("f5")
        await window.shows("last hour · all models")
        await window.press("L")
        await window.shows("Dashboard › Learning", "what that changed")
        await window.press("escape")
        await window.shows("last hour · all models")
        await window.press("f2")
        await window.say("/learning")
        await window.shows("Dashboard › Learning", "Nothing was learned here yet.")


async def test_forecasts_that_were_forgotten_come_back_by_one_key(open_window: Any) -> None:
    backend = ScriptedBackend([spoken(*["word "] * 60)], models=["demo", "big"])
    async with open_window(backend=backend, ux="scripted/demo", task="scripted/big") as window:
        await window.ready()
        learning = window.engine.learning
        for number in range(3):
            key = f"task000000000{number}aa"
            await window.engine.tasks.submit(f"Write a poem about {number}", key=key)
            async for _ in window.engine.tasks.follow(key):
                pass
        before = await learning.forecast("Write a poem about rain")
        assert before.runs == 3
        await window.say("/learning")
        await window.shows("what that changed")
        await window.press("end")
        await window.shows("forecast: off by more than 30 %")
        await window.press("x")
        await window.shows("Forget what forecast has learned?")
        await window.press("tab", "enter")
        await window.shows("all was forgotten", "u undoes")
        assert (await learning.forecast("Write a poem about rain")).runs == 0
        await window.press("u")
        await window.shows("(undone)")
        assert (await learning.forecast("Write a poem about rain")).completion_tokens == before.completion_tokens


async def test_what_was_stopped_stays_stopped_after_the_next_start(open_window: Any, paths: Any) -> None:
    async with open_window() as window:
        await window.ready()
        await window.say("/learning")
        await window.shows("what that changed")
        await window.press("down", "space")
        await window.shows("space start")
        await window.until(lambda: not load_settings(paths).learning.complexity, "the setting is written")
        states = {state.part: state.enabled for state in await window.engine.learning.learned()}
        assert not states[LearnedPart.COMPLEXITY]
        assert states[LearnedPart.FORECAST]


async def test_everything_that_was_learned_is_written_to_a_file(
    open_window: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    async with open_window() as window:
        await window.ready()
        await window.say("/learning")
        await window.shows("what that changed")
        await window.press("e")
        await window.shows("Write what was learned to")
        await window.press("enter")
        await window.shows("Written")
    (written,) = list_of(tmp_path)
    assert list(json.loads(written.read_text(encoding="utf-8"))) == ["detection", "complexity", "forecast"]


def list_of(folder: Path) -> list[Path]:
    """What was written there."""
    return list(folder.glob("learning-*.json"))
