"""What waits behind a reply: when it goes, when it stays, and how it comes back."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from support.replies import held
from tale_tui.domain.conversation import MessageState
from tale_tui.domain.errors import Unreachable
from tale_tui.domain.events import TextDelta, TurnEvent
from tale_tui.domain.models import Role
from tale_tui.engine.models.scripted import Fail, Hold, Say, Script, spoken


def waiting(window: Any) -> list[str]:
    """The messages that wait, the next to be sent first."""
    return [one.text for one in window.queued]


async def stopped_with_waiting(window: Any, *texts: str) -> None:
    """Send `first`, send these behind its reply, and stop that."""
    await window.ready()
    await window.say("first")
    await window.streams("one")
    for text in texts:
        await window.say(text)
    await window.until(lambda: waiting(window) == list(texts), "they wait")
    await window.press("escape")
    await window.rest()


async def test_what_waits_after_a_stop_stays_when_another_window_changes_something(open_window: Any) -> None:
    script, _ = held("one")
    async with open_window([script, spoken("two")]) as window:
        await stopped_with_waiting(window, "second")
        await window.engine.sessions.rename(window.session.id, "named elsewhere")
        await window.shows("named elsewhere")
        await window.rest()
        assert waiting(window) == ["second"]
        assert window.texts == ["first", "one"]
        assert len(window.backend.requests) == 1


async def test_enter_sends_what_waits_only_as_long_as_the_replies_come_to_their_end(open_window: Any) -> None:
    script, _ = held("one")
    fails = Script((Fail(Unreachable("Nothing answers.")),))
    async with open_window([script, fails, spoken("three")]) as window:
        await stopped_with_waiting(window, "second", "third")
        await window.press("enter")
        await window.until(lambda: "second" in window.texts, "the second one goes")
        await window.rest()
        assert window.messages[-1].state is MessageState.FAILED
        assert waiting(window) == ["third"]
        assert len(window.backend.requests) == 2


async def test_escape_takes_the_newest_waiting_message_back_first(open_window: Any) -> None:
    script, _ = held("one")
    async with open_window([script]) as window:
        await stopped_with_waiting(window, "second", "third")
        await window.press("escape")
        await window.until(lambda: window.prompt.text, "a message is taken back")
        assert window.prompt.text == "third"
        assert waiting(window) == ["second"]


async def test_escape_stops_the_reply_from_among_the_turns(open_window: Any) -> None:
    script, _ = held("one")
    async with open_window([script]) as window:
        await window.ready()
        await window.say("first")
        await window.streams("one")
        await window.press("shift+tab", "escape")
        await window.until(lambda: window.backend.open_streams == 0, "the model is stopped")
        await window.shows("stopped")


@pytest.mark.parametrize("way", ["command", "key"])
async def test_what_the_user_said_of_a_message_holds_though_it_had_to_wait(open_window: Any, way: str) -> None:
    go_on = asyncio.Event()

    def answer(request: Any) -> Script:
        return spoken("def f(): ...") if request.role is Role.TASK else Script((Say("one"), Hold(go_on)))

    async with open_window(answer) as window:
        await window.ready()
        await window.say("first")
        await window.streams("one")
        if way == "command":
            await window.say("/task Say hello")
        else:
            await window.write("Say hello")
            await window.press("f8", "enter")
        await window.until(lambda: waiting(window) == ["Say hello"], "it waits")
        go_on.set()
        await window.until(lambda: not window.queued and len(window.messages) == 4, "it is answered")
        await window.rest()
        assert window.card is window.messages[-1]


async def test_what_waits_unseen_is_not_sent_after_a_reply_that_broke_off(open_window: Any) -> None:
    fail = asyncio.Event()
    breaks_off = Script((Say("one"), Hold(fail), Fail(Unreachable("Nothing answers."))))
    async with open_window([breaks_off, spoken("two")]) as window:
        await window.ready()
        await window.say("first")
        await window.streams("one")
        first = window.session.id
        await window.say("second")
        await window.until(lambda: window.queued, "it waits")
        await window.say("/new")
        await window.until(lambda: window.messages == [], "a new conversation")
        fail.set()
        await window.until(lambda: window.backend.open_streams == 0, "the reply broke off")
        await window.idle()
        assert len(window.backend.requests) == 1
        await window.open_session(first)
        await window.shows("queued", "second")
        assert window.texts == ["first", "one"]


async def test_a_message_that_met_the_turn_of_another_window_is_kept_though_its_conversation_was_left(
    open_window: Any,
) -> None:
    theirs, end = held("theirs")
    async with open_window([spoken("one"), theirs, spoken("three")]) as window:
        await window.ready()
        await window.say("first")
        await window.answered()
        session, send, gate = window.session.id, window.engine.chat.send, asyncio.Event()

        async def late(*args: Any, **kwargs: Any) -> AsyncIterator[TurnEvent]:
            await gate.wait()
            async for event in send(*args, **kwargs):
                yield event

        async def elsewhere() -> None:
            async for _ in send(session, "elsewhere", key="k" * 16):
                pass

        async def kept() -> bool:
            stored = await window.engine.sessions.transcript(session)
            return "mine" in [message.text for message in (*stored.messages, *stored.queued)]

        window.engine.chat.send = late
        await window.say("mine")
        other = asyncio.create_task(elsewhere())
        await window.until(lambda: window.backend.open_streams == 1, "another window is answered first")
        await window.say("/new")
        await window.until(lambda: window.messages == [], "a new conversation")
        gate.set()
        await window.idle()
        assert await kept()
        end.set()
        await other
        await window.open_session(session)
        await window.shows("mine")


async def test_a_conversation_that_is_shown_again_shows_what_of_its_reply_came_meanwhile(open_window: Any) -> None:
    more, end = asyncio.Event(), asyncio.Event()
    script = Script((Say("so far"), Hold(more), Say(" and more"), Hold(end), Say(" to the end")))
    async with open_window([script]) as window:
        await window.ready()
        send, taken = window.engine.chat.send, []

        async def noted(*args: Any, **kwargs: Any) -> AsyncIterator[TurnEvent]:
            async for event in send(*args, **kwargs):
                yield event
                if isinstance(event, TextDelta):
                    taken.append(event.text)

        window.engine.chat.send = noted
        await window.say("first")
        await window.streams("so far")
        first = window.session.id
        await window.say("/new")
        await window.until(lambda: window.messages == [], "a new conversation")
        more.set()
        await window.until(lambda: "".join(taken) == "so far and more", "more has come")
        await window.open_session(first)
        await window.shows("so far and more")
        end.set()
        await window.shows("so far and more to the end")


async def test_the_gauge_still_says_that_the_beginning_was_cut_after_a_reply_was_stopped(open_window: Any) -> None:
    cut = Script((Say("one"),), prompt_tokens=20)
    script, _ = held("so far")
    async with open_window([cut, script]) as window:
        await window.ready()
        await window.say("word " * 800)
        await window.answered()
        await window.until(lambda: " cut" in window.painted.splitlines()[-1], "the gauge says so")
        await window.say("more")
        await window.streams("so far")
        await window.press("escape")
        await window.rest()
        assert " cut" in window.painted.splitlines()[-1]
