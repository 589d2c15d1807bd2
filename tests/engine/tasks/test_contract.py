"""What holds for every execution of tasks, whatever carries it: the suite that another backend has to pass as well."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest

from tale_tui.domain.errors import (
    BadInput,
    BadPlan,
    BrokenStream,
    ContextFull,
    ModelNotFound,
    NoSuchTask,
    TooManyTasks,
    Unreachable,
    WrongState,
)
from tale_tui.domain.events import StepDelta, TaskChanged, TaskSeen
from tale_tui.domain.tasks import Priority, Reason, StepState, TaskRequest, TaskState
from tale_tui.engine.tasks.attempt import Attempt

Plan = Callable[..., str]


async def test_a_task_runs_and_its_result_is_kept(execution: Any, doer: Any, do: Any) -> None:
    doer.tell("a task", do(("All ", "is well.")))
    detail = await execution.done(await execution.submit("a task"))
    assert detail.result == "All is well."
    assert detail.task.finished is not None
    assert detail.task.why == "told to"
    assert detail.task.completion_tokens == 2
    assert [entry.what for entry in detail.history] == ["queued", "running", "done"]


async def test_the_same_task_handed_in_twice_runs_once(execution: Any, doer: Any) -> None:
    first = await execution.submit("once", key="k" * 16)
    await execution.done(first)
    again = await execution.submit("once", key="k" * 16)
    assert again.state is TaskState.DONE
    await execution.done(await execution.submit("another"))
    assert [text for text, _ in doer.calls] == ["once", "another"]


async def test_steps_run_in_their_order_and_see_the_results_before_them(
    execution: Any, doer: Any, do: Any, plan: Plan
) -> None:
    for key in "abc":
        doer.tell(key, do((f"result of {key}",)))
    task = await execution.submit(plan=plan("c<a,b", "b<a", "a"))
    detail = await execution.done(task)
    assert [key for _, key in doer.calls] == ["a", "b", "c"]
    assert doer.inputs[-1] == {"a": "result of a", "b": "result of b"}
    assert detail.result == "result of c"
    assert detail.task.steps_done == detail.task.steps_total == 3


async def test_steps_that_do_not_wait_for_each_other_run_at_once(
    execution: Any, doer: Any, do: Any, plan: Plan
) -> None:
    gate = asyncio.Event()
    for key in "abc":
        doer.tell(key, do((key,), gate))
    task = await execution.submit(plan=plan("a", "b", "c"))
    await execution.eventually(lambda: doer.running == 3)
    gate.set()
    detail = await execution.done(task)
    assert [part.strip() for part in detail.result.split("## ")[1:]] == ["a\n\na", "b\n\nb", "c\n\nc"]


async def test_what_goes_first_goes_first(execution: Any, doer: Any) -> None:
    await execution.restart(running=1)
    task, gate = await execution.held("the first")
    last = [await execution.submit(f"{priority}", priority=priority) for priority in reversed(Priority)]
    last.append(await execution.submit("urgent too", priority=Priority.URGENT))
    gate.set()
    for one in [task, *last]:
        await execution.done(one)
    assert [text for text, _ in doer.calls] == ["the first", "urgent", "urgent too", "high", "normal", "low"]


async def test_a_moved_task_goes_where_it_was_put(execution: Any, doer: Any) -> None:
    await execution.restart(running=1)
    _, gate = await execution.held("the first")
    one, two, three = [await execution.submit(text) for text in ("one", "two", "three")]
    await execution.executor.move(three.id, before=one.id)
    await execution.executor.set_priority(two.id, Priority.HIGH)
    gate.set()
    await execution.done(one)
    assert [text for text, _ in doer.calls] == ["the first", "two", "three", "one"]


async def test_an_order_that_is_given_while_the_queue_is_read_is_obeyed(
    execution: Any, doer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    await execution.restart(running=1)
    first, gate = await execution.held("the first")
    one, two = [await execution.submit(text) for text in ("one", "two")]
    read, handed_over, queue = asyncio.Event(), asyncio.Event(), execution.store.queue

    async def slow_queue() -> Any:
        queued = await queue()
        read.set()
        await handed_over.wait()
        return queued

    monkeypatch.setattr(execution.store, "queue", slow_queue)
    await execution.executor.move(one.id, before=two.id)
    await read.wait()
    await execution.executor.set_priority(two.id, Priority.HIGH)
    gate.set()
    await execution.done(first)
    handed_over.set()
    await execution.done(one)
    assert [text for text, _ in doer.calls] == ["the first", "two", "one"]


async def test_no_more_run_at_once_than_may(execution: Any, doer: Any, do: Any) -> None:
    gate = asyncio.Event()
    doer.tell("answer", do((), gate))
    tasks = [await execution.submit(f"{n}") for n in range(7)]
    await execution.eventually(lambda: doer.running == 2)
    gate.set()
    for task in tasks:
        await execution.done(task)
    assert doer.peak == 2


async def test_a_task_waits_for_those_it_comes_after(execution: Any, doer: Any) -> None:
    first, gate = await execution.held("first")
    second = await execution.submit("second", after=(first.id,))
    third = await execution.submit("third", after=(second.id, first.id))
    free = await execution.submit("free")
    await execution.done(free)
    assert second.waits_for == (first.shown,)
    gate.set()
    await execution.done(third)
    assert [text for text, _ in doer.calls] == ["first", "free", "second", "third"]


async def test_that_a_task_waits_for_no_other_any_more_is_told_before_it_runs(
    execution: Any, doer: Any, do: Any
) -> None:
    await execution.restart(running=1)
    first, gate = await execution.held("first")
    busy = asyncio.Event()
    doer.tell("next", do((), busy))
    next_one = await execution.submit("next", priority=Priority.URGENT)
    second = await execution.submit("second", after=(first.id,))
    gate.set()
    await execution.until(next_one, TaskState.RUNNING)
    await execution.eventually(
        lambda: any(
            isinstance(fact, TaskChanged) and fact.task.id == second.id and not fact.task.waits_for
            for fact in execution.facts
        )
    )
    assert await execution.state(second) is TaskState.QUEUED
    busy.set()
    await execution.done(second)


async def test_a_task_after_one_that_failed_waits_until_that_is_retried(execution: Any, doer: Any, do: Any) -> None:
    doer.tell("first", do(error=ModelNotFound("No such model.")), do())
    first = await execution.submit("first")
    await execution.until(first, TaskState.FAILED)
    second = await execution.submit("second", after=(first.id,))
    await execution.done(await execution.submit("another"))
    assert await execution.state(second) is TaskState.QUEUED
    await execution.executor.retry(first.id)
    await execution.done(second)


@pytest.mark.parametrize("error", [Unreachable("Away."), BrokenStream("Cut.")])
async def test_what_may_get_better_is_tried_again(execution: Any, doer: Any, do: Any, error: Exception) -> None:
    doer.tell("a task", do(("so far ",), error=error), do(("and on",)))
    detail = await execution.done(await execution.submit("a task"))
    assert doer.texts == ["", "so far "]
    assert detail.result == "so far and on"
    assert detail.steps[0].attempts == 2
    assert detail.task.error == ""


async def test_what_fails_again_and_again_fails_in_the_end(execution: Any, doer: Any, do: Any) -> None:
    await execution.restart(retries=2)
    doer.tell("a task", do(error=Unreachable("Nobody is there.")))
    detail = await execution.until(await execution.submit("a task"), TaskState.FAILED)
    assert len(doer.calls) == 3
    assert (detail.task.error, detail.task.error_code) == ("Nobody is there.", "unreachable")
    assert [entry.what for entry in detail.history if "failed:" in entry.what] == [
        f"attempt {n} of answer failed: Nobody is there." for n in (1, 2, 3)
    ]


@pytest.mark.parametrize("error", [ModelNotFound("No."), ContextFull("Full."), BadPlan("Odd.")])
async def test_what_cannot_get_better_is_not_tried_again(execution: Any, doer: Any, do: Any, error: Exception) -> None:
    doer.tell("a task", do(error=error))
    await execution.until(await execution.submit("a task"), TaskState.FAILED)
    assert len(doer.calls) == 1


async def test_an_attempt_that_waits_holds_no_slot(execution: Any, doer: Any, do: Any) -> None:
    await execution.restart(running=1, backoff_s=30.0, backoff_max_s=60.0)
    doer.tell("a task", do(error=Unreachable("Away.")))
    task = await execution.submit("a task")
    detail = await execution.waits_again(task)
    assert detail.task.state is TaskState.QUEUED
    assert detail.task.error == "Away."
    await execution.done(await execution.submit("another"))


async def test_a_step_that_takes_too_long_is_tried_again_with_its_whole_time(
    execution: Any, doer: Any, do: Any
) -> None:
    await execution.restart(step_limit_s=1.0)
    doer.tell("a task", do(("slow ",), asyncio.Event()), do(("and quick",)))
    detail = await execution.done(await execution.submit("a task"))
    assert detail.result == "slow and quick"
    assert any("took longer than its limit of 1 s" in entry.what for entry in detail.history)


async def test_a_task_that_takes_too_long_fails_and_keeps_its_text(execution: Any, doer: Any, do: Any) -> None:
    doer.tell("a task", do(("so far",), asyncio.Event()))
    detail = await execution.until(await execution.submit("a task", time_limit_s=1.0), TaskState.FAILED)
    assert detail.task.error_code == "step_timed_out"
    assert detail.steps[0].text == "so far"
    assert doer.stopped == ["answer"]


async def test_the_limit_of_a_task_counts_what_it_worked_before_a_pause(execution: Any, doer: Any) -> None:
    task, _ = await execution.held("a task", "so far", time_limit_s=100.0)
    execution.passed = 200.0
    await execution.executor.pause(task.id)
    await execution.executor.resume(task.id)
    detail = await execution.until(task, TaskState.FAILED)
    assert detail.task.error_code == "step_timed_out"
    await execution.executor.retry(task.id)
    await execution.until(task, TaskState.RUNNING)


async def test_cancelling_stops_the_work_before_it_returns(execution: Any, doer: Any) -> None:
    task, _ = await execution.held("a task", "so far")
    cancelled = await execution.executor.cancel(task.id)
    assert doer.stopped == ["answer"]
    assert cancelled.state is TaskState.CANCELLED
    assert (await execution.store.task_detail(task.id)).steps[0].text == "so far"
    with pytest.raises(WrongState, match="cancelled already"):
        await execution.executor.cancel(task.id)


@pytest.mark.parametrize("turns", range(6))
async def test_what_was_written_since_the_last_save_is_kept_however_often_it_is_stopped(
    execution: Any, doer: Any, do: Any, turns: int
) -> None:
    doer.tell("a task", do(("so ", "far"), asyncio.Event(), pause_s=0.05))
    task = await execution.submit("a task")
    await execution.eventually(lambda: len(doer.holding) == 1)
    pausing = asyncio.ensure_future(execution.executor.pause(task.id))
    for _ in range(turns):
        await asyncio.sleep(0)
    cancelling = asyncio.ensure_future(execution.executor.cancel(task.id))
    await asyncio.wait([pausing, cancelling])
    assert await execution.state(task) is TaskState.CANCELLED
    assert (await execution.store.task_detail(task.id)).steps[0].text == "so far"


@pytest.mark.parametrize("error", [None, ModelNotFound("Gone.")], ids=["done", "failed"])
@pytest.mark.parametrize("turns", range(0, 24, 2))
async def test_an_end_that_is_being_stored_is_stored_and_told_whole(
    execution: Any, doer: Any, do: Any, turns: int, error: Exception | None
) -> None:
    gate = asyncio.Event()
    doer.tell("a task", do(("all of it",), gate, error))
    task = await execution.submit("a task")
    await execution.eventually(lambda: len(doer.holding) == 1)
    gate.set()
    for _ in range(turns):
        await asyncio.sleep(0)
    with suppress(WrongState):
        await execution.executor.cancel(task.id)
    detail = await execution.store.task_detail(task.id)
    assert detail.steps[0].text == "all of it"
    assert detail.result == ("all of it" if detail.task.state is TaskState.DONE else "")
    told = [fact.task for fact in execution.facts if isinstance(fact, TaskChanged)]
    assert told[-1] == detail.task


async def test_cancelling_while_an_attempt_waits(execution: Any, doer: Any, do: Any) -> None:
    await execution.restart(backoff_s=1.0)
    doer.tell("a task", do(error=Unreachable("Away.")))
    task = await execution.submit("a task")
    await execution.waits_again(task)
    await execution.executor.cancel(task.id)
    await asyncio.sleep(1.2)  # longer than the pause: what must not happen would have happened
    assert len(doer.calls) == 1
    assert await execution.state(task) is TaskState.CANCELLED


async def test_a_queued_task_can_be_cancelled_and_paused(execution: Any, doer: Any) -> None:
    await execution.restart(running=1)
    first, gate = await execution.held("first")
    second, third = await execution.submit("second"), await execution.submit("third")
    await execution.executor.cancel(second.id)
    await execution.executor.pause(third.id)
    gate.set()
    await execution.done(first)
    await execution.executor.resume(third.id)
    await execution.done(third)
    assert [text for text, _ in doer.calls] == ["first", "third"]


async def test_a_paused_task_keeps_its_text_and_gives_up_its_slot(execution: Any, doer: Any, do: Any) -> None:
    await execution.restart(running=1)
    doer.tell("a task", do(("half ",), asyncio.Event()), do(("and half",)))
    task = await execution.submit("a task")
    await execution.eventually(lambda: len(doer.holding) == 1)
    paused = await execution.executor.pause(task.id)
    assert (paused.state, paused.reason) == (TaskState.PAUSED, Reason.USER)
    await execution.done(await execution.submit("another"))
    await execution.executor.resume(task.id)
    assert (await execution.done(task)).result == "half and half"


async def test_nothing_is_done_twice_after_a_restart(execution: Any, doer: Any, do: Any, plan: Plan) -> None:
    doer.tell("b", do(("half ",), asyncio.Event()), do(("and half",)))
    task = await execution.submit(plan=plan("a", "b<a", "c<b"))
    await execution.eventually(lambda: doer.holding == ["b"])
    await execution.restart()
    cut_off = await execution.store.task(task.id)
    assert (cut_off.state, cut_off.reason) == (TaskState.PAUSED, Reason.INTERRUPTED)
    await execution.executor.resume(task.id)
    detail = await execution.done(task)
    assert [key for _, key in doer.calls] == ["a", "b", "b", "c"]
    assert detail.steps[1].text == "half and half"


async def test_what_was_cut_off_goes_on_by_itself_where_the_settings_say_so(execution: Any, doer: Any, do: Any) -> None:
    doer.tell("a task", do((), asyncio.Event()), do())
    task = await execution.submit("a task")
    await execution.eventually(lambda: len(doer.holding) == 1)
    paused = await execution.submit("paused by hand")
    await execution.executor.pause(paused.id)
    await execution.restart(resume="always")
    await execution.done(task)
    assert await execution.state(paused) is TaskState.PAUSED


async def test_the_queue_goes_on_after_a_restart(execution: Any, doer: Any, do: Any) -> None:
    doer.tell("waits", do(error=Unreachable("Away.")), do())
    await execution.restart(backoff_s=2.0)
    waits = await execution.submit("waits")
    await execution.waits_again(waits)
    await execution.restart()
    await execution.done(waits)


async def test_a_plan_waits_for_a_yes_over_a_restart_and_holds_nothing(execution: Any, doer: Any, plan: Plan) -> None:
    await execution.restart(running=1)
    tasks = [await execution.submit(f"{n}", plan=plan("a", approval=True)) for n in range(20)]
    assert {task.state for task in tasks} == {TaskState.WAITING}
    await execution.restart()
    await execution.done(await execution.submit("another"))
    assert doer.calls == [("another", "answer")]
    await execution.executor.approve(tasks[3].id, yes=True)
    await execution.done(tasks[3])
    declined = await execution.executor.approve(tasks[4].id, yes=False)
    assert declined.state is TaskState.CANCELLED
    with pytest.raises(WrongState):
        await execution.executor.approve(tasks[3].id, yes=True)


async def test_a_step_waits_for_a_yes_and_what_came_before_is_not_done_again(
    execution: Any, doer: Any, plan: Plan
) -> None:
    await execution.restart(running=1)
    task = await execution.submit(plan=plan("a", "?ask<a", "b<ask", "free"))
    detail = await execution.until(task, TaskState.WAITING)
    assert detail.task.reason is Reason.APPROVAL
    assert [key for _, key in doer.calls] == ["a", "free"]
    await execution.done(await execution.submit("another"))
    await execution.restart()
    await execution.executor.approve(task.id, yes=True)
    await execution.done(task)
    assert [key for _, key in doer.calls] == ["a", "free", "answer", "b"]


async def test_a_step_with_effects_is_not_repeated_without_asking(
    execution: Any, doer: Any, do: Any, plan: Plan
) -> None:
    doer.tell("pay", do((), asyncio.Event()), do())
    task = await execution.submit(plan=plan("pay", pay={"repeatable": False}))
    await execution.eventually(lambda: len(doer.holding) == 1)
    await execution.restart(resume="always")
    detail = await execution.until(task, TaskState.WAITING)
    assert detail.task.reason is Reason.REPEAT
    assert len(doer.calls) == 1
    await execution.executor.approve(task.id, yes=True)
    await execution.done(task)


async def test_a_failed_step_with_effects_is_not_tried_again_by_itself(
    execution: Any, doer: Any, do: Any, plan: Plan
) -> None:
    doer.tell("pay", do(error=Unreachable("Away.")), do())
    task = await execution.submit(plan=plan("pay", pay={"repeatable": False}))
    await execution.until(task, TaskState.FAILED)
    await execution.executor.retry(task.id)
    await execution.done(task)
    assert len(doer.calls) == 2


async def test_a_retry_goes_on_where_the_task_stands(execution: Any, doer: Any, do: Any, plan: Plan) -> None:
    doer.tell("b", do(("half ",), error=ModelNotFound("Gone.")), do(("and half",)))
    task = await execution.submit(plan=plan("a", "b<a"))
    await execution.until(task, TaskState.FAILED)
    await execution.executor.retry(task.id)
    detail = await execution.done(task)
    assert [key for _, key in doer.calls] == ["a", "b", "b"]
    assert detail.result == "half and half"
    assert detail.task.error == ""


async def test_a_retry_from_a_step_runs_that_and_what_builds_on_it(execution: Any, doer: Any, plan: Plan) -> None:
    task = await execution.submit(plan=plan("a", "b<a", "c<b", "d"))
    await execution.done(task)
    await execution.executor.retry(task.id, step="b")
    await execution.done(task)
    assert sorted(key for _, key in doer.calls) == ["a", "b", "b", "c", "c", "d"]
    await execution.executor.retry(task.id)
    await execution.done(task)
    assert len(doer.calls) == 10
    with pytest.raises(BadPlan, match="no step"):
        await execution.executor.retry(task.id, step="nope")


async def test_a_task_that_is_retried_before_its_last_run_is_over_runs_again(
    execution: Any, doer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    over, close = asyncio.Event(), Attempt.close

    async def lingering(self: Attempt, **more: Any) -> None:
        await close(self, **more)
        await over.wait()

    monkeypatch.setattr(Attempt, "close", lingering)
    task = await execution.submit("again")
    await execution.done(task)
    await execution.executor.retry(task.id)
    await execution.done(await execution.submit("another"))
    assert [text for text, _ in doer.calls] == ["again", "another"], "the queue was looked at, and it was passed over"
    over.set()
    await execution.done(task)
    assert [text for text, _ in doer.calls] == ["again", "another", "again"]


async def test_a_running_task_is_not_retried_and_an_unknown_one_is_nothing(execution: Any) -> None:
    task, gate = await execution.held()
    with pytest.raises(WrongState, match="is running"):
        await execution.executor.retry(task.id)
    with pytest.raises(WrongState, match="is running"):
        await execution.executor.resume(task.id)
    for act in (execution.executor.cancel, execution.executor.pause, execution.executor.retry):
        with pytest.raises(NoSuchTask):
            await act("nobody")
    gate.set()
    await execution.done(task)


async def test_whoever_follows_sees_all_text_once(execution: Any, doer: Any, do: Any) -> None:
    gate = asyncio.Event()
    doer.tell("a task", do(("one ", "two "), gate))
    task = await execution.submit("a task")
    await execution.eventually(lambda: len(doer.holding) == 1)
    follow = execution.executor.follow(task.id)
    first = await anext(follow)
    assert isinstance(first, TaskSeen)
    assert first.detail.steps[0].text == "one two "
    text = first.detail.steps[0].text
    gate.set()
    async for event in follow:
        if isinstance(event, StepDelta):
            text += event.text
        elif isinstance(event, TaskSeen):
            text = event.detail.steps[0].text
            assert event.detail.task.state is not TaskState.DONE or text == "one two "
    assert text == "one two "


async def test_every_change_is_stored_before_it_is_announced(execution: Any, doer: Any, plan: Plan) -> None:
    task = await execution.submit(plan=plan("a", "b<a"))
    await execution.done(task)
    told = [fact.task for fact in execution.facts if isinstance(fact, TaskChanged)]
    assert told[0].state is TaskState.QUEUED
    assert told[-1] == await execution.store.task(task.id)
    assert [one.updated for one in told] == sorted(one.updated for one in told)


async def test_an_error_of_ours_fails_the_task_and_nobody_else(execution: Any, doer: Any, do: Any, caplog: Any) -> None:
    doer.tell("a task", do(("so far",), error=ZeroDivisionError("ours")))
    detail = await execution.until(await execution.submit("a task"), TaskState.FAILED)
    assert "error in the application" in detail.task.error
    assert detail.steps[0].text == "so far"
    assert detail.steps[0].state is not StepState.RUNNING
    await execution.eventually(lambda: "ZeroDivisionError" in caplog.text)
    await execution.done(await execution.submit("another"))


async def test_a_run_that_is_not_the_tasks_run_any_more_writes_nothing(execution: Any, doer: Any, do: Any) -> None:
    """As a process that was frozen and comes back when another one has taken its place."""
    gate = asyncio.Event()
    doer.tell("a task", do(("of the zombie",), gate), do(("of the living",)))
    task = await execution.submit("a task")
    await execution.eventually(lambda: len(doer.holding) == 1)
    living = type(execution)(execution.path, doer)
    await living.open()
    await living.executor.retry(task.id)
    await living.done(task)
    gate.set()
    await execution.eventually(lambda: doer.running == 0)
    await execution.executor.close()
    detail = await living.store.task_detail(task.id)
    assert detail.result.endswith("of the living")
    assert [entry.what for entry in detail.history].count("done") == 1
    await living.close()


async def test_tasks_that_come_together_count_once_and_are_stored_all_or_none(execution: Any) -> None:
    await execution.restart(per_minute=2)
    many = tuple(TaskRequest(f"task {number}", f"many{number:04d}") for number in range(300))
    made = await execution.executor.submit_many(many)
    assert [task.title for task in made] == [one.text for one in many]
    assert [task.id for task in await execution.executor.submit_many(many)] == [task.id for task in made]
    with pytest.raises(TooManyTasks):
        await execution.submit("one more")
    await execution.restart(per_minute=100)
    before = len(await execution.executor.list())
    for bad, says in (("", "Task 2: Nothing"), ("x" * 30_000, "Task 2: The task has")):
        with pytest.raises(BadInput, match=says):
            await execution.executor.submit_many((TaskRequest("fine", "fine"), TaskRequest(bad, "bad")))
    with pytest.raises(NoSuchTask):
        await execution.executor.submit_many((TaskRequest("fine", "fine"), TaskRequest("x", "bad", after=("nope",))))
    assert len(await execution.executor.list()) == before


async def test_a_new_engine_counts_tasks_that_came_together_once(execution: Any) -> None:
    many = tuple(TaskRequest(f"task {number}", f"many{number:04d}") for number in range(50))
    await execution.executor.submit_many(many)
    await execution.restart(per_minute=2)
    await execution.executor.remember()
    await execution.submit("one more")
    with pytest.raises(TooManyTasks):
        await execution.submit("and another")
