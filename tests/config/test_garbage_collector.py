"""The collector of garbage rests while a process loads what it needs, and works afterwards."""

from __future__ import annotations

import gc
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tale_tui.config import garbage_collector

COMMAND = """
import gc, json, sys
from tale_tui.__main__ import main

looked = []
gc.collect()  # so that nothing is due before the program has its word
before = gc.get_freeze_count()  # Python itself keeps some from 3.12 on
gc.callbacks.append(lambda phase, info: looked.append(gc.get_freeze_count() > before))
sys.argv = ["tale-tui", *sys.argv[1:]]
code = main()
kept = gc.get_freeze_count() - before
print(json.dumps({"code": code, "early": looked.count(False), "works": gc.isenabled(), "kept": kept}))
"""


@pytest.fixture
def _as_before() -> Iterator[None]:
    yield
    gc.enable()


@pytest.mark.usefixtures("_as_before")
def test_what_was_made_while_it_rested_is_not_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    before = gc.get_freeze_count()
    garbage_collector.pause()
    assert not gc.isenabled()
    garbage_collector.resume()
    assert gc.isenabled()
    assert gc.get_freeze_count() > before
    monkeypatch.setattr(gc, "freeze", lambda: pytest.fail("It was not paused."))
    garbage_collector.resume()


@pytest.mark.process
@pytest.mark.parametrize(
    ("arguments", "works"), [(("sessions",), True), (("version",), False)], ids=["with an engine", "without"]
)
def test_a_command_loads_undisturbed(tmp_path: Path, arguments: tuple[str, ...], works: bool) -> None:
    done = subprocess.run(
        [sys.executable, "-c", COMMAND, *arguments],
        env={**os.environ, "TALE_HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    told = json.loads(done.stdout.splitlines()[-1])
    assert (told["code"], told["early"], told["works"], told["kept"] > 0) == (0, 0, works, works)
