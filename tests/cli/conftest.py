"""The command line without an engine: what it prints, asks and returns."""

from __future__ import annotations

import asyncio
import dataclasses
import os
import sys
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace as Group
from typing import Any

import pytest

import tale_tui.engine.ipc.connect
from tale_tui.cli.main import run
from tale_tui.domain.conversation import Author, ExportFormat, Message, MessageState, SearchHit, Session
from tale_tui.domain.errors import NoSuchSession, NoSuchTask, TaleError, TurnRunning, WrongState
from tale_tui.domain.events import (
    Fact,
    Notice,
    RoleChanged,
    StepDelta,
    StepReading,
    TaskChanged,
    TaskEvent,
    TaskSeen,
    TextDelta,
    TurnDone,
    TurnEvent,
    TurnStarted,
)
from tale_tui.domain.models import (
    BackendName,
    BackendReport,
    Finding,
    ModelInfo,
    ModelRef,
    Progress,
    Residency,
    Role,
    RoleState,
    RoleStatus,
    Usage,
)
from tale_tui.domain.tasks import (
    ENDED,
    Classification,
    DetectBand,
    EngineStatus,
    Plan,
    Priority,
    Reason,
    Step,
    StepSpec,
    StepState,
    Task,
    TaskCounts,
    TaskDetail,
    TaskState,
)

REF = ModelRef(BackendName.OLLAMA, "qwen2.5:7b")
STARTER = ModelRef(BackendName.EMBEDDED, "starter-model")
NOON = 1_794_139_200.0
"""2026-11-08 12:00 UTC."""


def a_task(task_id: str = "k4t9aaaabbbbcccc", state: TaskState = TaskState.QUEUED, **more: Any) -> TaskDetail:
    """A task with one step."""
    text, result = more.pop("text", "Write a haiku"), more.pop("result", "")
    task = Task(
        task_id,
        task_id[:4],
        more.pop("title", text),
        state,
        more.pop("created", NOON),
        NOON + 60,
        ref=more.pop("ref", REF),
        why=more.pop("why", "a task"),
        **more,
    )
    spec = StepSpec("work", "Work", text)
    done = StepState.DONE if state is TaskState.DONE else StepState.PENDING
    return TaskDetail(task, text, Plan((spec,)), (Step(spec, done, 1, REF, result, usage=Usage(12, 3)),), result)


@dataclass
class FakeTasks:
    """An engine with tasks, on a plain dict: a task that is followed runs and ends at once."""

    work: dict[str, TaskDetail] = field(default_factory=dict)
    result: str = "Rain on the window."
    fails: TaleError | None = None
    """What a task that is followed ends with, instead of its result."""
    pid: int = 1
    here: bool = False
    """Whether this process is the engine."""
    works: bool = True
    background: bool = False
    watched: int = 1
    can_write: bool = True
    ends_with: TaskState = TaskState.DONE
    handed_in: list[dict[str, Any]] = field(default_factory=list)
    done_to: list[tuple[Any, ...]] = field(default_factory=list)
    facts: asyncio.Queue[Fact] | None = None
    resident: Residency = field(default_factory=Residency)
    stopped: bool = False

    def __post_init__(self) -> None:
        self.control = Group(status=self.status, stop=self.stop_engine)
        self.models = Group(residency=self.residency, load=self.load_model, unload=self.unload_model)
        self.tasks = Group(
            submit=self.submit,
            list=self.list_tasks,
            get=self.task,
            find=self.find_task,
            follow=self.follow_task,
            cancel=self.cancel_task,
            pause=self.pause_task,
            resume=self.resume_task,
            retry=self.retry_task,
            approve=self.approve_task,
            set_priority=self.set_priority,
        )

    async def status(self) -> EngineStatus:
        counts = {state.value: 0 for state in TaskState if state is not TaskState.DRAFT}
        for detail in self.work.values():
            counts[detail.task.state.value] += 1
        status = RoleStatus(Role.UX, RoleState.READY, REF)
        pid = os.getpid() if self.here else self.pid
        tasks = TaskCounts(**counts)
        about = (self.works, self.watched, self.can_write)
        return EngineStatus(pid, "1", NOON, self.background, (status,), tasks, *about)

    async def stop_engine(self) -> None:
        if not self.background:
            raise WrongState("Process 1 is the engine.")
        self.stopped = True

    async def submit(self, text: str, *, key: str, **more: Any) -> Task:
        self.handed_in.append({"text": text, **more})
        self.work[key] = a_task(key, text=text, priority=more.get("priority", Priority.NORMAL))
        return self.work[key].task

    async def list_tasks(
        self, *, states: tuple[TaskState, ...] = (), session_id: str = "", limit: int = 10_000
    ) -> tuple[Task, ...]:
        found = [detail.task for detail in self.work.values()]
        return tuple(task for task in found if not states or task.state in states)[:limit]

    async def task(self, task_id: str) -> TaskDetail:
        return self.work[task_id]

    async def find_task(self, prefix: str) -> Task:
        for task_id, detail in self.work.items():
            if task_id.startswith(prefix):
                return detail.task
        raise NoSuchTask(f"No task begins with {prefix}.")

    def put(self, task_id: str, **changes: Any) -> TaskDetail:
        result = changes.pop("result", self.work[task_id].result)
        task = dataclasses.replace(self.work[task_id].task, **changes)
        self.work[task_id] = dataclasses.replace(self.work[task_id], task=task, result=result)
        if self.facts is not None:
            self.facts.put_nowait(TaskChanged(task))
        return self.work[task_id]

    async def follow_task(self, task_id: str) -> AsyncGenerator[TaskEvent, None]:
        yield TaskSeen(self.work[task_id])
        if self.work[task_id].task.state in ENDED:
            return
        yield TaskSeen(self.put(task_id, state=TaskState.RUNNING, started=NOON, running_since=NOON))
        yield StepReading("work", 0, 0)
        yield StepReading("work", 12, 40)
        yield StepDelta("work", "hm", thinking=True, tokens=1)
        yield StepDelta("work", self.result, thinking=False, tokens=3)
        end: dict[str, Any] = {"state": self.ends_with, "finished": NOON + 42, "running_since": None, "worked_s": 42.0}
        if self.fails is not None:
            end |= {"state": TaskState.FAILED, "error": self.fails.sentence, "error_code": self.fails.code}
        elif self.ends_with is TaskState.DONE:
            end |= {"result": self.result, "prompt_tokens": 40, "completion_tokens": 3}
        yield TaskSeen(self.put(task_id, **end))

    async def _to(self, what: str, task_id: str, state: TaskState, *more: Any) -> Task:
        self.done_to.append((what, task_id, *more))
        task = self.work[task_id].task
        if task.state is state and state is not TaskState.QUEUED:
            raise WrongState(f"{task.shown} is {state.value} already.")
        return self.put(task_id, state=state, reason=Reason.NONE).task

    async def cancel_task(self, task_id: str) -> Task:
        return await self._to("cancel", task_id, TaskState.CANCELLED)

    async def pause_task(self, task_id: str) -> Task:
        return await self._to("pause", task_id, TaskState.PAUSED)

    async def resume_task(self, task_id: str) -> Task:
        return await self._to("resume", task_id, TaskState.QUEUED)

    async def retry_task(self, task_id: str, *, step: str = "") -> Task:
        return await self._to("retry", task_id, TaskState.QUEUED, step)

    async def approve_task(self, task_id: str, *, yes: bool) -> Task:
        return await self._to("approve", task_id, TaskState.QUEUED if yes else TaskState.CANCELLED, yes)

    async def set_priority(self, task_id: str, priority: Priority) -> Task:
        self.done_to.append(("priority", task_id, priority))
        return self.put(task_id, priority=priority).task

    async def residency(self) -> Residency:
        return self.resident

    async def load_model(self, ref: ModelRef) -> Residency:
        self.done_to.append(("load", ref))
        return self.resident

    async def unload_model(self, ref: ModelRef) -> Residency:
        self.done_to.append(("unload", ref))
        return self.resident


@dataclass
class FakeEngine(FakeTasks):
    """An engine with what commands use, on plain lists; `asked` keeps what was said to it."""

    known: list[Session] = field(default_factory=list)
    reports: list[BackendReport] = field(default_factory=list)
    role: RoleStatus = field(default_factory=lambda: RoleStatus(Role.UX, RoleState.READY, REF))
    retried: RoleStatus | None = None
    pieces: tuple[str, ...] = ("It ", "is ", "so.")
    events: tuple[TurnEvent, ...] | None = None
    """Instead of an answer made of `pieces`."""
    elsewhere: list[tuple[TurnEvent, ...]] = field(default_factory=list)
    """Turns that others have under way, one after the other; they end when they are followed."""
    raises: Exception | None = None
    hits: tuple[SearchHit, ...] = ()
    findings: tuple[Finding, ...] = ()
    steps: tuple[Progress, ...] = (Progress("starter", 50, 100), Progress("starter", 100, 100, finished=True))
    asked: list[tuple[Any, ...]] = field(default_factory=list)
    loaded: bool | None = None
    works_queue: bool | None = None
    ends: Callable[[], None] | None = None
    found: tuple[Notice, ...] = ()
    """What opening the database brought."""
    notices: tuple[Notice, ...] = ()
    """What is said meanwhile."""
    runs: bool = True
    """Whether another process is the engine."""
    as_task: bool | None = None
    band: DetectBand = DetectBand.CHAT
    closed_turns: int = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        self.chat = Group(send=self.send, classify=self.judge, follow_turn=self.follow_turn, stop_turn=self.stop_turn)
        self.sessions = Group(
            list=self.list_sessions,
            find=self.find_session,
            create=self.new_session,
            rename=self.rename_session,
            set_system=self.set_system,
            delete=self.delete_session,
            search=self.search,
            export=self.export_session,
            import_=self.import_sessions,
        )
        self.control.doctor, self.control.watch = self.doctor, self.watch
        self.models.roles, self.models.backends = self.roles, self.backends
        self.models.use, self.models.retry_role, self.models.add = self.use_model, self.retry_role, self.add_model
        self.models.fetch_starter, self.models.pull = self.fetch_starter, self.pull_model

    async def list_sessions(self, *, limit: int = 1000) -> tuple[Session, ...]:
        return tuple(self.known[:limit])

    async def judge(self, text: str, *, session_id: str = "") -> Classification:
        return Classification(0.5, self.band)

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
        return (self.role, RoleStatus(Role.TASK, RoleState.UNSET))

    async def backends(self) -> tuple[BackendReport, ...]:
        return tuple(self.reports)

    async def use_model(self, role: Role, ref: ModelRef) -> RoleStatus:
        self.asked.append(("use", role, ref))
        return self.retried or RoleStatus(role, RoleState.READY, ref)

    async def retry_role(self, role: Role) -> RoleStatus:
        self.asked.append(("retry", role))
        return self.retried or self.role

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
        yield RoleChanged(self.role)
        for notice in self.notices:
            yield notice
        while self.facts is not None:
            yield await self.facts.get()

    async def send(
        self, session_id: str, text: str, *, key: str, ref: ModelRef | None = None, as_task: bool | None = None
    ) -> AsyncGenerator[TurnEvent, None]:
        self.asked.append(("send", session_id, text, ref))
        self.as_task = as_task
        if self.raises is not None:
            raise self.raises
        if self.elsewhere:
            raise TurnRunning("A reply is still coming.")
        try:
            for event in self.events if self.events is not None else self.answer(session_id, text, key, ref):
                yield event
        finally:
            self.closed_turns += 1

    async def follow_turn(self, session_id: str) -> AsyncGenerator[TurnEvent, None]:
        for event in self.elsewhere.pop(0) if self.elsewhere else ():
            yield event

    async def stop_turn(self, session_id: str, *, reply_id: str = "") -> None:
        self.asked.append(("stop_turn", session_id, reply_id))

    def answer(self, session_id: str, text: str, key: str, ref: ModelRef | None) -> tuple[TurnEvent, ...]:
        user = Message(key, session_id, None, Author.USER, text, NOON)
        reply = Message("r" + key, session_id, key, Author.ASSISTANT, "", NOON, MessageState.STREAMING)
        done = dataclasses.replace(
            reply,
            text="".join(self.pieces),
            state=MessageState.COMPLETE,
            ref=ref or self.role.ref,
            usage=Usage(12, 3, None, 310.0, 0.0, 420.0, 38.0),
        )
        deltas = [TextDelta(piece, number) for number, piece in enumerate(self.pieces, 1)]
        return (TurnStarted(user, reply), *deltas, TurnDone(done))


@pytest.fixture
def new_task() -> Callable[..., TaskDetail]:
    return a_task


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
def engine(home: Path, monkeypatch: pytest.MonkeyPatch) -> FakeEngine:
    """The engine, replaced."""
    fake = FakeEngine()

    @asynccontextmanager
    async def open_engine(
        paths: object,
        settings: Callable[[], object],
        *,
        load: bool,
        works_queue: bool,
        ends: Callable[[], None] | None,
        told: Callable[[Notice], None],
    ) -> AsyncIterator[FakeEngine]:
        settings()
        for notice in fake.found:
            told(notice)
        fake.loaded, fake.works_queue, fake.ends = load, works_queue, ends
        yield fake

    @asynccontextmanager
    async def find_engine(paths: object) -> AsyncIterator[FakeEngine | None]:
        yield fake if fake.runs else None

    monkeypatch.setattr(tale_tui.engine.ipc.connect, "open_engine", open_engine)
    monkeypatch.setattr(tale_tui.engine.ipc.connect, "find_engine", find_engine)
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
