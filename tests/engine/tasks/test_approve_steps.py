"""The steps of a plan get their yes one after the other, whether an engine works on the task meanwhile or not."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from tale_tui.domain.errors import BadPlan, WrongState
from tale_tui.domain.tasks import StepState, TaskState
from tale_tui.formatting.tasks import state_words

Plan = Callable[..., str]


async def waiting(execution: Any, plan: Plan, *steps: str) -> Any:
    task = await execution.submit(plan=plan(*steps, approval=True))
    return await execution.executor.get(task.id)


async def test_several_steps_get_their_yes_while_nothing_works_on_the_task(begin: Any, doer: Any, plan: Plan) -> None:
    execution = await begin(works_queue=False)
    task = (await waiting(execution, plan, "a", "b<a", "c", "d<c")).task
    for key in "ac":
        assert (await execution.executor.approve(task.id, yes=True, step=key)).state is TaskState.QUEUED
    with pytest.raises(BadPlan, match=r"The step c waits for no yes\. Those that do: b, d"):
        await execution.executor.approve(task.id, yes=True, step="c")
    left = await execution.executor.approve(task.id, yes=False, step="d")
    assert (left.state, left.steps_total) == (TaskState.QUEUED, 3)
    assert doer.calls == []
    execution.works_queue = True
    await execution.restart()
    asks = await execution.until(task, TaskState.WAITING)
    assert sorted(key for _, key in doer.calls) == ["a", "c"]
    assert state_words(asks.task, 0.0) == "approve b"
    await execution.executor.approve(task.id, yes=True)
    done = await execution.done(task)
    assert [step.state for step in done.steps] == [StepState.DONE] * 3 + [StepState.SKIPPED]


async def test_all_that_is_left_may_run_before_the_first_step_did(begin: Any, plan: Plan) -> None:
    execution = await begin(works_queue=False)
    task = (await waiting(execution, plan, "a", "b")).task
    await execution.executor.approve(task.id, yes=True, step="b")
    await execution.executor.approve(task.id, yes=True)
    with pytest.raises(WrongState, match="is queued: only a task that waits for your yes can be approved"):
        await execution.executor.approve(task.id, yes=True)
    await execution.done(task)


async def test_a_step_that_gets_its_yes_while_another_one_runs_begins_beside_it(
    execution: Any, doer: Any, do: Any, plan: Plan
) -> None:
    gates = {key: asyncio.Event() for key in "abc"}
    for key, gate in gates.items():
        doer.tell(key, do((), gate))
    task = (await waiting(execution, plan, "a", "b", "c<b")).task
    for key in "ab":
        await execution.executor.approve(task.id, yes=True, step=key)
        await execution.eventually(lambda key=key: doer.holding[-1:] == [key])
    for gate in gates.values():
        gate.set()
    asks = await execution.until(task, TaskState.WAITING)
    assert [key for _, key in doer.calls] == ["a", "b"]
    assert (asks.task.steps_asking, state_words(asks.task, 0.0)) == (1, "approve c")
    await execution.executor.approve(task.id, yes=True, step="c")
    await execution.done(task)
    assert [key for _, key in doer.calls] == ["a", "b", "c"]


async def test_what_had_its_yes_is_not_counted_among_what_asks(execution: Any, plan: Plan) -> None:
    task = (await waiting(execution, plan, "a", "b<a", "c<b")).task
    assert state_words(task, 0.0) == "approve 3 steps"
    await execution.executor.approve(task.id, yes=True, step="b")
    asks = await execution.until(task, TaskState.WAITING)
    assert state_words(asks.task, 0.0) == "approve 2 steps"
