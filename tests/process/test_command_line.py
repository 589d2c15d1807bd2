"""The command line as a shell runs it: what it refuses, what it takes for text, and where it opens the window."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from support.processes import PROGRAM, WAIT_S, environment

pytestmark = [pytest.mark.process, pytest.mark.long]

NO_MODEL = {"TALE_UX": "auto", "TALE_TASK": "auto", "TALE_OLLAMA__HOST": "http://127.0.0.1:1"}
WORK = "Write a Python function that returns the n-th Fibonacci number, with tests and a docstring. "


def ended(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    out, err = process.communicate("", timeout=WAIT_S)
    return process.returncode, out, err


@pytest.mark.parametrize("words", ["", "  ", "\u200b"])
def test_searching_for_nothing_is_refused(commands: Any, words: str) -> None:
    code, out, err = ended(commands.start("sessions", "search", words))
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert err.startswith("There is nothing to look for")


@pytest.mark.long
def test_what_begins_with_a_dash_and_is_no_option_is_text(commands: Any) -> None:
    commands.run("chat", "-m", "hello -word")
    for words in (["-word"], ["-word", "hello"], ["--limit", "5", "-word"], ["--", "-word"], ["--", "--word"]):
        hits = json.loads(commands.run("sessions", "search", "--json", *words))["hits"]
        assert [hit["author"] for hit in hits] == ["user"]
    code, _, err = ended(commands.start("sessions", "search", "--limt", "5"))
    assert (code, "--limit" in err) == (2, True)
    task_id = commands.run("submit", "-5 + 3 is what?", "--no-wait").strip()
    assert commands.json("status", task_id)["text"] == "-5 + 3 is what?"


@pytest.mark.parametrize("command", [("submit",), ("chat", "-m")])
def test_a_task_that_is_too_long_is_refused_before_a_model_is_looked_for(
    commands: Any, command: tuple[str, ...]
) -> None:
    code, out, err = ended(commands.start(*command, WORK * 300, TALE_DETECT__ENABLED="true", **NO_MODEL))
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert "16,000 is the limit" in err


def test_a_file_that_cannot_be_written_is_called_that(commands: Any, tmp_path: Path) -> None:
    commands.run("chat", "-m", "hello")
    [session] = commands.json("sessions")["sessions"]
    code, _, err = ended(commands.start("export", session["id"], "-o", str(tmp_path / "no" / "such" / "folder.md")))
    assert (code, err.startswith("The file was not saved: ")) == (1, True)


def test_under_a_web_terminal_the_window_starts_instead_of_waiting_for_the_pipe(home: Path) -> None:
    process = subprocess.Popen(
        [*PROGRAM],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment(home, TEXTUAL_DRIVER="textual.drivers.web_driver:WebDriver"),
    )
    assert process.stdout is not None
    try:
        assert process.stdout.read(13) == b"__GANGLION__\n"
    finally:
        process.kill()
        process.communicate(timeout=WAIT_S)
