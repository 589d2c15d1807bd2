import asyncio
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from typing import Any

import pytest

from tale_tui.domain.conversation import Author, Message, MessageState
from tale_tui.domain.errors import (
    BackendCrashed,
    BrokenStream,
    ContextFull,
    DiskFull,
    EmptyMessage,
    EngineLost,
    MessageTooLong,
    NoSuchMessage,
    NoSuchSession,
    OutOfMemory,
    StoreError,
    TaleError,
    TurnRunning,
    Unreachable,
)
from tale_tui.domain.events import (
    ModelLoading,
    Notice,
    PromptProgress,
    Routed,
    SessionChanged,
    TextDelta,
    ThinkingDelta,
    TurnCancelled,
    TurnDone,
    TurnEvent,
    TurnFailed,
    TurnStarted,
)
from tale_tui.domain.models import BackendName, FinishReason, LoadedModel, ModelRef, Role, RoleState
from tale_tui.engine import streaming as streaming_module
from tale_tui.engine.chat import generate
from tale_tui.engine.chat.turn import LEFT_BEHIND
from tale_tui.engine.models.scripted import Fail, Hold, Read, Say, Script, ScriptedBackend, spoken
from tale_tui.engine.store.store import Store

DEMO = ModelRef(BackendName.SCRIPTED, "demo")
WHY_COLD = "answers in conversations; has to be loaded"

Begin = Callable[..., Awaitable[Any]]


def text_of(events: list[TurnEvent]) -> str:
    return "".join(event.text for event in events if isinstance(event, TextDelta))


def end_of(events: list[TurnEvent]) -> Message:
    end = events[-1]
    assert isinstance(end, TurnDone | TurnFailed | TurnCancelled)
    assert not any(isinstance(event, TurnDone | TurnFailed | TurnCancelled) for event in events[:-1])
    return end.reply


# the ordinary course


async def test_a_turn_is_told_from_beginning_to_end(talk: Begin) -> None:
    script = Script((Read(4, 9), Say("hm", thinking=True), Say("It "), Say("is.")))
    chat = await talk([script], load=False)
    events = await chat.ask("What is it?")
    started = events[0]
    assert isinstance(started, TurnStarted)
    assert started.user is not None
    assert (started.user.id, started.user.text) == ("key1", "What is it?")
    assert (started.reply.state, started.reply.text) == (MessageState.STREAMING, "")
    assert events[1:4] == [Routed(DEMO, WHY_COLD), ModelLoading(DEMO), PromptProgress(4, 9)]
    assert [event.text for event in events if isinstance(event, ThinkingDelta)] == ["hm"]
    assert text_of(events) == "It is."
    reply = end_of(events)
    assert (reply.text, reply.thinking, reply.state) == ("It is.", "hm", MessageState.COMPLETE)
    assert (reply.ref, reply.finish, reply.why) == (DEMO, FinishReason.STOP, WHY_COLD)
    assert await chat.reply() == reply


async def test_a_turn_brings_its_session_as_it_is_with_the_message(talk: Begin) -> None:
    chat = await talk([spoken("a"), spoken("b")])
    for turns, text in enumerate(("What is it?", "And why?"), 1):
        started = (await chat.ask(text))[0]
        assert isinstance(started, TurnStarted)
        assert started.session is not None
        assert (started.session.id, started.session.title, started.session.turns) == (
            *(chat.session_id, "What is it?"),
            turns,
        )


async def test_a_turn_whose_session_cannot_be_read_is_answered_all_the_same(
    talk: Begin, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*_: Any) -> Any:
        raise StoreError("no")

    chat = await talk([spoken("a")])
    first = end_of(await chat.ask("What is it?"))
    monkeypatch.setattr(Store, "session", broken)
    events = await chat.regenerate(first.id)
    assert isinstance(events[0], TurnStarted)
    assert events[0].session is None
    assert end_of(events).text == "a"


async def test_the_message_is_stored_before_the_model_is_asked(talk: Begin) -> None:
    gate = asyncio.Event()
    backend = SlowToLoad(gate)
    chat = await talk(backend, load=False)
    asking = asyncio.create_task(chat.ask("keep me"))
    await backend.begun.wait()
    user, reply = (await chat.stored()).messages
    assert (user.text, user.state, reply.state) == ("keep me", MessageState.COMPLETE, MessageState.STREAMING)
    assert backend.requests == []
    gate.set()
    await asking


class SlowToLoad(ScriptedBackend):
    def __init__(self, gate: asyncio.Event) -> None:
        super().__init__([spoken("a")])
        self.gate = gate
        self.begun = asyncio.Event()

    async def load(self, model: str, window: int | None) -> LoadedModel:
        self.begun.set()
        await self.gate.wait()
        return await super().load(model, window)


async def test_a_model_that_is_loaded_needs_no_word_about_loading(talk: Begin) -> None:
    chat = await talk([spoken("a")], load=False)
    assert any(isinstance(event, ModelLoading) for event in await chat.ask("one"))
    assert not any(isinstance(event, ModelLoading) for event in await chat.ask("two"))


async def test_what_is_sent_is_the_conversation_with_the_system_prompt(talk: Begin) -> None:
    chat = await talk([spoken("yes")])
    await chat.ask("one <|im_end|>")
    await chat.engine.sessions.set_system(chat.session_id, "Be a fish.")
    await chat.ask("two")
    request = chat.backend.requests[-1]
    assert [message.role for message in request.messages] == ["system", "user", "assistant", "user"]
    assert request.messages[0].text == "Be a fish."
    assert "<|im_end|>" not in request.messages[1].text
    assert (request.model, request.window, request.max_tokens) == ("demo", 8192, 1024)
    assert request.continue_text == ""


async def test_another_model_for_one_message(talk: Begin) -> None:
    other = ModelRef(BackendName.SCRIPTED, "other")
    chat = await talk(ScriptedBackend([spoken("a")], models=("demo", "other")))
    events = await chat.ask("hi", ref=other)
    assert end_of(events).ref == other
    assert Routed(other, "you chose it") in events
    assert (await chat.engine.models.roles())[0].ref == DEMO
    assert end_of(await chat.ask("hi")).ref == DEMO


async def test_what_it_cost_is_stored(talk: Begin, manual_clock: Any) -> None:
    async def sleep(seconds: float) -> None:
        manual_clock.monotonic_s += seconds

    chat = await talk(ScriptedBackend([spoken("a", "b", "c", rate=10)], sleep=sleep))
    reply = end_of(await chat.ask("hi"))
    assert reply.usage is not None
    assert reply.usage.ttft_ms == pytest.approx(100.0)
    assert reply.usage.total_ms == pytest.approx(300.0)
    assert reply.usage.load_ms == 0.0
    assert reply.usage.completion_tokens == 3
    assert reply.usage.tokens_per_second == pytest.approx(15.0)
    assert reply.usage.prompt_tokens == await chat.backend.count_tokens("demo", chat.backend.requests[0].messages)


async def test_how_full_the_window_is(talk: Begin) -> None:
    chat = await talk(ScriptedBackend([spoken("a")], window=2048))
    end = (await chat.ask("hi"))[-1]
    assert isinstance(end, TurnDone)
    assert end.window is not None
    assert end.reply.usage is not None
    assert end.window.window == 2048
    assert end.window.used == (end.reply.usage.prompt_tokens or 0) + 1
    assert not end.window.cut


async def test_others_hear_that_the_session_changed_and_by_whom(talk: Begin) -> None:
    chat = await talk([spoken("a")])
    facts = chat.engine.control.watch()
    await anext(facts)
    asked = await chat.ask("hi", key="mine")
    again = await chat.regenerate((await chat.reply()).id)
    sources = [event.source for event in (*asked, *again) if isinstance(event, TurnStarted)]
    assert sources[0] == "mine"
    assert sources[1] not in ("", "mine", (await chat.reply()).id), "another window may know the reply as its own"
    await chat.engine.stop()
    changes = [fact async for fact in facts if isinstance(fact, SessionChanged)]
    assert changes == [SessionChanged(chat.session_id, source=source) for source in sources]


async def test_a_burst_arrives_in_few_pieces(talk: Begin) -> None:
    chat = await talk([spoken(*["word "] * 2000)])
    events = await chat.ask("hi")
    assert text_of(events) == "word " * 2000
    assert len(events) < 50


# one at a time


async def test_a_session_has_one_turn_at_a_time(talk: Begin) -> None:
    gate = asyncio.Event()
    chat = await talk([Script((Say("a"), Hold(gate), Say("b")))])
    events = chat.send("one")
    await chat.until_text(events)
    with pytest.raises(TurnRunning):
        await chat.ask("two")
    gate.set()
    assert text_of(await chat.collect(events)) == "b"
    assert [message.text for message in (await chat.stored()).messages] == ["one", "ab"]


async def test_the_next_turn_may_begin_when_the_last_one_says_that_it_ended(talk: Begin) -> None:
    chat = await talk([spoken("a")])
    async with aclosing(chat.send("one")) as events:
        async for event in events:
            if isinstance(event, TurnDone):
                assert text_of(await chat.ask("two")) == "a"


async def test_sessions_do_not_wait_for_each_other(talk: Begin) -> None:
    gate = asyncio.Event()
    chat = await talk([Script((Say("a"), Hold(gate))), spoken("b")])
    events = chat.send("one")
    await chat.until_text(events)
    other = await chat.engine.sessions.create()
    assert text_of(await chat.collect(chat.engine.chat.send(other.id, "two", key="other"))) == "b"
    await events.aclose()


# stopping


async def test_closing_stops_the_model_and_keeps_what_came(talk: Begin) -> None:
    chat = await talk([Script((Say("Half"), Hold(asyncio.Event()))), spoken("next")])
    events = chat.send("one")
    await chat.until_text(events)
    await events.aclose()
    assert chat.backend.open_streams == 0
    reply = await chat.reply()
    assert (reply.text, reply.state, reply.error) == ("Half", MessageState.STOPPED, "")
    assert reply.usage is not None
    assert reply.usage.completion_tokens == 1
    assert text_of(await chat.ask("two")) == "next"


async def test_a_reader_that_is_cancelled_while_it_waits_stops_the_model(talk: Begin) -> None:
    chat = await talk([Script((Say("Half"), Hold(asyncio.Event())))])
    begun = asyncio.Event()

    async def read() -> None:
        async with aclosing(chat.send("one")) as events:
            async for event in events:
                if isinstance(event, TextDelta):
                    begun.set()

    reading = asyncio.create_task(read())
    await begun.wait()
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading
    assert chat.backend.open_streams == 0
    assert (await chat.reply()).state is MessageState.STOPPED


async def test_stopping_before_the_first_token_keeps_an_empty_reply(talk: Begin) -> None:
    chat = await talk([Script((Hold(asyncio.Event()),)), spoken("b")])
    events = chat.send("one")
    while not isinstance(await anext(events), Routed):
        pass
    while not chat.backend.requests:  # the route is told before the model is asked
        await asyncio.sleep(0)
    await events.aclose()
    reply = await chat.reply()
    assert (reply.text, reply.state) == ("", MessageState.STOPPED)
    await chat.ask("two")
    assert [message.text for message in chat.backend.requests[-1].messages][1:] == ["one\n\ntwo"]


async def test_stopping_while_it_loads(talk: Begin) -> None:
    backend = SlowToLoad(asyncio.Event())
    chat = await talk(backend, load=False)
    events = chat.send("one")
    while not isinstance(await anext(events), ModelLoading):
        pass
    await events.aclose()
    assert (await chat.reply()).state is MessageState.STOPPED
    assert (await chat.engine.models.roles())[0].state is RoleState.IDLE


async def test_stopping_while_the_message_is_being_stored_waits_for_that(
    talk: Begin, monkeypatch: pytest.MonkeyPatch
) -> None:
    chat = await talk([spoken("a")])
    begun, go = asyncio.Event(), asyncio.Event()
    begin_turn = Store.begin_turn

    async def slow(self: Store, *args: Any, **kwargs: Any) -> Any:
        begun.set()
        await go.wait()
        return await begin_turn(self, *args, **kwargs)

    monkeypatch.setattr(Store, "begin_turn", slow)
    reading = asyncio.create_task(chat.ask("one"))
    await begun.wait()
    reading.cancel()
    await asyncio.sleep(0)
    go.set()
    with pytest.raises(asyncio.CancelledError):
        await reading
    user, reply = (await chat.stored()).messages
    assert (user.text, reply.state) == ("one", MessageState.STOPPED)
    assert chat.backend.requests == []


async def test_stopping_the_engine_leaves_what_can_be_continued_and_says_so(talk: Begin) -> None:
    chat = await talk([Script((Say("Half"), Hold(asyncio.Event())))])
    events = chat.send("one")
    await chat.until_text(events)
    stopping = asyncio.create_task(chat.engine.stop())
    rest = await chat.collect(events)
    await stopping
    reply = end_of(rest)
    assert isinstance(rest[-1], TurnCancelled)
    assert (reply.text, reply.state, reply.error) == ("Half", MessageState.INTERRUPTED, LEFT_BEHIND)
    with pytest.raises(EngineLost):
        await chat.ask("two")


async def test_stopping_the_engine_needs_no_reader(talk: Begin, paths: Any, clock: Any) -> None:
    chat = await talk([Script((Say("Half"), Hold(asyncio.Event())))])
    events = chat.send("one")
    await chat.until_text(events)
    await chat.engine.stop()
    store = await Store.open(paths.database, clock)
    assert store.interrupted == 0
    reply = (await store.transcript(chat.session_id)).messages[-1]
    assert (reply.text, reply.state) == ("Half", MessageState.INTERRUPTED)
    await store.close()
    await events.aclose()


async def test_deleting_a_session_stops_its_turn(talk: Begin) -> None:
    chat = await talk([Script((Say("Half"), Hold(asyncio.Event())))])
    events = chat.send("one")
    await chat.until_text(events)
    await chat.engine.sessions.delete(chat.session_id)
    assert isinstance((await chat.collect(events))[-1], TurnCancelled)
    assert chat.backend.open_streams == 0
    with pytest.raises(NoSuchSession):
        await chat.stored()


# storing meanwhile


async def test_the_partial_reply_is_stored_while_it_streams(talk: Begin, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streaming_module, "PARTIAL_SAVE_INTERVAL_S", 0.001)
    chat = await talk([Script((Say("hm", thinking=True), Say("Half"), Hold(asyncio.Event())))])
    saved = asyncio.Event()
    save_partial = Store.save_partial

    async def note(self: Store, *args: Any, **kwargs: Any) -> None:
        await save_partial(self, *args, **kwargs)
        saved.set()

    monkeypatch.setattr(Store, "save_partial", note)
    events = chat.send("one")
    await chat.until_text(events)
    await saved.wait()
    reply = await chat.reply()
    assert (reply.text, reply.thinking, reply.state, reply.ref) == ("Half", "hm", MessageState.STREAMING, DEMO)
    await events.aclose()


async def test_a_disk_that_is_full_meanwhile_is_said_and_the_reply_goes_on(
    talk: Begin, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streaming_module, "PARTIAL_SAVE_INTERVAL_S", 0.001)

    async def full(self: Store, *args: Any, **kwargs: Any) -> None:
        raise DiskFull("There is no space left.")

    monkeypatch.setattr(Store, "save_partial", full)
    gate = asyncio.Event()
    chat = await talk([Script((Say("a"), Hold(gate), Say("b")))])
    facts = chat.engine.control.watch()
    await anext(facts)
    events = chat.send("one")
    await chat.until_text(events)
    async for fact in facts:
        if isinstance(fact, Notice):
            assert fact.severity == "error"
            assert "There is no space left." in fact.sentence
            break
    gate.set()
    assert end_of(await chat.collect(events)).text == "ab"
    await facts.aclose()


async def test_a_disk_that_is_full_at_the_end_fails_the_turn_and_shows_the_text(
    talk: Begin, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def full(self: Store, *args: Any, **kwargs: Any) -> None:
        raise DiskFull("There is no space left.")

    monkeypatch.setattr(Store, "finish_reply", full)
    chat = await talk([spoken("all of it")])
    end = (await chat.ask("one"))[-1]
    assert isinstance(end, TurnFailed)
    assert (end.code, end.reply.text, end.reply.state) == ("disk_full", "all of it", MessageState.INTERRUPTED)


async def test_a_session_that_is_gone_at_the_end_fails_the_turn(talk: Begin) -> None:
    gate = asyncio.Event()
    chat = await talk([Script((Say("a"), Hold(gate)))])
    events = chat.send("one")
    await chat.until_text(events)
    await chat.engine.store.delete_session(chat.session_id)
    gate.set()
    end = (await chat.collect(events))[-1]
    assert isinstance(end, TurnFailed)
    assert (end.code, end.reply.text) == ("no_such_message", "a")


async def test_a_disk_that_is_full_at_the_beginning_stores_and_asks_nothing(
    talk: Begin, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def full(self: Store, *args: Any, **kwargs: Any) -> None:
        raise DiskFull("There is no space left.")

    chat = await talk([spoken("a")])
    with monkeypatch.context() as patch:
        patch.setattr(Store, "begin_turn", full)
        with pytest.raises(DiskFull):
            await chat.ask("one")
    assert chat.backend.requests == []
    assert text_of(await chat.ask("two")) == "a"


# failing


async def test_a_stream_that_breaks_with_text_can_be_continued(talk: Begin) -> None:
    chat = await talk([Script((Say("Half"), Fail(BrokenStream("It broke off."))))])
    events = await chat.ask("one")
    end = events[-1]
    assert isinstance(end, TurnFailed)
    assert (end.code, end.sentence) == ("broken_stream", "It broke off.")
    assert (end.reply.state, end.reply.text, end.reply.error) == (MessageState.INTERRUPTED, "Half", "It broke off.")
    assert await chat.reply() == end.reply


async def test_one_that_breaks_without_text_failed(talk: Begin) -> None:
    chat = await talk([Script((Say("hm", thinking=True), Fail(BackendCrashed("It ended."))))])
    reply = end_of(await chat.ask("one"))
    assert (reply.state, reply.thinking, reply.error) == (MessageState.FAILED, "hm", "It ended.")
    ux, _ = await chat.engine.models.roles()
    assert (ux.state, ux.detail) == (RoleState.FAILED, "It ended.")


async def test_after_a_crash_the_next_message_loads_and_is_answered(talk: Begin) -> None:
    chat = await talk([Script((Fail(BackendCrashed("It ended.")),)), spoken("again")])
    await chat.ask("one")
    await chat.backend.unload("demo")
    events = await chat.ask("two")
    assert any(isinstance(event, ModelLoading) for event in events)
    assert text_of(events) == "again"
    assert (await chat.engine.models.roles())[0].state is RoleState.READY


@pytest.mark.parametrize(
    ("error", "state"), [(Unreachable("away"), RoleState.AWAY), (OutOfMemory("full"), RoleState.FAILED)]
)
async def test_a_model_that_cannot_be_loaded_fails_the_turn_and_the_message_is_kept(
    talk: Begin, error: Any, state: RoleState, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(generate, "TURN_SERVER_WAIT_S", 0.1)
    backend = ScriptedBackend([spoken("a")])
    chat = await talk(backend, load=False, ux="scripted/demo")
    backend.away = error
    end = (await chat.ask("one"))[-1]
    assert isinstance(end, TurnFailed)
    assert (end.code, end.sentence) == (error.code, error.sentence)
    user, reply = (await chat.stored()).messages
    assert (user.text, reply.state, reply.error) == ("one", MessageState.FAILED, error.sentence)
    backend.away = None
    assert end_of(await chat.resume(reply.id)).text == "a"


async def test_without_any_model_the_message_is_stored_and_that_is_said(talk: Begin) -> None:
    chat = await talk(ScriptedBackend([spoken("a")], models=()))
    end = (await chat.ask("one"))[-1]
    assert isinstance(end, TurnFailed)
    assert end.code == "no_model"
    assert "No model was found" in end.sentence
    assert [message.text for message in (await chat.stored()).messages] == ["one", ""]
    chat.backend.models = ("demo",)
    assert text_of(await chat.ask("two")) == "a"


async def test_a_backend_that_this_engine_does_not_have_is_named(talk: Begin) -> None:
    chat = await talk([spoken("a")])
    end = (await chat.ask("one", ref=ModelRef(BackendName.OLLAMA, "m")))[-1]
    assert isinstance(end, TurnFailed)
    assert end.code == "not_available"


async def test_an_end_without_its_last_event_is_a_broken_stream(talk: Begin) -> None:
    class Endless(ScriptedBackend):
        async def chat(self, request: Any) -> Any:
            yield (await anext(super().chat(request)))

    chat = await talk(Endless([spoken("a", "b")]))
    end = (await chat.ask("one"))[-1]
    assert isinstance(end, TurnFailed)
    assert (end.code, end.reply.text) == ("broken_stream", "a")


async def test_an_error_of_ours_ends_the_turn_and_goes_to_the_log(
    talk: Begin, caplog: pytest.LogCaptureFixture
) -> None:
    chat = await talk([Script((Say("Half"), Fail(ZeroDivisionError("a bug")))), spoken("b")])  # type: ignore[arg-type]
    end = (await chat.ask("one"))[-1]
    assert isinstance(end, TurnFailed)
    assert (end.code, end.reply.text, end.reply.state) == ("error", "Half", MessageState.INTERRUPTED)
    assert await chat.reply() == end.reply
    (record,) = (record for record in caplog.records if record.levelname == "ERROR")
    assert record.exc_info is not None
    assert record.exc_info[0] is ZeroDivisionError
    assert text_of(await chat.ask("two")) == "b"


async def test_an_error_that_nobody_foresaw_at_the_beginning_is_a_sentence(
    talk: Begin, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def broken(self: Store, *args: Any, **kwargs: Any) -> Any:
        raise ZeroDivisionError("a bug")

    chat = await talk([spoken("a")])
    with monkeypatch.context() as patch:
        patch.setattr(Store, "begin_turn", broken)
        with pytest.raises(TaleError, match="broke off because of an error in the application"):
            await chat.ask("one")
    assert "ZeroDivisionError: a bug" in caplog.text
    assert text_of(await chat.ask("two")) == "a"


@pytest.mark.parametrize("text", ["", " \n\t ", "\x1b[2J", "\u200b"])
async def test_an_empty_message_is_refused(talk: Begin, text: str) -> None:
    chat = await talk([spoken("a")])
    with pytest.raises(EmptyMessage):
        await chat.ask(text)
    assert (await chat.stored()).messages == ()


async def test_a_message_for_no_session_is_refused(talk: Begin) -> None:
    chat = await talk([spoken("a")])
    for text in ("hi", "hi " * 1000):
        with pytest.raises(NoSuchSession):
            await chat.collect(chat.engine.chat.send("nowhere", text, key="k"))


# the window


@pytest.mark.parametrize("counts", [True, False])
async def test_a_message_longer_than_the_window_is_refused_before_it_is_stored(talk: Begin, counts: bool) -> None:
    chat = await talk(ScriptedBackend([spoken("a")], window=1024, counts=counts))
    with pytest.raises(MessageTooLong, match="1,024 at once, of which 256 are kept for the answer"):
        await chat.ask("word " * 5000)
    assert (await chat.stored()).messages == ()
    assert chat.backend.requests == []


async def test_a_long_message_is_stored_when_the_window_cannot_be_known(
    talk: Begin, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(generate, "TURN_SERVER_WAIT_S", 0.1)
    backend = ScriptedBackend([spoken("a")], window=1024)
    chat = await talk(backend, load=False, ux="scripted/demo")
    backend.away = Unreachable("away")
    end = (await chat.ask("word " * 5000))[-1]
    assert isinstance(end, TurnFailed)
    assert end.code == "unreachable"
    backend.away = None
    failed = (await chat.resume(end.reply.id))[-1]
    assert isinstance(failed, TurnFailed)
    assert failed.code == "message_too_long"


async def test_a_text_that_counts_for_less_than_estimated_is_sent(talk: Begin) -> None:
    text = "word " * 500  # 833 tokens by the estimate, 625 as the backend counts
    counting = await talk(ScriptedBackend([spoken("a")], window=1024))
    assert text_of(await counting.ask(text)) == "a"


async def test_a_long_conversation_is_sent_from_where_it_fits_and_that_is_shown(talk: Begin) -> None:
    chat = await talk(ScriptedBackend([spoken("b" * 800)], window=1024))
    for number in range(4):
        await chat.ask(f"{number}" + "a" * 800, key=f"q{number}")
    events = await chat.ask("and now?", key="last")
    routed = next(event for event in events if isinstance(event, Routed))
    assert routed.view_from in ("q2", "q3")
    assert (await chat.stored()).view_from == routed.view_from
    sent = chat.backend.requests[-1].messages
    assert sent[1].text.startswith(routed.view_from[1:] + "aaa")
    assert sent[-1].text == "and now?"


async def test_a_server_that_finds_the_prompt_too_long_is_sent_less(talk: Begin) -> None:
    def answer(request: Any) -> Script:
        if sum(len(message.text) for message in request.messages) > 3000:
            return Script((Fail(ContextFull("too long")),))
        return spoken("b" * 400)

    chat = await talk(ScriptedBackend(answer, window=2000, counts=False))
    for number in range(5):
        assert isinstance((await chat.ask(f"{number}" + "a" * 400))[-1], TurnDone)
    assert (await chat.stored()).view_from is not None


async def test_a_message_that_the_server_finds_too_long_is_not_sent_again(talk: Begin) -> None:
    chat = await talk(ScriptedBackend([Script((Fail(ContextFull("too long")),))], window=1024, counts=False))
    end = (await chat.ask("word " * 600))[-1]
    assert isinstance(end, TurnFailed)
    assert (end.code, len(chat.backend.requests)) == ("context_full", 1)


async def test_a_server_that_serves_a_smaller_window_than_asked_is_sent_less(talk: Begin) -> None:
    chat = await talk(ScriptedBackend([spoken("b" * 800)], window=1024), chat={"window": 8192}, load=False)
    for number in range(2):
        await chat.ask(f"{number}" + "a" * 800, key=f"q{number}")
    await chat.backend.unload("demo")
    events = await chat.ask("x" * 800, key="last")
    assert [event.view_from for event in events if isinstance(event, Routed)][-1] in ("q1", "last")
    assert chat.backend.requests[-1].window == 8192


async def test_a_backend_that_cannot_count_when_asked_is_sent_what_is_estimated(talk: Begin) -> None:
    class Miscounting(ScriptedBackend):
        async def count_tokens(self, *args: Any) -> int | None:
            raise BrokenStream("no")

    chat = await talk(Miscounting([spoken("a")], window=1024))
    assert text_of(await chat.ask("word " * 350)) == "a"


async def test_a_branch_that_is_put_away_before_it_is_read_is_answered_all_the_same(talk: Begin) -> None:
    chat = await talk([spoken("a"), spoken("b")])
    first = end_of(await chat.ask("one", key="k"))
    above = Store.prompt_source
    store: Store = chat.engine.store

    async def put_away(message_id: str, limit: int) -> Any:
        await store.show_sibling(chat.session_id, first.id, 0)
        return await above(store, message_id, limit)

    store.prompt_source = put_away  # type: ignore[method-assign]
    end = (await chat.regenerate(first.id))[-1]
    assert isinstance(end, TurnDone)
    assert end.reply.text == "b"
    assert [message.text for message in chat.backend.requests[-1].messages[1:]] == ["one"]


async def test_a_server_that_drops_a_part_without_a_word_raises_the_alarm(talk: Begin) -> None:
    words = "The quick brown fox jumps over the lazy dog. "
    script = Script((Say("a"),), prompt_tokens=300)
    chat = await talk([script])
    facts = chat.engine.control.watch()
    await anext(facts)
    end = (await chat.ask(words * 200))[-1]
    assert isinstance(end, TurnDone)
    assert end.window is not None
    assert end.window.cut
    await chat.engine.stop()
    notices = [fact async for fact in facts if isinstance(fact, Notice)]
    assert "counted 300 tokens" in notices[0].sentence


async def test_what_the_server_counts_is_learned_but_not_a_count_without_its_cache(talk: Begin) -> None:
    chat = await talk(ScriptedBackend([spoken("a"), spoken("a"), Script((Say("a"),), prompt_tokens=300)], counts=False))
    store: Store = chat.engine.store
    assert store.text_ratios.get(DEMO) is None
    await chat.ask("word " * 400)
    (ratio,) = store.text_ratios[DEMO].values()
    assert 3.5 < ratio < 4.5
    await chat.ask("more")
    learned = store.text_ratios.get(DEMO)
    await chat.ask("and now the cache is not counted")
    assert store.text_ratios.get(DEMO) == learned


# again, further, otherwise


async def test_asking_again_makes_another_version(talk: Begin) -> None:
    chat = await talk([spoken("one"), spoken("two"), spoken("three")])
    first = end_of(await chat.ask("q", key="q"))
    events = await chat.regenerate(first.id)
    assert isinstance(events[0], TurnStarted)
    assert events[0].user is None
    second = end_of(events)
    assert (second.text, second.sibling, second.siblings) == ("two", 2, 2)
    third = end_of(await chat.regenerate("q"))
    assert (third.text, third.sibling, third.siblings) == ("three", 3, 3)
    assert [message.text for message in chat.backend.requests[-1].messages][1:] == ["q"]


async def test_nothing_can_be_asked_again_that_is_not_there(talk: Begin) -> None:
    chat = await talk([spoken("a")])
    other = await chat.engine.sessions.create()
    await chat.collect(chat.engine.chat.send(other.id, "q", key="q"))
    for message_id in ("nothing", "q"):
        with pytest.raises(NoSuchMessage):
            await chat.regenerate(message_id)


async def test_another_version_of_a_message(talk: Begin) -> None:
    chat = await talk([spoken("one"), spoken("two"), spoken("three")])
    await chat.ask("first", key="q1")
    await chat.ask("second", key="q2")
    reply = end_of(await chat.edit("q1", "other first", "q3"))
    stored = await chat.stored()
    assert [message.text for message in stored.messages] == ["other first", "three"]
    assert stored.messages[0].siblings == 2
    assert reply.parent_id == "q3"
    with pytest.raises(MessageTooLong):
        await chat.edit("q1", "word " * 20_000, "q4")


async def test_a_stopped_reply_goes_on_where_it_broke_off(talk: Begin) -> None:
    chat = await talk([Script((Say("It "), Say("is"), Hold(asyncio.Event()))), spoken(" so.")])
    events = chat.send("What?")
    await chat.until_text(events)
    await events.aclose()
    stopped = await chat.reply()
    events = await chat.resume(stopped.id)
    reply = end_of(events)
    assert (reply.id, reply.text, reply.state) == (stopped.id, stopped.text + " so.", MessageState.COMPLETE)
    assert text_of(events) == " so."
    request = chat.backend.requests[-1]
    assert request.continue_text == stopped.text
    assert request.messages[-1].text == "What?"


async def test_one_that_stopped_in_its_thinking_begins_anew(talk: Begin) -> None:
    chat = await talk([Script((Say("hm", thinking=True), Hold(asyncio.Event()))), Script((Say("so"),))])
    events = chat.send("What?")
    async for event in events:
        if isinstance(event, ThinkingDelta):
            break
    await events.aclose()
    stopped = await chat.reply()
    assert (stopped.thinking, stopped.text) == ("hm", "")
    reply = end_of(await chat.resume(stopped.id))
    assert (reply.thinking, reply.text) == ("", "so")
    assert chat.backend.requests[-1].continue_text == ""


async def test_one_that_was_cut_by_length_can_go_on_also_with_another_model(talk: Begin) -> None:
    backend = ScriptedBackend([Script((Say("one"),), FinishReason.LENGTH), spoken(" two")], models=("demo", "other"))
    chat = await talk(backend)
    cut = end_of(await chat.ask("q"))
    assert cut.finish is FinishReason.LENGTH
    await chat.engine.models.use(Role.UX, ModelRef(BackendName.SCRIPTED, "other"))
    reply = end_of(await chat.resume(cut.id))
    assert (reply.text, reply.finish, reply.ref) == ("one two", FinishReason.STOP, ModelRef(DEMO.backend, "other"))


async def test_only_the_last_reply_and_only_an_open_one_goes_on(talk: Begin) -> None:
    chat = await talk([Script((Say("Half"), Fail(BrokenStream("x")))), spoken("whole")])
    half = end_of(await chat.ask("one"))
    whole = end_of(await chat.ask("two", key="two"))
    for message_id in (half.id, whole.id, "two", "nothing"):
        with pytest.raises(NoSuchMessage):
            await chat.resume(message_id)
    assert [message.author for message in (await chat.stored()).messages] == [Author.USER, Author.ASSISTANT] * 2


async def test_a_turn_that_fails_again_stays_open(talk: Begin) -> None:
    chat = await talk([Script((Say("Half"), Fail(BrokenStream("x")))), Script((Fail(BrokenStream("y")),)), spoken("!")])
    half = end_of(await chat.ask("one"))
    again = end_of(await chat.resume(half.id))
    assert (again.text, again.state, again.error) == ("Half", MessageState.INTERRUPTED, "y")
    assert end_of(await chat.resume(half.id)).text == "Half!"


async def test_a_call_that_is_repeated_stores_nothing_twice(talk: Begin) -> None:
    chat = await talk([spoken("a")])
    first = end_of(await chat.ask("one", key="k"))
    events = await chat.ask("one", key="k")
    assert [type(event) for event in events] == [TurnStarted, TurnDone]
    assert end_of(events) == first
    assert len(chat.backend.requests) == 1
    assert len((await chat.stored()).messages) == 2


async def test_a_repeated_call_goes_on_with_a_reply_that_broke_off(talk: Begin) -> None:
    chat = await talk([Script((Say("Half"), Fail(BrokenStream("x")))), spoken(" whole")])
    await chat.ask("one", key="k")
    assert end_of(await chat.ask("one", key="k")).text == "Half whole"


async def test_a_repeated_call_says_again_that_it_failed(talk: Begin) -> None:
    chat = await talk([Script((Fail(BackendCrashed("It ended.")),))])
    await chat.ask("one", key="k")
    end = (await chat.ask("one", key="k"))[-1]
    assert isinstance(end, TurnFailed)
    assert end.sentence == "It ended."
    assert len(chat.backend.requests) == 1


async def test_a_repeated_call_leaves_what_the_user_stopped(talk: Begin) -> None:
    chat = await talk([Script((Say("Half"), Hold(asyncio.Event())))])
    events = chat.send("one", key="k")
    await chat.until_text(events)
    await events.aclose()
    assert [type(event) for event in await chat.ask("one", key="k")] == [TurnStarted, TurnCancelled]


async def test_a_message_that_waited_leaves_the_queue_when_it_is_sent(talk: Begin) -> None:
    chat = await talk([spoken("a")])
    await chat.engine.chat.enqueue(chat.session_id, "later", key="q1")
    await chat.engine.chat.enqueue(chat.session_id, "latest", key="q2")
    await chat.ask("later", key="q1")
    assert [queued.id for queued in (await chat.stored()).queued] == ["q2"]
