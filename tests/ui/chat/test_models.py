"""The models of the chat: named, chosen by a command, and what is said of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tale_tui.config.paths import Paths
from tale_tui.domain.models import BackendName, ModelRef
from tale_tui.engine.models.scripted import DEMO_MODEL, ScriptedBackend
from tale_tui.ui.chat.models import DEMO_TOLD, tell_demo_once

LONG_NAME = "hf.co/maker/name"
DEMO = ModelRef(BackendName.SCRIPTED, DEMO_MODEL)


async def test_that_a_model_is_a_demo_is_told_once(open_window: Any, paths: Paths) -> None:
    async with open_window() as window:
        (paths.data / DEMO_TOLD).unlink()
        await window.ready()
        await window.tells("written beforehand")
        await window.engine.models.unload(DEMO)
        await window.until(lambda: window.chat.line.model.state != "ready", "it was let go")
        await window.engine.models.load(DEMO)
        await window.until(lambda: window.chat.line.model.state == "ready", "it is there again")
        assert [notice.title for _, notice in window.app.notices.kept].count("This is a demo") == 1


def test_that_a_model_is_a_demo_is_told_once_a_data_folder(tmp_path: Path) -> None:
    assert tell_demo_once(tmp_path)
    assert not tell_demo_once(tmp_path)
    assert tell_demo_once(tmp_path / "missing")


async def test_the_name_of_a_model_may_have_slashes(open_window: Any) -> None:
    async with open_window(backend=ScriptedBackend(models=(DEMO_MODEL, LONG_NAME))) as window:
        await window.ready()
        await window.say(f"/model {LONG_NAME}")
        await window.tells(f"{LONG_NAME} answers from now on")
        await window.until(lambda: LONG_NAME in window.painted.splitlines()[-1], "its name in the last line")


@pytest.mark.parametrize(("works", "named"), [("alder", 0), ("birch", 1)])
async def test_a_model_is_named_twice_only_where_another_one_works(open_window: Any, works: str, named: int) -> None:
    backend = ScriptedBackend(models=("alder", "birch"))
    async with open_window(backend=backend, ux="scripted/alder", task=f"scripted/{works}") as window:
        await window.ready()
        await window.until(lambda: window.chat.line.task_model is not None, "it is known who works")
        last = window.painted.splitlines()[-1]
        assert (last.count("alder"), last.count("birch")) == (1, named)
