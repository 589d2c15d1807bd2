"""Digests belong to the path of messages that they are of."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest

from tale_tui.domain.conversation import Message
from tale_tui.domain.errors import NoSuchMessage, NoSuchSession
from tale_tui.domain.models import ModelRef
from tale_tui.engine.store.store import Store

Talk = Callable[..., Awaitable[tuple[Message, Message]]]


async def three_turns(store: Store, talk: Talk) -> tuple[str, list[Message]]:
    session = await store.add_session()
    for number in range(3):
        await talk(session.id, f"Question {number}")
    return session.id, list((await store.transcript(session.id)).messages)


async def test_a_digest_is_found_from_below_the_one_that_goes_furthest_first(
    store: Store, talk: Talk, ref: ModelRef
) -> None:
    session_id, branch = await three_turns(store, talk)
    first = await store.add_digest(branch[1].id, "One turn.\x1b[1m", turns=1, ref=ref)
    second = await store.add_digest(branch[3].id, "Two turns.", turns=2, ref=ref)
    assert (first.text, first.turns, first.ref, first.message_id) == ("One turn.", 1, ref, branch[1].id)
    assert (await store.prompt_source(branch[5].id, 1)).digests == (second, first)
    assert (await store.branch_source(session_id, 10)).digests == (second, first)
    assert (await store.prompt_source(branch[2].id, 10)).digests == (first,)
    assert (await store.prompt_source(branch[0].id, 10)).digests == ()


async def test_of_two_digests_of_the_same_turns_the_first_stays(store: Store, talk: Talk) -> None:
    _, branch = await three_turns(store, talk)
    first = await store.add_digest(branch[1].id, "First.", turns=1, ref=None)
    assert await store.add_digest(branch[1].id, "Second.", turns=1, ref=None) == first


async def test_another_version_of_a_message_has_none_of_the_digests_below_the_old_one(store: Store, talk: Talk) -> None:
    session_id, branch = await three_turns(store, talk)
    kept = await store.add_digest(branch[1].id, "One.", turns=1, ref=None)
    await store.add_digest(branch[3].id, "Two.", turns=2, ref=None)
    turn = await store.begin_turn(session_id, user_id="again", text="Otherwise", beside=branch[2].id)
    assert (await store.prompt_source(turn.reply.id, 10)).digests == (kept,)


async def test_what_is_not_there_has_no_digest(store: Store) -> None:
    with pytest.raises(NoSuchMessage):
        await store.add_digest("nope", "x", turns=1, ref=None)
    with pytest.raises(NoSuchSession):
        await store.branch_source("nope", 5)
    empty = await store.branch_source((await store.add_session()).id, 5)
    assert (empty.messages, empty.whole, empty.digests) == ((), True, ())
