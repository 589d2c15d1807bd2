"""`stress-test` with real processes: its engine is killed, nothing is lost, and what is the user's is untouched."""

from __future__ import annotations

import json
import os
import re
import shutil
from pathlib import Path
from typing import Any

import psutil
import pytest

pytestmark = pytest.mark.process

WAIT_S = 60.0


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
    mine = commands.start("tasks", "--json")
    assert json.loads(mine.communicate(timeout=WAIT_S)[0])["tasks"] == []
    assert not [one for one in psutil.process_iter(["environ"]) if _home_of(one) == str(folder)]
    shutil.rmtree(folder)


def _home_of(process: psutil.Process) -> str | None:
    """The folder that a process of this user works on."""
    return (process.info["environ"] or {}).get("TALE_HOME") if process.pid != os.getpid() else None
