"""Tasks handed in, listed in their order, counted, moved."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tale_tui.domain.clock import Clock
from tale_tui.domain.errors import BadInput, EmptyMessage, NoSuchSession, NoSuchTask, ReadOnly, WrongState
from tale_tui.domain.models import ModelRef, Role
from tale_tui.domain.tasks import Plan, Priority, Reason, Step, StepSpec, Task, TaskCounts, TaskState
from tale_tui.engine.store.store import Store
from tale_tui.engine.store.tasks.tasks import NewTask, task_title

HandIn = Callable[..., Awaitable[Task]]
CarryOut = Callable[..., Awaitable[Task]]
OPEN_STATES = frozenset({TaskState.QUEUED, TaskState.RUNNING, TaskState.PAUSED, TaskState.WAITING})


async def stop(store: Store, task: Task, to: TaskState = TaskState.CANCELLED) -> Task:
    return await store.change_task(task.id, to, expect=OPEN_STATES)


async def order(store: Store) -> list[str]:
    return [task.id for task in await store.queue()]


async def test_a_task_is_kept_as_it_was_handed_in(store: Store, hand_in: HandIn, ref: ModelRef) -> None:
    first = await hand_in()
    session = await store.add_session()
    task = await hand_in(
        "Write a novel of nine words about a quokka and then more",
        priority=Priority.HIGH,
        session_id=session.id,
        why="the task model",
        p=0.93,
        after=(first.id, first.id),
        time_limit_s=60.0,
    )
    assert task == await store.task(task.id)
    assert (task.title, task.state, task.reason) == (
        "Write a novel of nine words about a quokka and …",
        TaskState.QUEUED,
        Reason.NONE,
    )
    assert (task.priority, task.session_id, task.message_id) == (Priority.HIGH, session.id, None)
    assert (task.ref, task.why, task.p, task.time_limit_s) == (ref, "the task model", 0.93, 60.0)
    assert (task.after, task.waits_for) == ((first.id,), (first.shown,))
    assert (task.steps_total, task.steps_done, task.step_title) == (1, 0, "Write it")
    assert (task.started, task.finished, task.worked_s, task.prompt_tokens) == (None, None, 0.0, None)
    detail = await store.task_detail(task.id)
    assert detail.task == task
    assert detail.text == "Write a novel of nine words about a quokka and then more"
    assert detail.steps == (Step(StepSpec("answer", "Write it")),)
    assert [entry.what for entry in detail.history] == ["queued"]


async def test_every_field_of_a_plan_comes_back(store: Store, hand_in: HandIn) -> None:
    plan = Plan(
        (
            StepSpec("a", "A", "Do a."),
            StepSpec("yes", "Ask", kind="approval", after=("a",)),
            StepSpec("b", "B", "Do\nb.", ("a", "yes"), "model", Role.UX, 10, 2.5, 0, repeatable=False),
        ),
        approval=True,
        format=7,
    )
    task = await hand_in(plan=plan)
    detail = await store.task_detail(task.id)
    assert detail.plan == plan
    assert [step.spec for step in detail.steps] == list(plan.steps)
    assert (task.state, task.reason) == (TaskState.WAITING, Reason.APPROVAL)
    assert [entry.what for entry in detail.history] == ["waits for a yes to its plan"]


async def test_what_is_handed_in_passes_the_border(store: Store, hand_in: HandIn) -> None:
    evil = "a\x1b[31m <script>'; DROP TABLE task; -- [/] \u202eb"
    plan = Plan((StepSpec("k\x1by", "T\x1b[1m\nt", evil),))
    task = await hand_in(evil, plan, title="T\x1b[31m\n2", why="w\x07hy")
    detail = await store.task_detail(task.id)
    assert detail.text == "a <script>'; DROP TABLE task; -- [/] b"
    assert (task.title, task.why) == ("T 2", "why")
    assert detail.plan.steps[0].prompt == detail.text
    assert detail.plan.steps[0].title == "T t"


async def test_handing_in_twice_stores_nothing_twice(store: Store, hand_in: HandIn) -> None:
    first = await hand_in("One", id="same")
    assert await hand_in("Two", id="same") == first
    assert len(await store.tasks()) == 1


async def test_what_cannot_be_handed_in_leaves_nothing(store: Store, hand_in: HandIn) -> None:
    for fields, error in (
        ({"text": " \n"}, EmptyMessage),
        ({"text": "\x1b[31m"}, EmptyMessage),
        ({"session_id": "nope"}, NoSuchSession),
        ({"after": ("nope",)}, NoSuchTask),
        ({"id": ""}, BadInput),
        ({"id": "a\x1bb"}, BadInput),
    ):
        with pytest.raises(error):
            await hand_in(**fields)
    assert await store.tasks() == ()
    assert await store.task_counts() == TaskCounts()


async def test_the_queue_goes_by_priority_then_in_the_order_of_coming(store: Store, hand_in: HandIn) -> None:
    for id_, priority in (("a", "normal"), ("b", "low"), ("c", "urgent"), ("d", "high"), ("e", "normal")):
        await hand_in(id=id_, priority=Priority(priority))
    assert await order(store) == ["c", "d", "a", "e", "b"]
    assert (await store.set_priority("b", Priority.NORMAL)).priority is Priority.NORMAL
    assert await order(store) == ["c", "d", "a", "b", "e"]
    await store.set_priority("b", Priority.NORMAL)
    assert [entry.what for entry in (await store.task_detail("b")).history] == ["queued", "priority normal"]


async def test_tasks_are_moved(store: Store, hand_in: HandIn) -> None:
    for id_ in "abc":
        await hand_in(id=id_)
    await hand_in(id="u", priority=Priority.URGENT)
    moved = await store.move("c", "a")
    assert (moved.id, await order(store)) == ("c", ["u", "c", "a", "b"])
    await store.move("c", None)
    assert await order(store) == ["u", "a", "b", "c"]
    await hand_in(id="d")
    assert await order(store) == ["u", "a", "b", "c", "d"]
    assert (await store.move("b", "u")).priority is Priority.URGENT
    assert await order(store) == ["b", "u", "a", "c", "d"]
    await store.move("a", "a")
    await store.move("u", None)
    assert await order(store) == ["b", "u", "a", "c", "d"]


async def test_moving_for_ever_finds_a_place(store: Store, hand_in: HandIn) -> None:
    for id_ in "abc":
        await hand_in(id=id_)
    for _ in range(40):
        await store.move("c", "b")
        await store.move("a", "b")
        assert await order(store) == ["c", "a", "b"]
        await store.move("c", "b")
        assert await order(store) == ["a", "c", "b"]


async def test_only_what_is_queued_is_moved(store: Store, hand_in: HandIn) -> None:
    await hand_in(id="a")
    await stop(store, await hand_in(id="b"))
    with pytest.raises(
        WrongState, match=r"^b \(Write a function\) is cancelled: only a queued task can be moved in the queue\.$"
    ):
        await store.move("b", "a")
    with pytest.raises(WrongState):
        await store.move("a", "b")
    with pytest.raises(NoSuchTask):
        await store.move("a", "nope")
    with pytest.raises(WrongState, match="is cancelled: only a task that has not ended can be given another priority"):
        await store.set_priority("b", Priority.LOW)


async def test_a_list_begins_with_what_is_open(store: Store, hand_in: HandIn, carry_out: CarryOut) -> None:
    for id_ in ("done1", "gone", "done2", "q1", "paused", "runs", "q2"):
        await hand_in(id=id_)
    await hand_in(id="asks", plan=Plan((StepSpec("a", "A"),), approval=True))
    await hand_in(id="draft", state=TaskState.DRAFT)
    await hand_in(id="u", priority=Priority.URGENT)
    await carry_out(await store.task("done1"))
    await stop(store, await store.task("gone"))
    await carry_out(await store.task("done2"))
    await store.change_task("paused", TaskState.PAUSED, expect=OPEN_STATES, reason=Reason.USER)
    await store.claim_task("runs", 1.0)
    listed = [task.id for task in await store.tasks()]
    assert listed == ["runs", "asks", "paused", "u", "q1", "q2", "draft", "done2", "gone", "done1"]
    assert [task.id for task in await store.tasks(limit=8)] == listed[:8]
    assert [task.id for task in await store.tasks(limit=2)] == listed[:2]
    assert await store.tasks(limit=0) == ()
    states = (TaskState.DONE, TaskState.PAUSED)
    assert [task.id for task in await store.tasks(states)] == ["paused", "done2", "done1"]
    assert await store.task_counts() == TaskCounts(
        waiting=1, queued=3, running=1, paused=1, interrupted=0, done=2, failed=0, cancelled=1
    )


async def test_the_tasks_of_a_conversation(store: Store, hand_in: HandIn) -> None:
    session, other = await store.add_session(), await store.add_session()
    await hand_in(id="a", session_id=session.id)
    await hand_in(id="b", session_id=other.id)
    await hand_in(id="c")
    assert [task.id for task in await store.tasks(session_id=session.id)] == ["a"]
    assert await store.tasks((TaskState.DONE,), session.id) == ()


async def test_a_task_waits_for_others_until_they_are_done(store: Store, hand_in: HandIn, carry_out: CarryOut) -> None:
    first, second = await hand_in(), await hand_in()
    task = await hand_in(after=(second.id, first.id))
    assert task.waits_for == (second.shown, first.shown)
    await carry_out(first)
    assert (await store.task(task.id)).waits_for == (second.shown,)
    await stop(store, second)
    assert (await store.task(task.id)).waits_for == (second.shown,)
    assert (await store.task(task.id)).state is TaskState.QUEUED
    await store.retry_from(second.id)
    await carry_out(second)
    task = await store.task(task.id)
    assert (task.waits_for, task.after) == ((), (second.id, first.id))


async def test_what_waits_for_others_is_there_after_a_restart(
    store: Store, hand_in: HandIn, carry_out: CarryOut, path: Path, clock: Clock
) -> None:
    first, second = await hand_in(), await hand_in()
    third = await hand_in(after=(second.id, first.id))
    await carry_out(first)
    await store.close()
    # A start looks for damage, and finds none.
    again = await Store.open(path, clock)
    found = await again.task(third.id)
    assert (found.after, found.waits_for) == ((second.id, first.id), (second.shown,))
    assert again.notices == ()
    await again.close()


async def test_a_long_list_says_the_same_as_each_task(store: Store, hand_in: HandIn) -> None:
    first = await hand_in(id="zz")
    for n in range(70):
        await hand_in(id=f"abc{n:04}", after=(first.id,) if n % 3 == 0 else ())
    listed = await store.tasks()
    assert len(listed) == 71
    assert all([task == await store.task(task.id) for task in listed])
    assert {task.shown for task in listed} >= {"zz", "abc0000", "abc0069"}


async def test_reading_alone(store: Store, hand_in: HandIn, path: Path) -> None:
    task = await hand_in()
    other = await Store.open(path, Clock(), read_only=True)
    assert await other.tasks() == (task,)
    assert other.interrupted_tasks == 0
    for call in (
        other.add_task(NewTask("x", "text", Plan((StepSpec("a", "A"),)))),
        other.claim_task(task.id, 1.0),
    ):
        with pytest.raises(ReadOnly):
            await call
    await other.close()


async def test_a_deleted_conversation_leaves_its_tasks(store: Store, hand_in: HandIn) -> None:
    session = await store.add_session()
    task = await hand_in(session_id=session.id)
    await store.delete_session(session.id)
    assert (await store.task(task.id)).session_id is None


TITLES = [
    ("Can you write a Python function for primes?", "Write a Python function for primes"),
    ("could you please Compare three databases", "Compare three databases"),
    ("Please, summarise this file.", "Summarise this file"),
    ("Hey, can you translate the manual!", "Translate the manual"),
    ("I'd like you to plan a trip", "Plan a trip"),
    ("I need you to plan a trip", "Plan a trip"),
    ("write a letter.", "write a letter."),
    ("Can you help?", "Can you help?"),
    ("Candles: write about them", "Candles: write about them"),
    ("Willow trees in winter, a poem", "Willow trees in winter, a poem"),
    ("I need a table of rivers", "I need a table of rivers"),
    ("Can you write a Python function to calculate the sequence?", "Write a Python function to calculate the sequence"),
    ("One two three four five six seven eight nine ten eleven", "One two three four five six seven eight nine ten …"),
    ("Hello world program in C", "Hello world program in C"),
    ("hello, please write one", "Write one"),
    ("please could you write one", "Write one"),
    ("I want you to write one", "Write one"),
    ("Will your code work?", "Will your code work?"),
    ("please", "please"),
    ("???", "???"),
    ("please, éclair recipes", "Éclair recipes"),
    ("Schreib mir einen Brief", "Schreib mir einen Brief"),
]


@pytest.mark.parametrize(("text", "title"), TITLES)
def test_a_title_says_what_is_to_be_done(text: str, title: str) -> None:
    assert task_title(text) == title


@given(st.text(alphabet="Cancoulyupe ,?.hi\n", min_size=1).filter(str.strip))
def test_every_text_has_a_title_of_one_line(text: str) -> None:
    title = task_title(text)
    assert title.strip()
    assert "\n" not in title
