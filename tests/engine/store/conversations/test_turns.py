"""What a turn stores and when; tasks in a conversation: the turn, its card, and what becomes of the card."""

from __future__ import annotations

import sqlite3
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tale_tui.domain.conversation import Author, Message, MessageState, Session
from tale_tui.domain.errors import BadInput, EmptyMessage, NoSuchMessage, NoSuchSession, NoSuchTask, StoreError
from tale_tui.domain.models import ModelRef, Usage
from tale_tui.domain.tasks import OPEN, Plan, Task, TaskState
from tale_tui.engine.store.conversations.turns import PromptSource, TurnContext
from tale_tui.engine.store.store import Store
from tale_tui.engine.store.tasks.steps import AttemptFailure, TaskEnd
from tale_tui.engine.store.tasks.tasks import NewTask

CarryOut = Callable[..., Awaitable[Task]]
Sabotage = Callable[[str], None]
Talk = Callable[..., Awaitable[tuple[Message, Message]]]


async def test_the_message_of_the_user_is_stored_before_any_model_is_asked(
    store: Store, path: Path, ref: ModelRef
) -> None:
    session = await store.add_session()
    user, reply, *_ = await store.begin_turn(session.id, user_id="u1", text="Hello", reply_ref=ref)
    assert (user.id, user.author, user.text, user.state) == ("u1", Author.USER, "Hello", MessageState.COMPLETE)
    assert (reply.author, reply.text, reply.state) == (Author.ASSISTANT, "", MessageState.STREAMING)
    assert (reply.parent_id, reply.ref, user.parent_id) == ("u1", ref, None)
    other = sqlite3.connect(path)
    assert other.execute("SELECT text, state FROM message ORDER BY n").fetchall() == [
        ("Hello", "complete"),
        ("", "streaming"),
    ]
    other.close()
    transcript = await store.transcript(session.id)
    assert transcript.messages == (user, reply)
    assert transcript.session.turns == 1


async def test_a_turn_is_stored_whole_or_not_at_all(
    store: Store, path: Path, sabotage: Sabotage, ref: ModelRef
) -> None:
    session = await store.add_session()
    await store.enqueue(session.id, "Hello", key="u1")
    sabotage("BEFORE INSERT ON message WHEN new.author = 'assistant'")
    with pytest.raises(StoreError, match="sabotage"):
        await store.begin_turn(session.id, user_id="u1", text="Hello", reply_ref=ref)
    transcript = await store.transcript(session.id)
    assert transcript.messages == ()
    assert transcript.session.title == ""
    assert [queued.text for queued in transcript.queued] == ["Hello"]


@pytest.mark.parametrize("text", ["", " \n\t", "\x1b[31m\x00\u200b"])
async def test_a_message_of_which_nothing_is_left_is_not_stored(store: Store, ref: ModelRef, text: str) -> None:
    session = await store.add_session()
    for call in (
        store.begin_turn(session.id, user_id="u1", text=text, reply_ref=ref),
        store.begin_turn(session.id, user_id="u1", text=text, beside="u0"),
        store.enqueue(session.id, text, key="u1"),
    ):
        with pytest.raises(EmptyMessage):
            await call
    assert (await store.transcript(session.id)).messages == ()


async def test_a_repeated_turn_is_not_stored_twice(store: Store, ref: ModelRef) -> None:
    session, other = await store.add_session(), await store.add_session()
    user, reply, *_ = await store.begin_turn(session.id, user_id="u1", text="Hello", reply_ref=ref)
    done = await store.finish_reply(reply.id, state=MessageState.INTERRUPTED, text="Half")
    assert await store.begin_turn(session.id, user_id="u1", text="Hello", reply_ref=ref) == (
        *(user, done, None),
        await store.session(session.id),
    )
    assert len((await store.transcript(session.id)).messages) == 2
    with pytest.raises(BadInput, match="key"):
        await store.begin_turn(other.id, user_id="u1", text="Hello", reply_ref=ref)
    with pytest.raises(BadInput, match="key"):
        await store.begin_turn(session.id, user_id=reply.id, text="Hello", reply_ref=ref)


@pytest.fixture
def new(plans: dict[str, Plan], ref: ModelRef) -> NewTask:
    return NewTask("t1", "Write a poem", plans["one"], ref=ref, why="the task model", p=0.93)


@pytest.fixture
async def session(store: Store) -> Session:
    return await store.add_session()


async def test_a_turn_that_becomes_a_task(
    store: Store, session: Session, new: NewTask, ref: ModelRef, talk: Talk
) -> None:
    _, before = await talk(session.id, "Hello")
    await store.enqueue(session.id, "Write a poem", key="u7")
    user, card, task, _ = await store.begin_turn(session.id, user_id="u7", text="Write a poem\x07", task=new, p=0.93)
    assert (user.id, user.text, user.parent_id, user.p, user.task_id) == ("u7", "Write a poem", before.id, 0.93, None)
    assert (card.author, card.state, card.text, card.parent_id) == (Author.ASSISTANT, MessageState.COMPLETE, "", "u7")
    assert (card.task_id, card.ref, card.why, card.p) == ("t1", ref, "the task model", None)
    assert (task.id, task.session_id, task.message_id, task.p) == ("t1", session.id, card.id, 0.93)
    transcript = await store.transcript(session.id)
    assert transcript.messages[-2:] == (user, card)
    assert transcript.queued == ()
    assert transcript.session.turns == 2
    assert await store.message(card.id) == card
    assert await store.tasks(session_id=session.id) == (task,)


async def test_the_first_turn_gives_the_title(store: Store, session: Session, new: NewTask) -> None:
    await store.begin_turn(session.id, user_id="u1", text="Write a poem", task=new)
    assert (await store.session(session.id)).title == "Write a poem"


async def test_a_repeated_turn_with_a_task_stores_nothing_twice(store: Store, session: Session, new: NewTask) -> None:
    first = await store.begin_turn(session.id, user_id="u1", text="Write a poem", task=new)
    again = await store.begin_turn(session.id, user_id="u1", text="Another", task=replace(new, id="t2"))
    assert again == first
    assert len(await store.tasks()) == 1
    user, card, *_ = await store.begin_turn(session.id, user_id="u1", text="Write a poem", reply_ref=None)
    assert (user, card) == first[:2]
    _, reply, *_ = await store.begin_turn(session.id, user_id="u2", text="Hello", reply_ref=None, p=0.1)
    assert (await store.message("u2")).p == 0.1
    with pytest.raises(BadInput, match="Another message has this key"):
        await store.begin_turn(session.id, user_id="u2", text="Hello", task=replace(new, id="t2"))
    card2, _ = await store.begin_card(session.id, "u2", replace(new, id="t2"))
    await store.show_sibling(session.id, reply.id, 0)
    found = await store.begin_turn(session.id, user_id="u2", text="Hello", task=replace(new, id="t3"))
    assert (found[1].id, found[2].id) == (card2.id, "t2")


async def test_a_turn_with_a_task_is_stored_whole_or_not_at_all(store: Store, session: Session, new: NewTask) -> None:
    await store.add_task(replace(new, id="there"))
    for changed, error in (
        (replace(new, after=("nope",)), NoSuchTask),
        (replace(new, text=" "), EmptyMessage),
        (replace(new, id="there"), BadInput),
    ):
        with pytest.raises(error):
            await store.begin_turn(session.id, user_id="u1", text="Write a poem", task=changed)
    with pytest.raises(EmptyMessage):
        await store.begin_turn(session.id, user_id="u1", text=" ", task=new)
    with pytest.raises(NoSuchSession):
        await store.begin_turn("nope", user_id="u1", text="Write a poem", task=new)
    assert (await store.transcript(session.id)).messages == ()
    assert [task.id for task in await store.tasks()] == ["there"]


async def test_a_done_task_fills_its_card(
    store: Store, session: Session, new: NewTask, carry_out: CarryOut, usage: Usage, ref: ModelRef
) -> None:
    _, card, task, _ = await store.begin_turn(session.id, user_id="u1", text="Write a poem", task=new)
    await carry_out(task, "A poem about a quokka")
    filled = await store.message(card.id)
    assert filled == replace(card, text="A poem about a quokka", usage=usage, ref=ref, why="the task model")
    assert [hit.message_id for hit in await store.search("quokka")] == [card.id]
    assert "A poem about a quokka" in await store.export_markdown(session.id)
    (copy,) = await store.import_json(await store.export_json(session.id))
    imported = (await store.transcript(copy.id)).messages[-1]
    assert (imported.text, imported.task_id, imported.state) == (filled.text, None, MessageState.COMPLETE)
    await store.retry_from(task.id)
    assert await store.message(card.id) == replace(card, text="", ref=ref)


async def test_the_cost_of_several_steps_is_summed_on_the_card(
    store: Store, session: Session, new: NewTask, plans: dict[str, Plan]
) -> None:
    _, card, task, _ = await store.begin_turn(
        session.id, user_id="u1", text="Write", task=replace(new, plan=plans["three"])
    )
    claim = await store.claim_task(task.id, 1.0)
    assert claim is not None
    for key in ("outline", "write", "check"):
        await store.begin_step(task.id, claim.epoch, key)
        await store.finish_step(
            *(task.id, claim.epoch, key),
            text=key,
            usage=Usage(10, 2, ttft_ms=5.0),
            end=TaskEnd("All", "the only model") if key == "check" else None,
        )
    filled = await store.message(card.id)
    assert (filled.text, filled.usage, filled.why) == ("All", Usage(30, 6), "the only model")


async def test_a_task_that_ends_early_leaves_what_there_is(store: Store, session: Session, new: NewTask) -> None:
    _, card, task, _ = await store.begin_turn(session.id, user_id="u1", text="Write", task=new)
    claim = await store.claim_task(task.id, 1.0)
    assert claim is not None
    await store.begin_step(task.id, claim.epoch, "answer")
    await store.fail_step(task.id, claim.epoch, "answer", AttemptFailure("No.", "refused", text="Roses"), end=True)
    failed = await store.message(card.id)
    assert (failed.text, failed.error, failed.state) == ("Roses", "No.", MessageState.COMPLETE)
    await store.retry_from(task.id)
    emptied = await store.message(card.id)
    assert (emptied.text, emptied.error) == ("", "")
    await store.change_task(task.id, TaskState.CANCELLED, expect=OPEN)
    cancelled = await store.message(card.id)
    assert (cancelled.text, cancelled.error) == ("Roses", "")


async def test_a_message_becomes_a_task_after_all(store: Store, session: Session, new: NewTask, talk: Talk) -> None:
    user, reply = await talk(session.id, "Write a poem")
    card, task = await store.begin_card(session.id, user.id, new)
    assert (card.parent_id, card.sibling, card.siblings, card.task_id) == (user.id, 2, 2, "t1")
    assert (task.message_id, task.session_id) == (card.id, session.id)
    assert (await store.transcript(session.id)).messages[-1] == card
    assert await store.begin_card(session.id, user.id, new) == (card, task)
    for wrong in (reply.id, "nope"):
        with pytest.raises(NoSuchMessage):
            await store.begin_card(session.id, wrong, replace(new, id="t2"))
    again = await store.begin_reply(session.id, user.id)
    assert (again.sibling, again.task_id) == (3, None)


async def test_an_edit_that_becomes_a_task(store: Store, session: Session, new: NewTask, talk: Talk) -> None:
    user, reply = await talk(session.id, "Hello")
    edited, card, task, _ = await store.begin_turn(
        session.id, user_id="u9", text="Write a poem", p=0.8, task=new, beside=user.id
    )
    assert (edited.id, edited.sibling, edited.p, card.parent_id) == ("u9", 2, 0.8, "u9")
    assert task.message_id == card.id
    assert await store.begin_turn(session.id, user_id="u9", text="Write", task=new, beside=user.id) == (
        *(edited, card, task),
        await store.session(session.id),
    )
    with pytest.raises(NoSuchMessage):
        await store.begin_turn(session.id, user_id="u10", text="Write", task=replace(new, id="t2"), beside=reply.id)
    second, *_ = await store.begin_turn(session.id, user_id="u11", text="Hi", p=0.2, beside=user.id)
    assert second.p == 0.2


async def test_a_fork_has_a_reply_where_the_card_was(
    store: Store, session: Session, new: NewTask, carry_out: CarryOut
) -> None:
    _, card, task, _ = await store.begin_turn(session.id, user_id="u1", text="Write", task=new, p=0.9)
    await carry_out(task, "A poem")
    fork = await store.fork_session(session.id, card.id)
    user, reply = (await store.transcript(fork.id)).messages
    assert (user.p, reply.text, reply.task_id, reply.why) == (0.9, "A poem", None, "the task model")
    await store.delete_session(session.id)
    left = await store.task(task.id)
    assert (left.session_id, left.message_id, left.state) == (None, None, TaskState.DONE)
    await carry_out(await store.retry_from(task.id))


async def test_an_open_task_is_exported_as_one(store: Store, session: Session, new: NewTask) -> None:
    await store.begin_turn(session.id, user_id="u1", text="Write", task=new)
    assert ", a task without a result" in await store.export_markdown(session.id)


async def test_what_a_message_is_judged_by(store: Store, talk: Talk, ref: ModelRef) -> None:
    session = await store.add_session()
    assert await store.turn_context(session.id) == TurnContext()
    user, reply = await talk(session.id, "One")
    context = await store.turn_context(session.id, user.id)
    assert context == TurnContext(is_stored=True, last=reply, above=(await store.message(user.id),))
    assert not (await store.turn_context(session.id, "new")).is_stored
    with pytest.raises(NoSuchSession):
        await store.turn_context("nope")


async def test_tasks_of_other_places_are_told_where_the_conversation_has_none(store: Store, new: NewTask) -> None:
    here, there = await store.add_session(), await store.add_session()
    await store.begin_turn(there.id, user_id="u1", text="Write a haiku", task=new)
    (task,) = await store.tasks()
    assert (await store.turn_context(there.id)).tasks == (task,)
    assert (await store.turn_context(there.id)).others == ()
    assert (await store.turn_context(here.id)).tasks == ()
    assert (await store.turn_context(here.id)).others == (task,)


async def test_what_a_prompt_is_made_of(store: Store, talk: Talk) -> None:
    session = await store.add_session(system="Be brief.\x1b[1m")
    for n in range(3):
        await talk(session.id, f"Question {n}")
    branch = (await store.transcript(session.id)).messages
    await store.set_view_from(session.id, branch[2].id)
    assert await store.prompt_source(branch[-1].id, 100) == PromptSource(
        branch[:-1], whole=True, system="Be brief.", view_from=branch[2].id
    )
    assert (await store.prompt_source(branch[-1].id, 5)).whole
    nearest = await store.prompt_source(branch[-1].id, 2)
    assert (nearest.messages, nearest.whole) == (branch[3:5], False)
    first = await store.prompt_source(branch[0].id, 5)
    assert (first.messages, first.whole) == ((), True)
    with pytest.raises(NoSuchMessage):
        await store.prompt_source("nope", 5)
    other = await store.begin_reply(session.id, branch[2].id)
    assert other.siblings == 2
    source = await store.prompt_source(branch[4].id, 2)
    assert (source.messages[1].sibling, source.messages[1].siblings, source.whole) == (1, 2, False)
    assert (await store.prompt_source(branch[5].id, 3)).messages[0] == await store.message(branch[2].id)
