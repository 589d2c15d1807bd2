"""The executor against a model of it: whatever is asked in whatever order, the same tasks run and end the same way."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, multiple, rule

from support.executing import executor_on
from tale_tui.config.settings import TaskSettings
from tale_tui.domain.clock import Clock
from tale_tui.domain.errors import ModelNotFound, TaleError, WrongState
from tale_tui.domain.events import Fact, TaskChanged
from tale_tui.domain.tasks import ENDED, OPEN, Priority, TaskState
from tale_tui.engine.store.store import Store
from tale_tui.engine.tasks.plan import parse_plan
from tale_tui.engine.tasks.step_runner import StepResult, StepWork

AT_ONCE = 2
PATIENCE_S = 15.0
PLANS = (
    ("a",),
    ("a", "b"),
    ("?ask", "a"),
)
"""Keys of steps, each after the one before; `?` waits for a yes."""
KEYS = tuple(f"{n:02d}" + "x" * 14 for n in range(30))


@dataclass
class Expected:
    """A task as it must be."""

    steps: tuple[str, ...]
    priority: Priority
    number: int
    after: tuple[str, ...]
    state: TaskState = TaskState.QUEUED
    done: int = 0
    """Steps that are done."""
    runs: list[str] = field(default_factory=list)
    """Keys of the steps that were begun."""

    @property
    def step(self) -> str:
        return self.steps[self.done]

    @property
    def order(self) -> tuple[int, int]:
        return list(Priority).index(self.priority), self.number


class Puppet:
    """A runner whose steps end when they are told to."""

    def __init__(self) -> None:
        self.running: dict[str, asyncio.Future[str]] = {}
        self.begun: dict[str, list[str]] = {}

    async def run(self, work: StepWork) -> StepResult:
        await work.begin()
        id_ = work.detail.task.id
        self.begun.setdefault(id_, []).append(work.spec.key)
        self.running[id_] = asyncio.get_running_loop().create_future()
        try:
            return StepResult(await self.running[id_])
        finally:
            del self.running[id_]


class Machine(RuleBasedStateMachine):
    """Does to the executor and to the model the same, and looks at both after each step."""

    tasks: Bundle[str] = Bundle("tasks")

    @initialize()
    def begin(self) -> None:
        self.runner = asyncio.Runner()
        self.folder = TemporaryDirectory()
        self.model: dict[str, Expected] = {}
        self.keys = iter(KEYS)
        self.numbers = 0
        self.told: dict[str, TaskState] = {}
        self.puppet = Puppet()
        self.do(self.open())

    def do(self, work: Coroutine[Any, Any, Any]) -> Any:
        return self.runner.run(work)

    async def open(self) -> None:
        self.store = await Store.open(Path(self.folder.name) / "tale.db", Clock())
        self.executor = executor_on(
            self.store,
            {"model": self.puppet},
            TaskSettings(running=AT_ONCE, per_model=0, per_minute=100_000),
            Clock(),
            self.on_event,
            likely=lambda: None,
        )
        self.executor.start()

    async def close(self) -> None:
        await self.executor.close()
        await self.store.close()

    def on_event(self, fact: Fact) -> None:
        if isinstance(fact, TaskChanged):
            self.told[fact.task.id] = fact.task.state

    def teardown(self) -> None:
        if hasattr(self, "runner"):
            self.do(self.close())
            self.runner.close()
            self.folder.cleanup()

    # what is asked

    @rule(
        target=tasks,
        steps=st.sampled_from(PLANS),
        priority=st.sampled_from(Priority),
        after=st.lists(tasks, max_size=2, unique=True),
    )
    def submit(self, steps: tuple[str, ...], priority: Priority, after: list[str]) -> Any:
        key = next(self.keys, None)
        if key is None:
            return multiple()
        self.numbers += 1
        self.model[key] = Expected(steps, priority, self.numbers, tuple(after))
        self.do(self.executor.submit("text", key=key, priority=priority, plan=_plan(steps), after=tuple(after)))
        return key

    @rule(id_=tasks)
    def finish(self, id_: str) -> None:
        if (future := self.puppet.running.get(id_)) is None:
            return
        future.set_result("done")
        task = self.model[id_]
        task.done += 1
        if task.done == len(task.steps):
            task.state = TaskState.DONE
        else:
            task.runs.append(task.step)

    @rule(id_=tasks)
    def fail(self, id_: str) -> None:
        if (future := self.puppet.running.get(id_)) is not None:
            future.set_exception(ModelNotFound("It is gone."))
            self.model[id_].state = TaskState.FAILED

    @rule(id_=tasks)
    def cancel(self, id_: str) -> None:
        self.change(id_, self.executor.cancel(id_), OPEN, TaskState.CANCELLED)

    @rule(id_=tasks)
    def pause(self, id_: str) -> None:
        self.change(id_, self.executor.pause(id_), {TaskState.QUEUED, TaskState.RUNNING}, TaskState.PAUSED)

    @rule(id_=tasks)
    def resume(self, id_: str) -> None:
        self.change(id_, self.executor.resume(id_), {TaskState.PAUSED}, TaskState.QUEUED)

    @rule(id_=tasks, yes=st.booleans())
    def answer(self, id_: str, yes: bool) -> None:
        after = TaskState.QUEUED if yes else TaskState.CANCELLED
        if self.change(id_, self.executor.approve(id_, yes=yes), {TaskState.WAITING}, after) and yes:
            self.model[id_].done += 1

    @rule(id_=tasks)
    def retry(self, id_: str) -> None:
        was = self.model[id_].state
        if self.change(id_, self.executor.retry(id_), ENDED | {TaskState.PAUSED}, TaskState.QUEUED):
            if was is TaskState.DONE:
                self.model[id_].done = 0
            if was is not TaskState.PAUSED:
                self.numbers += 1
                self.model[id_].number = self.numbers

    @rule(id_=tasks, priority=st.sampled_from(Priority))
    def prefer(self, id_: str, priority: Priority) -> None:
        if self.change(id_, self.executor.set_priority(id_, priority), OPEN, None):
            self.model[id_].priority = priority

    @rule()
    def restart(self) -> None:
        self.do(self.close())
        for task in self.model.values():
            if task.state is TaskState.RUNNING:
                task.state = TaskState.PAUSED
        self.do(self.open())

    def change(self, id_: str, work: Coroutine[Any, Any, Any], allowed: Any, after: TaskState | None) -> bool:
        """Ask for a change that is allowed in some states, and must be refused in all others."""
        task = self.model[id_]
        if task.state not in allowed:
            try:
                self.do(work)
            except WrongState:
                return False
            raise AssertionError(f"{task.state} should not allow this")
        self.do(work)
        task.state = after or task.state
        return True

    # what must be so

    @invariant()
    def is_as_expected(self) -> None:
        if not hasattr(self, "runner"):
            return
        self._dispatch()
        wanted = {id_: task.state for id_, task in self.model.items()}
        running = {id_ for id_, task in self.model.items() if task.state is TaskState.RUNNING}
        found: dict[str, TaskState] = {}

        async def look() -> None:
            async with asyncio.timeout(PATIENCE_S):
                while found != wanted or self.puppet.running.keys() != running or self.told != wanted:
                    await asyncio.sleep(0.001)
                    now = {task.id: task.state for task in await self.store.tasks()}
                    found.clear()
                    found.update(now)

        try:
            self.do(look())
        except TimeoutError:
            raise AssertionError(
                f"wanted {wanted}, found {found}, told {self.told}, running {set(self.puppet.running)}"
            ) from None
        for id_, task in self.model.items():
            assert self.puppet.begun.get(id_, []) == task.runs

    def _dispatch(self) -> None:
        """Who runs now: the first in the queue that wait for nobody, as many as may."""
        while True:
            running = sum(task.state is TaskState.RUNNING for task in self.model.values())
            ready = [
                task
                for task in self.model.values()
                if task.state is TaskState.QUEUED
                and all(self.model[before].state is TaskState.DONE for before in task.after)
            ]
            if running >= AT_ONCE or not ready:
                return
            task = min(ready, key=lambda task: task.order)
            if task.step.startswith("?"):
                task.state = TaskState.WAITING
            else:
                task.state = TaskState.RUNNING
                task.runs.append(task.step)


def _plan(steps: tuple[str, ...]) -> str:
    import json

    made: list[dict[str, Any]] = []
    for step in steps:
        kind = {"kind": "approval"} if step.startswith("?") else {"prompt": "go on"}
        after = [made[-1]["key"]] if made else []
        made.append({"key": step.removeprefix("?"), "after": after} | kind)
    return json.dumps({"steps": made})


TestExecutorAgainstItsModel = pytest.mark.long(Machine.TestCase)
TestExecutorAgainstItsModel.settings = settings(
    max_examples=25, stateful_step_count=30, deadline=None, suppress_health_check=list(HealthCheck)
)


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=200) | st.builds(_plan, st.lists(st.sampled_from(["a", "b", "?c"]), max_size=4).map(tuple)))
def test_any_text_is_a_plan_or_is_refused_with_a_sentence(text: str) -> None:
    try:
        parse_plan(text)
    except TaleError as error:
        assert error.code == "bad_plan"
        assert error.sentence
