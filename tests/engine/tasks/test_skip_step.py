"""A step that is left out while its task runs: it alone is stopped, whatever happens beside it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tale_tui.domain.errors import BadInput, BadPlan, ModelNotFound, StoreError
from tale_tui.domain.tasks import StepState, Task, TaskDetail, TaskState

Plan = Callable[..., str]
Gates = dict[str, asyncio.Event]
AT_ONCE = 3
STEPS = ("a", "b", "c", "d", "e<a,b", "f<d")
ACTIONS = st.lists(
    st.tuples(st.sampled_from(["leave out", "end", "end, leave out", "leave out, end"]), st.sampled_from("abcdef"))
)


@pytest.fixture
def hold(doer: Any, do: Any) -> Callable[[str], Gates]:
    """Has steps write and then wait; gives for each what has it end."""

    def tell(keys: str) -> Gates:
        gates = {key: asyncio.Event() for key in keys}
        for key, gate in gates.items():
            doer.tell(key, do((f"half of {key} ",), gate))
        return gates

    return tell


@pytest.fixture
def gates(hold: Callable[[str], Gates]) -> Gates:
    return hold("abc")


@pytest.fixture
async def few(begin: Callable[..., Awaitable[Any]]) -> Any:
    """An execution of which a test may have as many tasks as it likes."""
    return await begin(steps=AT_ONCE, per_minute=100_000)


def states(detail: TaskDetail) -> dict[str, StepState]:
    return {step.spec.key: step.state for step in detail.steps}


async def test_one_that_runs_is_stopped_and_the_others_do_not_notice(
    execution: Any, doer: Any, plan: Plan, gates: Gates
) -> None:
    task = await execution.submit(plan=plan("a", "b", "c", "d<b", "e<a,c"))
    await execution.eventually(lambda: sorted(doer.holding) == ["a", "b", "c"])
    left = await execution.executor.skip(task.id, step="b")
    assert (left.state, left.steps_total) == (TaskState.RUNNING, 3)
    await execution.eventually(lambda: doer.stopped == ["b"])
    for gate in gates.values():
        gate.set()
    done = await execution.done(task)
    assert sorted(key for _, key in doer.calls) == ["a", "b", "c", "e"]
    skipped = {"b": StepState.SKIPPED, "d": StepState.SKIPPED}
    assert states(done) == {"a": StepState.DONE, "c": StepState.DONE, "e": StepState.DONE} | skipped
    assert {step.spec.key: step.attempts for step in done.steps} == {"a": 1, "b": 1, "c": 1, "d": 0, "e": 1}
    assert {step.spec.key: step.error for step in done.steps if step.error} == {
        "b": "stopped by you",
        "d": "it needs b",
    }
    assert done.steps[1].text == "half of b "
    assert [entry.what for entry in done.history].count("running") == 1


async def test_one_that_waits_is_left_out_and_nothing_is_stopped(
    execution: Any, doer: Any, plan: Plan, gates: Gates
) -> None:
    task = await execution.submit(plan=plan("a", "b", "c<a,b"))
    await execution.eventually(lambda: sorted(doer.holding) == ["a", "b"])
    await execution.executor.skip(task.id, step="c")
    gates["a"].set()
    gates["b"].set()
    done = await execution.done(task)
    assert (doer.stopped, sorted(key for _, key in doer.calls)) == ([], ["a", "b"])
    assert done.result == "## a\n\nhalf of a\n\n## b\n\nhalf of b"


async def test_the_only_one_that_runs_frees_what_does_not_need_it(
    begin: Any, doer: Any, plan: Plan, gates: Gates
) -> None:
    execution = await begin(steps=1)
    task = await execution.submit(plan=plan("a", "b"))
    await execution.eventually(lambda: doer.holding == ["a"])
    await execution.executor.skip(task.id, step="a")
    gates["b"].set()
    assert states(await execution.done(task)) == {"a": StepState.SKIPPED, "b": StepState.DONE}


async def test_a_task_whose_last_step_is_left_out_is_done(execution: Any, doer: Any, plan: Plan, gates: Gates) -> None:
    gates["a"].set()
    task = await execution.submit(plan=plan("a", "b<a"))
    await execution.eventually(lambda: doer.holding == ["a", "b"])
    await execution.executor.skip(task.id, step="b")
    assert (await execution.done(task)).result == "half of a "


async def test_what_cannot_be_left_out_stops_nothing(
    execution: Any, doer: Any, plan: Plan, gates: Gates, monkeypatch: pytest.MonkeyPatch
) -> None:
    gates["a"].set()
    task = await execution.submit(plan=plan("a", "b<a", "c<a"))
    await execution.eventually(lambda: sorted(doer.holding) == ["a", "b", "c"])
    for key in ("a", "nothing"):
        with pytest.raises(BadPlan):
            await execution.executor.skip(task.id, step=key)

    async def full(*_: object) -> None:
        raise StoreError("The disk is full.")

    with monkeypatch.context() as broken:
        broken.setattr(execution.store, "skip_running_step", full)
        with pytest.raises(StoreError):
            await execution.executor.skip(task.id, step="b")
    gates["b"].set()
    gates["c"].set()
    await execution.done(task)
    assert (doer.stopped, len(doer.calls)) == ([], 3)


async def test_one_that_fails_while_it_is_left_out_has_not_failed(
    execution: Any, doer: Any, do: Any, plan: Plan, gates: Gates
) -> None:
    doer.tell("b", do(("half ",), gates["b"], ModelNotFound("It is gone.")))
    task = await execution.submit(plan=plan("a", "b"))
    await execution.eventually(lambda: sorted(doer.holding) == ["a", "b"])
    leaving = asyncio.ensure_future(execution.executor.skip(task.id, step="b"))
    await asyncio.sleep(0)
    gates["b"].set()
    await leaving
    gates["a"].set()
    assert states(await execution.done(task)) == {"a": StepState.DONE, "b": StepState.SKIPPED}
    assert len(doer.calls) == 2


async def test_of_a_task_that_fails_nothing_is_left_out(
    execution: Any, doer: Any, do: Any, plan: Plan, gates: Gates
) -> None:
    doer.tell("a", do((), gates["a"], ModelNotFound("It is gone.")))
    task = await execution.submit(plan=plan("a", "b"))
    await execution.eventually(lambda: sorted(doer.holding) == ["a", "b"])
    gates["a"].set()
    with suppress(BadInput):
        await execution.executor.skip(task.id, step="b")
    await execution.until(task, TaskState.FAILED, TaskState.DONE)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(actions=ACTIONS)
async def test_what_is_not_left_out_is_asked_for_once(
    few: Any, doer: Any, plan: Plan, hold: Callable[[str], Gates], actions: list[tuple[str, str]]
) -> None:
    doer.calls.clear()
    doer.holding.clear()
    gates = hold("abcdef")
    task = await few.submit(plan=plan(*STEPS))
    await few.eventually(lambda: len(doer.holding) == AT_ONCE)
    for what, key in actions:
        if what.startswith("end"):
            gates[key].set()
        if what != "end":
            leaving = asyncio.ensure_future(skip_step(few, task, key))
            await asyncio.sleep(0)
            if what.endswith("end"):
                gates[key].set()
            await leaving
    for gate in gates.values():
        gate.set()
    detail = await few.done(task)
    asked = [key for _, key in doer.calls]
    over = states(detail)
    assert len(asked) == len(set(asked))
    assert {key for key, state in over.items() if state is StepState.DONE} <= set(asked)
    assert set(over.values()) <= {StepState.DONE, StepState.SKIPPED}
    assert all(step.attempts <= 1 for step in detail.steps)


async def skip_step(execution: Any, task: Task, key: str) -> None:
    with suppress(BadInput):  # it is over, or the task is
        await execution.executor.skip(task.id, step=key)
