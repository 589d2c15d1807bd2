"""`tokens --live`: it moves with what happens, and with nothing else."""

from __future__ import annotations

import sys
import time
from typing import Any

import pytest

from support.calls import LARGE, NOON, new_call
from support.scripted_engine import ScriptedEngine
from tale_tui.cli.metrics.live import LiveTokens
from tale_tui.domain.metrics import CallDimension, CallFilter, CallKind, RunningCall
from tale_tui.domain.models import Role

BY = (CallDimension.MODEL,)


@pytest.fixture(autouse=True)
def _at_noon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "time", lambda: NOON + 34)


async def test_a_pipe_gets_a_line_when_something_changed(capsys: pytest.CaptureFixture[str]) -> None:
    engine = ScriptedEngine()
    shown = LiveTokens(CallFilter(), BY)
    await shown.look(engine)
    await shown.look(engine)
    assert capsys.readouterr().out.splitlines()[0].endswith("  0 tok in 0 calls  nothing runs")
    engine.running = [RunningCall(LARGE, Role.TASK, CallKind.STEP, NOON, 316, 42.0)]
    await shown.look(engine)
    [line] = capsys.readouterr().out.splitlines()
    assert line.endswith("  0 tok in 0 calls  now 42 tok/s  qwen3:14b step 316 tok 0:34")
    engine.running, engine.rows = [], [new_call(LARGE)]
    await shown.look(engine)
    [line] = capsys.readouterr().out.splitlines()
    assert line.endswith("  15 tok in 1 call  nothing runs")


async def test_sums_are_read_again_only_when_a_call_has_ended() -> None:
    engine = ScriptedEngine()
    shown = LiveTokens(CallFilter(), BY)
    for tokens in (1, 2, 3):
        engine.running = [RunningCall(LARGE, Role.TASK, CallKind.STEP, NOON, tokens)]
        await shown.look(engine)
    assert [call[0] for call in engine.calls] == ["tokens"]


async def test_a_terminal_is_written_over(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    engine = ScriptedEngine()
    engine.rows = [new_call(LARGE)]
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    shown = LiveTokens(CallFilter(), BY)
    await shown.look(engine)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 4
    engine.rows.append(new_call(LARGE))
    await shown.look(engine)
    assert capsys.readouterr().out.startswith("\x1b[4F\x1b[J30 tok in 2 calls")
    shown.note("No engine runs.")
    shown.note("No engine runs.")
    engine.rows.append(new_call(LARGE))
    await shown.look(engine)
    told = capsys.readouterr()
    assert told.err == "No engine runs.\n"
    assert told.out.startswith("45 tok in 3 calls")


def test_it_ends_with_the_user_and_says_when_no_engine_runs(
    cli: Any, connection: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    connection.runs = False
    looks: list[float] = []

    def sleep(seconds: float) -> None:
        looks.append(seconds)
        if len(looks) == 3:
            raise KeyboardInterrupt

    monkeypatch.setattr("tale_tui.cli.metrics.tokens.time.sleep", sleep)
    result = cli("tokens", "--live")
    assert (result.code, result.err.count("No engine runs, so nothing moves.")) == (130, 1)
    assert result.out.count("\n") == 1
