"""What is being written: it is there again after everything that came between."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tale_tui.domain.errors import ReadOnly
from tale_tui.engine.models.scripted import spoken


async def talked(window: Any, *texts: str) -> str:
    """Have these messages answered, and give their conversation."""
    await window.ready()
    for count, text in enumerate(texts, 1):
        await window.say(text)
        await window.answered(count)
    return str(window.session.id)


async def edit(window: Any, text: str) -> None:
    """Go up to a question from the newest turn, and take it into the prompt."""
    [number] = [number for number, shown in enumerate(window.texts) if shown == text]
    await window.press("shift+tab", "end", *["up"] * (len(window.texts) - 1 - number), "e")
    await window.until(lambda: window.prompt.text == text, f"{text!r} is in the prompt")
    await window.shows("editing")


async def test_a_draft_comes_back_after_two_messages_were_edited_one_after_the_other(open_window: Any) -> None:
    async with open_window([spoken("one"), spoken("two")]) as window:
        await talked(window, "first", "second")
        await window.write("half a thought")
        await edit(window, "second")
        await edit(window, "first")
        await window.press("escape")
        assert window.prompt.text == "half a thought"
        await window.hides("editing")


async def test_who_leaves_while_a_message_is_edited_finds_the_draft_again(open_window: Any) -> None:
    async with open_window([spoken("one")]) as window:
        session = await talked(window, "first")
        await window.write("half a thought")
        await edit(window, "first")
        await window.press("ctrl+q")
        await window.left()
    async with open_window(session_id=session) as window:
        await window.shows("one", "half a thought")
        assert window.prompt.text == "half a thought"


async def test_who_opens_another_conversation_while_a_message_is_edited_finds_the_draft_again(
    open_window: Any,
) -> None:
    async with open_window([spoken("one")]) as window:
        session = await talked(window, "first")
        await window.write("half a thought")
        await edit(window, "first")
        await window.press("ctrl+n")
        await window.until(lambda: window.messages == [], "a new conversation")
        assert window.prompt.text == ""
        await window.open_session(session)
        assert window.prompt.text == "half a thought"
        await window.hides("editing")


async def test_what_is_typed_before_a_session_is_there_is_kept_and_not_its_draft(open_window: Any) -> None:
    async with open_window([spoken("one")]) as window:
        session = await talked(window, "first")
        await window.write("old words")
        await window.press("ctrl+q")
        await window.left()
    gate = asyncio.Event()
    async with open_window(session_id=session, gate=gate) as window:
        await window.write("new words")
        gate.set()
        await window.shows("first", "one")
        await window.idle()
        assert window.prompt.text == "new words"


@pytest.mark.parametrize("way", ["key", "palette"])
async def test_a_new_conversation_that_is_begun_anew_keeps_what_is_written(open_window: Any, way: str) -> None:
    async with open_window() as window:
        await window.ready()
        await window.write("half a thought")
        if way == "key":
            await window.press("ctrl+n")
        else:
            await window.press("ctrl+p")
            await window.until(lambda: window.app.screen is not window.chat, "the palette is open")
            await window.press(*"New conv")
            await window.shows("New conversation")
            await window.press("enter")
            await window.closed()
        await window.idle()
        assert window.prompt.text == "half a thought"
        await window.shows("half a thought")


async def test_messages_sent_before_an_engine_that_does_not_come_are_given_back_in_their_order(
    open_window: Any,
) -> None:
    gate = asyncio.Event()
    async with open_window(broken=ReadOnly("The data folder cannot be written."), gate=gate) as window:
        await window.say("first")
        await window.say("second")
        gate.set()
        await window.shows("The data folder cannot be written.")
        assert window.prompt.text == "first\n\nsecond"
        assert window.queued == ()
