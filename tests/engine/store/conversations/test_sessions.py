"""Sessions: which are listed, how they are named, found, forked and deleted for ever."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from tale_tui.domain.clock import Clock
from tale_tui.domain.conversation import Message, MessageState, View
from tale_tui.domain.errors import NoSuchMessage, NoSuchSession
from tale_tui.domain.models import ModelRef
from tale_tui.engine.store.store import Store

Talk = Callable[..., Awaitable[tuple[Message, Message]]]


async def test_a_session_is_listed_when_it_has_a_message(store: Store, talk: Talk) -> None:
    session = await store.add_session()
    assert await store.sessions() == ()
    await talk(session.id, "Hello there")
    (listed,) = await store.sessions()
    assert (listed.id, listed.title, listed.turns) == (session.id, "Hello there", 1)
    assert listed == await store.session(session.id)


async def test_the_session_last_used_comes_first(store: Store, talk: Talk) -> None:
    ids = [(await store.add_session()).id for _ in range(3)]
    for id_ in ids:
        await talk(id_, "Hello")
    await talk(ids[0], "Again")
    assert [session.id for session in await store.sessions()] == [ids[0], ids[2], ids[1]]
    assert [session.id for session in await store.sessions(limit=2)] == [ids[0], ids[2]]


@pytest.mark.parametrize(
    ("text", "title"),
    [
        ("one two three four five six seven eight", "one two three four five six seven eight"),
        ("one two three four five six seven eight nine", "one two three four five six seven eight …"),
        ("\n  first line\nsecond line", "first line second line"),
        ("x" * 200_000, "x" * 59 + "…"),
        ("[/] \x1b[31mred\x1b[0m", "[/] red"),
    ],
)
async def test_a_session_is_titled_by_the_first_words(store: Store, talk: Talk, text: str, title: str) -> None:
    session = await store.add_session()
    await talk(session.id, text)
    await talk(session.id, "Something else")
    assert (await store.session(session.id)).title == title


async def test_a_title_of_the_user_wins_until_it_is_emptied(store: Store, talk: Talk) -> None:
    session = await store.add_session(title="Given at the start")
    await talk(session.id, "First words")
    assert (await store.session(session.id)).title == "Given at the start"
    renamed = await store.rename_session(session.id, " Another\n\x1b]0;evil\x07title ")
    assert renamed.title == "Another title"
    assert (await store.rename_session(session.id, "  ")).title == "First words"


async def test_system_prompt_view_and_draft_are_kept(store: Store, talk: Talk) -> None:
    session = await store.add_session(system="Be brief.")
    user, _ = await talk(session.id, "Hello")
    await store.keep_view(session.id, View(user.id, 3, "half a thou\x07ght\n"))
    await store.set_view_from(session.id, user.id)
    assert (await store.set_system(session.id, "Be\r\nlong.")).system == "Be\nlong."
    transcript = await store.transcript(session.id)
    assert transcript.view == View(user.id, 3, "half a thought\n")
    assert transcript.view_from == user.id
    await store.set_view_from(session.id, None)
    assert (await store.transcript(session.id)).view_from is None


async def test_reading_on_does_not_move_a_session_up(store: Store, talk: Talk) -> None:
    session = await store.add_session()
    await talk(session.id, "Hello")
    before = await store.session(session.id)
    await store.keep_view(session.id, View(None, 0, "draft"))
    await store.rename_session(session.id, "Title")
    assert (await store.session(session.id)).updated == before.updated


@pytest.fixture
async def three(path: Path, ref: ModelRef) -> Store:
    """A store with the sessions abcd1, abcd2 and xyz9."""
    ids = iter(["abcd1", "m1", "abcd2", "m2", "xyz9", "m3", "abcdempty", "abcdx"])
    store = await Store.open(path, Clock(now=lambda: 5.0, new_id=lambda: next(ids)))
    for title in ("First", "Second", "Third"):
        session = await store.add_session(title=title)
        await store.begin_turn(session.id, user_id=f"u{title}", text="Hello", reply_ref=ref)
    await store.add_session()
    return store


@pytest.mark.parametrize(("prefix", "found"), [("xyz9", "xyz9"), ("x", "xyz9"), (" XYZ", "xyz9"), ("abcd1", "abcd1")])
async def test_find_session(three: Store, prefix: str, found: str) -> None:
    assert (await three.find_session(prefix)).id == found
    await three.close()


async def test_an_exact_id_wins_even_where_it_is_the_beginning_of_another(three: Store) -> None:
    assert (await three.find_session("abcdempty")).turns == 0
    await three.close()


@pytest.mark.parametrize(
    ("prefix", "sentence"),
    [
        ("abc", "Several sessions begin with abc: abcd2 (Second), abcd1 (First). Give more of the id."),
        ("q", "No session begins with q. `tale-tui sessions` lists all of them."),
        ("%", "No session begins with %. `tale-tui sessions` lists all of them."),
        ("\udcff\x1b[31m", "No session begins with \ufffd. `tale-tui sessions` lists all of them."),
        (" ", "Which session? `tale-tui sessions` lists all of them."),
    ],
)
async def test_a_session_that_cannot_be_told(three: Store, prefix: str, sentence: str) -> None:
    with pytest.raises(NoSuchSession) as caught:
        await three.find_session(prefix)
    await three.close()
    assert caught.value.sentence == sentence


async def test_only_some_of_many_candidates_are_named(store: Store, talk: Talk) -> None:
    for number in range(200):
        await talk((await store.add_session()).id, f"Number {number}")
    crowded = max("23456789abcdefghjkmnpqrstuvwxyz", key=[s.id[0] for s in await store.sessions()].count)
    with pytest.raises(NoSuchSession, match="and more") as caught:
        await store.find_session(crowded)
    assert caught.value.sentence.count("(Number") == 5


async def test_deletion_is_for_ever(store: Store, talk: Talk, path: Path) -> None:
    kept, gone = await store.add_session(), await store.add_session(system="sesquipedalian")
    for number in range(60):
        await talk(kept.id, f"Something that stays {number}", "It stays.")
        await talk(gone.id, f"Find the quokka {number}", "A wombatesque answer, " + "with a long tail " * 300)
    await store.enqueue(gone.id, "echidna waits", key="q1")
    await store.keep_view(gone.id, View(None, 0, "platypus draft"))
    assert len(await store.search("quokka")) == 50
    await store.delete_session(gone.id)
    assert await store.search("quokka") == ()
    assert await store.search("uokk") == ()
    with pytest.raises(NoSuchSession):
        await store.transcript(gone.id)
    with pytest.raises(NoSuchSession):
        await store.queued(gone.id)
    assert [session.id for session in await store.sessions()] == [kept.id]
    assert len(await store.search("stays", limit=200)) == 120
    written = b"".join(file.read_bytes() for file in path.parent.iterdir())
    for word in (b"quokka", b"wombatesque", b"echidna", b"platypus", b"sesquipedalian"):
        assert word not in written
    assert b"Something that stays" in written


async def test_what_is_not_there_is_said(store: Store) -> None:
    for call in (
        store.session("nope"),
        store.transcript("nope"),
        store.delete_session("nope"),
        store.rename_session("nope", "x"),
        store.set_system("nope", "x"),
        store.keep_view("nope", View()),
        store.fork_session("nope", "nope"),
        store.export_json("nope"),
        store.export_markdown("nope"),
    ):
        with pytest.raises(NoSuchSession, match="not there any more"):
            await call


async def test_a_fork_is_a_copy_up_to_a_message(store: Store, talk: Talk) -> None:
    session = await store.add_session(title="Fibonacci", system="Be brief.")
    first = await talk(session.id, "One")
    second = await talk(session.id, "Two")
    await talk(session.id, "Three")
    fork = await store.fork_session(session.id, second[0].id)
    assert (fork.title, fork.system, fork.forked_from, fork.turns) == ("Fibonacci", "Be brief.", session.id, 2)
    assert fork.updated > (await store.session(session.id)).updated
    copied = (await store.transcript(fork.id)).messages
    originals = (*first, second[0])
    assert [m.text for m in copied] == [m.text for m in originals]
    assert [m.usage for m in copied] == [m.usage for m in originals]
    assert [m.created for m in copied] == [m.created for m in originals]
    assert not {m.id for m in copied} & {m.id for m in originals}
    assert [m.parent_id for m in copied] == [None, copied[0].id, copied[1].id]
    await talk(fork.id, "Instead of three")
    assert [m.text for m in (await store.transcript(session.id)).messages][4] == "Three"
    assert len(await store.search("One")) == 2


async def test_a_fork_of_a_reply_that_streams_does_not_stream(store: Store, ref: ModelRef) -> None:
    session = await store.add_session()
    _, reply, *_ = await store.begin_turn(session.id, user_id="u1", text="Hello", reply_ref=ref)
    await store.save_partial(reply.id, "half", "", ref)
    fork = await store.fork_session(session.id, reply.id)
    assert (await store.transcript(fork.id)).messages[-1].state is MessageState.INTERRUPTED
    assert (await store.message(reply.id)).state is MessageState.STREAMING


async def test_a_fork_follows_the_branch_of_its_message(store: Store, talk: Talk, ref: ModelRef) -> None:
    session = await store.add_session()
    user, old = await talk(session.id, "Question", "Old answer")
    new = await store.begin_reply(session.id, user.id, ref)
    fork = await store.fork_session(session.id, old.id)
    texts = [(m.text, m.sibling, m.siblings) for m in (await store.transcript(fork.id)).messages]
    assert texts == [("Question", 1, 1), ("Old answer", 1, 1)]
    assert (await store.transcript(session.id)).messages[-1].id == new.id


async def test_a_message_of_another_session_cannot_be_forked(store: Store, talk: Talk) -> None:
    one, other = await store.add_session(), await store.add_session()
    user, _ = await talk(other.id, "Hello")
    with pytest.raises(NoSuchMessage):
        await store.fork_session(one.id, user.id)


@pytest.mark.parametrize(("draft", "left"), [(" Hello there\n", ""), ("Hello, and more", "Hello, and more")])
async def test_what_is_sent_is_no_draft_any_more(store: Store, talk: Talk, draft: str, left: str) -> None:
    session = await store.add_session()
    await store.keep_view(session.id, View(None, 0, draft))
    await talk(session.id, "Hello there")
    assert (await store.transcript(session.id)).view.draft == left


async def test_what_waits_is_no_draft_any_more(store: Store, talk: Talk) -> None:
    session = await store.add_session()
    await talk(session.id, "Hello there")
    await store.keep_view(session.id, View(None, 0, "And then?"))
    await store.enqueue(session.id, "And then?", key="waits")
    assert (await store.transcript(session.id)).view.draft == ""
