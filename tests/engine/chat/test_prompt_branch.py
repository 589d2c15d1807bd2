"""How much of a conversation is read for a prompt."""

from __future__ import annotations

import sqlite3
from collections.abc import Awaitable, Callable
from contextlib import closing
from pathlib import Path
from typing import Any

from tale_tui.config.paths import Paths
from tale_tui.domain.constants import FIRST_READ_MESSAGES
from tale_tui.domain.conversation import Author, MessageState
from tale_tui.domain.events import Routed, TurnDone
from tale_tui.engine.models.scripted import Say, Script, ScriptedBackend, spoken
from tale_tui.engine.store.conversations.message_tree import NewMessage, append_message
from tale_tui.engine.store.store import Store
from tale_tui.engine.store.transactions import transaction

Begin = Callable[..., Awaitable[Any]]


def reads_of(store: Store) -> list[int]:
    """The limits with which the store is asked from now on."""
    limits: list[int] = []
    above = store.prompt_source

    async def counted(message_id: str, limit: int) -> Any:
        limits.append(limit)
        return await above(message_id, limit)

    store.prompt_source = counted  # type: ignore[method-assign]
    return limits


async def fill(store: Store, session_id: str, turns: int, text: str) -> None:
    for number in range(turns):
        _, reply, *_ = await store.begin_turn(session_id, user_id=f"u{number}", text=f"{number} {text}", reply_ref=None)
        await store.finish_reply(reply.id, state=MessageState.COMPLETE, text=f"answer {number}")


async def test_a_short_conversation_is_read_once_and_sent_whole(talk: Begin) -> None:
    chat = await talk([spoken("a")])
    await fill(chat.engine.store, chat.session_id, 10, "q")
    limits = reads_of(chat.engine.store)
    events = await chat.ask("last")
    assert limits == [FIRST_READ_MESSAGES]
    assert [event.view_from for event in events if isinstance(event, Routed)] == [None]
    assert len(chat.backend.requests[-1].messages) == 22


async def test_a_long_one_is_read_as_far_as_the_window_reaches(talk: Begin) -> None:
    chat = await talk(ScriptedBackend([spoken("a")], window=2048))
    await fill(chat.engine.store, chat.session_id, 100, "word " * 40)
    limits = reads_of(chat.engine.store)
    events = await chat.ask("last")
    assert limits == [FIRST_READ_MESSAGES]
    (routed,) = [event for event in events if isinstance(event, Routed)]
    assert routed.view_from is not None
    assert (await chat.stored()).view_from == routed.view_from


async def test_short_messages_are_read_until_the_window_is_full_or_all_are_there(talk: Begin) -> None:
    chat = await talk([spoken("a")])
    await fill(chat.engine.store, chat.session_id, 100, "q")
    limits = reads_of(chat.engine.store)
    events = await chat.ask("last")
    assert limits == [FIRST_READ_MESSAGES, FIRST_READ_MESSAGES * 3], "only what is above those that were read"
    assert [event.view_from for event in events if isinstance(event, Routed)] == [None]
    assert len(chat.backend.requests[-1].messages) == 202


async def test_the_transcript_is_not_read(talk: Begin, monkeypatch: Any) -> None:
    chat = await talk([spoken("a")], detect={"enabled": True})

    async def read(session_id: str) -> Any:
        raise AssertionError("the whole transcript was read")

    monkeypatch.setattr(chat.engine.store, "transcript", read)
    await chat.ask("hello")
    assert len(chat.backend.requests) == 1


TURNS = 5_000


def fill_at_once(database: Path, session_id: str, turns: int, text: str) -> None:
    """A long conversation, in one transaction."""

    def job(connection: sqlite3.Connection) -> None:
        (session_n,) = connection.execute("SELECT n FROM session WHERE id = ?", (session_id,)).fetchone()
        above = None
        for number in range(turns):
            for author in (Author.USER, Author.ASSISTANT):
                new = NewMessage(f"{author}{number}", author, f"{number} {text}", float(number))
                above = append_message(connection, session_n, above, new)

    with closing(sqlite3.connect(database, isolation_level=None)) as connection:
        transaction("BEGIN IMMEDIATE", job, connection)


async def test_the_report_says_what_the_last_turn_said_of_the_window(talk: Begin) -> None:
    chat = await talk([Script((Say("a"),), prompt_tokens=300), Script((Say("b"),), prompt_tokens=900)])
    for text in ("first", "second"):
        (use,) = [event.window for event in await chat.ask(text) if isinstance(event, TurnDone)]
        report = await chat.engine.chat.context(chat.session_id)
        assert use is not None
        assert (use.used, use.left_out) == (report.used, False)
        assert use.window == report.window


async def test_turns_that_were_left_out_are_told_of_with_the_window(talk: Begin, paths: Paths) -> None:
    chat = await talk(ScriptedBackend([spoken("a")], window=2_048), context={"summaries": False})
    fill_at_once(paths.database, chat.session_id, 100, "word " * 40)
    (use,) = [event.window for event in await chat.ask("last") if isinstance(event, TurnDone)]
    report = await chat.engine.chat.context(chat.session_id)
    assert use is not None
    assert use.left_out
    assert report.turns_lost
    assert use.used == report.used


async def test_of_a_conversation_of_5000_turns_no_more_is_read_than_has_room(talk: Begin, paths: Paths) -> None:
    chat = await talk(ScriptedBackend([spoken("a")], window=8_192))
    store: Store = chat.engine.store
    fill_at_once(paths.database, chat.session_id, TURNS, "word " * 40)
    read: list[int] = []
    above, end = store.prompt_source, store.branch_source

    async def counted_above(message_id: str, limit: int) -> Any:
        read.append(len((source := await above(message_id, limit)).messages))
        return source

    async def counted_end(session_id: str, limit: int) -> Any:
        read.append(len((source := await end(session_id, limit)).messages))
        return source

    store.prompt_source = counted_above  # type: ignore[method-assign]
    store.branch_source = counted_end  # type: ignore[method-assign]
    await chat.ask("last")
    sent = sum(message.role != "system" for message in chat.backend.requests[-1].messages)
    assert sent > 60
    assert sent <= sum(read) <= 3 * sent
    read.clear()
    report = await chat.engine.chat.context(chat.session_id)
    assert (report.turns, report.turns_shown + report.turns_lost) == (TURNS + 1, TURNS + 1)
    assert sum(read) <= 3 * sent


async def test_a_digest_is_found_beyond_what_is_read_at_first(talk: Begin, paths: Paths) -> None:
    chat = await talk(ScriptedBackend([spoken("a")], window=8_192))
    store: Store = chat.engine.store
    fill_at_once(paths.database, chat.session_id, 600, "word " * 40)
    await store.add_digest("assistant400", "The fish is red.", turns=401, ref=None)
    await chat.ask("last")
    first = next(message for message in chat.backend.requests[-1].messages if message.role == "user")
    assert "> The fish is red." in first.text
