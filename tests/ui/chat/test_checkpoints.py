"""What was kept, from the chat: which command leads where."""

from __future__ import annotations

from typing import Any

from tale_tui.domain.errors import DatabaseBusy


async def test_the_screen_opens_by_its_command_and_goes_back_to_the_chat(open_window: Any) -> None:
    async with open_window() as window:
        await window.ready()
        await window.say("/checkpoints")
        await window.shows("Dashboard › Checkpoints", "all of it · 0 kept", "No checkpoints yet")
        await window.press("escape")
        await window.closed()
        await window.say("hello")
        await window.answered()
        await window.say("/checkpoints")
        await window.shows("hello · 0 kept", "and by n.")
        await window.press("n")
        await window.shows("Keep the present")
        await window.press(*"first", "enter")
        await window.shows("yours: first", "hello · 1 kept")


async def test_of_an_unknown_task_it_says_so_and_the_chat_stays(open_window: Any) -> None:
    async with open_window() as window:
        await window.ready()
        await window.say("/checkpoints zzzz")
        await window.shows("No such task")
        assert window.app.screen is window.chat


async def test_the_palette_has_them(open_window: Any) -> None:
    async with open_window() as window:
        await window.ready()
        await window.press("ctrl+p")
        await window.press(*"checkp", "enter")
        await window.shows("Dashboard › Checkpoints")


async def test_the_key_that_takes_back_is_there_only_after_something_was_taken_back(open_window: Any) -> None:
    async with open_window() as window:
        await window.ready()
        await window.say("hello")
        await window.answered()
        await window.press("alt+u")
        await window.idle()
        assert window.told == []
        await window.say("/undo")
        await window.tells("There is no step left")
        assert window.chat.key_of("chat.take_back") == ""


async def test_without_an_engine_the_screen_says_why(open_window: Any) -> None:
    async with open_window(broken=DatabaseBusy("Another program holds the database.")) as window:
        await window.shows("Another program holds the database.")
        await window.say("/checkpoints")
        await window.shows("Dashboard › Checkpoints", "Another program holds the database.", "try again")
        await window.press("ctrl+r")
        await window.shows("No checkpoints yet")
