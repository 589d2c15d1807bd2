"""Any operations in any order: what always holds of tasks, whatever is done to them."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Coroutine
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from tale_tui.domain.clock import Clock
from tale_tui.domain.errors import Fenced, WrongState
from tale_tui.domain.models import BackendName, ModelRef, Usage
from tale_tui.domain.tasks import ENDED, OPEN, Plan, Priority, Reason, StepSpec, StepState, TaskState
from tale_tui.engine.store.store import Store
from tale_tui.engine.store.tasks.steps import AttemptFailure, TaskEnd
from tale_tui.engine.store.tasks.tasks import NewTask

T = TypeVar("T")
PLAN = Plan((StepSpec("a", "A"), StepSpec("b", "B", after=("a",)), StepSpec("c", "C")))
KEYS = st.sampled_from(["a", "b", "c"])
PICK = st.sampled_from([0, 1])
REF = ModelRef(BackendName.OLLAMA, "qwen3:14b")
TO = st.sampled_from([TaskState.QUEUED, TaskState.PAUSED, TaskState.CANCELLED, TaskState.FAILED])


class Model:
    """What a task should be, kept beside it."""

    def __init__(self) -> None:
        self.state = TaskState.QUEUED
        self.epoch: int | None = None
        """Of the run that holds it."""
        self.old: list[int] = []
        self.since = 0.0
        self.worked = 0.0
        self.saved = 0.0
        """When its run was last stored."""
        self.steps = dict.fromkeys("abc", StepState.PENDING)
        self.runs = dict.fromkeys("abc", 0)
        """How often a step was done since it was last reset."""
        self.texts = dict.fromkeys("abc", "")

    def leave(self, to: TaskState, now: float) -> None:
        if self.state is TaskState.RUNNING:
            self.worked += max(0.0, now - self.since)
            assert self.epoch is not None
            self.old.append(self.epoch)
            self.epoch = None
            for key, state in self.steps.items():
                if state is StepState.RUNNING:
                    self.steps[key] = StepState.PENDING
        self.state = to


class TaskMachine(RuleBasedStateMachine):
    """A store and a model of it. Time is a counter that stands still unless it is moved."""

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.folder = TemporaryDirectory()
        self.now = 1000.0
        self.models: dict[str, Model] = {}
        self.words = itertools.count()

    def do(self, call: Coroutine[Any, Any, T]) -> T:
        return self.runner.run(call)

    @initialize()
    def open(self) -> None:
        self.store = self.do(Store.open(Path(self.folder.name) / "tale.db", Clock(now=lambda: self.now)))
        for priority in (Priority.NORMAL, Priority.HIGH):
            self.hand_in(priority)
            self.claim(len(self.models) - 1, 1)

    def teardown(self) -> None:
        self.do(self.store.close())
        self.runner.close()
        self.folder.cleanup()

    def pick(self, number: int) -> tuple[str, Model]:
        ids = sorted(self.models)
        return ids[number % len(ids)], self.models[ids[number % len(ids)]]

    def hand_in(self, priority: Priority) -> None:
        id_ = f"task{len(self.models)}"
        self.do(self.store.add_task(NewTask(id_, "Do it", PLAN, priority=priority, ref=REF)))
        self.models[id_] = Model()

    @rule(seconds=st.integers(1, 50))
    def wait(self, seconds: int) -> None:
        self.now += seconds

    @rule(number=PICK, at_once=st.integers(1, 3))
    def claim(self, number: int, at_once: int) -> None:
        id_, model = self.pick(number)

        async def several() -> list[Any]:
            return await asyncio.gather(*(self.store.claim_task(id_, self.now) for _ in range(at_once)))

        claims = [claim for claim in self.do(several()) if claim is not None]
        assert len(claims) == (1 if model.state is TaskState.QUEUED else 0), "never two claims of a task"
        for claim in claims:
            assert claim.epoch not in model.old
            model.state, model.epoch, model.since = TaskState.RUNNING, claim.epoch, self.now
            model.saved = self.now

    @rule(number=PICK, key=KEYS, fresh=st.booleans())
    def begin_step(self, number: int, key: str, fresh: bool) -> None:
        id_, model = self.pick(number)
        may = model.epoch is not None and model.steps[key] not in (StepState.RUNNING, StepState.DONE)
        if self.attempt(self.store.begin_step(id_, model.epoch or 0, key, REF, fresh=fresh), may):
            model.steps[key], model.saved = StepState.RUNNING, self.now
            model.texts[key] = "" if fresh else model.texts[key]

    @rule(number=PICK, key=KEYS)
    def save_step(self, number: int, key: str) -> None:
        id_, model = self.pick(number)
        text = f"text {next(self.words)}"
        if self.attempt(self.store.save_step(id_, model.epoch or 0, key, text, "", 1), self.runs(model, key)):
            model.texts[key], model.saved = text, self.now

    @rule(number=PICK, key=KEYS)
    def finish_step(self, number: int, key: str) -> None:
        id_, model = self.pick(number)
        others = [state for other, state in model.steps.items() if other != key]
        last = all(state is StepState.DONE for state in others)
        text = f"text {next(self.words)}"
        end = TaskEnd(text) if last else None
        call = self.store.finish_step(id_, model.epoch or 0, key, text=text, usage=Usage(2, 3), end=end)
        if self.attempt(call, self.runs(model, key)):
            model.texts[key], model.steps[key], model.saved = text, StepState.DONE, self.now
            model.runs[key] += 1
            if last:
                model.leave(TaskState.DONE, self.now)
                assert self.do(self.store.task_detail(id_)).result == text

    @rule(number=PICK, key=KEYS, how=st.sampled_from(["again", "end", "alone"]))
    def fail_step(self, number: int, key: str, how: str) -> None:
        id_, model = self.pick(number)
        failure = AttemptFailure("No.", "busy", text="half")
        if how == "again":
            call = self.store.retry_step(id_, model.epoch or 0, key, failure, self.now + 5)
        else:
            call = self.store.fail_step(id_, model.epoch or 0, key, failure, end=how == "end")
        if self.attempt(call, self.runs(model, key)):
            model.texts[key], model.saved = "half", self.now
            model.steps[key] = StepState.PENDING if how == "again" else StepState.FAILED
            if how != "alone":
                model.leave(TaskState.QUEUED if how == "again" else TaskState.FAILED, self.now)

    @rule(number=PICK, key=KEYS)
    def come_back_late(self, number: int, key: str) -> None:
        id_, model = self.pick(number)
        if model.state in (TaskState.RUNNING, TaskState.PAUSED):
            self.change(number, TaskState.QUEUED)
        if model.state is TaskState.QUEUED:
            self.claim(number, 1)
            self.begin_step(number, key, fresh=False)
        for epoch in model.old:
            self.attempt(self.store.begin_step(id_, epoch, key), False)
            self.attempt(self.store.save_step(id_, epoch, key, "stale", "", 9), False)
            self.attempt(self.store.finish_step(id_, epoch, key, text="stale", end=TaskEnd("stale")), False)
            self.attempt(self.store.fail_step(id_, epoch, key, AttemptFailure("No.", "busy"), end=True), False)
            self.attempt(self.store.suspend_task(id_, epoch, Reason.APPROVAL, key), False)

    @rule(number=PICK, to=TO)
    def change(self, number: int, to: TaskState) -> None:
        id_, model = self.pick(number)
        try:
            self.do(self.store.change_task(id_, to, expect=OPEN - {to}))
        except WrongState:
            assert model.state in ENDED or model.state is to
        else:
            model.leave(to, self.now)

    @rule(number=PICK, key=KEYS)
    def park_and_approve(self, number: int, key: str) -> None:
        id_, model = self.pick(number)
        if self.attempt(self.store.suspend_task(id_, model.epoch or 0, Reason.APPROVAL, key), model.epoch is not None):
            model.leave(TaskState.WAITING, self.now)
            self.do(self.store.approve(id_))
            model.state = TaskState.QUEUED

    @rule(number=PICK, key=st.sampled_from(["", "a", "b", "c"]))
    def retry(self, number: int, key: str) -> None:
        id_, model = self.pick(number)
        try:
            self.do(self.store.retry_from(id_, key))
        except WrongState:
            assert model.state not in ENDED | {TaskState.PAUSED}
            return
        assert model.state in ENDED | {TaskState.PAUSED}
        everything = "abc" if model.state is TaskState.DONE else ""
        afresh = {"": everything, "a": "ab", "b": "b", "c": "c"}[key]
        for each in "abc":
            if each in afresh:
                model.steps[each], model.texts[each], model.runs[each] = StepState.PENDING, "", 0
            elif model.steps[each] is StepState.FAILED:
                model.steps[each] = StepState.PENDING
        model.state, model.worked = TaskState.QUEUED, 0.0

    @rule(number=PICK, before=PICK)
    def move(self, number: int, before: int) -> None:
        (id_, model), (other, place) = self.pick(number), self.pick(before)
        try:
            self.do(self.store.move(id_, other))
        except WrongState:
            assert (model.state, place.state) != (TaskState.QUEUED, TaskState.QUEUED)
            return
        order = [task.id for task in self.do(self.store.queue())]
        assert id_ == other or order.index(id_) + 1 == order.index(other)

    @rule()
    def kill_and_start_again(self) -> None:
        old = self.store
        self.store = self.do(Store.open(Path(self.folder.name) / "tale.db", Clock(now=lambda: self.now)))
        running = [model for model in self.models.values() if model.state is TaskState.RUNNING]
        assert self.store.interrupted_tasks == len(running)
        for model in running:
            model.leave(TaskState.PAUSED, model.saved)
        self.do(old.close())

    def runs(self, model: Model, key: str) -> bool:
        return model.epoch is not None and model.steps[key] is StepState.RUNNING

    def attempt(self, call: Coroutine[Any, Any, object], may: bool) -> bool:
        """Do it; whether it was done, which is when it may be."""
        if may:
            self.do(call)
        else:
            with pytest.raises(Fenced):
                self.do(call)
        return may

    @invariant()
    def each_task_is_what_it_should_be(self) -> None:
        tasks = {task.id: task for task in self.do(self.store.tasks())}
        assert tasks.keys() == self.models.keys()
        for id_, model in self.models.items():
            detail = self.do(self.store.task_detail(id_))
            task = detail.task
            assert task == tasks[id_]
            assert task.state is model.state
            assert task.worked_s == pytest.approx(model.worked)
            assert (task.running_since is not None) == (model.state is TaskState.RUNNING)
            assert (task.finished is not None) == (model.state in ENDED)
            assert [step.spec.key for step in detail.steps] == ["a", "b", "c"], "no step twice, none lost"
            assert {step.spec.key: step.state for step in detail.steps} == model.steps
            assert {step.spec.key: step.text for step in detail.steps if step.state is not StepState.DONE} == {
                key: model.texts[key] for key in "abc" if model.steps[key] is not StepState.DONE
            }
            assert task.steps_done == sum(state is StepState.DONE for state in model.steps.values())
            costs = [step.usage for step in detail.steps if step.usage]
            assert (task.completion_tokens or 0) == sum(cost.completion_tokens or 0 for cost in costs)
            assert (task.prompt_tokens or 0) == sum(cost.prompt_tokens or 0 for cost in costs)
            assert all(done <= 1 for done in model.runs.values()), "a finished step was done again"

    @invariant()
    def the_counts_add_up(self) -> None:
        counts = self.do(self.store.task_counts())
        states = [model.state for model in self.models.values()]
        for state in set(TaskState) - {TaskState.DRAFT}:
            assert getattr(counts, state.value) == states.count(state)
        assert counts.open == sum(state in OPEN for state in states)
        queue = self.do(self.store.queue())
        assert len(queue) == counts.queued
        ranks = [list(Priority).index(task.priority) for task in queue]
        assert ranks == sorted(ranks)


TestTaskMachine = pytest.mark.long(TaskMachine.TestCase)
TestTaskMachine.settings = settings(
    max_examples=40, stateful_step_count=40, deadline=None, suppress_health_check=list(HealthCheck)
)
