"""A store that cannot be written for a while: nothing is lost, nothing hangs, and what was refused is told."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any

import pytest

from tale_tui.domain.errors import DatabaseBusy, DiskFull
from tale_tui.domain.events import Notice
from tale_tui.domain.models import BackendName, ModelRef
from tale_tui.domain.tasks import TaskState
from tale_tui.engine.tasks.scheduler import Scheduler

FAR = ModelRef(BackendName.OPENAI, "far")


class Broken:
    """Makes methods of a store fail so many times."""

    def __init__(self, store: Any, monkeypatch: pytest.MonkeyPatch, **times: int) -> None:
        self.left = times
        for name in times:
            monkeypatch.setattr(store, name, self._failing(name, getattr(store, name)))

    def _failing(self, name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        async def method(*args: Any, **kwargs: Any) -> Any:
            if self.left[name]:
                self.left[name] -= 1
                raise DatabaseBusy("Held by another process.")
            return await real(*args, **kwargs)

        return method


def have_the_queue_read(execution: Any) -> None:
    """Tasks go to another model from now on."""
    execution.ref = FAR
    execution.executor.servers_changed()


@pytest.mark.parametrize(
    "times",
    [
        {"claim_task": 2},
        {"begin_step": 1},
        {"finish_step": 1},
        {"finish_step": 1, "retry_step": 1},
        {"begin_step": 2, "retry_step": 1, "change_task": 2},
        {"queue": 2, "claim_task": 1},
    ],
    ids=lambda times: "-".join(times),
)
async def test_a_task_is_done_in_the_end(
    begin: Callable[..., Any], doer: Any, do: Any, monkeypatch: pytest.MonkeyPatch, times: dict[str, int]
) -> None:
    execution = await begin(running=1)
    broken = Broken(execution.store, monkeypatch, **times)
    doer.tell("a task", do(("done",)))
    detail = await execution.done(await execution.submit("a task"))
    assert detail.steps[0].text.startswith("done")
    assert broken.left["claim_task"] == 0 if "claim_task" in times else True
    await execution.done(await execution.submit("another"))


async def test_a_task_that_runs_again_is_left_alone(
    execution: Any, doer: Any, do: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The queue may be read while it is still to be said that an earlier run of a task is over."""
    to_settle: list[Callable[[], None]] = []
    settle, gate = Scheduler.settle, asyncio.Event()
    monkeypatch.setattr(Scheduler, "settle", lambda *args: to_settle.append(partial(settle, *args)))
    Broken(execution.store, monkeypatch, claim_task=1)
    doer.tell("a task", do((), gate))
    task = await execution.submit("a task")
    await execution.eventually(lambda: bool(to_settle))
    have_the_queue_read(execution)
    await execution.eventually(lambda: bool(doer.holding))
    works: list[Coroutine[Any, Any, None]] = []
    with monkeypatch.context() as here:
        here.setattr(Scheduler, "in_background", lambda _, work: works.append(work))
        to_settle.pop()()
    [work] = works
    await work
    assert await execution.state(task) is TaskState.RUNNING
    gate.set()
    detail = await execution.done(task)
    assert [step.attempts for step in detail.steps] == [1]


async def test_a_task_that_was_queued_behind_the_back_of_its_run_runs_again(execution: Any) -> None:
    task, gate = await execution.held("a task")
    await execution.store.change_task(task.id, TaskState.QUEUED, expect={TaskState.RUNNING})
    gate.set()
    await execution.done(task)


async def test_a_task_that_is_not_queued_any_more_is_looked_at_again(
    execution: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    claim = execution.store.claim_task

    async def refused(*args: Any) -> None:
        monkeypatch.setattr(execution.store, "claim_task", claim)

    monkeypatch.setattr(execution.store, "claim_task", refused)
    await execution.done(await execution.submit("a task"))


async def test_that_a_task_is_held_up_is_said_once(
    begin: Callable[..., Any], doer: Any, do: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    execution = await begin()
    Broken(execution.store, monkeypatch, finish_step=1, retry_step=1, change_task=3)
    doer.tell("a task", do(("done",)))
    await execution.done(await execution.submit("a task"))
    notices = [fact.sentence for fact in execution.facts if isinstance(fact, Notice)]
    assert notices == ["A task is held up until it can be stored again. Held by another process."]


@pytest.mark.parametrize("act", ["cancel", "pause"])
async def test_what_cannot_be_stored_is_told_and_the_task_goes_on(
    begin: Callable[..., Any], doer: Any, do: Any, monkeypatch: pytest.MonkeyPatch, act: str
) -> None:
    execution = await begin()
    doer.tell("a task", do(("half ",), asyncio.Event()), do(("and half",)))
    task = await execution.submit("a task")
    await execution.eventually(lambda: len(doer.holding) == 1)
    Broken(execution.store, monkeypatch, change_task=1)
    with pytest.raises(DatabaseBusy):
        await getattr(execution.executor, act)(task.id)
    assert (await execution.done(task)).result == "half and half"


async def test_that_text_cannot_be_kept_is_said_once(
    begin: Callable[..., Any], doer: Any, do: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    execution = await begin()
    monkeypatch.setattr("tale_tui.engine.streaming.PARTIAL_SAVE_INTERVAL_S", 0.01)

    async def full(*args: Any) -> None:
        raise DiskFull("There is no space left.")

    monkeypatch.setattr(execution.store, "save_step", full)
    task, gate = await execution.held("a task", "so far")
    await execution.eventually(lambda: any(isinstance(fact, Notice) for fact in execution.facts))
    paused = await execution.executor.pause(task.id)
    assert paused.state is TaskState.PAUSED
    notices = [fact for fact in execution.facts if isinstance(fact, Notice)]
    assert [notice.title for notice in notices] == ["The disk is full"]
    gate.set()
    await execution.executor.resume(task.id)
    await execution.done(task)


async def test_closing_on_a_full_disk_ends_all_the_same(
    begin: Callable[..., Any], doer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    execution = await begin()
    task, _ = await execution.held("a task", "so far")
    Broken(execution.store, monkeypatch, change_task=1)
    await execution.close()
    assert doer.running == 0
    await execution.open()
    assert await execution.state(task) is TaskState.PAUSED


@pytest.mark.parametrize("verb", ["queue", "claim_task"])
async def test_what_nobody_foresaw_in_the_store_holds_no_task_for_ever(
    verb: str, begin: Callable[..., Any], doer: Any, do: Any, monkeypatch: pytest.MonkeyPatch, caplog: Any
) -> None:
    execution = await begin(running=1)
    real, times = getattr(execution.store, verb), []

    async def broken(*args: Any, **kwargs: Any) -> Any:
        if not times:
            times.append(1)
            raise ZeroDivisionError("a bug")
        return await real(*args, **kwargs)

    monkeypatch.setattr(execution.store, verb, broken)
    doer.tell("a task", do(("done",)))
    doer.tell("another", do(("done",)))
    have_the_queue_read(execution)
    first = await execution.submit("a task")
    await execution.done(await execution.submit("another"))
    await execution.done(first)
    assert times
    assert "ZeroDivisionError: a bug" in caplog.text
