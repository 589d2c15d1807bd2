"""Whole stories of conversations on the engine alone, with a scripted backend in the place of a model."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing

import pytest

from tale_tui.config.paths import Paths
from tale_tui.config.settings import Settings
from tale_tui.domain.clock import Clock
from tale_tui.domain.conversation import ExportFormat, Message, MessageState, View
from tale_tui.domain.errors import BackendCrashed, ModelNotFound, Unreachable
from tale_tui.domain.events import (
    Notice,
    RoleChanged,
    Routed,
    TextDelta,
    TurnCancelled,
    TurnDone,
    TurnEvent,
    TurnFailed,
    TurnStarted,
)
from tale_tui.domain.models import BackendName, ModelRef, Role, RoleState
from tale_tui.engine import streaming as streaming_module
from tale_tui.engine.chat import generate
from tale_tui.engine.engine import Engine
from tale_tui.engine.models.scripted import Fail, Hold, Say, Script, ScriptedBackend, spoken
from tale_tui.engine.store.store import Store

Start = Callable[..., Awaitable[Engine]]
OLLAMA = BackendName.OLLAMA


class Server(ScriptedBackend):
    """A scripted backend in the place of Ollama, so that choices are kept."""

    name = OLLAMA  # type: ignore[assignment]


async def collect(events: AsyncGenerator[TurnEvent, None]) -> list[TurnEvent]:
    async with aclosing(events):
        return [event async for event in events]


async def reply_to(events: AsyncGenerator[TurnEvent, None]) -> Message:
    end = (await collect(events))[-1]
    assert isinstance(end, TurnDone | TurnFailed | TurnCancelled)
    return end.reply


async def up_to_text(events: AsyncGenerator[TurnEvent, None], wanted: str) -> None:
    """Read until this text has come; the stream stays open."""
    text = ""
    async for event in events:
        text += event.text if isinstance(event, TextDelta) else ""
        if wanted in text:
            return
    raise AssertionError(f"{wanted!r} never came: {text!r}")


async def until(engine: Engine, role: Role, state: RoleState) -> None:
    """Wait until a role is in a state."""
    async with aclosing(engine.control.watch()) as facts:
        async for fact in facts:
            if isinstance(fact, RoleChanged) and (fact.status.role, fact.status.state) == (role, state):
                return


async def shown(engine: Engine, session_id: str) -> list[str]:
    return [message.text for message in (await engine.sessions.transcript(session_id)).messages]


async def test_a_reply_survives_leaving_and_goes_on_after_the_next_start(start_engine: Start) -> None:
    engine = await start_engine([Script((Say("Once "), Say("upon"), Hold(asyncio.Event())))])
    session = await engine.sessions.create()
    events = engine.chat.send(session.id, "Tell me a story", key="q")
    await up_to_text(events, "upon")
    await engine.sessions.save_view(session.id, View("q", 0, "and then"))
    await engine.stop()
    assert isinstance((await collect(events))[-1], TurnCancelled)

    engine = await start_engine([spoken(" a", " time.")])
    transcript = await engine.sessions.transcript((await engine.sessions.list())[0].id)
    assert transcript.view == View("q", 0, "and then")
    reply = transcript.messages[-1]
    assert (reply.text, reply.state) == ("Once upon", MessageState.INTERRUPTED)
    whole = await reply_to(engine.chat.resume(session.id, reply.id))
    assert (whole.text, whole.state, whole.error) == ("Once upon a time.", MessageState.COMPLETE, "")
    assert [hit.message_id for hit in await engine.sessions.search("upon a time")] == [reply.id]


async def test_what_is_pulled_out_of_the_wall_loses_no_message_and_little_of_a_reply(
    start_engine: Start, paths: Paths, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streaming_module, "PARTIAL_SAVE_INTERVAL_S", 0.001)
    saved = asyncio.Event()
    save_partial = Store.save_partial

    async def note(self: Store, message_id: str, text: str, *rest: object) -> None:
        await save_partial(self, message_id, text, *rest)  # type: ignore[arg-type]
        if "upon" in text:
            saved.set()

    monkeypatch.setattr(Store, "save_partial", note)
    engine = await start_engine([Script((Say("Once "), Say("upon"), Hold(asyncio.Event())))])
    session = await engine.sessions.create()
    events = engine.chat.send(session.id, "Tell me a story", key="q")
    await up_to_text(events, "upon")
    await engine.chat.enqueue(session.id, "and another", key="q2")
    await saved.wait()
    pulled = Paths(paths.config, paths.data.with_name("pulled"), paths.cache, paths.logs)
    shutil.copytree(paths.data, pulled.data)
    await events.aclose()

    heir = await Engine.start(
        pulled,
        Settings(),
        clock,
        backends={BackendName.SCRIPTED: ScriptedBackend()},
    )
    transcript = await heir.sessions.transcript(session.id)
    assert [message.text for message in transcript.messages] == ["Tell me a story", "Once upon"]
    assert transcript.messages[-1].state is MessageState.INTERRUPTED
    assert [queued.text for queued in transcript.queued] == ["and another"]
    async with aclosing(heir.control.watch()) as facts:
        async for fact in facts:
            if isinstance(fact, Notice):
                assert fact.sentence.startswith("A reply broke off")
                break
    await heir.stop()


async def test_messages_sent_while_a_reply_streams_wait_and_go_in_order(start_engine: Start) -> None:
    gate = asyncio.Event()
    engine = await start_engine([Script((Say("one"), Hold(gate))), spoken("two"), spoken("three")])
    session = await engine.sessions.create()
    events = engine.chat.send(session.id, "first", key="k1")
    await up_to_text(events, "one")
    for key, text in (("k2", "second"), ("k3", "third"), ("k4", "fourth")):
        await engine.chat.enqueue(session.id, text, key=key)
    taken_back = await engine.chat.dequeue(session.id, "k4")
    assert taken_back is not None
    assert taken_back.text == "fourth"
    gate.set()
    await collect(events)
    while queued := (await engine.sessions.transcript(session.id)).queued:
        await collect(engine.chat.send(session.id, queued[0].text, key=queued[0].id))
    assert await shown(engine, session.id) == ["first", "one", "second", "two", "third", "three"]


async def test_escape_twice_stops_the_reply_and_takes_the_message_back(start_engine: Start) -> None:
    engine = await start_engine([Script((Say("one"), Hold(asyncio.Event())))])
    session = await engine.sessions.create()
    events = engine.chat.send(session.id, "first", key="k1")
    await up_to_text(events, "one")
    await engine.chat.enqueue(session.id, "second", key="k2")
    await events.aclose()
    taken = await engine.chat.dequeue(session.id, "k2")
    assert taken is not None
    transcript = await engine.sessions.transcript(session.id)
    assert (transcript.messages[-1].state, transcript.queued) == (MessageState.STOPPED, ())


async def test_versions_are_kept_and_only_the_shown_branch_is_sent(start_engine: Start) -> None:
    backend = ScriptedBackend([spoken(answer) for answer in ("one", "two", "three", "four", "five")])
    engine = await start_engine({BackendName.SCRIPTED: backend})
    session = await engine.sessions.create()
    first = await reply_to(engine.chat.send(session.id, "q", key="q"))
    second = await reply_to(engine.chat.regenerate(session.id, first.id))
    assert (second.text, second.sibling, second.siblings) == ("two", 2, 2)
    await reply_to(engine.chat.send(session.id, "on two", key="q2"))
    back = await engine.sessions.show_sibling(session.id, second.id, -1)
    assert [message.text for message in back.messages] == ["q", "one"]
    await reply_to(engine.chat.send(session.id, "on one", key="q3"))
    assert [message.text for message in backend.requests[-1].messages][1:] == ["q", "one", "on one"]
    await engine.sessions.show_sibling(session.id, first.id, 1)
    assert await shown(engine, session.id) == ["q", "two", "on two", "three"]
    fork = await engine.sessions.fork(session.id, second.id)
    await reply_to(engine.chat.send(fork.id, "elsewhere", key="q4"))
    assert await shown(engine, fork.id) == ["q", "two", "elsewhere", "five"]
    edited = await reply_to(engine.chat.edit(session.id, "q", "Q", key="q5"))
    assert edited.parent_id == "q5"
    assert await shown(engine, session.id) == ["Q", "five"]
    (copy,) = await engine.sessions.import_(await engine.sessions.export(session.id, ExportFormat.JSON))
    assert await shown(engine, copy.id) == ["Q", "five"]
    first_copy = (await engine.sessions.transcript(copy.id)).messages[0]
    other = await engine.sessions.show_sibling(copy.id, first_copy.id, 1)
    assert [message.text for message in other.messages] == ["q", "two", "on two", "three"]


async def test_a_crash_in_the_middle_is_told_and_the_next_call_brings_the_model_back(start_engine: Start) -> None:
    backend = Server([Script((Say("Half"), Fail(BackendCrashed("It ended.")))), spoken(" whole")], models=("m:1b",))
    engine = await start_engine({OLLAMA: backend})
    session = await engine.sessions.create()
    events = await collect(engine.chat.send(session.id, "q", key="q"))
    failed = events[-1]
    assert isinstance(failed, TurnFailed)
    assert failed.reply.state is MessageState.INTERRUPTED
    await until(engine, Role.UX, RoleState.FAILED)
    await backend.unload("m:1b")
    whole = await reply_to(engine.chat.resume(session.id, failed.reply.id))
    assert whole.text == "Half whole"
    await until(engine, Role.UX, RoleState.READY)


async def test_the_model_that_served_serves_again_and_nobody_takes_its_place(
    start_engine: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(generate, "TURN_SERVER_WAIT_S", 0.1)
    server = Server([spoken("hi")], models=("llama3.2:3b",))
    starter = Files([spoken("demo")], models=("smollm2-135m-instruct",))
    engine = await start_engine({OLLAMA: server, BackendName.EMBEDDED: starter})
    session = await engine.sessions.create()
    assert (await reply_to(engine.chat.send(session.id, "hello", key="k1"))).ref == ModelRef(OLLAMA, "llama3.2:3b")
    await engine.stop()

    server.away = Unreachable("Nothing answers. Start it with `ollama serve`.")
    engine = await start_engine({OLLAMA: server, BackendName.EMBEDDED: starter})
    await until(engine, Role.UX, RoleState.AWAY)
    failed = (await collect(engine.chat.send(session.id, "still there?", key="k2")))[-1]
    assert isinstance(failed, TurnFailed)
    assert failed.sentence == "Nothing answers. Start it with `ollama serve`."
    assert starter.requests == []

    server.away = None
    assert (await engine.models.retry_role(Role.UX)).state is RoleState.READY
    assert (await reply_to(engine.chat.resume(session.id, failed.reply.id))).text == "hi"

    await engine.models.use(Role.UX, ModelRef(BackendName.EMBEDDED, "starter"))
    assert (await reply_to(engine.chat.send(session.id, "and you?", key="k3"))).text == "demo"
    await engine.stop()
    engine = await start_engine({OLLAMA: server, BackendName.EMBEDDED: starter})
    ux, _ = await engine.models.roles()
    assert (ux.ref, ux.demo) == (ModelRef(BackendName.EMBEDDED, "smollm2-135m-instruct"), True)


class Files(ScriptedBackend):
    """A scripted backend in the place of the embedded one."""

    name = BackendName.EMBEDDED  # type: ignore[assignment]


async def test_a_model_that_was_removed_is_said_with_what_there_is(start_engine: Start) -> None:
    server = Server([spoken("hi")], models=("a:1b", "b:1b"))
    engine = await start_engine({OLLAMA: server})
    await engine.models.use(Role.UX, ModelRef(OLLAMA, "b:1b"))
    await engine.stop()
    await server.unload("b:1b")
    server.models = ("a:1b",)
    engine = await start_engine({OLLAMA: server})
    await until(engine, Role.UX, RoleState.AWAY)
    ux, _ = await engine.models.roles()
    assert (ux.ref, ux.offered) == (ModelRef(OLLAMA, "b:1b"), (ModelRef(OLLAMA, "a:1b"),))
    with pytest.raises(ModelNotFound):
        await engine.models.use(Role.UX, ModelRef(OLLAMA, "typo"))
    assert (await engine.models.use(Role.UX, ModelRef(OLLAMA, "a:1b"))).state is RoleState.READY


async def test_a_long_conversation_moves_its_beginning_and_short_histories_go_to_files(start_engine: Start) -> None:
    files = Files([spoken("b" * 900)], models=("own",), window=4096)
    server = Server([spoken("b" * 900)], models=("m:1b",), window=4096)
    engine = await start_engine({BackendName.EMBEDDED: files, OLLAMA: server})
    session = await engine.sessions.create()
    routes: list[Routed] = []
    for number in range(4):
        ref = ModelRef(BackendName.EMBEDDED, "own")
        events = await collect(engine.chat.send(session.id, f"{number}" + "a" * 900, key=f"q{number}", ref=ref))
        routes += [event for event in events if isinstance(event, Routed)]
    assert routes[0].view_from is None
    assert routes[-1].view_from in ("q2", "q3")
    assert (await engine.sessions.transcript(session.id)).view_from == routes[-1].view_from
    events = await collect(engine.chat.send(session.id, "and on the server?", key="q4"))
    (route,) = (event for event in events if isinstance(event, Routed))
    assert route.view_from is None
    assert (await engine.sessions.transcript(session.id)).view_from is None


async def test_many_turns_at_once_do_not_disturb_each_other(start_engine: Start) -> None:
    def answer(request: object) -> Script:
        text = request.messages[-1].text  # type: ignore[attr-defined]
        return spoken(*[f"{text} "] * 50)

    engine = await start_engine(answer)
    sessions = [await engine.sessions.create() for _ in range(20)]
    replies = await asyncio.gather(
        *(reply_to(engine.chat.send(session.id, f"n{n}", key=f"k{n}")) for n, session in enumerate(sessions))
    )
    assert [reply.text for reply in replies] == [f"n{n} " * 50 for n in range(20)]


async def test_every_turn_begins_with_its_start_and_has_one_end(start_engine: Start) -> None:
    scripts = [
        spoken("whole"),
        Script((Say("half"), Fail(BackendCrashed("x")))),
        Script((Fail(Unreachable("x")),)),
        spoken("rest"),
    ]
    engine = await start_engine(scripts)
    session = await engine.sessions.create()
    turns = [await collect(engine.chat.send(session.id, f"q{n}", key=f"k{n}")) for n in range(4)]
    for events in turns:
        assert isinstance(events[0], TurnStarted)
        ends = [event for event in events if isinstance(event, TurnDone | TurnFailed | TurnCancelled)]
        assert ends == [events[-1]]
