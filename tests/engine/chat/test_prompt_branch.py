"""How much of a conversation is read for a prompt."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from tale_tui.domain.constants import FIRST_READ_MESSAGES
from tale_tui.domain.conversation import MessageState
from tale_tui.domain.events import Routed
from tale_tui.engine.models.scripted import ScriptedBackend, spoken
from tale_tui.engine.store.store import Store

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
    assert limits == [FIRST_READ_MESSAGES, FIRST_READ_MESSAGES * 4]
    assert [event.view_from for event in events if isinstance(event, Routed)] == [None]
    assert len(chat.backend.requests[-1].messages) == 202


async def test_the_transcript_is_not_read(talk: Begin, monkeypatch: Any) -> None:
    chat = await talk([spoken("a")], detect={"enabled": True})

    async def read(session_id: str) -> Any:
        raise AssertionError("the whole transcript was read")

    monkeypatch.setattr(chat.engine.store, "transcript", read)
    await chat.ask("hello")
    assert len(chat.backend.requests) == 1
