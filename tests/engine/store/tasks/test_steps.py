"""The journal of a run: attempts, partial texts, ends, and who may write it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tale_tui.domain.clock import Clock, random_id
from tale_tui.domain.errors import Fenced, StoreError
from tale_tui.domain.models import BackendName, ModelRef, Usage
from tale_tui.domain.tasks import Plan, Reason, Step, StepState, Task, TaskState
from tale_tui.engine.store.store import Store
from tale_tui.engine.store.tasks.steps import AttemptFailure, TaskEnd
from tale_tui.engine.store.tasks.tasks import NewTask
from tale_tui.engine.store.tasks.transitions import Claim

HandIn = Callable[..., Awaitable[Task]]
CarryOut = Callable[..., Awaitable[Task]]
OTHER = ModelRef(BackendName.EMBEDDED, "starter")


async def claimed(store: Store, task: Task, now: float = 100.0) -> Claim:
    claim = await store.claim_task(task.id, now)
    assert claim is not None
    return claim


async def steps(store: Store, task: Task) -> dict[str, Step]:
    return {step.spec.key: step for step in (await store.task_detail(task.id)).steps}


async def history(store: Store, task: Task) -> list[str]:
    return [entry.what for entry in (await store.task_detail(task.id)).history]


async def test_a_task_from_its_claim_to_its_end(store: Store, hand_in: HandIn, ref: ModelRef, usage: Usage) -> None:
    task = await hand_in()
    claim = await claimed(store, task)
    assert claim.detail == await store.task_detail(task.id)
    assert (claim.detail.task.state, claim.detail.task.started, claim.detail.task.running_since) == (
        TaskState.RUNNING,
        100.0,
        100.0,
    )
    running = await store.begin_step(task.id, claim.epoch, "answer", OTHER, why="asked for")
    assert (running.ref, running.why, running.step_title) == (OTHER, "asked for", "Write it")
    saved = await store.save_step(task.id, claim.epoch, "answer", "Half", "Hm\x1b[1m", 3)
    assert (saved.completion_tokens, saved.prompt_tokens) == (3, None)
    step = (await steps(store, task))["answer"]
    assert (step.state, step.attempts, step.text, step.thinking) == (StepState.RUNNING, 1, "Half", "Hm")
    assert (step.usage, step.ref) == (Usage(completion_tokens=3), OTHER)
    done = await store.finish_step(
        task.id, claim.epoch, "answer", text="Whole", thinking="Hm", ref=ref, usage=usage, end=TaskEnd("Whole\x1b[1m")
    )
    assert done == await store.task(task.id)
    assert (done.state, done.ref, done.why, done.error) == (TaskState.DONE, ref, "asked for", "")
    assert (done.steps_done, done.step_title, done.running_since) == (1, "", None)
    assert (done.prompt_tokens, done.completion_tokens) == (12, 34)
    assert done.finished is not None
    assert done.worked_s == done.finished - 100.0
    detail = await store.task_detail(task.id)
    assert (detail.result, detail.steps[0].usage, detail.steps[0].state) == ("Whole", usage, StepState.DONE)
    assert await history(store, task) == ["queued", "running", "done"]


async def test_a_task_is_claimed_once(store: Store, hand_in: HandIn) -> None:
    task = await hand_in()
    first = await claimed(store, task)
    assert await store.claim_task(task.id, 101.0) is None
    assert await store.claim_task("nope", 101.0) is None
    await store.change_task(task.id, TaskState.QUEUED, expect={TaskState.RUNNING})
    second = await claimed(store, task, 102.0)
    assert second.epoch > first.epoch
    assert (second.detail.task.started, second.detail.task.running_since) == (100.0, 102.0)


async def test_whoever_has_an_old_run_is_fenced(store: Store, hand_in: HandIn, ref: ModelRef) -> None:
    task = await hand_in()
    old = await claimed(store, task)
    await store.begin_step(task.id, old.epoch, "answer", ref)
    await store.save_step(task.id, old.epoch, "answer", "kept", "", 1)
    await store.change_task(task.id, TaskState.PAUSED, expect={TaskState.RUNNING}, reason=Reason.USER)
    await store.change_task(task.id, TaskState.QUEUED, expect={TaskState.PAUSED})
    new = await claimed(store, task)
    await store.begin_step(task.id, new.epoch, "answer", ref)
    before = await store.task_detail(task.id)
    for epoch in (old.epoch, new.epoch + 1):
        for call in (
            store.begin_step(task.id, epoch, "answer"),
            store.save_step(task.id, epoch, "answer", "stale", "", 9),
            store.finish_step(task.id, epoch, "answer", text="stale", end=TaskEnd("stale")),
            store.fail_step(task.id, epoch, "answer", AttemptFailure("No.", "busy"), end=True),
            store.suspend_task(task.id, epoch, Reason.APPROVAL),
        ):
            with pytest.raises(Fenced):
                await call
    assert await store.task_detail(task.id) == before
    assert before.steps[0].text == "kept"
    assert issubclass(Fenced, StoreError)


async def test_a_step_runs_once_at_a_time_and_is_done_once(
    store: Store, hand_in: HandIn, plans: dict[str, Plan]
) -> None:
    task = await hand_in(plan=plans["three"])
    epoch = (await claimed(store, task)).epoch
    for call in (
        store.save_step(task.id, epoch, "outline", "x", "", 1),
        store.finish_step(task.id, epoch, "outline", text="x"),
        store.fail_step(task.id, epoch, "outline", AttemptFailure("No.", "busy")),
        store.begin_step(task.id, epoch, "nothing"),
    ):
        with pytest.raises(Fenced):
            await call
    await store.begin_step(task.id, epoch, "outline")
    with pytest.raises(Fenced):
        await store.begin_step(task.id, epoch, "outline")
    await store.finish_step(task.id, epoch, "outline", text="1. 2.")
    for call in (
        store.begin_step(task.id, epoch, "outline"),
        store.finish_step(task.id, epoch, "outline", text="again"),
    ):
        with pytest.raises(Fenced):
            await call
    assert (await steps(store, task))["outline"].text == "1. 2."


async def test_steps_one_after_the_other(store: Store, hand_in: HandIn, plans: dict[str, Plan]) -> None:
    task = await hand_in(plan=plans["three"])
    assert (task.steps_total, task.steps_done, task.step_title) == (3, 0, "Outline")
    epoch = (await claimed(store, task)).epoch
    seen = []
    for key, cost in (("outline", Usage(10, 1)), ("write", Usage(20, None)), ("check", Usage(None, 4))):
        now = await store.begin_step(task.id, epoch, key, OTHER)
        seen.append((now.steps_done, now.step_title))
        end = TaskEnd("All of it", "why") if key == "check" else None
        task = await store.finish_step(task.id, epoch, key, text=key, usage=cost, end=end)
    assert seen == [(0, "Outline"), (1, "Write"), (2, "Check")]
    assert (task.state, task.steps_done, task.prompt_tokens, task.completion_tokens) == (TaskState.DONE, 3, 30, 5)
    assert task.why == "why"
    assert await history(store, task) == ["queued", "running", "outline is done", "write is done", "done"]


async def test_an_attempt_that_is_made_again(store: Store, hand_in: HandIn, ref: ModelRef) -> None:
    task = await hand_in()
    epoch = (await claimed(store, task)).epoch
    await store.begin_step(task.id, epoch, "answer", ref)
    await store.save_step(task.id, epoch, "answer", "Ha", "", 2)
    queued = await store.retry_step(
        task.id, epoch, "answer", AttemptFailure("It is\nbusy.", "busy", text="Half"), 500.0
    )
    assert (queued.state, queued.next_try, queued.error, queued.error_code) == (
        TaskState.QUEUED,
        500.0,
        "It is busy.",
        "busy",
    )
    step = (await steps(store, task))["answer"]
    assert (step.state, step.text, step.error, step.next_try) == (StepState.PENDING, "Half", "It is busy.", 500.0)
    claim = await claimed(store, task)
    assert (claim.detail.task.next_try, claim.detail.task.error) == (None, "")
    await store.begin_step(task.id, claim.epoch, "answer")
    step = (await steps(store, task))["answer"]
    assert (step.attempts, step.text, step.error, step.next_try) == (2, "Half", "", None)
    await store.save_step(task.id, claim.epoch, "answer", "Half and half", "", 3)
    assert (await store.task(task.id)).completion_tokens == 5, "what an earlier attempt wrote stays counted"
    done = await store.finish_step(
        task.id, claim.epoch, "answer", text="Whole", usage=Usage(10, 4), end=TaskEnd("Whole")
    )
    assert (done.prompt_tokens, done.completion_tokens) == (10, 6)
    assert await history(store, task) == [
        "queued",
        "running",
        "attempt 1 of answer failed: It is busy.",
        "running",
        "done",
    ]


async def test_an_attempt_from_the_beginning_forgets_the_text(store: Store, hand_in: HandIn, ref: ModelRef) -> None:
    task = await hand_in()
    epoch = (await claimed(store, task)).epoch
    await store.begin_step(task.id, epoch, "answer", ref)
    await store.retry_step(task.id, epoch, "answer", AttemptFailure("No.", "busy", text="Half", thinking="Hm"), 1.0)
    epoch = (await claimed(store, task)).epoch
    await store.begin_step(task.id, epoch, "answer", ref, fresh=True)
    step = (await steps(store, task))["answer"]
    assert (step.text, step.thinking, step.attempts) == ("", "", 2)


async def test_a_step_that_fails_for_good_fails_its_task(store: Store, hand_in: HandIn, plans: dict[str, Plan]) -> None:
    task = await hand_in(plan=plans["three"])
    epoch = (await claimed(store, task)).epoch
    await store.begin_step(task.id, epoch, "outline")
    failed = await store.fail_step(
        task.id, epoch, "outline", AttemptFailure("Too big.", "out_of_memory", text="Some"), end=True
    )
    assert (failed.state, failed.error, failed.error_code) == (TaskState.FAILED, "Too big.", "out_of_memory")
    assert (failed.next_try, failed.running_since, failed.step_title) == (None, None, "Outline")
    assert failed.finished is not None
    step = (await steps(store, task))["outline"]
    assert (step.state, step.text, step.error) == (StepState.FAILED, "Some", "Too big.")
    assert (await history(store, task))[-2:] == ["attempt 1 of outline failed: Too big.", "failed"]


async def test_a_step_may_fail_while_others_run(store: Store, hand_in: HandIn, plans: dict[str, Plan]) -> None:
    plan = replace(plans["three"], steps=tuple(replace(spec, after=()) for spec in plans["three"].steps))
    task = await hand_in(plan=plan)
    epoch = (await claimed(store, task)).epoch
    for key in ("outline", "write"):
        await store.begin_step(task.id, epoch, key)
    still = await store.fail_step(task.id, epoch, "outline", AttemptFailure("No.", "refused"))
    assert (still.state, still.step_title, still.error) == (TaskState.RUNNING, "Write", "")
    await store.finish_step(task.id, epoch, "write", text="done")
    failed = await store.change_task(
        task.id, TaskState.FAILED, expect={TaskState.RUNNING}, error="No.", error_code="refused"
    )
    assert (failed.state, failed.steps_done) == (TaskState.FAILED, 1)


async def test_what_a_model_needs_is_known_from_its_third_task_on(
    path: Path, ref: ModelRef, plans: dict[str, Plan]
) -> None:
    clock = [0.0]
    store = await Store.open(path, Clock(now=lambda: clock[0]))

    async def worked(seconds: float) -> Task:
        task = await store.add_task(NewTask(random_id(), "Write it", plans["one"], ref=ref))
        epoch = (await claimed(store, task, clock[0])).epoch
        await store.begin_step(task.id, epoch, "answer", ref)
        clock[0] += seconds
        return await store.finish_step(task.id, epoch, "answer", text="x", end=TaskEnd("x"))

    assert (await worked(10.0)).expected_s is None
    assert (await worked(30.0)).expected_s is None
    third = await worked(20.0)
    assert (third.expected_s, third.worked_s) == (20.0, 20.0)
    assert await store.expected_s(ref) == 20.0
    assert await store.expected_s(OTHER) is None
    assert (await worked(40.0)).expected_s == 25.0
    assert {task.expected_s for task in await store.tasks()} == {25.0}
    await store.retry_from(third.id)
    assert await store.expected_s(ref) == 30.0
    for _ in range(50):
        await worked(5.0)
    assert await store.expected_s(ref) == 5.0, "only the last fifty count"
    await store.close()
