"""`stress-test`: what it refuses, and how it says how far it is."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from support.scripted_engine import ScriptedEngine
from tale_tui.cli.metrics.stress_test import LINE_EVERY_S, LiveLine, progress_words
from tale_tui.domain.models import ModelRef, Role, RoleState, RoleStatus
from tale_tui.domain.tasks import TaskCounts
from tale_tui.engine.load_test.load import LoadProgress

Cli = Callable[..., Any]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--tasks", "0"), "--tasks 0 is no number of tasks for this: write one from 1 to 10,000."),
        (("--tasks", "10001"), "--tasks 10001 is no number of tasks for this: write one from 1 to 10,000."),
        (("--chats", "-1"), "--chats -1 is no number of conversations for this: write one from 0 to 100."),
    ],
)
def test_a_number_that_cannot_be_is_refused_before_anything_is_made(
    cli: Cli, home: Path, words: tuple[str, ...], sentence: str
) -> None:
    result = cli("stress-test", *words)
    assert (result.code, result.out, result.err) == (2, "", sentence + "\n")
    assert not home.exists()


def test_real_models_are_asked_for_where_the_roles_have_none(cli: Cli, engine: ScriptedEngine) -> None:
    engine.role = RoleStatus(Role.UX, RoleState.READY, ModelRef.parse("scripted/demo"))
    result = cli("stress-test", "--model", "real")
    assert result.code == 3
    assert result.err == "No model: Your roles have the scripted model: choose real ones, or leave --model real out.\n"


def progress(spent_s: float) -> LoadProgress:
    return LoadProgress(100, TaskCounts(done=34, running=4, queued=61, failed=1), 4, 61, 12_345, 240.0, spent_s)


def test_its_progress_is_one_line() -> None:
    expected = "34 of 100 tasks, 4 running, 1 failed   4 chats, 61 turns   12.3k tok, now 240 tok/s   0:14"
    assert progress_words(progress(14)) == expected


def test_a_pipe_gets_a_line_every_few_seconds(capsys: pytest.CaptureFixture[str]) -> None:
    with LiveLine() as line:
        for spent_s in (0, 1, LINE_EVERY_S - 0.1, LINE_EVERY_S, LINE_EVERY_S + 1):
            line.show(progress(spent_s))
    captured = capsys.readouterr()
    assert captured.out == ""
    assert len(captured.err.splitlines()) == 2
