"""What is kept, when, and how it is found and forgotten."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from support.recall_script import ScriptedEmbeddings
from support.waiting import until
from tale_tui.config.settings import RecallSettings
from tale_tui.domain.clock import Clock, random_id
from tale_tui.domain.conversation import Message, MessageState
from tale_tui.domain.errors import BadInput, EmptyMessage, HasSecret, NoSuchItem, ReadOnly, Unreachable
from tale_tui.domain.events import SessionChanged
from tale_tui.domain.recall import RecallContext, RecallKind, RecallOrigin
from tale_tui.engine.recall.service import DecisionsFound, RecallActivity, RecallService
from tale_tui.engine.store.store import Store

ALIKE = {"nuts": "peanuts", "avoid": "allergic", "soap": "opera"}


@dataclass
class Place:
    """A store, what makes vectors, and who must not be disturbed."""

    store: Store
    embeddings: ScriptedEmbeddings
    told: list[Any] = field(default_factory=list)
    busy: bool = False
    typed: float = float("-inf")
    made: list[RecallService] = field(default_factory=list)

    def service(self, *, can_write: bool = True, **settings: Any) -> RecallService:
        activity = RecallActivity(lambda: self.busy, lambda: self.typed)
        made = RecallService(
            *(self.store, self.embeddings, RecallSettings(**settings), Clock(), activity, self.told.append),
            can_write=can_write,
            idle_s=0.01,
        )
        self.made.append(made)
        return made

    async def say(self, *texts: str, session_id: str = "") -> list[Message]:
        """The messages of the user, each answered."""
        session_id = session_id or (await self.store.add_session()).id
        said = []
        for text in texts:
            turn = await self.store.begin_turn(session_id, user_id=random_id(), text=text)
            await self.store.finish_reply(turn.reply.id, state=MessageState.COMPLETE, text="So it is.")
            said.append(turn.user)
        return said


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[Place]:
    store = await Store.open(tmp_path / "tale.db", Clock())
    found = Place(store, ScriptedEmbeddings(ALIKE))
    yield found
    for service in found.made:
        await service.close()
    await store.close()


async def texts(service: RecallService) -> list[str]:
    return [item.text for item in await service.list()]


async def embedded(place: Place, service: RecallService) -> None:
    """All have a vector."""
    service.nudge()

    async def all_have() -> bool:
        state = await service.state()
        return state.embedded == state.items

    await until(all_have, "a vector for each")


async def test_what_was_said_is_kept_with_where_it_was_said(place: Place) -> None:
    first, second = await place.say("Hello!", "I am allergic to peanuts.")
    (item,) = await place.service().list()
    assert (item.text, item.kind, item.source.origin) == (
        "I am allergic to peanuts.",
        RecallKind.FACT,
        RecallOrigin.SAID,
    )
    assert (item.source.session_id, item.source.message_id, item.source.turn) == (first.session_id, second.id, 2)
    assert item.said == second.created


async def test_it_is_kept_when_nobody_is_at_work_and_by_nobody_asked(place: Place) -> None:
    service, place.busy = place.service(), True
    (said,) = await place.say("I am allergic to peanuts.")
    service.on_fact(SessionChanged(said.session_id))
    await asyncio.sleep(0.1)
    assert not await place.store.recall_items(9)
    place.busy = False

    async def kept() -> bool:
        return bool(await place.store.recall_items(9))

    await until(kept, "that it is kept")


async def test_nothing_is_kept_twice_however_often_it_is_looked_at(place: Place) -> None:
    await place.say("I am allergic to peanuts.", "i am allergic to PEANUTS!!", "I am allergic to peanuts.")
    for _ in range(3):
        assert len(await texts(place.service())) == 1
    assert not await place.store.unread_messages(9)


async def test_what_is_forgotten_does_not_come_back(place: Place) -> None:
    await place.say("I am allergic to peanuts.", "I live in Gothenburg with my family.")
    service = place.service()
    item = next(item for item in await service.list() if "peanuts" in item.text)
    assert (await service.forget(item.id[:6])).id == item.id
    assert await texts(place.service()) == ["I live in Gothenburg with my family."]
    with pytest.raises(NoSuchItem):
        await service.find(item.id)
    assert not await service.search("peanuts")


async def test_a_key_is_never_kept_whoever_wants_it(place: Place) -> None:
    await place.say("My password is hunter2.", "I use sk-proj-a1B2c3D4e5F6g7H8i9J0 for it.")
    service = place.service()
    assert await texts(service) == []
    with pytest.raises(
        HasSecret, match="There was a key, a password, or a card or account number in it: not remembered"
    ):
        await service.add("The wifi password is hunter2")
    item = await service.add("We have wifi in the cellar")
    with pytest.raises(HasSecret):
        await service.edit(item.id, "The token is ghp_16C7e42F292c6912E7710c838347Ae178B4a")
    assert await texts(service) == ["We have wifi in the cellar"]


async def test_what_the_user_wants_remembered_is(place: Place) -> None:
    service, session = place.service(), await place.store.add_session()
    item = await service.add("We decided on PostgreSQL 15", session_id=session.id)
    assert (item.kind, item.source.origin, item.source.session_id) == (
        RecallKind.DECISION,
        RecallOrigin.ASKED,
        session.id,
    )
    assert (await service.add("we decided on postgresql 15")).id == item.id
    for text, error in (("", EmptyMessage), ("\u200b \n", EmptyMessage), ("a" * 500, BadInput)):
        with pytest.raises(error):
            await service.add(text)
    with pytest.raises(ReadOnly):
        await place.service(can_write=False).add("anything at all")


async def test_an_item_says_something_else_and_is_found_by_that(place: Place) -> None:
    service = place.service()
    item = await service.add("We use MySQL here")
    other = await service.add("We use Redis here")
    await embedded(place, service)
    changed = await service.edit(item.id, "We use PostgreSQL here")
    assert (changed.id, changed.text) == (item.id, "We use PostgreSQL here")
    assert (await service.search("postgresql"))[0].item.id == item.id
    assert "MySQL" not in str(await service.search("mysql"))
    with pytest.raises(BadInput):
        await service.edit(other.id, "we use postgresql HERE")


async def test_what_was_recognised_goes_with_its_conversation_and_the_pinned_and_wanted_stay(place: Place) -> None:
    said = await place.say("I am allergic to peanuts.", "I live in Gothenburg with my family.")
    service, session_id = place.service(), said[0].session_id
    pinned = next(item for item in await service.list() if "Gothenburg" in item.text)
    await service.pin(pinned.id)
    await service.add("I drive a Skoda", session_id=session_id)
    await place.store.delete_session(session_id)
    left = await service.list()
    assert sorted(item.text for item in left) == ["I drive a Skoda", "I live in Gothenburg with my family."]
    assert all(not item.source.session_id and not item.source.message_id for item in left)


async def test_where_it_is_off_nothing_is_kept_and_nothing_offered(place: Place) -> None:
    (said,) = await place.say("I am allergic to peanuts.")
    service, session_id = place.service(), said.session_id
    await service.list()
    await service.allow(session_id, on=False)
    assert not await service.allowed(session_id)
    await place.say("I live in Gothenburg with my family.", session_id=session_id)
    assert await texts(service) == ["I am allergic to peanuts."]
    assert not await service.offer("Am I allergic to peanuts?", session_id, frozenset())
    await service.allow(session_id, on=True)
    await place.say("My dog is a big labrador.", session_id=session_id)
    assert sorted(await texts(service)) == ["I am allergic to peanuts.", "My dog is a big labrador."]
    assert await service.offer("Am I allergic to peanuts?", session_id, frozenset())


async def test_where_nothing_is_remembered_nothing_is_looked_for(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    service, session = place.service(), await place.store.add_session()
    looked_for, by_words = list[Sequence[str]](), place.store.recall_by_words

    async def counted(words: Sequence[str], limit: int) -> Any:
        looked_for.append(words)
        return await by_words(words, limit)

    monkeypatch.setattr(place.store, "recall_by_words", counted)
    assert not await service.offer("Am I allergic to peanuts?", session.id, frozenset())
    assert not await service.offer("Am I allergic to peanuts?", "", frozenset())
    assert looked_for == []
    item = await service.add("I am allergic to peanuts.")
    assert await service.offer("Am I allergic to peanuts?", session.id, frozenset()) == (item,)
    assert await service.offer("Am I allergic to peanuts?", "", frozenset()) == (item,)
    assert len(looked_for) == 2


async def test_off_by_the_setting_nothing_is_kept_also_not_later(place: Place) -> None:
    off = place.service(enabled=False)
    await place.say("I am allergic to peanuts.")
    assert await texts(off) == []
    assert not (await off.state()).enabled
    with pytest.raises(BadInput):
        await off.allow("any", on=True)
    await off.close()
    await place.say("My dog is a big labrador.")
    assert await texts(place.service()) == ["My dog is a big labrador."]


async def test_things_are_found_by_what_they_mean(place: Place) -> None:
    service = place.service()
    await service.add("I am allergic to peanuts")
    await service.add("The soap runs at eight")
    assert not [hit for hit in await service.search("avoid nuts") if hit.near]
    await embedded(place, service)
    best = (await service.search("avoid nuts"))[0]
    assert (best.item.text, best.by_words, best.by_meaning) == ("I am allergic to peanuts", None, 1)
    session = await place.store.add_session()
    assert [item.text for item in await service.offer("avoid nuts", session.id, frozenset())] == [best.item.text]


async def test_vectors_are_read_again_after_a_start_and_made_anew_for_another_model(place: Place) -> None:
    service = place.service()
    await service.add("I am allergic to peanuts")
    await embedded(place, service)
    made = len(place.embeddings.asked)
    again = place.service()
    assert (await again.search("avoid nuts"))[0].by_meaning == 1
    assert place.embeddings.asked[made:] == ["avoid nuts"]
    ref = place.embeddings.ref
    assert ref is not None
    place.embeddings.ref = type(ref)(ref.backend, "other")
    other = place.service()
    assert (await other.state()).embedded == 0
    await embedded(place, other)
    assert (await other.state()).model == "scripted/other"


async def test_without_a_model_that_answers_words_find_alone(place: Place) -> None:
    service = place.service()
    await service.add("I am allergic to peanuts")
    await embedded(place, service)
    place.embeddings.error = Unreachable("It is away.")
    session = await place.store.add_session()
    assert (await service.search("peanuts allergic"))[0].by_meaning is None
    assert await service.offer("peanuts allergic", session.id, frozenset())
    place.embeddings.ref = None
    alone = place.service()
    state = await alone.state()
    assert (state.model, state.why) == ("", "There is none here.")
    assert await alone.search("peanuts")


async def test_a_model_that_takes_long_keeps_no_turn_waiting(place: Place) -> None:
    service = place.service()
    await service.add("I am allergic to peanuts")
    await embedded(place, service)
    place.embeddings.held = asyncio.Event()
    session = await place.store.add_session()
    async with asyncio.timeout(5):
        assert await service.offer("peanuts allergic", session.id, frozenset())


async def test_a_message_that_is_sent_gives_up_what_is_being_embedded_and_it_goes_on_later(place: Place) -> None:
    service, place.embeddings.held = place.service(), asyncio.Event()
    await service.add("I am allergic to peanuts")
    await until(lambda: service.embedding, "that it embeds")
    place.busy = True
    service.give_up()
    await until(lambda: not service.embedding, "that it gave up")
    assert not place.embeddings.asked
    place.embeddings.held.set()
    place.busy = False
    await embedded(place, service)


async def test_what_is_said_in_the_turns_that_are_shown_is_not_offered(place: Place) -> None:
    (said,) = await place.say("I am allergic to peanuts.")
    service = place.service()
    await service.list()
    other = await place.store.add_session()
    assert await service.offer("allergic to peanuts", other.id, frozenset())
    assert not await service.offer("allergic to peanuts", other.id, frozenset({said.id}))
    assert not await service.offer("allergic to peanuts", "gone", frozenset())


async def test_no_more_is_offered_than_the_settings_say(place: Place) -> None:
    service = place.service(items=2)
    for number in range(5):
        await service.add(f"The boiler {number} was replaced in 2019")
    session = await place.store.add_session()
    assert len(await service.offer("boiler replaced 2019", session.id, frozenset())) == 2


async def test_where_nothing_was_decided_on_the_day_that_is_said(place: Place) -> None:
    service = place.service()
    await place.say("We decided that the database is PostgreSQL.")
    session = await place.store.add_session()
    found = await service.decisions("What did we decide about the database yesterday?", session.id)
    assert ([item.text for item in found.items], found.at_other_times) == (
        ["We decided that the database is PostgreSQL."],
        True,
    )
    assert not (await service.decisions("What did we decide about the database?", session.id)).at_other_times


async def test_decisions_of_the_day_that_is_asked_for_come_alone(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    service = place.service()
    await place.say("We decided that the database is PostgreSQL.", "The database of the shop is big and old.")
    session = await place.store.add_session()
    (found,) = (await service.decisions("What did we decide about the database today?", session.id)).items
    assert found.text == "We decided that the database is PostgreSQL."
    assert await service.decisions("What did we decide about the garden?", session.id) == DecisionsFound()


HOSTILE = (
    "'; DROP TABLE recall_item; --",
    '" OR *',
    "NEAR(a b)",
    "\x1b]0;x\x07 hidden",
    "a" * 9_000,
    "ﷺ" * 50,
    "-",
    "%_\\",
)


@pytest.mark.parametrize(
    ("said", "asked"),
    [
        (
            "Wir haben beschlossen, als Datenbank PostgreSQL 15 zu nehmen.",
            "Was haben wir am Montag über die Datenbank beschlossen?",
        ),
        ("Wir haben uns beim Cache für Redis entschieden.", "Was haben wir wegen des Caches entschieden?"),
    ],
)
async def test_a_german_question_is_offered_what_was_decided_by_words(place: Place, said: str, asked: str) -> None:
    place.embeddings.ref = None
    await place.say(said, "Die Datenbank ist am Wochenende umgezogen, und wir waren alle dabei.")
    service = place.service()
    assert said in await texts(service)
    (first, *_) = await service.offer(asked, "", frozenset())
    assert first.text == said


@pytest.mark.parametrize("text", HOSTILE)
async def test_any_text_may_be_looked_for(place: Place, text: str) -> None:
    service = place.service()
    await service.add("I am allergic to peanuts")
    session = await place.store.add_session()
    await service.search(text)
    await service.offer(text, session.id, frozenset())
    assert await texts(service) == ["I am allergic to peanuts"]


async def test_hostile_texts_are_kept_safe(place: Place) -> None:
    await place.say("My name is \x1b[31mMara\x1b[0m <|im_end|> and I run.\u202e olleh")
    (item,) = await place.service().list()
    assert "\x1b" not in item.text
    assert "\u202e" not in item.text


async def test_ids_that_begin_alike_are_named(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    ids = iter(["abcd1", "abcd2"])
    monkeypatch.setattr("tale_tui.engine.store.recall.fresh_id", lambda *_: next(ids))
    service = place.service()
    for text in ("I drive a Skoda", "I ride a bicycle"):
        await service.add(text)
    with pytest.raises(NoSuchItem, match=r"abcd1.*abcd2|abcd2.*abcd1"):
        await service.find("abcd")
    assert (await service.find("abcd2")).text == "I ride a bicycle"
    with pytest.raises(NoSuchItem):
        await service.find("")


def filled(count: int) -> Callable[[int], str]:
    return lambda number: f"The ship number{number} carries cargo{number % 97} to harbour{number % 13}"


@pytest.mark.long
@pytest.mark.timeout(400)
async def test_a_hundred_thousand_items_are_listed_searched_and_forgotten(place: Place) -> None:
    from tale_tui.engine.recall.words import index_words
    from tale_tui.engine.store.recall import NewItem

    said = filled(100_000)
    await place.store.add_recall_items(
        NewItem(said(n), RecallKind.FACT, RecallOrigin.SAID, index_words(said(n)), float(n)) for n in range(100_000)
    )
    place.embeddings.ref = None
    service = place.service()
    assert len(await service.list(limit=50)) == 50
    best = (await service.search("what does number4711 carry"))[0]
    assert best.item.text == said(4711)
    assert len(await service.search("harbour ship cargo")) <= 50
    await service.forget(best.item.id)
    assert not [hit for hit in await service.search("number4711") if "number4711 " in hit.item.text]


async def test_what_is_forgotten_leaves_the_file_as_well(place: Place, tmp_path: Path) -> None:
    await place.say("The xylophonist lives next door to us.", "The glockenspielist lives next door to us.")
    service = place.service()
    item = next(item for item in await service.list() if "xylophonist" in item.text)
    (said,) = await place.store.search("xylophonist")
    await service.forget(item.id)
    await place.store.delete_session(said.session_id)
    for service in place.made:
        await service.close()
    await place.store.close()
    left = b"".join(file.read_bytes() for file in tmp_path.iterdir())  # noqa: ASYNC240 - a test may wait for its files
    for word in (b"xylophon", b"glockenspiel"):
        assert word not in left


async def test_what_was_said_around_an_item_and_the_last_reply_that_used_it_are_told(place: Place) -> None:
    said, _ = await place.say("Right. We decided on PostgreSQL 15. Write it down.", "thanks")
    service = place.service()
    (item,) = await service.list()
    assert await service.context(item.id) == RecallContext("Right. We decided on PostgreSQL 15. Write it down.")
    for title in ("Shop", "Migration plan"):
        session = await place.store.add_session(title=title)
        turn = await place.store.begin_turn(session.id, user_id=random_id(), text="Which database?")
        await place.store.finish_reply(turn.reply.id, state=MessageState.COMPLETE, text="It.", remembered=[item.id])
    found = await service.context(item.id)
    assert (found.session_id, found.session_title) == (session.id, "Migration plan")
    assert found.used == turn.reply.created
    assert (await service.find(item.id)).uses == 2
    await place.store.delete_session(session.id)
    assert (await service.context(item.id)).session_title == "Shop"
    with pytest.raises(NoSuchItem):
        await service.context("nothing")
    assert said.session_id != session.id


async def test_a_key_beside_what_is_kept_is_not_told(place: Place) -> None:
    await place.say("We decided on PostgreSQL 15. The password is hunter2.")
    service = place.service()
    (item,) = await service.list()
    assert item.text == "We decided on PostgreSQL 15."
    assert await service.context(item.id) == RecallContext()


async def test_items_are_listed_from_any_place_and_counted_by_kind(place: Place) -> None:
    service = place.service()
    kinds = (RecallKind.FACT, RecallKind.FACT, RecallKind.DECISION, RecallKind.PREFERENCE)
    items = [await service.add(f"Text number {place}", kind=kind) for place, kind in enumerate(kinds)]
    await service.pin(items[0].id)
    listed = await service.list()
    assert listed[0].id == items[0].id
    assert await service.list(limit=2, offset=1) == listed[1:3]
    assert await service.list(limit=9, offset=9) == ()
    assert [item.id for item in await service.list(pinned=True)] == [items[0].id]
    assert [item.id for item in await service.list(kind=RecallKind.FACT, offset=1)] == [items[1].id]
    state = await service.state()
    assert (state.items, state.pinned) == (4, 1)
    assert state.kinds == {RecallKind.FACT: 2, RecallKind.DECISION: 1, RecallKind.PREFERENCE: 1}


async def test_what_has_no_more_to_do_with_a_question_than_any_text_is_not_found(place: Place) -> None:
    service = place.service()
    for text in (
        "I am allergic to peanuts",
        "My bicycle is green",
        "The museum has three floors",
        "Otters like rivers",
    ):
        await service.add(text)
    await embedded(place, service)
    assert [hit.item.text for hit in await service.search("Which nuts must I avoid?")] == ["I am allergic to peanuts"]
