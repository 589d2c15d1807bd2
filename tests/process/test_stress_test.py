"""`stress-test` with real processes: its engine is killed, nothing is lost, and what is the user's is untouched."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest
from prometheus_client.parser import text_string_to_metric_families

from support.processes import until

pytestmark = [pytest.mark.process, pytest.mark.long]

WAIT_S = 60.0


@pytest.mark.long
def test_the_engine_of_the_test_is_killed_and_nothing_is_lost(commands: Any, tmp_path: Path) -> None:
    process = commands.start(
        "stress-test", "--tasks", "12", "--chats", "2", "--kill", "--json",
        TMPDIR=str(tmp_path), TALE_UX="openai/nobody", TALE_TASKS__PER_MODEL="1",
    )  # fmt: skip
    out, err = process.communicate(timeout=WAIT_S)
    assert process.returncode == 0, err
    told = json.loads(out)
    assert told["tasks"] == {"handed_in": 12, "done": 12, "failed": 0}
    assert told["lost"] == 0
    [recovery] = told["recoveries"]
    assert recovery["killed"] == "the engine"
    assert recovery["ms"] > 0
    folder = Path(told["folder"])
    assert folder.parent == tmp_path
    assert json.loads((folder / "stress-test.json").read_text()) == told
    assert re.search(rf"TALE_HOME={re.escape(str(folder))}\b", err)

    spent = commands.start("tokens", "--json", TALE_HOME=str(folder))
    total = json.loads(spent.communicate(timeout=WAIT_S)[0])["total"]
    assert (total["calls"], total["total_tokens"]) == (told["calls"], told["total_tokens"])
    families = text_string_to_metric_families(_answer(commands, folder, "metrics"))
    samples = [sample for family in families for sample in family.samples]
    counted = {
        name: sum(sample.value for sample in samples if sample.name == name)
        for name in ("tale_calls_total", "tale_prompt_tokens_total", "tale_completion_tokens_total")
    }
    assert list(counted.values()) == [total["calls"], total["prompt_tokens"], total["completion_tokens"]]
    mine = commands.start("tasks", "--json")
    assert json.loads(mine.communicate(timeout=WAIT_S)[0])["tasks"] == []
    assert not processes_on(folder)
    shutil.rmtree(folder)


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM], ids=["ctrl+c", "kill"])
@pytest.mark.long
def test_a_stress_test_that_is_ended_leaves_no_process(commands: Any, tmp_path: Path, how: signal.Signals) -> None:
    process = commands.start("stress-test", "--tasks", "500", "--chats", "1", TMPDIR=str(tmp_path))
    [folder] = until(lambda: [*tmp_path.glob("tale-stress-test-*")], "its folder")
    until(lambda: (folder / "data" / "tale.db").exists(), "its engine")
    until(lambda: json.loads(_answer(commands, folder, "status", "--json"))["tasks"]["running"], "a task runs")
    process.send_signal(how)
    process.communicate(timeout=WAIT_S)
    assert process.returncode == 128 + how
    assert not processes_on(folder)


def test_without_a_model_nothing_is_begun(commands: Any, tmp_path: Path) -> None:
    nowhere = {"TALE_UX": "auto", "TALE_TASK": "auto", "TALE_OLLAMA__HOST": "http://127.0.0.1:1"}
    process = commands.start("stress-test", "--model", "real", TMPDIR=str(tmp_path), **nowhere)
    out, err = process.communicate(timeout=WAIT_S)
    assert (process.returncode, out) == (3, "")
    assert "tale-tui models use ux BACKEND/MODEL" in err
    [folder] = tmp_path.glob("tale-stress-test-*")
    assert not processes_on(folder)


@pytest.mark.long
def test_a_window_on_the_folder_goes_on_where_the_engine_of_the_test_was_killed(
    commands: Any, window: Callable[..., Any], tmp_path: Path
) -> None:
    process = commands.start("stress-test", "--tasks", "60", "--chats", "1", "--kill", "--json", TMPDIR=str(tmp_path))
    [folder] = until(lambda: [*tmp_path.glob("tale-stress-test-*")], "its folder")
    until(lambda: (folder / "data" / "tale.db").exists(), "its engine")
    one = window("chat", TALE_HOME=str(folder), TMPDIR=str(tmp_path))
    one.wait_for("● demo")
    out, err = process.communicate(timeout=2 * WAIT_S)
    assert process.returncode == 0, err
    told = json.loads(out)
    assert (told["tasks"]["done"], told["lost"], len(told["recoveries"])) == (60, 0, 1)
    assert one.process.poll() is None


def _answer(commands: Any, folder: Path, *words: str) -> str:
    out, err = commands.start(*words, TALE_HOME=str(folder), TMPDIR=str(folder.parent)).communicate(timeout=WAIT_S)
    assert out, err
    return str(out)


def processes_on(folder: Path) -> list[psutil.Process]:
    """Processes that work on a folder."""
    return [one for one in psutil.process_iter(["environ"]) if _home_of(one) == str(folder)]


def _home_of(process: psutil.Process) -> str | None:
    """The folder that a process of this user works on."""
    return (process.info["environ"] or {}).get("TALE_HOME") if process.pid != os.getpid() else None
