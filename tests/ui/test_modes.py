"""The chat and the tasks as screens beside each other, in the whole window."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tale_tui.domain.tasks import Priority
from tale_tui.engine.models.scripted import Hold, Say, Script, spoken
from tale_tui.ui.chat.screen import ChatScreen
from tale_tui.ui.dashboard.screen import DashboardScreen
from tale_tui.ui.dialogs.help import HelpColumn, HelpScreen
from tale_tui.ui.tasks.screen import TasksScreen
from tale_tui.ui.tokens.screen import TokensScreen


async def test_f3_shows_the_tasks_and_f2_the_chat_as_it_was(open_window: Any) -> None:
    async with open_window() as window:
        await window.ready()
        await window.write("half a sent")
        await window.press("f3")
        assert isinstance(window.app.screen, TasksScreen)
        await window.shows("No tasks yet", "f2")
        await window.press("f2")
        assert window.app.screen is window.chat
        assert window.prompt.has_focus
        await window.press("e", "n", "c", "e")
        assert window.prompt.text == "half a sentence"


async def test_escape_goes_back_to_the_chat(open_window: Any) -> None:
    async with open_window() as window:
        await window.ready()
        await window.press("f3")
        await window.shows("No tasks yet")
        await window.press("escape")
        await window.closed()


async def test_a_click_on_a_name_shows_its_screen(open_window: Any) -> None:
    async with open_window() as window:
        await window.ready()
        await window.pilot.click(window.chat.title_bar, offset=(16, 0))
        await window.dialog(TasksScreen)
        await window.pilot.click(window.app.screen.title_bar, offset=(9, 0))
        await window.dialog(ChatScreen)


async def test_f5_shows_the_dashboard_of_this_engine_and_escape_the_chat(open_window: Any) -> None:
    async with open_window() as window:
        await window.ready()
        await window.say("hello")
        await window.answered()
        await window.press("f5")
        await window.dialog(DashboardScreen)
        await window.shows("chat < 1 s", "1 of 5 replies", "last hour · all models", "first token, s")
        await window.press("escape")
        await window.closed()


async def test_a_click_and_a_command_show_the_dashboard(open_window: Any) -> None:
    async with open_window() as window:
        await window.ready()
        await window.pilot.click(window.chat.title_bar, offset=(window.painted.index("Dashboard") + 2, 0))
        await window.dialog(DashboardScreen)
        await window.press("f2")
        await window.closed()
        await window.say("/dashboard")
        await window.dialog(DashboardScreen)
        await window.press("ctrl+p", *"new conv", "enter")
        await window.closed()


async def test_help_on_the_dashboard_shows_its_keys(open_window: Any) -> None:
    async with open_window() as window:
        await window.ready()
        await window.press("f5")
        await window.dialog(DashboardScreen)
        await window.press("question_mark")
        await window.dialog(HelpScreen)
        text = "\n".join(column.render().plain for column in window.app.screen.query(HelpColumn))
        here = text.partition("Everywhere")[0]
        assert "Leave what is shown as it is" in here
        assert "The memory of the models, large" in here
        assert "was read: show it no longer" not in here, "nothing is to be acknowledged"


async def test_a_reply_goes_on_behind_the_tasks(open_window: Any) -> None:
    gate = asyncio.Event()
    async with open_window([Script((Say("Begin"), Hold(gate), Say(" and end")))]) as window:
        await window.ready()
        await window.say("hello")
        await window.shows("Begin")
        await window.press("f3")
        gate.set()
        await window.answered()
        await window.press("f2")
        await window.shows("Begin and end")


async def test_the_tasks_can_be_opened_before_there_is_an_engine(open_window: Any) -> None:
    gate = asyncio.Event()
    async with open_window(gate=gate) as window:
        await window.press("f3")
        gate.set()
        await window.shows("No tasks yet")


async def test_help_on_the_tasks_shows_their_keys(open_window: Any) -> None:
    async with open_window() as window:
        await window.ready()
        await window.press("f3")
        await window.shows("No tasks yet")
        await window.press("question_mark")
        await window.dialog(HelpScreen)
        text = "\n".join(column.render().plain for column in window.app.screen.query(HelpColumn))
        titles = [line for line in text.splitlines() if line.startswith(("Keys here", "In ", "Everywhere"))]
        assert titles == ["Keys here", "In the tasks", "In a plan", "In a task", "Everywhere"]
        here = text.partition("Everywhere")[0].partition("In the tasks")[0]
        assert "Choose the task below" in here, "the list has the focus"
        assert "Type words that the tasks shall have" in here


async def test_a_command_of_the_palette_goes_to_the_chat(open_window: Any) -> None:
    async with open_window() as window:
        await window.ready()
        await window.press("f3")
        await window.shows("No tasks yet")
        await window.press("ctrl+p", *"new", "enter")
        await window.closed()


async def test_a_task_is_seen_in_both_screens(open_window: Any) -> None:
    gate = asyncio.Event()
    scripts = [Script((Say("Line one"), Hold(gate), Say(" and two")))]
    async with open_window(scripts) as window:
        await window.ready()
        task = await window.engine.tasks.submit(
            "Write a poem about rain", key="task0000000000aa", priority=Priority.HIGH
        )
        await window.until(lambda: window.chat.title_bar.running == 1, "the chat counts it")
        window.chat.post_message(ChatScreen.CommandEntered("tasks", task.shown))
        await window.shows("Write a poem about rain", "Line one", "running", "high")
        gate.set()
        await window.shows("Line one and two", "1 done")
        await window.press("i")
        await window.closed()
        assert "> Line one and two" in window.prompt.text


async def test_an_unknown_task_is_told(open_window: Any) -> None:
    async with open_window() as window:
        await window.ready()
        window.chat.post_message(ChatScreen.CommandEntered("tasks", "zzzz"))
        await window.tells("zzzz")


async def test_leaving_with_open_tasks_asks(open_window: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[Any] = []
    monkeypatch.setattr("tale_tui.ui.app.start_background", lambda *given: started.append(given))
    scripts = [Script((Say("Begin"), Hold(asyncio.Event()))), spoken("no more")]
    async with open_window(scripts) as window:
        await window.ready()
        await window.engine.tasks.submit("Write a poem about rain", key="task0000000000aa")
        await window.press("f3")
        await window.shows("1 running")
        await window.press("ctrl+q")
        await window.shows("Go on in the background")
        await window.press("enter")
        await window.dialog(TasksScreen)
        await window.press("ctrl+q")
        await window.shows("Go on in the background")
        await window.press("right", "enter")
        await window.until(lambda: started, "an engine in the background")
        await window.until(lambda: window.app.return_code == 0, "the window is left")


async def test_where_no_background_can_be_had_the_window_stays(
    open_window: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*given: Any) -> None:
        raise OSError(11, "Resource temporarily unavailable")

    monkeypatch.setattr("tale_tui.ui.app.start_background", fail)
    scripts = [Script((Say("Begin"), Hold(asyncio.Event())))]
    async with open_window(scripts) as window:
        await window.ready()
        await window.engine.tasks.submit("Write a poem about rain", key="task0000000000aa")
        await window.until(lambda: window.chat.title_bar.running == 1, "it runs")
        await window.press("ctrl+q")
        await window.shows("Go on in the background")
        await window.press("right", "enter")
        await window.tells("The window stays")
        assert window.app.return_code is None


async def test_f4_shows_what_was_spent_and_nothing_is_read_behind_the_chat(open_window: Any) -> None:
    async with open_window() as window:
        await window.ready()
        await window.press("f4")
        assert isinstance(window.app.screen, TokensScreen)
        await window.shows("No call yet.", "F2 to the chat")
        tokens = window.app.screen
        looks = 0

        def look() -> None:
            nonlocal looks
            looks += 1

        await window.press("f2")
        await window.say("hello")
        await window.answered()
        tokens.controller.tick = look
        await window.pilot.pause(TokensScreen.TICK_S * 3)
        assert looks == 0
        del tokens.controller.tick
        await window.press("f4")
        await window.shows("calls", "completion", "share")


async def test_the_tokens_are_opened_by_their_command_and_their_name(open_window: Any) -> None:
    async with open_window() as window:
        await window.ready()
        await window.say("/tokens")
        await window.dialog(TokensScreen)
        await window.shows("No call yet.")
        await window.press("escape")
        await window.closed()
        await window.pilot.click(window.chat.title_bar, offset=(24, 0))
        await window.dialog(TokensScreen)


async def test_help_on_the_tokens_shows_their_keys(open_window: Any) -> None:
    async with open_window() as window:
        await window.ready()
        await window.press("f4")
        await window.shows("No call yet.")
        await window.press("question_mark")
        await window.dialog(HelpScreen)
        text = "\n".join(column.render().plain for column in window.app.screen.query(HelpColumn))
        assert "In the tokens" in text
        assert "The calls of the chosen row" in text
