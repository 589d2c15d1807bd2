"""Full-text search: what is found, and that a query is words and never syntax."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tale_tui.domain.conversation import Author, Message, MessageState, SearchHit
from tale_tui.domain.models import ModelRef
from tale_tui.engine.store.store import Store

Talk = Callable[..., Awaitable[tuple[Message, Message]]]
TEXT = "Memoisation keeps the naïve Fibonacci result; see cache[0] -> 100 % at 你好世界 and https://example.org/a_b"


@pytest.fixture
async def filled(store: Store, talk: Talk) -> Store:
    session = await store.add_session(title="A title")
    await talk(session.id, TEXT, "Nothing to see.")
    return store


def marked(hits: tuple[SearchHit, ...]) -> list[str]:
    return [word.split("\ue001")[0] for hit in hits for word in hit.snippet.split("\ue000")[1:]]


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("fibonacci", ["Fibonacci"]),
        ("fibo", ["Fibonacci"]),
        ("NAIVE", ["naïve"]),
        ("fibonacci*)(", ["Fibonacci"]),
        ("^memo", ["Memoisation"]),
        ("result memo", ["Memoisation", "result"]),
        ("bonacc", ["bonacc"]),
        ("[0]", ["0"]),
        ("->", ["->"]),
        ("100 %", ["100"]),
        ("%", ["%"]),
        ("_", ["_"]),
        ("a_b", ["a_b"]),
        ("世界", ["世界"]),
        ("好世", ["好世"]),
        ("fib\x1b[31monacci", ["Fibonacci"]),
    ],
)
async def test_what_is_found(filled: Store, query: str, words: list[str]) -> None:
    assert marked(await filled.search(query)) == words


@pytest.mark.parametrize(
    "query",
    [
        *("xylophone", "result xylophone", "fibonacci OR xylophone", "NOT fibonacci", "text : fibonacci"),
        *('"', '"fibonacci xylo', "NEAR(memo result)", "{fibonacci text}:", "\\x", "'; DROP TABLE message; --"),
    ],
)
async def test_what_is_not_found(filled: Store, query: str) -> None:
    assert await filled.search(query) == ()


@pytest.mark.parametrize("query", ["", "  \n", "\x1b[31m", "\u200b"])
async def test_nothing_is_found_for_nothing(filled: Store, query: str) -> None:
    assert await filled.search(query) == ()


async def test_a_hit_says_where_it_is(filled: Store) -> None:
    (hit,) = await filled.search("nothing")
    (session,) = await filled.sessions()
    message = (await filled.transcript(session.id)).messages[1]
    assert hit == SearchHit(
        session.id, "A title", message.id, Author.ASSISTANT, message.created, "\ue000Nothing\ue001 to see."
    )


async def test_a_snippet_is_a_line_around_the_match(store: Store, talk: Talk) -> None:
    session = await store.add_session()
    await talk(session.id, "word\n\n" * 500 + "the needle\nhere " + "word " * 500)
    (hit,) = await store.search("needle")
    assert "\ue000needle\ue001 here word" in hit.snippet
    assert "\n" not in hit.snippet
    assert len(hit.snippet) < 200
    (hit,) = await store.search("eedl")
    assert hit.snippet.startswith("…")
    assert hit.snippet.endswith("…")
    assert "word the n\ue000eedl\ue001e here word" in hit.snippet
    assert len(hit.snippet) < 200


async def test_partial_replies_and_other_branches_are_found_but_not_what_streams(store: Store, ref: ModelRef) -> None:
    session = await store.add_session()
    user, reply, *_ = await store.begin_turn(session.id, user_id="u1", text="Question", reply_ref=ref)
    await store.save_partial(reply.id, "A quokka", "", ref)
    assert await store.search("quokka") == ()
    assert await store.search("uokka") == ()
    await store.finish_reply(reply.id, state=MessageState.STOPPED, text="A quokka is")
    other = await store.begin_reply(session.id, user.id, ref)
    await store.finish_reply(other.id, state=MessageState.INTERRUPTED, text="One quokka was")
    assert {hit.message_id for hit in await store.search("quokka")} == {reply.id, other.id}
    assert len(await store.search("quokka", limit=1)) == 1


async def test_the_better_match_comes_first(store: Store, talk: Talk) -> None:
    session = await store.add_session()
    await talk(session.id, "quokka once in a rather long sentence about other animals of this continent")
    best, _ = await talk(session.id, "quokka quokka quokka")
    assert (await store.search("quokka"))[0].message_id == best.id


@settings(derandomize=True, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(query=st.text(st.characters() | st.sampled_from("\"'*()^:-+{}[]\\% _ANDORNOTNEAR"), max_size=30))
async def test_any_text_is_a_query(filled: Store, query: str) -> None:
    for hit in await filled.search(query):
        assert hit.snippet.count("\ue000") == hit.snippet.count("\ue001")
