"""Where a conversation stands."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest

from tale_tui.engine.errors import NoSuchMessage, NoSuchSession
from tale_tui.engine.store import Store
from tale_tui.engine.types import Message

Talk = Callable[..., Awaitable[tuple[Message, Message]]]


async def test_the_end_of_a_conversation(store: Store, talk: Talk) -> None:
    session = await store.add_session(system="Be brief.\x1b[1m")
    empty = await store.session_end(session.id)
    assert (empty.system, empty.view_from, empty.last, empty.above) == ("Be brief.", None, None, None)
    await talk(session.id, "One")
    user, reply = await talk(session.id, "Two")
    await store.set_view_from(session.id, user.id)
    end = await store.session_end(session.id)
    assert (end.view_from, end.last, end.above) == (user.id, reply, await store.message(user.id))
    with pytest.raises(NoSuchSession):
        await store.session_end("nope")


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
    assert await store.has_message(user.id)
    assert not await store.has_message("nope")
