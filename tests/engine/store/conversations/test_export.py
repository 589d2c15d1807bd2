"""What leaves comes back the same, and what is not ours is refused with its place."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tale_tui.domain.clock import Clock
from tale_tui.domain.conversation import Message, MessageState, View
from tale_tui.domain.errors import BadImport
from tale_tui.domain.models import BackendName, FinishReason, ModelRef, Usage
from tale_tui.domain.text import clean, clean_line
from tale_tui.engine.store.store import Store

Talk = Callable[..., Awaitable[tuple[Message, Message]]]
CORPUS: dict[str, dict[str, str]] = json.loads(
    (Path(__file__).parents[3] / "data" / "hostile-text.json").read_text(encoding="utf-8")
)
HOSTILE = [text for group in CORPUS.values() for text in group.values()]


@pytest.fixture
async def filled(store: Store, talk: Talk, ref: ModelRef) -> Store:
    """A store with one session that has everything: versions, a stopped reply, thinking, an error."""
    session = await store.add_session(title="Fibonacci and friends", system="Be brief.")
    user, _ = await talk(session.id, "Question\nwith lines", "First answer")
    again = await store.begin_reply(session.id, user.id, ref)
    await store.finish_reply(
        again.id, state=MessageState.INTERRUPTED, text="```py\nx = 1", thinking="Hm.\n\nYes.", error="It broke off."
    )
    await store.begin_turn(session.id, user_id="edited", text="Another question", reply_ref=None, beside=user.id)
    await store.show_sibling(session.id, "edited", 1)
    return store


async def test_export_as_markdown(filled: Store) -> None:
    (session,) = await filled.sessions()
    assert await filled.export_markdown(session.id) == (
        "# Fibonacci and friends\n\n"
        "## System\n\nBe brief.\n\n"
        "## You · 2025-10-09 08:53 UTC\n\nQuestion\nwith lines\n\n"
        "## qwen2.5:7b · 2025-10-09 08:53 UTC, interrupted\n\n"
        "> Thinking:\n> Hm.\n>\n> Yes.\n\n"
        "```py\nx = 1\n```\n\n"
        "*It broke off.*\n"
    )


@pytest.mark.parametrize(
    ("text", "closing"),
    [
        ("plain", ""),
        ("```py\nx\n```", ""),
        ("```py\nx\n``", "\n```"),
        ("~~~~\nx\n~~~\n```", "\n~~~~"),
        ("```\nx\n```\n````md\n```", "\n````"),
        ("```\na\n``` b", "\n```"),
    ],
)
async def test_an_open_code_block_is_closed(store: Store, talk: Talk, text: str, closing: str) -> None:
    session = await store.add_session()
    await talk(session.id, "Question", text)
    exported = await store.export_markdown(session.id)
    assert exported.endswith(f"\n\n{text}{closing}\n")


async def test_export_as_json_is_one_line_with_all_branches(filled: Store, usage: Usage) -> None:
    (session,) = await filled.sessions()
    text = await filled.export_json(session.id)
    assert "\n" not in text
    assert text == await filled.export_json(session.id)
    export = json.loads(text)
    assert (export["format"], export["version"]) == ("tale-tui-session", 1)
    assert export["session"]["shown"] == "key1"
    by_id = {message["id"]: message for message in export["messages"]}
    assert len(by_id) == 5
    first, second = (m for m in export["messages"] if m.get("parent") == "key1")
    assert (by_id["key1"]["shown"], by_id["key1"]["author"]) == (second["id"], "user")
    assert first["usage"] == {
        "prompt_tokens": 12,
        "completion_tokens": 34,
        "cached_tokens": 0,
        "ttft_ms": 310.5,
        "total_ms": 900.0,
        "tokens_per_second": 38.2,
    }
    assert (first["model"], first["finish"], first["state"]) == ("ollama/qwen2.5:7b", "stop", "complete")
    assert (second["state"], second["error"], second["thinking"]) == ("interrupted", "It broke off.", "Hm.\n\nYes.")


async def test_reading_and_writing_a_draft_do_not_change_an_export(filled: Store) -> None:
    (session,) = await filled.sessions()
    before = await filled.export_json(session.id)
    await filled.keep_view(session.id, View("key1", 2, "a draft"))
    await filled.transcript(session.id)
    assert await filled.export_json(session.id) == before


async def test_what_streams_is_exported_as_interrupted(store: Store, ref: ModelRef) -> None:
    session = await store.add_session()
    _, reply, *_ = await store.begin_turn(session.id, user_id="u1", text="Hello", reply_ref=ref)
    await store.save_partial(reply.id, "Half", "", ref)
    assert json.loads(await store.export_json(session.id))["messages"][1]["state"] == "interrupted"
    assert "still being written" in await store.export_markdown(session.id)


async def test_an_import_of_what_is_there_gets_new_ids(filled: Store) -> None:
    (session,) = await filled.sessions()
    text = await filled.export_json(session.id)
    copy, third = await filled.import_json(f"{text}\n{text}\n")
    assert len({session.id, copy.id, third.id}) == 3
    old, new = await filled.transcript(session.id), await filled.transcript(copy.id)
    assert [(m.text, m.sibling, m.siblings) for m in old.messages] == [
        (m.text, m.sibling, m.siblings) for m in new.messages
    ]
    assert not {m.id for m in old.messages} & {m.id for m in new.messages}
    assert new.messages[1].parent_id == new.messages[0].id
    shown = await filled.show_sibling(copy.id, new.messages[0].id, 1)
    assert [message.text for message in shown.messages] == ["Another question", ""]
    assert await filled.export_json(session.id) == text


async def test_what_was_forked_stays_forked(filled: Store) -> None:
    (session,) = await filled.sessions()
    fork = await filled.fork_session(session.id, "key1")
    exports = [await filled.export_json(id_) for id_ in (session.id, fork.id)]
    first, second = await filled.import_json("\n".join(exports))
    assert second.forked_from == first.id


async def test_an_import_is_found_by_search_and_goes_on(filled: Store, path: Path, ref: ModelRef) -> None:
    (session,) = await filled.sessions()
    text = await filled.export_json(session.id)
    await filled.delete_session(session.id)
    (imported,) = await filled.import_json(json.dumps(json.loads(text), indent=2))
    assert (imported.id, imported.title, imported.turns) == (session.id, "Fibonacci and friends", 1)
    assert await filled.export_json(session.id) == text
    assert len(await filled.search("first answer")) == 1
    user, *_ = await filled.begin_turn(session.id, user_id="next", text="Go on", reply_ref=ref)
    assert user.parent_id == (await filled.transcript(session.id)).messages[1].id


async def test_imported_text_passes_the_border(store: Store) -> None:
    messages = [
        {"id": f"m{n}", "author": "user", "created": 1, "state": "complete", "text": text}
        | ({"parent": f"m{n - 1}"} if n else {})
        for n, text in enumerate(HOSTILE)
    ]
    session = {"id": "s", "title": "\x1b]0;x\x07[/]\nB", "system": "\u202eA\r\nB", "created": 1, "updated": 2}
    export = {"format": "tale-tui-session", "version": 1, "session": session, "messages": messages}
    (imported,) = await store.import_json("\ufeff" + json.dumps(export))
    assert (imported.title, imported.system) == ("[/] B", "A\nB")
    assert [message.text for message in (await store.transcript("s")).messages] == [clean(text) for text in HOSTILE]


def export(**changes: Any) -> dict[str, Any]:
    about = {"id": "s1", "title": "T", "created": 1.0, "updated": 2.0}
    user = {"id": "m1", "author": "user", "created": 1.0, "state": "complete", "text": "Hello"}
    reply = {"id": "m2", "parent": "m1", "author": "assistant", "created": 1.0, "state": "complete", "text": "Hi"}
    whole: dict[str, Any] = {"format": "tale-tui-session", "version": 1, "session": about, "messages": [user, reply]}
    for place, value in changes.items():
        part: Any = whole
        *path, last = place.split("__")
        for name in path:
            part = part[int(name[1:])] if name.startswith("_") else part[name]
        part[last] = value
    return whole


async def test_the_sample_can_be_imported(store: Store) -> None:
    (session,) = await store.import_json(json.dumps(export(session__shown="m1", messages___1__model="openai/x")))
    assert (session.id, session.turns) == ("s1", 1)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "There is nothing in it."),
        ("hello", "This is not JSON: line 1, column 1: Expecting value."),
        ('{"format":\n1,\n2}', "This is not JSON: line 3, column 1:"),
        ("[]", '"format" is not "tale-tui-session".'),
        ("null", '"format" is not "tale-tui-session".'),
        ('{"format": "other"}', '"format" is not "tale-tui-session".'),
        ("[" * 100_000, "This is not an export of tale-tui: a number is too long or lists lie too deep in each other."),
        ("9" * 10_000, "a number is too long"),
        (json.dumps(export()) + "\n{", "This is not JSON: line 2, column 2"),
        (json.dumps(export()) + '\n\n{"a": 1}', 'line 3: "format" is not "tale-tui-session".'),
        (json.dumps(export(version=2)), "it was written by a newer version of tale-tui (form 2)."),
        (json.dumps(export(version="1")), "version: Input should be 1."),
        (json.dumps(export(messages={})), "messages: Input should be a valid list."),
        (json.dumps(export(session__id="../x")), "session.id: String should match pattern"),
        (json.dumps(export(session__created="NaN")), "session.created: Input should be a finite number."),
        (json.dumps(export(session__updated=1e300)), "session.updated: Input should be less than or equal to"),
        (json.dumps(export(session__shown="m2")), "session.shown: no first message has this id."),
        (json.dumps(export(session__new=1)), "session.new: Extra inputs are not permitted."),
        (
            json.dumps(export(messages___1__author="system")),
            "messages[1].author: Input should be 'user' or 'assistant'.",
        ),
        (
            json.dumps(export(messages___1__model="nowhere/x")),
            "messages[1].model: the backend is none of embedded, ollama, openai, scripted.",
        ),
        (json.dumps(export(messages___1__model="x")), "messages[1].model: it is not of the form backend/model"),
        (
            json.dumps(export(messages___1__usage={"prompt_tokens": -1})),
            "messages[1].usage.prompt_tokens: Input should",
        ),
        (json.dumps(export(messages___1__parent="m9")), "messages[1].parent: no message before it has this id."),
        (json.dumps(export(messages___1__id="m1")), "messages[1].id: another message has it too."),
        (json.dumps(export(messages___0__author="assistant")), "messages[0].author: a reply stands below a message"),
        (json.dumps(export(messages___0__state="stopped")), "messages[0].state: a message of the user is complete."),
        (json.dumps(export(messages___0__shown="m1")), "messages[0].shown: no message below it has this id."),
        (
            json.dumps(export(messages___0__text={"a": [[[[["\x1b"]]]]]})),
            "messages[0].text: Input should be a valid string",
        ),
        (json.dumps(export(messages___0__text=1, messages___1__text=2)), "(and 1 more)."),
    ],
)
async def test_what_is_not_an_export_is_refused(store: Store, text: str, said: str) -> None:
    with pytest.raises(BadImport) as caught:
        await store.import_json(text)
    assert said in caught.value.sentence
    assert clean_line(caught.value.sentence, 500) == caught.value.sentence
    assert await store.sessions() == ()


async def test_a_bad_line_among_good_ones_imports_nothing(store: Store) -> None:
    with pytest.raises(BadImport, match="line 2: session"):
        await store.import_json(json.dumps(export()) + "\n" + json.dumps(export(session=None)))
    assert await store.sessions() == ()


TEXTS = st.sampled_from(HOSTILE) | st.text(max_size=40)
COUNTS = st.none() | st.integers(0, 10**9)
MEASURES = st.none() | st.floats(0, 10**9)
# A usage of which nothing is known is none at all, and comes back as that.
USAGES = st.none() | st.builds(Usage, COUNTS, COUNTS, COUNTS, MEASURES, MEASURES, MEASURES, MEASURES).filter(
    lambda usage: usage != Usage()
)
REFS = st.none() | st.builds(ModelRef, st.sampled_from(BackendName), TEXTS.map(clean_line).filter(bool))
ENDINGS = st.fixed_dictionaries(
    {
        "state": st.sampled_from(MessageState),
        "text": TEXTS,
        "thinking": TEXTS,
        "ref": REFS,
        "usage": USAGES,
        "finish": st.none() | st.sampled_from(FinishReason),
        "error": TEXTS,
    }
)
# Turns, and versions of earlier ones (taken modulo their number).
ACTIONS = st.lists(
    st.tuples(st.sampled_from(["turn", "regenerate", "edit", "switch"]), st.integers(0, 9), TEXTS, ENDINGS), max_size=8
)


async def make_session(store: Store, title: str, system: str, actions: list[tuple[str, int, str, Any]]) -> str:
    session = await store.add_session(title, system)
    asked: list[str] = []
    for number, (what, which, text, ending) in enumerate(actions):
        text, key = f".{text}", f"u{number}"  # an open sequence swallows what comes after it
        if what == "switch" and asked:
            await store.show_sibling(session.id, asked[which % len(asked)], 1)
            continue
        if what == "regenerate" and asked:
            reply = await store.begin_reply(session.id, asked[which % len(asked)])
        elif what == "edit" and asked:
            _, reply, *_ = await store.begin_turn(session.id, user_id=key, text=text, beside=asked[which % len(asked)])
            asked.append(key)
        else:
            _, reply, *_ = await store.begin_turn(session.id, user_id=key, text=text, reply_ref=None)
            asked.append(key)
        await store.finish_reply(reply.id, **ending)
    return session.id


async def round_trip(title: str, system: str, actions: list[tuple[str, int, str, Any]]) -> None:
    ids, ticks = itertools.count(), itertools.count(1.7e9, 0.1)
    clock = Clock(now=lambda: next(ticks), new_id=lambda: f"id{next(ids)}")
    async with AsyncExitStack() as closing:
        folder = Path(closing.enter_context(TemporaryDirectory()))
        one = await Store.open(folder / "one.db", clock)
        closing.push_async_callback(one.close)
        other = await Store.open(folder / "other.db", clock)
        closing.push_async_callback(other.close)
        session_id = await make_session(one, title, system, actions)
        text = await one.export_json(session_id)
        await other.import_json(text)
        transcripts = [await store.transcript(session_id) for store in (one, other)]
        exported_again = await other.export_json(session_id)
    assert exported_again == text
    shown = [[(m.id, m.parent_id, m.text, m.usage, m.siblings) for m in t.messages] for t in transcripts]
    assert shown[0] == shown[1]
    assert transcripts[0].session == transcripts[1].session


@settings(derandomize=True, deadline=None, max_examples=50)
@given(TEXTS, TEXTS, ACTIONS)
@pytest.mark.long
def test_export_import_export_is_the_same(title: str, system: str, actions: list[tuple[str, int, str, Any]]) -> None:
    asyncio.run(round_trip(title, system, actions))
