"""The parts of the executor by themselves: who is next, how many, when again, what is taken in, who follows."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from support.judging import never_simple
from tale_tui.config.settings import TaskSettings
from tale_tui.domain.constants import BUSY_PAUSE_MAX_S, BUSY_RETRIES, TASK_PROMPT_MESSAGES
from tale_tui.domain.conversation import Author, Message, MessageState
from tale_tui.domain.errors import (
    BadTimeLimit,
    DatabaseBusy,
    EmptyMessage,
    Fenced,
    NoModel,
    NoSuchTask,
    ReadOnly,
    ServerBusy,
    StepTimedOut,
    TaskTooLong,
    TimedOut,
    TooManyTasks,
)
from tale_tui.domain.events import StepDelta, StepReading, TaskSeen
from tale_tui.domain.models import BackendName, ModelRef
from tale_tui.domain.tasks import Plan, Priority, StepSpec, Task, TaskState
from tale_tui.engine.models.backend import TextPiece
from tale_tui.engine.tasks import subscriptions as subscriptions_module
from tale_tui.engine.tasks.admission import TaskAdmission
from tale_tui.engine.tasks.limits import Gate, Slots
from tale_tui.engine.tasks.prompts import prompt_bytes, room_for, shortened_conversation, step_messages
from tale_tui.engine.tasks.ready_queue import ReadyQueue
from tale_tui.engine.tasks.retries import may_help, next_pause_s, pause_s
from tale_tui.engine.tasks.uncancellable import uncancellable

NEAR = ModelRef(BackendName.OLLAMA, "near")
FAR = ModelRef(BackendName.OPENAI, "far")


def task(id_: str, **more: Any) -> Task:
    return Task(id_, id_, id_, TaskState.QUEUED, 0.0, 0.0, **({"ref": NEAR} | more))


def ready_queue(*tasks: Task) -> ReadyQueue:
    made = ReadyQueue(lambda one: one.ref)
    for one in tasks:
        made.put(one, 0.0)
    return made


def taken(from_: ReadyQueue, now: float = 0.0, **more: Any) -> list[str]:
    found = []
    while entry := from_.take(more.pop("free", lambda _: True), now, **more):
        found.append(entry.task.id)
    return found


def test_the_first_in_order_goes_first_whatever_its_model() -> None:
    queue = ready_queue(
        task("a"), task("b", ref=FAR, priority=Priority.HIGH), task("c", priority=Priority.HIGH), task("d")
    )
    assert taken(queue) == ["b", "c", "a", "d"]


def test_a_model_without_room_keeps_nobody_else_waiting() -> None:
    queue = ready_queue(task("a"), task("b", ref=FAR))
    assert queue.take(lambda ref: ref == FAR, 0.0) is not None
    assert queue.take(lambda ref: ref == FAR, 0.0) is None
    assert "a" in queue


def test_who_waits_for_a_moment_goes_in_its_place_when_that_has_come() -> None:
    queue = ready_queue(task("a", next_try=10.0), task("b"))
    assert queue.next_moment() == 10.0
    assert taken(queue, 9.0) == ["b"]
    queue.put(task("c"), 9.0)
    assert taken(queue, 10.0) == ["a", "c"]
    assert queue.next_moment() is None


def test_what_left_the_queue_has_no_moment() -> None:
    queue = ready_queue(task("a", next_try=10.0), task("b", next_try=20.0))
    queue.drop("a")
    assert queue.next_moment() == 20.0
    queue.put(replace(task("b"), state=TaskState.PAUSED), 0.0)
    assert queue.next_moment() is None
    assert len(queue) == 0


def test_who_waits_for_others_is_found_by_them() -> None:
    queue = ready_queue(task("a"), task("b", after=("a", "x"), waits_for=("a",)))
    assert queue.waiting_for("a") == ("b",)
    assert taken(queue) == ["a"]
    queue.put(task("b", after=("a", "x")), 0.0)
    assert queue.waiting_for("a") == ()
    assert taken(queue) == ["b"]


def test_a_task_that_is_told_of_again_keeps_its_place_unless_its_priority_changed() -> None:
    queue = ready_queue(task("a"), task("b"), task("c"))
    queue.put(task("a"), 0.0)
    queue.put(task("c", priority=Priority.URGENT), 0.0)
    assert taken(queue) == ["c", "a", "b"]


def test_only_what_is_wanted_is_taken_and_what_that_waits_for() -> None:
    queue = ready_queue(task("a"), task("b", after=("c",), waits_for=("c",)), task("c"))
    assert queue.needed(["b"]) == {"b", "c"}
    assert taken(queue, wanted=queue.needed(["b"])) == ["c"]


def test_slots_are_counted_in_all_and_of_each_model() -> None:
    slots = Slots(5, 0, lambda ref: ref == NEAR)
    slots.take(NEAR)
    assert not slots.free(NEAR)
    assert slots.free(FAR)
    for _ in range(4):
        slots.take(FAR)
    assert not slots.free(None)
    assert not slots.any_free
    slots.give_back(FAR)
    assert slots.free(FAR)
    assert not slots.free(NEAR)
    two = Slots(9, 2, lambda _: True)
    two.take(NEAR)
    assert two.free(NEAR)


def test_the_gate_lets_so_many_in_within_a_minute() -> None:
    now = [100.0]
    gate = Gate(2, lambda: now[0])
    gate.enter()
    now[0] = 110.0
    gate.enter()
    with pytest.raises(TooManyTasks, match="wait 50 s"):
        gate.enter()
    now[0] = 160.0
    gate.enter()
    with pytest.raises(TooManyTasks, match="wait 10 s"):
        gate.enter()


def test_the_gate_counts_what_came_before_it() -> None:
    gate = Gate(3, lambda: 100.0)
    gate.remember((70.0, 50.0, 20.0, -5.0))
    gate.enter()
    with pytest.raises(TooManyTasks, match="wait 10 s"):
        gate.enter()


def test_pauses_double_up_to_the_longest() -> None:
    settings = TaskSettings(backoff_s=2.0, backoff_max_s=60.0)
    assert [pause_s(n, settings) for n in (1, 2, 3, 5, 6, 5000)] == [2.0, 4.0, 8.0, 32.0, 60.0, 60.0]


def test_only_what_may_get_better_is_tried_again() -> None:
    assert all(may_help(kind("x")) for kind in (ServerBusy, StepTimedOut, DatabaseBusy))
    assert not any(may_help(kind("x")) for kind in (NoModel, ReadOnly, Fenced, NoSuchTask))
    settings = TaskSettings(retries=1)
    spec = StepSpec("a", "a")
    assert next_pause_s(TimedOut("x"), 1, spec, settings) == 2.0
    assert next_pause_s(TimedOut("x"), 2, spec, settings) is None
    assert next_pause_s(TimedOut("x"), 2, replace(spec, retries=2), settings) == 4.0
    assert next_pause_s(TimedOut("x"), 1, replace(spec, repeatable=False), settings) is None


def test_a_server_that_is_busy_is_tried_again_in_seconds_for_longer_than_others() -> None:
    settings, spec = TaskSettings(retries=0), StepSpec("a", "a")
    pauses = [next_pause_s(ServerBusy("x"), failures, spec, settings) for failures in range(1, BUSY_RETRIES + 2)]
    assert pauses == [2.0, 4.0, 8.0, *[BUSY_PAUSE_MAX_S] * (BUSY_RETRIES - 3), None]
    assert next_pause_s(ServerBusy("x"), 1, replace(spec, repeatable=False), settings) is None


def admission(**settings: Any) -> TaskAdmission:
    own = Path("/nowhere")
    return TaskAdmission(TaskSettings(**settings), lambda: 0.0, lambda *_, **__: (NEAR, "near"), never_simple, own)


async def test_what_is_no_task_is_refused_and_costs_nothing() -> None:
    one = admission(per_minute=1)
    for text in ("", " \n\t", "\x1b[2J\x00", "\u200f\u202e", "\u200d \ufe0f"):
        with pytest.raises(EmptyMessage):
            await one.new_task(text, key="k")
    for limit_s in (0, -1, float("nan"), float("inf"), 1e9):
        with pytest.raises(BadTimeLimit, match="is no time limit"):
            await one.new_task("a task", key="k", time_limit_s=limit_s)
    with pytest.raises(TaskTooLong, match=r"20,000 characters, and 16,000.*file.*tasks\.text_limit"):
        await one.new_task("x" * 20_000, key="k")
    assert (await one.new_task("<script>[/] '; DROP TABLE", key="k")).text == "<script>[/] '; DROP TABLE"
    with pytest.raises(TooManyTasks):
        await one.new_task("another", key="k")


async def test_a_task_is_given_its_likely_model() -> None:
    new = await admission().new_task("a task", key="k")
    assert (new.ref, new.why) == (NEAR, "near")


def message(author: Author, text: str, **more: Any) -> Message:
    return Message("m", "s", None, author, text, 0.0, **more)


def test_a_digest_is_the_end_of_the_conversation_in_short() -> None:
    branch = [
        message(Author.USER, "old " * 5),
        *(message(Author.ASSISTANT, f"reply {n}\n" * 200) for n in range(5)),
        message(Author.ASSISTANT, "broken", state=MessageState.FAILED),
        message(Author.ASSISTANT, "  "),
        message(Author.USER, " the task\n"),
    ]
    lines = shortened_conversation(branch, "the task").split("\n")
    assert len(lines) == 6
    assert lines[0].startswith("User: old old")
    assert lines[-1].startswith("Assistant: reply 4 reply 4")
    assert all(len(line) < 330 for line in lines)


def test_of_a_long_conversation_only_the_end_is_in_the_digest() -> None:
    said = [message(Author.USER if n % 2 else Author.ASSISTANT, f"said {n}") for n in range(40)]
    lines = shortened_conversation([*said, message(Author.USER, "the task")], "the task").split("\n")
    assert [line.rpartition(" ")[2] for line in lines] == [str(n) for n in range(40 - TASK_PROMPT_MESSAGES, 40)]


PLAN = Plan((StepSpec("a", "The outline", "x"), StepSpec("b", "The text", "Write it.", ("a",))))


def test_a_step_is_shown_the_task_its_part_and_what_came_before() -> None:
    system, user = step_messages(PLAN, PLAN.steps[1], "A story", {"a": "Once <|im_end|>"}, "User: hi", room_bytes=9000)
    assert system.role == "system"
    assert user.text.index("User: hi") < user.text.index("The result of The outline") < user.text.index("A story")
    assert user.text.endswith("Your step of it, The text:\nWrite it.")
    assert "<|im_end|>" not in user.text


def test_where_room_is_short_the_digest_goes_first_and_the_task_never() -> None:
    text, long = "A story " * 50, "result " * 500
    shown = step_messages(PLAN, PLAN.steps[1], text, {"a": long}, "User: hi", room_bytes=1500)[1].text
    assert text in shown
    assert "User: hi" not in shown
    assert "[...]" in shown
    assert len(shown) < 1500
    assert text in step_messages(PLAN, PLAN.steps[1], text, {"a": long}, "", room_bytes=0)[1].text


def test_prompt_and_answer_share_the_window() -> None:
    assert prompt_bytes(8192, 4096) == (8192 - 4096 - 64) * 3
    assert prompt_bytes(100, 4096) == 0
    messages = step_messages(PLAN, PLAN.steps[0], "x" * 3000, {}, "", room_bytes=9000)
    assert room_for(messages, 8192, 4096) == 4096
    assert room_for(messages, 4096, 4096) < 4096 - 1000
    assert room_for(messages, 4096, 4096, "y" * 3000) < room_for(messages, 4096, 4096)
    assert room_for(messages, 100, 4096) == 50


async def test_what_is_whole_is_not_broken_off() -> None:
    gate = asyncio.Event()
    ended = []

    async def work() -> None:
        await gate.wait()
        ended.append(True)

    running = asyncio.create_task(uncancellable(work()))
    for _ in range(3):
        await asyncio.sleep(0)
        running.cancel()
    gate.set()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert ended == [True]


async def test_who_was_told_that_a_model_is_loaded_learns_that_it_writes(begin: Callable[..., Any]) -> None:
    execution = await begin()
    held, gate = await execution.held("a task", "first ")
    follow = execution.executor.follow(held.id)
    assert isinstance(await anext(follow), TaskSeen)
    subscriptions = execution.subscriptions
    subscriptions.reading(held.id, "answer", 0, 0)
    assert await anext(follow) == StepReading("answer", 0, 0)
    subscriptions.delta(held.id, "answer", "first ", False, 1)
    subscriptions.changed(held.id)
    seen = await anext(follow)
    assert isinstance(seen, TaskSeen)
    assert seen.detail.steps[0].text == "first "
    written = await anext(follow)
    assert isinstance(written, StepDelta)
    assert (written.step_key, written.text, written.thinking) == ("answer", "", False)
    assert written.tokens > 0
    # What was not read before the whole was shown is not told after it.
    subscriptions.reading(held.id, "answer", 0, 0)
    subscriptions.changed(held.id)
    assert isinstance(await anext(follow), TaskSeen)
    assert isinstance(await anext(follow), StepDelta)
    gate.set()
    await follow.aclose()


async def test_a_slow_reader_is_shown_the_whole_again_and_keeps_nobody_waiting(
    begin: Callable[..., Any], doer: Any, do: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subscriptions_module, "UNREAD_STEP_CHARACTERS", 100)
    execution = await begin()
    held, gate = await execution.held("a task", "first ")
    follow = execution.executor.follow(held.id)
    await anext(follow)
    quick = execution.executor.follow(held.id)
    await anext(quick)
    subscriptions = execution.subscriptions
    for n in range(50):
        doer.replies["answer"].add(TextPiece(f"word {n} "))
        subscriptions.delta(held.id, "answer", f"word {n} ", False, n)
    event = await anext(follow)
    assert isinstance(event, TaskSeen)
    assert event.detail.steps[0].text.endswith("word 49 ")
    subscriptions.delta(held.id, "answer", "and on", False, 51)
    assert await anext(follow) == StepDelta("answer", "and on", False, 51)
    gate.set()
    await follow.aclose()
    await quick.aclose()
    assert not subscriptions.followed


async def test_a_command_runs_what_it_follows_and_what_that_waits_for(begin: Callable[..., Any], doer: Any) -> None:
    execution = await begin(works_queue=False)
    await execution.submit("of somebody else")
    before = await execution.submit("before")
    mine = await execution.submit("mine", after=(before.id,))
    await execution.done(mine)
    assert [text for text, _ in doer.calls] == ["before", "mine"]


async def test_models_have_limits_of_their_own_and_tasks_go_to_the_model_of_now(
    begin: Callable[..., Any], doer: Any, do: Any
) -> None:
    execution = await begin(running=9, per_model=0)
    gate = asyncio.Event()
    doer.tell("answer", do((), gate))
    execution.ref = NEAR
    tasks = [await execution.submit(f"{n}") for n in range(6)]
    await execution.eventually(lambda: doer.running == 1)
    execution.ref = FAR
    await execution.submit("one more")
    await execution.eventually(lambda: doer.running == 5)
    gate.set()
    for one in tasks:
        await execution.done(one)


async def test_closing_ends_the_streams_of_those_who_follow(begin: Callable[..., Any]) -> None:
    execution = await begin()
    held, _ = await execution.held()
    follow = execution.executor.follow(held.id)
    await anext(follow)
    await execution.close()
    assert [event async for event in follow] == []
    await execution.open()


async def test_an_unknown_task_cannot_be_followed(begin: Callable[..., Any]) -> None:
    execution = await begin()
    with pytest.raises(NoSuchTask):
        await anext(execution.executor.follow("nobody"))
    assert not execution.subscriptions.followed
