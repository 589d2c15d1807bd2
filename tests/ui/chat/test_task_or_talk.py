"""What the window says that a message is, from the prompt to what stands below its reply."""

from __future__ import annotations

import asyncio
from typing import Any

from tale_tui.domain.models import Role
from tale_tui.domain.tasks import Classification
from tale_tui.engine.models.scripted import Script, spoken
from tale_tui.ui.preferences import WindowPreferences

UNSURE = "more formal"
"""Judged by what came before it: after a task it asks for another version of the result."""
OFFER = "Run this as a task?"


def answer(request: Any) -> Script:
    return spoken("Dear Sir or Madam") if request.role is Role.TASK else spoken("Fine, ", "thank you.")


async def judged(window: Any, text: str) -> Any:
    """Write a message, and give what the chip says of it."""
    await window.write(text)
    await window.until(lambda: window.chip is not None, "it is judged")
    return window.chip


async def test_the_chip_judges_a_message_in_its_conversation(open_window: Any) -> None:
    async with open_window(answer, detect=True) as window:
        await window.ready()
        before = await judged(window, UNSURE)
        assert before.kind == "ask"
        window.prompt.fill("")
        await window.say("/task Write a letter to the landlord")
        await window.shows("Dear Sir or Madam")
        await window.rest()
        session = window.session.id
        here = await window.engine.chat.classify(UNSURE, session_id=session)
        after = await judged(window, UNSURE)
        assert after.share == here.p > before.share


async def test_what_was_typed_before_the_engine_came_is_judged_when_it_does(open_window: Any) -> None:
    gate = asyncio.Event()
    async with open_window(answer, detect=True, gate=gate) as window:
        await window.write("Write a letter to the landlord")
        gate.set()
        await window.until(lambda: window.chip is not None and window.chip.forecast is not None, "it is judged")
        assert window.chip.kind == "task"


async def test_nothing_is_offered_where_the_user_has_said_that_it_is_talk(open_window: Any) -> None:
    bounds = {"chat_to": 0.0, "task_from": 1.0}
    async with open_window(answer, manners=WindowPreferences(**bounds), detection=bounds) as window:
        await window.ready()
        await window.say(UNSURE)
        await window.answered()
        await window.shows(OFFER)
        # Said before it was judged: a task, and then just talk.
        classify, gate = window.engine.chat.classify, asyncio.Event()

        async def late(*args: Any, **kwargs: Any) -> Classification:
            await gate.wait()
            judged_now: Classification = await classify(*args, **kwargs)
            return judged_now

        window.engine.chat.classify = late
        await window.write(UNSURE)
        await window.press("f8", "f8")
        await window.shows("chat set")
        await window.press("enter")
        gate.set()
        await window.answered(2)
        await window.rest()
        assert window.card is None
        await window.hides(OFFER)
