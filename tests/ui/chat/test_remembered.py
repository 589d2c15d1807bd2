"""What is remembered, from the chat: kept, shown, offered, turned off."""

from __future__ import annotations

from typing import Any

import pytest
from textual.screen import Screen

from tale_tui.ui.dashboard.screen import DashboardScreen
from tale_tui.ui.tasks.screen import TasksScreen

KEY = "sk-proj-a1B2c3D4e5F6g7H8i9J0"


async def test_what_is_remembered_is_shown_with_the_reply_that_was_offered_it(open_window: Any) -> None:
    async with open_window() as window:
        await window.ready()
        await window.say("/remember We decided on PostgreSQL 15")
        await window.tells("We decided on PostgreSQL 15")
        await window.say("Is it PostgreSQL?")
        await window.shows("1 remembered")
        await window.press("shift+tab", "d")
        await window.shows("We decided on PostgreSQL 15 (decision, ")


async def test_a_key_is_refused_in_words(open_window: Any) -> None:
    async with open_window() as window:
        await window.ready()
        await window.say(f"/remember the key is {KEY}")
        await window.tells("There was a key, a password, or a card or account number in it: not remembered.")
        assert await window.engine.recall.list() == ()


async def test_the_screen_is_opened_by_both_names_and_left_to_the_chat(open_window: Any) -> None:
    async with open_window() as window:
        await window.ready()
        await window.engine.recall.add("We use SQLite")
        await window.say("/memory")
        await window.shows("1 item · by words alone", "We use SQLite")
        await window.press("p")
        await window.shows("! We use SQLite")
        (item,) = await window.engine.recall.list(pinned=True)
        await window.press("escape")
        await window.closed()
        await window.say(f"/forget {item.id}")
        await window.tells("We use SQLite")
        assert await window.engine.recall.list() == ()
        await window.say("/recall")
        await window.shows("Nothing is remembered yet.")


async def test_words_behind_the_command_are_looked_for(open_window: Any) -> None:
    async with open_window() as window:
        await window.ready()
        for text in ("We use SQLite for the shop", "The heron is a server"):
            await window.engine.recall.add(text)
        await window.say("/recall sqlite")
        await window.shows("1 of 2", "Found by words (1st).")
        await window.press("escape", "escape")
        await window.closed()
        await window.say("/forget heron")
        await window.shows("1 of 2", "The heron is a server", "d forget")


async def test_enter_opens_the_conversation_at_the_turn_in_which_it_was_said(open_window: Any) -> None:
    async with open_window() as window:
        await window.ready()
        await window.say("We decided on PostgreSQL 15 for the shop.")
        await window.answered()
        said = window.session
        await window.say("/new")
        await window.until(lambda: window.session is None, "a new conversation")
        await window.say("/recall")
        await window.shows("We decided on PostgreSQL 15", "turn 1, you")
        await window.press("enter")
        await window.closed()
        await window.until(lambda: window.session is not None and window.session.id == said.id, "it is opened")
        await window.shows("We decided on PostgreSQL 15 for the shop.")


async def test_enter_opens_the_task_that_gave_it(open_window: Any) -> None:
    async with open_window() as window:
        await window.ready()
        task = await window.engine.tasks.submit("Write a haiku about herons", key="haiku")
        async for _ in window.engine.tasks.follow(task.id):
            pass
        await window.say("/recall heron")
        await window.shows(f"task {task.id[:4]}", "result")
        await window.press("enter")
        await window.dialog(TasksScreen)
        await window.shows("Write a haiku about herons")


async def test_space_is_about_the_conversation_in_the_chat(open_window: Any) -> None:
    async with open_window() as window:
        await window.ready()
        await window.say("/recall")
        await window.shows("Nothing is remembered yet.")
        await window.press("space")
        await window.shows("Not in this chat: nothing that is said in it is kept")
        assert not await window.engine.recall.allowed(window.session.id)


@pytest.mark.parametrize(("key", "screen"), [("f5", DashboardScreen), ("f3", TasksScreen)])
async def test_the_tasks_and_the_dashboard_lead_there_and_are_gone_back_to(
    open_window: Any, key: str, screen: type[Screen[None]]
) -> None:
    async with open_window() as window:
        await window.ready()
        await window.press(key)
        await window.dialog(screen)
        await window.press("M")
        await window.shows("Dashboard › Remembered")
        await window.press("escape")
        await window.dialog(screen)


async def test_it_is_turned_off_for_the_conversation(open_window: Any) -> None:
    async with open_window() as window:
        await window.ready()
        await window.say("/recall off")
        await window.tells("nothing is remembered and nothing offered")
        session = window.session
        assert not await window.engine.recall.allowed(session.id)
        await window.say("/recall on")
        await window.tells("things are remembered and offered again")
        assert await window.engine.recall.allowed(session.id)


async def test_without_words_it_is_said_what_to_write(open_window: Any) -> None:
    async with open_window() as window:
        await window.ready()
        await window.say("/remember")
        await window.tells("Write behind it what is to be remembered")
