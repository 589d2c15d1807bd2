"""What the window of the model is filled with, from the chat: by the command, and by a click on the gauge."""

from __future__ import annotations

from typing import Any

from tale_tui.domain.conversation import MessageState
from tale_tui.ui.chat.context import ContextDialog


async def test_before_anything_was_said_the_window_is_free(open_window: Any) -> None:
    async with open_window() as window:
        await window.ready()
        await window.say("/context")
        await window.tells("the whole window is free")


async def test_the_parts_and_the_summary_are_shown(open_window: Any) -> None:
    async with open_window() as window:
        await window.ready()
        await window.say("Hello")
        await window.shows("1 turn")
        store, session = window.engine.store, window.session
        turn = await store.begin_turn(session.id, user_id="u2", text="And the pond?")
        await store.finish_reply(turn.reply.id, state=MessageState.COMPLETE, text="Deep.")
        await store.add_digest(turn.user.parent_id, "Hello was said.\x1b[31m", turns=1, ref=None)
        await window.say("/context")
        await window.shows("newest turns", "room for the answer", "1 older turn,", "Hello was said.")
        assert isinstance(window.app.screen, ContextDialog)
        await window.press("escape")
        assert not isinstance(window.app.screen, ContextDialog)


async def test_a_click_on_the_gauge_shows_what_it_is_made_of(open_window: Any) -> None:
    async with open_window() as window:
        await window.ready()
        await window.say("Hello")
        await window.shows("1 turn")
        line = window.app.screen.line
        place = line.render_line(0).text.index("window ")
        await window.pilot.click(line, offset=(0, 0))
        assert not isinstance(window.app.screen, ContextDialog)
        await window.pilot.click(line, offset=(place, 0))
        await window.shows("room for the answer")
        assert isinstance(window.app.screen, ContextDialog)
