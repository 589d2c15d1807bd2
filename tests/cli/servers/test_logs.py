"""`logs`: which lines, in which order, and what is written meanwhile."""

from __future__ import annotations

import logging
import time
from pathlib import Path
from typing import Any

import pytest

from tale_tui.cli.servers.logs import LogTail, entries_of
from tale_tui.config import logs as log_file
from tale_tui.config.logs import SUBJECT
from tale_tui.config.paths import find_paths
from tale_tui.domain.models import ModelRef, Role

REF = ModelRef.parse("ollama/qwen3:14b")
log = logging.getLogger("tale_tui.test")


@pytest.fixture
def path(home: Path) -> Path:
    return find_paths({"TALE_HOME": str(home)}).log_file


@pytest.fixture
def written(cli: Any, path: Path) -> Path:
    """A log with a line of nobody, of a task and of a turn."""
    with log_file.to_file(path):
        log.info("it begins")
        for subject, words in (
            (("task", "k4t9" * 4, Role.TASK, REF), "runs"),
            (("turn", "m2x7", Role.UX, REF), "ends"),
        ):
            token = SUBJECT.set(subject)
            log.warning(words)
            SUBJECT.reset(token)
        log.error("a trace\nwith a line end and \x1b[31m")
    return path


def test_every_line_says_what_it_is_about(cli: Any, written: Path) -> None:
    lines = cli("logs").out.splitlines()
    assert [line.split("  ", 1)[1] for line in lines] == [
        "it begins",
        "task k4t9k4t9k4t9k4t9 task ollama/qwen3:14b  warning  runs",
        "turn m2x7 ux ollama/qwen3:14b  warning  ends",
        "error  a trace\\nwith a line end and \\x1b[31m",
    ]


def test_only_what_is_wanted_is_shown(cli: Any, written: Path) -> None:
    assert [line.split()[-1] for line in cli("logs", "--task", "k4t9").out.splitlines()] == ["runs"]
    assert len(cli("logs", "--level", "warning").out.splitlines()) == 3
    assert len(cli("logs", "--level", "ERROR").out.splitlines()) == 1
    assert len(cli("logs", "--since", "1h").out.splitlines()) == 4
    nothing = cli("logs", "--task", "zz")
    assert (nothing.code, nothing.out, nothing.err) == (0, "", "Nothing of that is in the log.\n")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [(["--level", "loud"], "There is no level 'loud'"), (["--since", "soon"], "'soon' is no time")],
)
def test_bad_usage_is_one_sentence(cli: Any, arguments: list[str], says: str) -> None:
    result = cli("logs", *arguments)
    assert (result.code, result.err.count("\n")) == (2, 1)
    assert says in result.err


def test_without_a_log_it_says_so(cli: Any) -> None:
    assert cli("logs").err == "Nothing of that is in the log.\n"


def texts(lines: list[str]) -> list[str]:
    return [entry.text for entry in entries_of(lines)]


def test_it_follows_over_what_is_put_aside(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_file, "FILE_BYTES", 400)
    with log_file.to_file(path):
        log.info("first")
        tail = LogTail(path)
        assert texts(tail.whole()) == ["first"]
        assert tail.more() == []
        seen: list[str] = []
        for number in range(40):
            log.info("number %d", number)
            seen += texts(tail.more())
    assert seen == [f"number {number}" for number in range(40)]
    assert path.with_name(f"{path.name}.1").exists(), "it was put aside meanwhile"


def test_lines_before_what_was_put_aside_come_first(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_file, "FILE_BYTES", 1000)
    with log_file.to_file(path):
        for number in range(20):
            log.info("number %d", number)
    assert texts(LogTail(path).whole()) == [f"number {number}" for number in range(20)]


def test_half_a_line_waits_for_its_end(path: Path) -> None:
    path.parent.mkdir(parents=True)
    path.write_bytes(b"2026-11-28T14:02:09.000Z INFO a: one\n2026-11-28T14:02:09.000Z INFO a: t")
    tail = LogTail(path)
    assert texts(tail.whole()) == ["one"]
    with path.open("ab") as file:
        file.write(b"wo\n")
    assert texts(tail.more()) == ["two"]


def test_what_is_no_line_of_the_log_is_left_out() -> None:
    hostile = "2026-11-28T14:02:09.000Z INFO a [task x\x1b[2J]: said \x9b31m"
    found = list(entries_of(["", "Traceback", "2026-13-99T00:00:00Z INFO a: no day", hostile]))
    assert [(entry.subject, entry.text) for entry in found] == [("task x", "said")]
    assert found[0].at < time.time() + 1e9
