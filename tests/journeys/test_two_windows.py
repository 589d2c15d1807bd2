"""Two windows on one conversation, over the socket: what one of them asks for is followed and stopped in the other."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import pytest

from support.window import Window
from tale_tui.domain.conversation import MessageState
from tale_tui.domain.tasks import TaskState
from tale_tui.engine.models.scripted import Hold, Say, Script, ScriptedBackend, spoken

pytestmark = pytest.mark.long

TwoWindows = Callable[..., Any]


class Paced:
    """A reply that comes in three parts, as the test lets it go on."""

    def __init__(self) -> None:
        self.more, self.end = asyncio.Event(), asyncio.Event()
        parts = (Say("First part,"), Hold(self.more), Say(" second part,"), Hold(self.end), Say(" third part."))
        self.script = Script(parts, prompt_tokens=120)


@pytest.fixture
def paced() -> Paced:
    return Paced()


@pytest.fixture(params=["engine asks", "client asks"])
def two_windows(request: pytest.FixtureRequest, open_window: Any) -> TwoWindows:
    """Opens the window that asks and the one that follows on a conversation that has a turn; one is the engine."""

    @asynccontextmanager
    async def opened(*scripts: Script, **more: Any) -> AsyncIterator[tuple[Window, Window]]:
        backend = ScriptedBackend([spoken("Hello."), *scripts])
        async with AsyncExitStack() as stack:
            engine = await stack.enter_async_context(open_window(backend=backend, shared=True, **more))
            await engine.ready()
            await engine.say("hello")
            await engine.answered()
            session_id = engine.session.id
            client = await stack.enter_async_context(
                open_window(backend=backend, shared=True, session_id=session_id, **more)
            )
            await client.ready()
            await client.until(lambda: client.texts == ["hello", "Hello."], "it is opened")
            yield (engine, client) if request.param == "engine asks" else (client, engine)

    return opened


def gauge(window: Window) -> Any:
    """How full the context window is said to be."""
    return window.chat.line.window


async def test_a_reply_is_shown_as_it_comes_in_both(two_windows: TwoWindows, paced: Paced) -> None:
    async with two_windows(paced.script) as (asks, follows):
        await asks.say("tell me more")
        await asks.streams("First part,")
        await follows.streams("First part,")
        await follows.shows("tell me more", "First part,", "esc stop")
        paced.more.set()
        await follows.streams("First part, second part,")
        live = [window.chat.view.turn_layout.turns[-1].content.live for window in (asks, follows)]
        assert live[0].tokens == live[1].tokens
        assert live[0].phase == live[1].phase == "writing"
        paced.end.set()
        await asks.answered(2)
        await follows.answered(2)
        await follows.rest()
        assert asks.messages == follows.messages
        assert gauge(asks) == gauge(follows)
        assert gauge(asks).used == 123


async def test_escape_in_the_window_that_follows_stops_it_in_both(two_windows: TwoWindows, paced: Paced) -> None:
    async with two_windows(paced.script, spoken("And so on.")) as (asks, follows):
        await asks.say("tell me more")
        await follows.streams("First part,")
        await follows.press("escape")
        for window in (asks, follows):
            await window.until(lambda w=window: w.messages[-1].state is MessageState.STOPPED, "it is stopped")
            await window.rest()
            assert window.streamed == "First part,"
        assert asks.backend.open_streams == 0
        await follows.press("ctrl+r")
        await asks.until(lambda: asks.messages[-1].state is MessageState.COMPLETE, "the other goes on with it")
        await follows.rest()
        assert asks.streamed == follows.streamed == "First part,And so on."


async def test_a_conversation_that_is_opened_in_the_middle_is_followed_and_left_without_a_trace(
    two_windows: TwoWindows, paced: Paced
) -> None:
    async with two_windows(paced.script) as (asks, follows):
        session_id = asks.session.id
        await follows.say("/new")
        await follows.until(lambda: follows.messages == [], "a new conversation")
        await asks.say("tell me more")
        await asks.streams("First part,")
        await follows.open_session(session_id)
        await follows.streams("First part,")
        await follows.say("/new")
        await follows.until(lambda: follows.messages == [], "it is left")
        paced.more.set()
        await asks.streams("First part, second part,")
        await follows.open_session(session_id)
        await follows.streams("First part, second part,")
        paced.end.set()
        await follows.answered(2)
        await asks.answered(2)
        assert asks.messages == follows.messages


async def test_messages_of_both_wait_for_the_reply_and_each_is_answered_once(
    two_windows: TwoWindows, paced: Paced
) -> None:
    async with two_windows(paced.script, spoken("Three."), spoken("Four.")) as (asks, follows):
        await asks.say("two")
        await follows.streams("First part,")
        await follows.say("three")
        await follows.until(lambda: len(follows.queued) == 1, "it waits")
        await asks.until(lambda: len(asks.queued) == 1, "the other shows it")
        await asks.say("four")
        await asks.until(lambda: len(asks.queued) == 2, "it waits behind it")
        paced.more.set()
        paced.end.set()
        for window in (asks, follows):
            await window.answered(4)
            await window.rest()
        assert asks.texts[4:] == ["three", "Three.", "four", "Four."]
        assert asks.messages == follows.messages
        assert asks.told == follows.told == []


async def test_when_the_window_that_asked_is_left_the_other_shows_that_it_broke_off(
    two_windows: TwoWindows, paced: Paced
) -> None:
    async with two_windows(paced.script) as (asks, follows):
        await asks.say("tell me more")
        await follows.streams("First part,")
        await asks.app.bridge.close()
        broken = (MessageState.INTERRUPTED, MessageState.STOPPED)
        await follows.until(lambda: follows.messages[-1].state in broken, "it broke off")
        await follows.rest()
        assert follows.streamed == "First part,"


async def test_a_card_grows_in_both(two_windows: TwoWindows, paced: Paced) -> None:
    async with two_windows(paced.script, detect=True) as (asks, follows):
        await asks.say("Write a program that prints the first hundred primes")
        for window in (asks, follows):
            await window.until(lambda w=window: w.card is not None, "the card is there")
            await window.shows("First part,")
        paced.more.set()
        await follows.shows("First part, second part,")
        paced.end.set()
        for window in (asks, follows):
            await window.until(
                lambda w=window: [task.state for task in w.tasks.values()] == [TaskState.DONE], "the task is done"
            )
            await window.shows("First part, second part, third part.")


async def test_the_screen_of_tasks_shows_what_another_window_handed_in_as_it_grows(
    two_windows: TwoWindows, paced: Paced
) -> None:
    async with two_windows(paced.script, detect=True) as (asks, follows):
        await follows.press("f3")
        await asks.say("Write a program that prints the first hundred primes")
        await follows.shows("Write a program", "First part,")
        assert "second part," not in follows.painted
        paced.more.set()
        await follows.shows("First part, second part,")
        paced.end.set()
        await follows.shows("First part, second part, third part.")


async def test_who_stops_a_reply_that_is_followed_goes_on_talking_at_once(
    two_windows: TwoWindows, paced: Paced
) -> None:
    async with two_windows(paced.script, spoken("Another answer.")) as (asks, follows):
        await asks.say("tell me more")
        await follows.streams("First part,")
        await follows.write("something else")
        await follows.press("escape", "enter")
        for window in (asks, follows):
            await window.until(lambda w=window: w.texts[-2:] == ["something else", "Another answer."], "it is answered")
            await window.rest()
        assert asks.texts == ["hello", "Hello.", "tell me more", "First part,", "something else", "Another answer."]
        assert asks.messages == follows.messages
