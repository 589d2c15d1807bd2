"""The command line without an engine: what it prints, asks and returns."""

from __future__ import annotations

import os
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import tale_tui.engine.ipc.connect
from support.scripted_engine import ScriptedEngine
from tale_tui.cli.main import run
from tale_tui.domain.events import Notice
from tale_tui.domain.models import Role, RoleState, RoleStatus


@dataclass
class Connection:
    """What a command finds when it opens the engine, and what it opened it for.

    Attributes:
        engine: the engine.
        found: told while it is opened.
        runs: whether another process is the engine.
        loaded: whether models were to be loaded; None where it was not opened.
        works_queue: whether it was to work off the queue.
        ends: called when the engine is told to end.
    """

    engine: ScriptedEngine
    found: tuple[Notice, ...] = ()
    runs: bool = True
    loaded: bool | None = None
    works_queue: bool | None = None
    ends: Callable[[], None] | None = None


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of its own, and an environment without settings."""
    for name in list(os.environ):
        if name.startswith("TALE_") or name in ("OLLAMA_HOST", "NO_COLOR", "_TALE_TUI_COMPLETE"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("TALE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "80")
    return tmp_path / "home"


@pytest.fixture
def engine(connection: Connection) -> ScriptedEngine:
    """The engine, replaced: it has a model that answers, and a task that is followed ends at once."""
    return connection.engine


@pytest.fixture
def connection(home: Path, monkeypatch: pytest.MonkeyPatch) -> Connection:
    """The way to the engine, replaced."""
    scripted = ScriptedEngine()
    scripted.task_role = RoleStatus(Role.TASK, RoleState.UNSET)
    scripted.works_off = True
    connection = Connection(scripted)

    @asynccontextmanager
    async def open_engine(
        paths: object,
        settings: Callable[[], object],
        *,
        load: bool,
        works_queue: bool,
        ends: Callable[[], None] | None,
        told: Callable[[Notice], None],
    ) -> AsyncIterator[ScriptedEngine]:
        settings()
        for notice in connection.found:
            told(notice)
        connection.loaded, connection.works_queue, connection.ends = load, works_queue, ends
        yield scripted

    @asynccontextmanager
    async def find_engine(paths: object) -> AsyncIterator[ScriptedEngine | None]:
        yield scripted if connection.runs and not scripted.stopped else None

    monkeypatch.setattr(tale_tui.engine.ipc.connect, "open_engine", open_engine)
    monkeypatch.setattr(tale_tui.engine.ipc.connect, "find_engine", find_engine)
    return connection


@dataclass(frozen=True)
class Result:
    """What a command left behind."""

    code: int
    out: str
    err: str


Cli = Callable[..., Result]


@pytest.fixture
def cli(home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Cli:
    """Run the command line in this process."""

    def call(*arguments: str, stdin: str | bytes = "", terminal: bool = False) -> Result:
        capsys.readouterr()
        source = tmp_path / "stdin"
        source.write_bytes(stdin.encode() if isinstance(stdin, str) else stdin)
        with monkeypatch.context() as patch, source.open(encoding="utf-8") as file:
            patch.setattr(sys, "excepthook", sys.excepthook)
            patch.setattr(sys, "stdin", file)
            if terminal:
                patch.setattr(sys, "stdin", Terminal(file))
                patch.setattr(sys.stdout, "isatty", lambda: True)
                patch.setattr(sys.stderr, "isatty", lambda: True)
            code = run(arguments)
            written = capsys.readouterr()
        return Result(int(code), written.out, written.err)

    return call


class Terminal:
    """A file that says that it is a terminal."""

    def __init__(self, file: Any) -> None:
        self._file = file

    def isatty(self) -> bool:
        return True

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)
