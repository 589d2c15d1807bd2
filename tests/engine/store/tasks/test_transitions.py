"""From state to state: stopped, parked, answered, interrupted, run again."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from tale_tui.domain.clock import Clock
from tale_tui.domain.errors import BadPlan, Fenced, NoSuchTask, WrongState
from tale_tui.domain.models import ModelRef, Usage
from tale_tui.domain.tasks import OPEN, Plan, Reason, Step, StepSpec, StepState, Task, TaskState
from tale_tui.engine.store.store import Store
from tale_tui.engine.store.tasks.steps import AttemptFailure, TaskEnd

HandIn = Callable[..., Awaitable[Task]]
CarryOut = Callable[..., Awaitable[Task]]


async def start(store: Store, task: Task, *keys: str, now: float = 100.0) -> int:
    """Claim it and begin these steps; its epoch."""
    claim = await store.claim_task(task.id, now)
    assert claim is not None
    for key in keys:
        await store.begin_step(task.id, claim.epoch, key)
    return claim.epoch


async def steps(store: Store, task: Task) -> dict[str, Step]:
    return {step.spec.key: step for step in (await store.task_detail(task.id)).steps}


async def history(store: Store, task: Task) -> list[str]:
    return [entry.what for entry in (await store.task_detail(task.id)).history]


async def test_a_paused_task_keeps_its_text_and_its_time(store: Store, hand_in: HandIn) -> None:
    task = await hand_in()
    epoch = await start(store, task, "answer")
    await store.save_step(task.id, epoch, "answer", "Half", "", 4)
    paused = await store.change_task(task.id, TaskState.PAUSED, expect={TaskState.RUNNING}, reason=Reason.USER)
    assert (paused.state, paused.reason, paused.running_since, paused.finished) == (
        TaskState.PAUSED,
        Reason.USER,
        None,
        None,
    )
    assert paused.worked_s == paused.updated - 100.0
    assert paused.completion_tokens == 4
    step = (await steps(store, task))["answer"]
    assert (step.state, step.text, step.attempts) == (StepState.PENDING, "Half", 1)
    queued = await store.change_task(task.id, TaskState.QUEUED, expect={TaskState.PAUSED})
    assert (queued.state, queued.reason, queued.worked_s) == (TaskState.QUEUED, Reason.NONE, paused.worked_s)
    claim = await store.claim_task(task.id, queued.updated + 50.0)
    assert claim is not None
    again = await store.change_task(task.id, TaskState.PAUSED, expect={TaskState.RUNNING})
    assert again.worked_s == paused.worked_s, "a clock that goes back takes no time away"
    assert await history(store, task) == ["queued", "running", "paused", "queued again", "running", "paused"]


async def test_a_task_is_cancelled_once(store: Store, hand_in: HandIn) -> None:
    task = await hand_in("Find primes", id="k4t9abc")
    epoch = await start(store, task, "answer")
    cancelled = await store.change_task(task.id, TaskState.CANCELLED, expect=OPEN)
    assert (cancelled.state, cancelled.error) == (TaskState.CANCELLED, "")
    assert cancelled.finished is not None
    with pytest.raises(Fenced):
        await store.finish_step(task.id, epoch, "answer", text="late", end=TaskEnd("late"))
    with pytest.raises(
        WrongState,
        match=r"^k4t9 \(Find primes\) is cancelled already: only a task that has not ended can be cancelled\.$",
    ):
        await store.change_task(task.id, TaskState.CANCELLED, expect=OPEN)
    with pytest.raises(WrongState, match=r"^k4t9 \(Find primes\) is cancelled: only a paused task can be resumed\.$"):
        await store.change_task(task.id, TaskState.QUEUED, expect={TaskState.PAUSED})
    with pytest.raises(NoSuchTask):
        await store.change_task("nope", TaskState.CANCELLED, expect=OPEN)
    assert await history(store, task) == ["queued", "running", "cancelled"]


async def test_pausing_forgets_when_it_was_to_be_tried_again(store: Store, hand_in: HandIn) -> None:
    task = await hand_in()
    epoch = await start(store, task, "answer")
    await store.retry_step(task.id, epoch, "answer", AttemptFailure("Busy.", "busy"), 900.0)
    paused = await store.change_task(task.id, TaskState.PAUSED, expect={TaskState.QUEUED})
    assert (paused.next_try, paused.error) == (None, "")
    step = (await steps(store, task))["answer"]
    assert (step.next_try, step.error, step.attempts) == (None, "Busy.", 1)


async def test_a_plan_that_is_approved(store: Store, hand_in: HandIn) -> None:
    task = await hand_in(plan=Plan((StepSpec("a", "A"),), approval=True))
    assert await store.claim_task(task.id, 1.0) is None
    queued = await store.approve(task.id)
    assert (queued.state, queued.reason) == (TaskState.QUEUED, Reason.NONE)
    with pytest.raises(WrongState, match="is queued: only a task that waits for your yes can be approved"):
        await store.approve(task.id)
    assert await history(store, task) == ["waits for a yes to its plan", "approved"]


async def test_a_step_that_waits_for_a_yes(store: Store, hand_in: HandIn) -> None:
    plan = Plan((StepSpec("yes", "Ask", kind="approval"), StepSpec("b", "B", after=("yes",), repeatable=False)))
    task = await hand_in(plan=plan)
    epoch = await start(store, task)
    parked = await store.suspend_task(task.id, epoch, Reason.APPROVAL, "yes")
    assert (parked.state, parked.reason, parked.running_since) == (TaskState.WAITING, Reason.APPROVAL, None)
    with pytest.raises(Fenced):
        await store.begin_step(task.id, epoch, "b")
    assert (await store.approve(task.id)).steps_done == 1
    assert (await steps(store, task))["yes"].state is StepState.DONE

    epoch = await start(store, task, "b")
    await store.save_step(task.id, epoch, "b", "half", "", 1)
    await store.change_task(task.id, TaskState.QUEUED, expect={TaskState.RUNNING})
    epoch = await start(store, task)
    assert not (await steps(store, task))["b"].approved
    await store.suspend_task(task.id, epoch, Reason.REPEAT, "b")
    await store.approve(task.id)
    step = (await steps(store, task))["b"]
    assert (step.approved, step.state, step.text) == (True, StepState.PENDING, "half")
    await start(store, task, "b")
    step = (await steps(store, task))["b"]
    assert (step.approved, step.attempts) == (False, 2)


async def test_a_no_ends_the_task(store: Store, hand_in: HandIn) -> None:
    task = await hand_in(plan=Plan((StepSpec("a", "A"),), approval=True))
    cancelled = await store.change_task(task.id, TaskState.CANCELLED, expect={TaskState.WAITING})
    assert cancelled.state is TaskState.CANCELLED


async def test_tasks_that_ran_are_interrupted_at_the_next_start(
    store: Store, hand_in: HandIn, path: Path, plans: dict[str, Plan]
) -> None:
    running, queued, other = await hand_in(), await hand_in(), await hand_in(plan=plans["three"])
    epoch = await start(store, running, "answer", now=0.0)
    saved = await store.save_step(running.id, epoch, "answer", "Half", "", 1)
    await start(store, other)
    assert store.interrupted_tasks == 0
    again = await Store.open(path, Clock(now=lambda: saved.updated + 3600.0))
    assert again.interrupted_tasks == 2
    found = await again.task(running.id)
    assert (found.state, found.reason, found.running_since) == (TaskState.PAUSED, Reason.INTERRUPTED, None)
    assert found.worked_s == saved.updated, "not the time until somebody started it again"
    step = (await again.task_detail(running.id)).steps[0]
    assert (step.state, step.text) == (StepState.PENDING, "Half")
    assert (await again.task(queued.id)).state is TaskState.QUEUED
    counts = await again.task_counts()
    assert (counts.paused, counts.interrupted, counts.open) == (2, 2, 3)
    assert await history(again, running) == ["queued", "running", "interrupted"]
    with pytest.raises(Fenced):
        await store.save_step(running.id, epoch, "answer", "stale", "", 2)
    await again.close()
    third = await Store.open(path, Clock())
    assert third.interrupted_tasks == 0
    await third.close()


async def test_a_failed_task_goes_on_where_it_stands(store: Store, hand_in: HandIn, plans: dict[str, Plan]) -> None:
    task, later = await hand_in(plan=plans["three"]), await hand_in()
    epoch = await start(store, task, "outline")
    await store.finish_step(task.id, epoch, "outline", text="1. 2.", usage=Usage(5, 6))
    await store.begin_step(task.id, epoch, "write")
    await store.fail_step(task.id, epoch, "write", AttemptFailure("No.", "refused", text="Half"), end=True)
    again = await store.retry_from(task.id)
    assert (again.state, again.error, again.finished, again.worked_s) == (TaskState.QUEUED, "", None, 0.0)
    assert (again.steps_done, again.step_title, again.completion_tokens) == (1, "Write", 6)
    assert again.started == 100.0
    found = await steps(store, task)
    assert (found["outline"].state, found["outline"].text) == (StepState.DONE, "1. 2.")
    assert (found["write"].state, found["write"].text, found["write"].attempts) == (StepState.PENDING, "Half", 0)
    assert found["write"].error == ""
    assert [each.id for each in await store.queue()] == [later.id, task.id], "it comes last of its priority"
    assert (await history(store, task))[-1] == "queued again"


async def test_a_done_task_is_run_afresh(store: Store, hand_in: HandIn, carry_out: CarryOut) -> None:
    task = await carry_out(await hand_in())
    again = await store.retry_from(task.id)
    assert (again.state, again.steps_done, again.completion_tokens) == (TaskState.QUEUED, 0, None)
    detail = await store.task_detail(task.id)
    assert (detail.result, detail.steps) == ("", (Step(StepSpec("answer", "Write it"), ref=task.ref),))
    assert (await carry_out(again)).state is TaskState.DONE


async def test_a_retry_from_a_step_takes_what_follows_from_it(
    store: Store, hand_in: HandIn, plans: dict[str, Plan]
) -> None:
    plan = Plan((*plans["three"].steps, StepSpec("aside", "Aside")))
    task = await hand_in(plan=plan)
    epoch = await start(store, task)
    for key in ("outline", "aside", "write", "check"):
        await store.begin_step(task.id, epoch, key)
        end = TaskEnd("All") if key == "check" else None
        await store.finish_step(task.id, epoch, key, text=key, usage=Usage(1, 10), end=end)
    again = await store.retry_from(task.id, "write")
    assert (again.steps_done, again.completion_tokens) == (2, 20)
    found = await steps(store, task)
    assert [key for key, step in found.items() if step.state is StepState.DONE] == ["outline", "aside"]
    assert (found["write"].text, found["check"].text, found["check"].usage) == ("", "", None)
    assert (await history(store, task))[-1] == "queued again from write"


async def test_what_cannot_be_retried(store: Store, hand_in: HandIn, carry_out: CarryOut) -> None:
    task = await hand_in("Find primes", id="k4t9abc")
    with pytest.raises(
        WrongState, match=r"^k4t9 \(Find primes\) is queued: only a task that has ended or is paused can be retried\.$"
    ):
        await store.retry_from(task.id)
    await start(store, task)
    with pytest.raises(WrongState, match="is running: only a task that has ended or is paused can be retried"):
        await store.retry_from(task.id)
    await store.change_task(task.id, TaskState.QUEUED, expect={TaskState.RUNNING})
    await carry_out(task)
    with pytest.raises(BadPlan, match=r"^The task has no step outline: its steps are answer\.$"):
        await store.retry_from(task.id, "outline")
    assert (await store.task(task.id)).state is TaskState.DONE
    with pytest.raises(NoSuchTask):
        await store.retry_from("nope")


async def test_a_paused_task_keeps_its_place_when_it_is_retried(store: Store, hand_in: HandIn, ref: ModelRef) -> None:
    task, later = await hand_in(), await hand_in()
    epoch = await start(store, task, "answer")
    await store.save_step(task.id, epoch, "answer", "Half", "", 1)
    await store.change_task(task.id, TaskState.PAUSED, expect={TaskState.RUNNING})
    await store.retry_from(task.id)
    assert [each.id for each in await store.queue()] == [task.id, later.id]
    assert (await steps(store, task))["answer"].text == "Half"
    await store.change_task(task.id, TaskState.PAUSED, expect={TaskState.QUEUED})
    await store.retry_from(task.id, "answer")
    assert (await steps(store, task))["answer"].text == ""
