"""Which conversation is on the screen, and what a reading of it may change there."""

from __future__ import annotations

import asyncio
from typing import Any

from support.replies import held
from tale_tui.domain.conversation import Transcript
from tale_tui.engine.models.scripted import Say, Script, spoken


class Reading:
    """Holds back the next reading of a conversation with what it read."""

    def __init__(self, engine: Any, session_id: str) -> None:
        self.begun = False
        self._read = engine.sessions.transcript
        self._session_id = session_id
        self._end = asyncio.Event()
        engine.sessions.transcript = self._transcript

    def end(self) -> None:
        """Let what was held back be heard."""
        self._end.set()

    async def _transcript(self, session_id: str) -> Transcript:
        found: Transcript = await self._read(session_id)
        if session_id == self._session_id and not self.begun:
            self.begun = True
            await self._end.wait()
        return found


def title(window: Any) -> str:
    return str(window.painted.splitlines()[0])


def gauge(window: Any) -> str:
    """How full the context window is, as the last line says it."""
    line = str(window.painted.splitlines()[-1])
    return line[line.index("window") :].split(" of ")[0]


async def talked(window: Any, text: str) -> str:
    """Have a first message answered, and give its conversation."""
    await window.ready()
    await window.say(text)
    await window.answered()
    await window.until(lambda: text in title(window), "it has its title")
    return str(window.session.id)


async def begin_another(window: Any) -> None:
    await window.say("/new")
    await window.until(lambda: window.messages == [], "a new conversation")


async def test_a_reading_that_was_begun_before_something_was_sent_does_not_take_it_off_the_screen(
    open_window: Any,
) -> None:
    script, _ = held("one")
    async with open_window([script]) as window:
        await window.ready()
        await window.say("first")
        await window.streams("one")
        reading = Reading(window.engine, window.session.id)
        await window.engine.sessions.rename(window.session.id, "named elsewhere")
        await window.until(lambda: reading.begun, "it is read again")
        await window.say("second")
        await window.shows("queued", "second")
        reading.end()
        await window.until(lambda: len(window.app.workers) == 1, "only the reply is under way")
        assert "named elsewhere" in title(window)
        assert [one.text for one in window.queued] == ["second"]
        await window.shows("queued", "second")


async def test_a_reading_that_comes_late_is_not_shown_over_another_conversation(open_window: Any) -> None:
    async with open_window([spoken("one"), spoken("two")]) as window:
        first = await talked(window, "first")
        await begin_another(window)
        second = await talked(window, "second")
        await window.open_session(first)
        await window.rest()
        reading = Reading(window.engine, first)
        await window.engine.sessions.rename(first, "named elsewhere")
        await window.until(lambda: reading.begun, "it is read again")
        await window.open_session(second)
        reading.end()
        await window.rest()
        assert "second" in title(window)
        assert "named elsewhere" not in window.painted
        assert window.texts == ["second", "two"]
        assert window.session.id == second


async def test_the_gauge_tells_of_the_conversation_that_is_shown(open_window: Any) -> None:
    full, empty = Script((Say("one"),), prompt_tokens=3000), Script((Say("two"),), prompt_tokens=100)
    async with open_window([full, empty]) as window:
        first = await talked(window, "first")
        of_first = gauge(window)
        await begin_another(window)
        second = await talked(window, "second")
        of_second = gauge(window)
        assert of_first != of_second
        for session_id, shown in ((first, of_first), (second, of_second), (first, of_first)):
            await window.open_session(session_id)
            await window.rest()
            assert gauge(window) == shown


async def test_after_a_conversation_was_deleted_elsewhere_the_next_message_begins_a_new_one(open_window: Any) -> None:
    async with open_window([spoken("one"), spoken("two")]) as window:
        first = await talked(window, "first")
        await window.engine.sessions.delete(first)
        await window.tells("deleted elsewhere")
        await window.say("again")
        await window.answered()
        assert window.texts == ["again", "two"]
        assert window.told == ["This conversation was deleted elsewhere."]
        assert [one.title for one in await window.engine.sessions.list()] == ["again"]


async def test_a_conversation_in_which_a_message_waits_behind_a_stopped_reply_is_opened_at_the_start(
    open_window: Any,
) -> None:
    script, _ = held("one")
    async with open_window([script]) as window:
        await window.ready()
        await window.say("first")
        await window.streams("one")
        await window.say("second")
        await window.shows("queued", "second")
        await window.press("escape")
        await window.rest()
        await window.press("ctrl+q")
        await window.left()
    async with open_window() as window:
        await window.shows("first", "queued", "second")
        assert window.texts == ["first", "one"]
