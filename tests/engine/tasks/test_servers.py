"""Tasks whose server goes away: queued until it is back, without an attempt, a retry, a slot or their time."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from support.waiting import until
from tale_tui.domain.errors import BrokenStream, ModelError, Unreachable
from tale_tui.domain.tasks import Reason, Task, TaskState

HOUR_S = 3600.0


def gone(kind: type[ModelError] = Unreachable) -> ModelError:
    """As the pool raises it where the server is found away."""
    error = kind("Nothing answers.")
    error.away_since = 1000.0
    return error


async def waits(execution: Any, task: Task) -> Task:
    """The task as soon as it waits for its server."""

    async def so() -> bool:
        now = await execution.store.task(task.id)
        return (now.state, now.reason) == (TaskState.QUEUED, Reason.SERVER)

    await until(so, "it waits for its server")
    return await execution.store.task(task.id)


def turn(execution: Any, *, away: bool) -> None:
    """The server leaves, or comes back."""
    execution.away = away
    execution.executor.servers_changed()


@pytest.mark.parametrize("kind", [Unreachable, BrokenStream])
async def test_it_waits_and_goes_on_from_its_text_with_all_its_attempts(
    begin: Any, doer: Any, do: Any, kind: type[ModelError]
) -> None:
    execution = await begin(retries=0)
    gate = asyncio.Event()
    doer.tell("a task", do(("half",), gate, gone(kind)), do((" done",)))
    task = await execution.submit("a task")
    await execution.eventually(lambda: doer.holding)
    execution.away = True
    gate.set()
    now = await waits(execution, task)
    assert now.server_since is not None
    assert (now.error, now.finished) == ("Nothing answers.", None)
    [step] = (await execution.executor.get(task.id)).steps
    assert (step.attempts, step.text, step.state.value, step.error) == (0, "half", "pending", "")
    assert not execution.executor.busy
    turn(execution, away=False)
    detail = await execution.done(task)
    assert detail.result == "half done"
    assert doer.texts == ["", "half"]
    assert [step.attempts for step in detail.steps] == [1]
    assert (detail.task.reason, detail.task.server_since, detail.task.error) == (Reason.NONE, None, "")


async def test_its_time_does_not_run_and_nothing_is_asked_meanwhile(begin: Any, doer: Any, do: Any) -> None:
    execution = await begin(retries=0)
    task = await execution.submit("a task", time_limit_s=60)
    doer.tell("a task", do((), error=gone()))
    turn(execution, away=True)
    assert (await waits(execution, task)).worked_s == 0
    execution.passed += HOUR_S
    execution.executor.servers_changed()
    others = [await execution.submit(f"other {number}") for number in range(3)]
    for other in others:
        assert (await waits(execution, other)).started is None
    calls = len(doer.calls)
    doer.tell("a task", do())
    turn(execution, away=False)
    for each in (task, *others):
        assert (await execution.done(each)).task.worked_s < 60
    assert len(doer.calls) == calls + 4


async def test_what_has_effects_outside_and_wrote_something_asks_before_it_is_repeated(
    begin: Any, doer: Any, do: Any, plan: Any
) -> None:
    execution = await begin(retries=0)
    once = plan("a", a={"repeatable": False})
    doer.tell("a", do((), error=gone()), do(("sent",), error=gone()), do(("sent",)))
    task = await execution.submit("send it", plan=once)
    detail = await execution.until(task, TaskState.WAITING)
    assert detail.task.reason is Reason.REPEAT
    assert len(doer.calls) == 2


async def test_after_its_patience_it_asks_and_a_yes_is_another_such_time(begin: Any, doer: Any, do: Any) -> None:
    execution = await begin(server_wait_s=HOUR_S, backoff_max_s=0.01)
    execution.away = True
    task = await execution.submit("a task")
    await waits(execution, task)
    execution.passed += HOUR_S - 60
    execution.executor.servers_changed()
    await waits(execution, task)
    execution.passed += 61
    execution.executor.servers_changed()
    detail = await execution.until(task, TaskState.WAITING)
    assert detail.task.reason is Reason.SERVER
    await execution.executor.approve(task.id, yes=True)
    again = await waits(execution, task)
    assert again.server_since is not None
    assert again.server_since >= (detail.task.server_since or 0) + HOUR_S
    turn(execution, away=False)
    assert (await execution.done(task)).task.server_since is None


async def test_a_no_ends_it(begin: Any) -> None:
    execution = await begin(server_wait_s=0.01, backoff_max_s=0.01)
    execution.away = True
    task = await execution.submit("a task")
    await execution.until(task, TaskState.WAITING)
    assert (await execution.executor.approve(task.id, yes=False)).state is TaskState.CANCELLED


async def test_it_can_be_paused_and_cancelled_while_it_waits(begin: Any) -> None:
    execution = await begin()
    execution.away = True
    first, second = await execution.submit("one"), await execution.submit("two")
    await waits(execution, first)
    await waits(execution, second)
    assert (await execution.executor.pause(first.id)).state is TaskState.PAUSED
    assert (await execution.executor.cancel(second.id)).state is TaskState.CANCELLED
    await execution.executor.resume(first.id)
    await waits(execution, first)
    turn(execution, away=False)
    await execution.done(first)


async def test_one_that_waits_is_run_by_the_next_engine_when_its_server_is_there(begin: Any) -> None:
    execution = await begin()
    execution.away = True
    task = await execution.submit("a task")
    await waits(execution, task)
    execution.away = False
    await execution.restart()
    assert (await execution.done(task)).result == "done"


async def test_what_depends_on_it_says_that_and_not_the_server(begin: Any) -> None:
    execution = await begin()
    execution.away = True
    task = await execution.submit("first")
    then = await execution.submit("then", after=(task.id,))
    await waits(execution, task)
    assert (await execution.store.task(then.id)).reason is Reason.NONE
    turn(execution, away=False)
    await execution.done(then)


async def test_tasks_of_another_server_go_on(begin: Any) -> None:
    execution = await begin()
    execution.away = True
    task = await execution.submit("a task")
    await waits(execution, task)
    execution.ref = replace(execution.ref, model="elsewhere")
    execution.executor.servers_changed()
    assert (await execution.done(task)).result == "done"
