"""An execution of tasks whose steps do what a test says, on a store of its own."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from support.executing import executor_on
from support.waiting import until
from tale_tui.config.settings import TaskSettings
from tale_tui.domain.clock import Clock
from tale_tui.domain.errors import TaleError
from tale_tui.domain.events import Fact, TaskSeen
from tale_tui.domain.models import BackendName, ModelRef
from tale_tui.domain.tasks import Task, TaskDetail, TaskState
from tale_tui.engine.models.backend import TextPiece
from tale_tui.engine.store.store import Store
from tale_tui.engine.streaming import PartialReply
from tale_tui.engine.tasks.executor import Executor
from tale_tui.engine.tasks.step_runner import StepResult, StepWork
from tale_tui.engine.tasks.subscriptions import TaskSubscriptions

WAIT_S = 20.0
"""The longest that anything may take before a test says what it saw instead."""
REF = ModelRef(BackendName.SCRIPTED, "doer")
OTHER = ModelRef(BackendName.OPENAI, "far")


@dataclass
class Do:
    """What a step does: write, then wait, then fail or come to its end."""

    says: tuple[str, ...] = ("done",)
    holds: asyncio.Event | None = None
    error: BaseException | None = None
    begins: bool = True
    pause_s: float = 0.0
    """Before each piece but the first: time for what was written before it to be stored."""


@dataclass
class Doer:
    """A runner that does what it was told for a step, and remembers what it was asked."""

    plans: dict[str, list[Do]] = field(default_factory=dict)
    """Key of a step, or a text of a task -> what each attempt does; the last one again and again."""
    calls: list[tuple[str, str]] = field(default_factory=list)
    """(text of the task, key of the step) of each attempt."""
    texts: list[str] = field(default_factory=list)
    """What each attempt found written."""
    inputs: list[dict[str, str]] = field(default_factory=list)
    stopped: list[str] = field(default_factory=list)
    """Keys of steps that were cancelled."""
    holding: list[str] = field(default_factory=list)
    """Keys of steps that have written what they say and came to where they wait."""
    replies: dict[str, PartialReply] = field(default_factory=dict)
    """Key of a step -> what its last attempt writes."""
    running: int = 0
    peak: int = 0
    _taken: defaultdict[str, int] = field(default_factory=lambda: defaultdict(int))

    def tell(self, key: str, *does: Do) -> None:
        self.plans[key] = list(does)
        self._taken[key] = 0

    async def run(self, work: StepWork) -> StepResult:
        do = self._next(work)
        self.calls.append((work.detail.text, work.spec.key))
        self.texts.append(work.text)
        self.inputs.append(dict(work.inputs))
        self.running += 1
        self.peak = max(self.peak, self.running)
        try:
            return await self._carry_out(work, do)
        except asyncio.CancelledError:
            self.stopped.append(work.spec.key)
            raise
        finally:
            self.running -= 1

    async def _carry_out(self, work: StepWork, do: Do) -> StepResult:
        if not do.begins:
            if do.error:
                raise do.error
            return StepResult("".join(do.says))
        reply = self.replies[work.spec.key] = await work.begin(REF, "told to")
        for number, text in enumerate(do.says):
            if number and do.pause_s:
                await asyncio.sleep(do.pause_s)
            work.add(TextPiece(text))
        if do.holds:
            self.holding.append(work.spec.key)
            await do.holds.wait()
        if do.error:
            raise do.error
        return StepResult(reply.text, reply.thinking, REF, reply.usage(None), "told to")

    def _next(self, work: StepWork) -> Do:
        for name in (work.detail.text, work.spec.key):
            if name in self.plans:
                does = self.plans[name]
                self._taken[name] += 1
                return does[min(self._taken[name], len(does)) - 1]
        return Do()


@dataclass
class Execution:
    """An executor on a store, which can be started again on the same one."""

    path: Path
    doer: Doer
    facts: list[Fact] = field(default_factory=list)
    settings: TaskSettings = field(default_factory=lambda: TaskSettings(running=2, per_model=2, backoff_s=0.01))
    ref: ModelRef | None = REF
    works_queue: bool = True
    away: bool = False
    """Whether the server of `REF` is away."""
    passed: float = 0.0
    """Seconds that the clock is ahead of the real one."""
    store: Store = field(init=False)
    executor: Executor = field(init=False)
    subscriptions: TaskSubscriptions = field(init=False)
    _keys: Any = field(default_factory=lambda: itertools.count(1))

    async def open(self, **settings: Any) -> None:
        self.settings = self.settings.model_copy(update=settings)
        clock = Clock(now=lambda: time.time() + self.passed)
        self.store = await Store.open(self.path, clock)
        self.subscriptions = TaskSubscriptions(self.store.task_detail)
        self.executor = executor_on(
            self.store,
            {"model": self.doer},
            self.settings,
            clock,
            self.facts.append,
            likely=lambda: self.ref,
            is_local=lambda ref: ref.backend is not BackendName.OPENAI,
            away=lambda ref: self.away and ref == REF,
            works_queue=self.works_queue,
            subscriptions=self.subscriptions,
        )
        self.executor.start()

    async def close(self) -> None:
        await self.executor.close()
        await self.store.close()

    async def restart(self, **settings: Any) -> None:
        await self.close()
        await self.open(**settings)

    async def submit(self, text: str = "a task", **more: Any) -> Task:
        more.setdefault("key", f"{next(self._keys):04d}{'x' * 12}")
        return await self.executor.submit(text, **more)

    async def held(self, text: str = "a task", *says: str, **more: Any) -> tuple[Task, asyncio.Event]:
        """A task that runs and goes on when the event is set."""
        event = asyncio.Event()
        self.doer.tell(text, Do(says, event))
        before = len(self.doer.holding)
        task = await self.submit(text, **more)
        await self.eventually(lambda: len(self.doer.holding) > before)
        return task, event

    async def until(self, task: Task, *states: TaskState) -> TaskDetail:
        """The task as soon as it is in one of these states; one that passes at once may never be seen."""
        return await self._until(task, lambda now: now.state in states, f"{states}")

    async def waits_again(self, task: Task) -> TaskDetail:
        """The task as soon as an attempt has failed and the next one waits."""
        return await self._until(task, lambda now: now.next_try is not None, "waiting for its next attempt")

    async def _until(self, task: Task, so: Callable[[Task], bool], what: str) -> TaskDetail:
        seen: list[TaskState] = []
        try:
            async with asyncio.timeout(WAIT_S), aclosing(self.executor.follow(task.id)) as events:
                async for event in events:
                    if isinstance(event, TaskSeen):
                        seen.append(event.detail.task.state)
                        if so(event.detail.task):
                            return event.detail
        except TimeoutError:
            pytest.fail(f"{task.title} never was {what}, but {seen}")
        pytest.fail(f"{task.title} ended without being {what}: {seen}")

    async def done(self, task: Task) -> TaskDetail:
        return await self.until(task, TaskState.DONE)

    async def eventually(self, condition: Callable[[], bool]) -> None:
        """Wait until something is so."""
        await until(condition, "what is waited for")

    async def state(self, task: Task) -> TaskState:
        return (await self.store.task(task.id)).state


@pytest.fixture
def doer() -> Doer:
    return Doer()


@pytest.fixture
async def begin(tmp_path: Path, doer: Doer) -> AsyncIterator[Callable[..., Awaitable[Execution]]]:
    """Starts an execution; what it is given goes to the settings, but for `works_queue`."""
    begun: list[Execution] = []

    async def start(*, works_queue: bool = True, **settings: Any) -> Execution:
        execution = Execution(tmp_path / "tale.db", doer, works_queue=works_queue)
        await execution.open(**settings)
        begun.append(execution)
        return execution

    yield start
    for execution in begun:
        await execution.close()


@pytest.fixture(params=["local"])
async def execution(request: pytest.FixtureRequest, begin: Callable[..., Awaitable[Execution]]) -> Execution:
    """Every backend of execution in turn: what the contract says holds on all of them."""
    del request
    return await begin()


@pytest.fixture
def do() -> type[Do]:
    return Do


@pytest.fixture
def plan() -> Callable[..., str]:
    """Makes JSON of a plan: `plan("a", "b<a", "c<a,b", approval=True)`; `?` before a key makes it a wait for a yes."""
    import json

    def make(*steps: str, approval: bool = False, **more: dict[str, Any]) -> str:
        made = []
        for step in steps:
            key, _, after = step.partition("<")
            kind = {"kind": "approval"} if key.startswith("?") else {"prompt": f"do {key}"}
            key = key.removeprefix("?")
            made.append({"key": key, "after": after.split(",") if after else []} | kind | more.get(key, {}))
        return json.dumps({"steps": made, "approval": approval})

    return make


@pytest.fixture
def fails() -> Callable[..., TaleError]:
    """Makes an error of a class."""

    def make(kind: type[TaleError], sentence: str = "No.") -> TaleError:
        return kind(sentence)

    return make
