"""The command line without an engine: what it prints, asks and returns."""

from __future__ import annotations

import dataclasses
import os
import sys
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

import tale_tui.engine
from tale_tui.cli.entry import run
from tale_tui.engine.errors import NoSuchSession
from tale_tui.engine.events import Fact, RoleChanged, TextDelta, TurnDone, TurnEvent, TurnStarted
from tale_tui.engine.types import (
    Author,
    BackendName,
    BackendReport,
    ExportFormat,
    Finding,
    Message,
    MessageState,
    ModelInfo,
    ModelRef,
    Progress,
    Role,
    RoleState,
    RoleStatus,
    SearchHit,
    Session,
    Usage,
)

REF = ModelRef(BackendName.OLLAMA, "qwen2.5:7b")
STARTER = ModelRef(BackendName.EMBEDDED, "starter-model")
NOON = 1_794_139_200.0
"""2026-11-08 12:00 UTC."""


@dataclass
class FakeFace:
    """The verbs that commands use, on plain lists; `asked` keeps what was said to it."""

    known: list[Session] = field(default_factory=list)
    reports: list[BackendReport] = field(default_factory=list)
    status: RoleStatus = field(default_factory=lambda: RoleStatus(Role.UX, RoleState.READY, REF))
    retried: RoleStatus | None = None
    pieces: tuple[str, ...] = ("It ", "is ", "so.")
    events: tuple[TurnEvent, ...] | None = None
    """Instead of an answer made of `pieces`."""
    raises: Exception | None = None
    hits: tuple[SearchHit, ...] = ()
    findings: tuple[Finding, ...] = ()
    steps: tuple[Progress, ...] = (Progress("starter", 50, 100), Progress("starter", 100, 100, finished=True))
    asked: list[tuple[Any, ...]] = field(default_factory=list)
    loaded: bool | None = None
    closed_turns: int = 0

    async def sessions(self, *, limit: int = 1000) -> tuple[Session, ...]:
        return tuple(self.known[:limit])

    async def find_session(self, prefix: str) -> Session:
        for session in self.known:
            if session.id.startswith(prefix):
                return session
        raise NoSuchSession(f"No session begins with {prefix}.")

    async def new_session(self, *, title: str = "", system: str = "") -> Session:
        session = Session(f"new{len(self.known)}aaaa", title, NOON, NOON, system=system)
        self.known.append(session)
        return session

    async def rename_session(self, session_id: str, title: str) -> Session:
        self.asked.append(("rename", session_id, title))
        return dataclasses.replace(await self.find_session(session_id), title=title)

    async def set_system(self, session_id: str, system: str) -> Session:
        self.asked.append(("system", session_id, system))
        return dataclasses.replace(await self.find_session(session_id), system=system)

    async def delete_session(self, session_id: str) -> None:
        self.asked.append(("delete", session_id))

    async def search(self, query: str, *, limit: int = 50) -> tuple[SearchHit, ...]:
        self.asked.append(("search", query))
        return self.hits[:limit]

    async def export_session(self, session_id: str, form: ExportFormat) -> str:
        self.asked.append(("export", session_id, form))
        return '{"format":"tale-tui-session"}' if form is ExportFormat.JSON else "# Title\n\nWords.\n"

    async def import_sessions(self, text: str) -> tuple[Session, ...]:
        self.asked.append(("import", text))
        return (Session("impoaaaa", "Taken in", NOON, NOON),)

    async def roles(self) -> tuple[RoleStatus, ...]:
        return (self.status, RoleStatus(Role.TASK, RoleState.UNSET))

    async def backends(self) -> tuple[BackendReport, ...]:
        return tuple(self.reports)

    async def use_model(self, role: Role, ref: ModelRef) -> RoleStatus:
        self.asked.append(("use", role, ref))
        return self.retried or RoleStatus(role, RoleState.READY, ref)

    async def retry_role(self, role: Role) -> RoleStatus:
        self.asked.append(("retry", role))
        return self.retried or self.status

    async def add_model(self, path: str) -> ModelInfo:
        self.asked.append(("add", path))
        return ModelInfo(ModelRef(BackendName.EMBEDDED, "mine"), size_bytes=10)

    async def doctor(self) -> tuple[Finding, ...]:
        return self.findings

    async def fetch_starter(self, *, source: str = "") -> AsyncGenerator[Progress, None]:
        self.asked.append(("starter", source))
        for step in self.steps:
            yield step
        self.reports.append(BackendReport(BackendName.EMBEDDED, True, models=(ModelInfo(STARTER),)))

    async def pull_model(self, ref: ModelRef) -> AsyncGenerator[Progress, None]:
        self.asked.append(("pull", ref))
        for step in self.steps:
            yield step

    async def watch(self) -> AsyncGenerator[Fact, None]:
        yield RoleChanged(RoleStatus(Role.UX, RoleState.LOADING, detail="Looking for a model."))
        yield RoleChanged(RoleStatus(Role.TASK, RoleState.UNSET))
        yield RoleChanged(self.status)

    async def send(
        self, session_id: str, text: str, *, key: str, ref: ModelRef | None = None
    ) -> AsyncGenerator[TurnEvent, None]:
        self.asked.append(("send", session_id, text, ref))
        if self.raises is not None:
            raise self.raises
        try:
            for event in self.events if self.events is not None else self.answer(session_id, text, key, ref):
                yield event
        finally:
            self.closed_turns += 1

    def answer(self, session_id: str, text: str, key: str, ref: ModelRef | None) -> tuple[TurnEvent, ...]:
        user = Message(key, session_id, None, Author.USER, text, NOON)
        reply = Message("r" + key, session_id, key, Author.ASSISTANT, "", NOON, MessageState.STREAMING)
        done = dataclasses.replace(
            reply,
            text="".join(self.pieces),
            state=MessageState.COMPLETE,
            ref=ref or self.status.ref,
            usage=Usage(12, 3, None, 310.0, 0.0, 420.0, 38.0),
        )
        deltas = [TextDelta(piece, number) for number, piece in enumerate(self.pieces, 1)]
        return (TurnStarted(user, reply), *deltas, TurnDone(done))


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
def face(home: Path, monkeypatch: pytest.MonkeyPatch) -> FakeFace:
    """The engine, replaced."""
    fake = FakeFace()

    @asynccontextmanager
    async def open_face(paths: object, settings: object, *, load: bool = True) -> AsyncIterator[FakeFace]:
        fake.loaded = load
        yield fake

    monkeypatch.setattr(tale_tui.engine, "open_face", open_face, raising=False)
    return fake


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
