"""The program as its user starts it: real processes, the real engine, the scripted model."""

from __future__ import annotations

import json
import os
import pty
import select
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

pytestmark = [pytest.mark.process, pytest.mark.long]

PROGRAM = [sys.executable, "-m", "tale_tui"]
PATIENCE_S = 30.0


OLLAMA_NOWHERE = "http://127.0.0.1:1"


def settings_for(home: Path) -> dict[str, str]:
    """An environment with the scripted model and nothing else of this machine; every message is talk."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("TALE_", "OLLAMA_"))}
    roles = {"TALE_UX": "scripted/demo", "TALE_TASK": "scripted/demo", "TALE_DETECT": "off"}
    return {**clean, **roles, "TALE_HOME": str(home), "TALE_OLLAMA__HOST": OLLAMA_NOWHERE, "PYTHONUTF8": "1"}


@pytest.fixture
def environ(home: Path) -> dict[str, str]:
    return settings_for(home)


@dataclass(frozen=True)
class Asked:
    """A home in which one question was asked."""

    environ: dict[str, str]
    home: Path
    process: subprocess.CompletedProcess[str]


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> Asked:
    home = tmp_path_factory.mktemp("home")
    environ = settings_for(home)
    return Asked(environ, home, tale(environ, "chat", "--json", stdin="a table, grüße 日本"))


def tale(environ: dict[str, str], *arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*PROGRAM, *arguments],
        input=stdin,
        env=environ,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )


def start(environ: dict[str, str], *arguments: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [*PROGRAM, *arguments], env=environ, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )


def first_bytes(process: subprocess.Popen[bytes]) -> bytes:
    assert process.stdout is not None
    return os.read(process.stdout.fileno(), 100)


def test_an_answer_is_kept_listed_exported_and_taken_in(asked: Asked, home: Path, tmp_path: Path) -> None:
    assert (asked.process.returncode, asked.process.stderr) == (0, "")
    answer = json.loads(asked.process.stdout)
    assert (answer["backend"], answer["model"]) == ("scripted", "demo")
    assert answer["ttft_ms"] > 0

    [session] = json.loads(tale(asked.environ, "sessions", "--json").stdout)["sessions"]
    assert (session["id"], session["title"], session["turns"]) == (answer["session"], "a table, grüße 日本", 1)

    file = tmp_path / "talk.json"
    assert tale(asked.environ, "export", session["id"][:4], "--format", "json", "-o", str(file)).returncode == 0
    elsewhere = settings_for(home)
    [taken] = json.loads(tale(elsewhere, "import", str(file), "--json").stdout)["sessions"]
    assert taken["title"] == session["title"]
    assert answer["reply"] in tale(elsewhere, "export", taken["id"]).stdout
    assert "Traceback" not in (asked.home / "logs" / "tale-tui.log").read_text()


def test_json_is_the_same_twice(asked: Asked) -> None:
    for command in (["sessions", "--json"], ["models", "--json"]):
        assert tale(asked.environ, *command).stdout == tale(asked.environ, *command).stdout


def test_ctrl_c_stops_the_answer_and_keeps_what_came(environ: dict[str, str]) -> None:
    process = start(environ, "chat", "-m", "a long answer")
    begun = first_bytes(process).decode()
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 130
    assert b"Traceback" not in errors
    [session] = json.loads(tale(environ, "sessions", "--json").stdout)["sessions"]
    exported = json.loads(tale(environ, "export", session["id"], "--format", "json").stdout)
    reply = exported["messages"][-1]
    assert reply["state"] == "stopped"
    assert reply["text"].startswith(begun.strip())


def test_a_reader_that_goes_ends_it_quietly(environ: dict[str, str]) -> None:
    process = start(environ, "chat", "-m", "a long answer")
    first_bytes(process)
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    assert process.wait(timeout=PATIENCE_S) == 1
    assert process.stderr.read() == b""
    process.stderr.close()


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_a_stream_that_is_closed_is_no_error(environ: dict[str, str], closed: str) -> None:
    shell = ["/bin/sh", "-c", f'"$0" -m tale_tui submit hello {closed} && "$0" -m tale_tui tasks {closed}', PROGRAM[0]]
    ended = subprocess.run(shell, env=environ, capture_output=True, timeout=PATIENCE_S, check=False)
    assert ended.returncode == 0
    assert "Traceback" not in (Path(environ["TALE_HOME"]) / "logs" / "tale-tui.log").read_text()


def test_the_limit_for_a_minute_holds_for_a_script_of_commands(environ: dict[str, str]) -> None:
    limited = {**environ, "TALE_TASKS__PER_MINUTE": "2"}
    codes = [tale(limited, "submit", "again", "--no-wait").returncode for _ in range(2)]
    refused = tale(limited, "submit", "again", "--no-wait")
    assert (codes, refused.returncode, refused.stdout) == ([0, 0], 2, "")
    assert refused.stderr.startswith("2 tasks were handed in within a minute, which is the limit: wait ")
    assert len(json.loads(tale(limited, "tasks", "--json").stdout)["tasks"]) == 2


def test_a_stream_without_utf8_is_no_error(asked: Asked) -> None:
    latin = {**asked.environ, "PYTHONUTF8": "0", "PYTHONIOENCODING": "latin-1"}
    listed = subprocess.run([*PROGRAM, "sessions"], env=latin, capture_output=True, timeout=PATIENCE_S, check=True)
    assert "grüße ??".encode("latin-1") in listed.stdout
    assert listed.stderr == b""
    looked = subprocess.run([*PROGRAM, "doctor"], env=latin, capture_output=True, timeout=PATIENCE_S, check=False)
    assert looked.stdout.isascii()
    assert b"LANG=C.UTF-8" in looked.stdout


def test_a_broken_installation_is_a_sentence(environ: dict[str, str], home: Path, tmp_path: Path) -> None:
    (tmp_path / "asyncio.py").write_text("raise RuntimeError('not the real one')\n")
    asked = tale({**environ, "PYTHONPATH": str(tmp_path)}, "sessions")
    assert (asked.returncode, asked.stdout) == (1, "")
    assert asked.stderr.count("\n") == 1
    assert str(home / "logs" / "tale-tui.log") in asked.stderr


class Screen:
    """A process at the other end of a terminal."""

    def __init__(self, environ: dict[str, str], *arguments: str) -> None:
        self.seen = ""
        self._terminal, end = pty.openpty()
        self.process = subprocess.Popen(
            [*PROGRAM, *arguments], env=environ, stdin=end, stdout=end, stderr=end, start_new_session=True
        )
        os.close(end)

    def type(self, text: str) -> None:
        os.write(self._terminal, text.encode())

    def wait_for(self, words: str) -> None:
        while words not in self.seen:
            ready, _, _ = select.select([self._terminal], [], [], PATIENCE_S)
            assert ready, f"{words!r} did not come: {self.seen!r}"
            self.seen += os.read(self._terminal, 4096).decode(errors="replace")
        self.seen = self.seen.partition(words)[2]

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self._terminal)


@pytest.fixture
def screen(environ: dict[str, str]) -> Iterator[Screen]:
    shown = Screen(environ, "--plain")
    yield shown
    shown.close()


def test_a_person_talks_line_by_line(screen: Screen) -> None:
    screen.wait_for("You: ")
    screen.type("a long answer\n")
    screen.wait_for("Answer: ")
    screen.process.send_signal(signal.SIGINT)
    screen.wait_for("Stopped. What came is kept.")
    screen.wait_for("You: ")
    screen.type("hello\n")
    screen.wait_for("was written beforehand")
    screen.wait_for("You: ")
    assert "\x1b" not in screen.seen
    screen.type("exit\n")
    assert screen.process.wait(timeout=PATIENCE_S) == 0


def test_ctrl_c_at_the_prompt_leaves_with_130(screen: Screen) -> None:
    screen.wait_for("You: ")
    screen.process.send_signal(signal.SIGINT)
    assert screen.process.wait(timeout=PATIENCE_S) == 130


def test_a_damaged_database_is_set_aside_and_that_is_said_once(environ: dict[str, str], home: Path) -> None:
    (home / "data").mkdir(parents=True)
    (home / "data" / "tale.db").write_bytes(b"no database, " * 1000)
    first = tale(environ, "tasks", "--json")
    assert (first.returncode, first.stdout) == (0, '{"tasks":[]}\n')
    assert "was damaged" in first.stderr
    assert "nothing was deleted" in first.stderr
    assert tale(environ, "tasks", "--json").stderr == ""
