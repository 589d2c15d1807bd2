"""What a turn stores and when, and what happens when something fails in the middle."""

from __future__ import annotations

import sqlite3
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from tale_tui.domain.conversation import Message, MessageState, QueuedMessage, Transcript
from tale_tui.domain.errors import BadInput, NoSuchMessage, NoSuchSession, StoreError
from tale_tui.domain.models import BackendName, FinishReason, ModelRef, Usage
from tale_tui.engine.store.store import Store

Sabotage = Callable[[str], None]
Talk = Callable[..., Awaitable[tuple[Message, Message]]]


def texts(transcript: Transcript) -> list[str]:
    return [message.text for message in transcript.messages]


async def test_a_reply_and_its_usage_are_stored_together(
    store: Store, sabotage: Sabotage, ref: ModelRef, usage: Usage
) -> None:
    session = await store.add_session()
    _, reply, *_ = await store.begin_turn(session.id, user_id="u1", text="Hello", reply_ref=ref)
    await store.save_partial(reply.id, "An ans", "", ref)
    sabotage("BEFORE INSERT ON usage")
    with pytest.raises(StoreError, match="sabotage"):
        await store.finish_reply(reply.id, state=MessageState.COMPLETE, text="An answer", usage=usage)
    left = await store.message(reply.id)
    assert (left.state, left.text, left.usage) == (MessageState.STREAMING, "An ans", None)


async def test_a_finished_reply(store: Store, ref: ModelRef, usage: Usage) -> None:
    session = await store.add_session()
    _, reply, *_ = await store.begin_turn(session.id, user_id="u1", text="Hello", reply_ref=None)
    assert reply.ref is None
    done = await store.finish_reply(
        reply.id,
        state=MessageState.COMPLETE,
        text="An\x07 answer",
        thinking="Hm\x1b[2J.",
        ref=ref,
        usage=usage,
        finish=FinishReason.LENGTH,
    )
    assert (done.text, done.thinking, done.ref, done.usage) == ("An answer", "Hm.", ref, usage)
    assert (done.finish, done.state, done.error) == (FinishReason.LENGTH, MessageState.COMPLETE, "")
    assert await store.message(reply.id) == done
    assert (await store.transcript(session.id)).messages[-1] == done


async def test_a_failed_reply_keeps_its_text_its_model_and_says_why(store: Store, ref: ModelRef) -> None:
    session = await store.add_session()
    _, reply, *_ = await store.begin_turn(session.id, user_id="u1", text="Hello", reply_ref=ref)
    failed = await store.finish_reply(
        reply.id, state=MessageState.FAILED, text="Half", error="The server ended.\nStart it again.\x1b[31m"
    )
    assert (failed.text, failed.ref, failed.usage) == ("Half", ref, None)
    assert failed.error == "The server ended. Start it again."


async def test_a_partial_reply_is_stored_while_it_streams_and_not_after(store: Store, ref: ModelRef) -> None:
    session = await store.add_session()
    _, reply, *_ = await store.begin_turn(session.id, user_id="u1", text="Hello", reply_ref=None)
    await store.save_partial(reply.id, "An ans", "Hm", ref)
    partial = await store.message(reply.id)
    assert (partial.text, partial.thinking, partial.ref) == ("An ans", "Hm", ref)
    await store.finish_reply(reply.id, state=MessageState.STOPPED, text="An answ")
    await store.save_partial(reply.id, "too late", "", ModelRef(BackendName.OPENAI, "other"))
    stopped = await store.message(reply.id)
    assert (stopped.text, stopped.state, stopped.ref) == ("An answ", MessageState.STOPPED, ref)
    await store.delete_session(session.id)
    await store.save_partial(reply.id, "gone", "", ref)
    with pytest.raises(NoSuchMessage):
        await store.finish_reply(reply.id, state=MessageState.COMPLETE, text="gone")


async def test_a_turn_in_a_session_that_is_not_there(store: Store, ref: ModelRef) -> None:
    with pytest.raises(NoSuchSession):
        await store.begin_turn("nope", user_id="u1", text="Hello", reply_ref=ref)


async def test_what_waited_leaves_the_queue_when_it_is_sent(store: Store, ref: ModelRef) -> None:
    session = await store.add_session()
    first = await store.enqueue(session.id, "One", key="q1")
    second = await store.enqueue(session.id, "Two\x07", key="q2")
    assert await store.queued(session.id) == (first, second)
    assert (second.text, second.id) == ("Two", "q2")
    assert await store.enqueue(session.id, "One again", key="q1") == first
    await store.begin_turn(session.id, user_id="q1", text="One", reply_ref=ref)
    assert (await store.transcript(session.id)).queued == (second,)
    assert await store.dequeue(session.id, "q2") == second
    assert await store.dequeue(session.id, "q2") is None
    assert await store.queued(session.id) == ()


async def test_each_session_has_a_queue_of_its_own(store: Store) -> None:
    one, other = await store.add_session(), await store.add_session()
    queued = await store.enqueue(one.id, "One", key="q1")
    assert await store.queued(other.id) == ()
    assert await store.dequeue(other.id, "q1") is None
    with pytest.raises(BadInput):
        await store.enqueue(other.id, "One", key="q1")
    assert await store.queued(one.id) == (QueuedMessage("q1", "One", queued.created),)


async def test_asking_again_makes_a_version_beside_the_reply(store: Store, talk: Talk, ref: ModelRef) -> None:
    session = await store.add_session()
    user, first = await talk(session.id, "Question", "First answer")
    await talk(session.id, "And then?", "Then this.")
    second = await store.begin_reply(session.id, user.id, ref)
    assert (second.sibling, second.siblings, second.state) == (2, 2, MessageState.STREAMING)
    await store.finish_reply(second.id, state=MessageState.COMPLETE, text="Second answer")
    shown = await store.transcript(session.id)
    assert texts(shown) == ["Question", "Second answer"]
    assert shown.session.turns == 1
    back = await store.show_sibling(session.id, second.id, -1)
    assert texts(back) == ["Question", "First answer", "And then?", "Then this."]
    assert back == await store.transcript(session.id)
    assert (back.session.turns, back.messages[1].id, back.messages[1].sibling) == (2, first.id, 1)


async def test_versions_wrap_round(store: Store, talk: Talk, ref: ModelRef) -> None:
    session = await store.add_session()
    user, first = await talk(session.id, "Question")
    replies = [first.id, *[(await store.begin_reply(session.id, user.id, ref)).id for _ in range(2)]]
    for step, place in ((1, 1), (2, 2), (3, 0), (-1, 2), (0, 0)):
        shown = await store.show_sibling(session.id, first.id, step)
        assert shown.messages[-1].id == replies[place]
        assert (shown.messages[-1].sibling, shown.messages[-1].siblings) == (place + 1, 3)


async def test_only_what_fits_can_be_edited_or_answered(store: Store, talk: Talk, ref: ModelRef) -> None:
    session, other = await store.add_session(), await store.add_session()
    user, reply = await talk(session.id, "Question")
    for call in (
        store.begin_turn(session.id, user_id="new", text="text", reply_ref=ref, beside=reply.id),
        store.begin_reply(session.id, reply.id, ref),
        store.begin_reply(other.id, user.id, ref),
        store.begin_turn(session.id, user_id="new", text="text", reply_ref=ref, beside="nope"),
        store.show_sibling(other.id, user.id, 1),
        store.message("nope"),
        store.reopen_reply(user.id),
        store.reopen_reply(reply.id),
        store.reopen_reply("nope"),
    ):
        with pytest.raises(NoSuchMessage):
            await call


@pytest.mark.parametrize(
    ("state", "finish"),
    [
        (MessageState.STOPPED, None),
        (MessageState.INTERRUPTED, None),
        (MessageState.FAILED, None),
        (MessageState.COMPLETE, FinishReason.LENGTH),
    ],
)
async def test_a_reply_that_broke_off_can_be_gone_on_with(
    store: Store, ref: ModelRef, usage: Usage, state: MessageState, finish: FinishReason | None
) -> None:
    session = await store.add_session()
    _, reply, *_ = await store.begin_turn(session.id, user_id="u1", text="Hello", reply_ref=ref)
    await store.finish_reply(reply.id, state=state, text="Half a quokka", usage=usage, finish=finish, error="It broke.")
    assert len(await store.search("quokka")) == 1
    again = await store.reopen_reply(reply.id)
    assert (again.state, again.text, again.error, again.finish) == (MessageState.STREAMING, "Half a quokka", "", None)
    assert await store.search("quokka") == ()
    with pytest.raises(NoSuchMessage):
        await store.reopen_reply(reply.id)
    await store.save_partial(reply.id, "Half a quokka and", "", ref)
    whole = await store.finish_reply(reply.id, state=MessageState.COMPLETE, text="Half a quokka and a numbat")
    assert whole.usage == usage
    assert [hit.message_id for hit in await store.search("quokka numbat")] == [reply.id]


async def test_the_prompt_history_has_no_repeats_in_a_row(store: Store, talk: Talk) -> None:
    one, other = await store.add_session(), await store.add_session()
    for session_id, text in ((one.id, "a"), (other.id, "b"), (one.id, "b"), (one.id, "a"), (other.id, "c")):
        await talk(session_id, text)
    assert await store.prompt_history() == ("a", "b", "a", "c")
    assert await store.prompt_history(limit=2) == ("a", "c")


async def test_text_that_lies_in_the_file_passes_the_border_again(store: Store, talk: Talk, path: Path) -> None:
    session = await store.add_session()
    await talk(session.id, "Hello")
    with sqlite3.connect(path) as connection:
        sql = "UPDATE message SET text = :text, thinking = :text, error = :text, model = :text"
        connection.execute(sql, {"text": "A\x1b[2J\u202eB"})
        sql = "UPDATE session SET title = :text, system = :text, draft = :text"
        connection.execute(sql, {"text": "A\x1b]0;x\x07\nB"})
    connection.close()
    transcript = await store.transcript(session.id)
    for message in transcript.messages:
        assert (message.text, message.thinking, message.error) == ("AB", "AB", "AB")
    assert transcript.messages[1].ref == ModelRef(BackendName.OLLAMA, "AB")
    assert transcript.session.title == "A B"
    assert transcript.session.system == transcript.view.draft == "A\nB"
    assert await store.prompt_history() == ("AB",)


async def test_which_reply_is_shown(store: Store, talk: Talk) -> None:
    session = await store.add_session()
    user, first = await talk(session.id, "One")
    second = await store.begin_reply(session.id, user.id)
    assert await store.shown_reply(user.id) == second
    assert await store.shown_reply(second.id) is None
    await store.show_sibling(session.id, second.id, 1)
    shown = await store.shown_reply(user.id)
    assert shown is not None
    assert shown.id == first.id
    with pytest.raises(NoSuchMessage):
        await store.shown_reply("nope")


async def test_why_a_model_replied_is_kept(store: Store, ref: ModelRef) -> None:
    session = await store.add_session()
    _, reply, *_ = await store.begin_turn(session.id, user_id="u1", text="Hello", reply_ref=ref)
    done = await store.finish_reply(reply.id, state=MessageState.COMPLETE, text="Hi", why="the fallback\x1b[1m")
    assert done.why == "the fallback"
    done = await store.finish_reply(reply.id, state=MessageState.COMPLETE, text="Hi")
    assert done.why == "the fallback"


async def test_editing_makes_a_version_beside_the_message(store: Store, talk: Talk, ref: ModelRef) -> None:
    session = await store.add_session()
    session = await store.add_session()
    await talk(session.id, "First", "One.")
    user, _ = await talk(session.id, "Secnod", "Two.")
    await talk(session.id, "Third", "Three.")
    edited, reply, *_ = await store.begin_turn(session.id, user_id="new", text="Second", reply_ref=ref, beside=user.id)
    assert (edited.id, edited.sibling, edited.siblings, reply.parent_id) == ("new", 2, 2, "new")
    assert texts(await store.transcript(session.id)) == ["First", "One.", "Second", ""]
    assert await store.begin_turn(session.id, user_id="new", text="Second", reply_ref=ref, beside=user.id) == (
        *(edited, reply, None),
        await store.session(session.id),
    )
    back = await store.show_sibling(session.id, "new", 1)
    assert texts(back) == ["First", "One.", "Secnod", "Two.", "Third", "Three."]


async def test_the_first_message_can_be_edited_too(store: Store, talk: Talk, ref: ModelRef) -> None:
    session = await store.add_session()
    session = await store.add_session()
    user, _ = await talk(session.id, "Helo", "Hi.")
    edited, *_ = await store.begin_turn(session.id, user_id="new", text="Hello", reply_ref=ref, beside=user.id)
    assert (edited.parent_id, edited.sibling, edited.siblings) == (None, 2, 2)
    assert texts(await store.transcript(session.id)) == ["Hello", ""]
    assert texts(await store.show_sibling(session.id, "new", -1)) == ["Helo", "Hi."]
    assert (await store.session(session.id)).title == "Helo"
