"""The chat and the tasks as screens beside each other, in the whole window."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tale_tui.engine.models.scripted import Hold, Say, Script, spoken
from tale_tui.engine.task_types import Priority
from tale_tui.ui.screens.chat import ChatScreen
from tale_tui.ui.screens.help import HelpScreen
from tale_tui.ui.screens.tasks import TasksScreen


def painted(window: Any) -> str:
    return "\n".join(strip.text.rstrip() for strip in window.app.screen._compositor.render_strips())


async def shows(window: Any, *words: str) -> None:
    await window.until(lambda: all(word in painted(window) for word in words), f"{words} on the screen")


async def test_f3_shows_the_tasks_and_f2_the_chat_as_it_was(open_window: Any) -> None:
    async with open_window() as window:
        await window.ready()
        await window.write("half a sent")
        await window.pilot.press("f3")
        assert isinstance(window.app.screen, TasksScreen)
        await shows(window, "No tasks yet", "f2")
        await window.pilot.press("f2")
        assert window.app.screen is window.chat
        assert window.prompt.has_focus
        await window.pilot.press("e", "n", "c", "e")
        assert window.prompt.text == "half a sentence"


async def test_escape_goes_back_to_the_chat(open_window: Any) -> None:
    async with open_window() as window:
        await window.ready()
        await window.pilot.press("f3")
        await shows(window, "No tasks yet")
        await window.pilot.press("escape")
        await window.until(lambda: window.app.screen is window.chat, "the chat is back")


async def test_a_click_on_a_name_shows_its_screen(open_window: Any) -> None:
    async with open_window() as window:
        await window.ready()
        await window.pilot.click(window.chat.title_bar, offset=(16, 0))
        await window.until(lambda: isinstance(window.app.screen, TasksScreen), "the tasks")
        await window.pilot.click(window.app.screen.title_bar, offset=(9, 0))
        await window.until(lambda: isinstance(window.app.screen, ChatScreen), "the chat")


async def test_a_reply_goes_on_behind_the_tasks(open_window: Any) -> None:
    gate = asyncio.Event()
    async with open_window([Script((Say("Begin"), Hold(gate), Say(" and end")))]) as window:
        await window.ready()
        await window.say("hello")
        await shows(window, "Begin")
        await window.pilot.press("f3")
        gate.set()
        await window.answered()
        await window.pilot.press("f2")
        await shows(window, "Begin and end")


async def test_the_tasks_can_be_opened_before_there_is_an_engine(open_window: Any) -> None:
    gate = asyncio.Event()
    async with open_window(gate=gate) as window:
        await window.pilot.press("f3")
        gate.set()
        await shows(window, "No tasks yet")


async def test_help_on_the_tasks_shows_their_keys(open_window: Any) -> None:
    async with open_window() as window:
        await window.ready()
        await window.pilot.press("f3")
        await shows(window, "No tasks yet")
        await window.pilot.press("question_mark")
        await window.until(lambda: isinstance(window.app.screen, HelpScreen), "the help")
        titles = [group.title for group in window.app.screen._groups]
        assert titles[:3] == ["In the tasks", "In the list", "In a task"]


async def test_a_command_of_the_palette_goes_to_the_chat(open_window: Any) -> None:
    async with open_window() as window:
        await window.ready()
        await window.pilot.press("f3")
        await shows(window, "No tasks yet")
        await window.pilot.press("ctrl+p", *"new", "enter")
        await window.until(lambda: window.app.screen is window.chat, "the chat")


async def test_a_task_is_seen_in_both_screens(open_window: Any) -> None:
    gate = asyncio.Event()
    scripts = [Script((Say("Line one"), Hold(gate), Say(" and two")))]
    async with open_window(scripts) as window:
        await window.ready()
        task = await window.engine.tasks.submit(
            "Write a poem about rain", key="task0000000000aa", priority=Priority.HIGH
        )
        await window.until(lambda: window.chat.title_bar.running == 1, "the chat counts it")
        window.chat.post_message(ChatScreen.CommandWanted("tasks", task.shown))
        await shows(window, "Write a poem about rain", "Line one", "running", "high")
        gate.set()
        await shows(window, "Line one and two", "1 done")
        await window.pilot.press("t")
        await window.until(lambda: window.app.screen is window.chat, "the chat")
        assert "> Line one and two" in window.prompt.text


async def test_an_unknown_task_is_told(open_window: Any) -> None:
    async with open_window() as window:
        await window.ready()
        window.chat.post_message(ChatScreen.CommandWanted("tasks", "zzzz"))
        await window.until(lambda: any("zzzz" in toast for toast in window.toasts), "a sentence")


async def test_leaving_with_open_tasks_asks(open_window: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[Any] = []
    monkeypatch.setattr("tale_tui.ui.leaving.start_background", lambda *given: started.append(given))
    scripts = [Script((Say("Begin"), Hold(asyncio.Event()))), spoken("no more")]
    async with open_window(scripts) as window:
        await window.ready()
        await window.engine.tasks.submit("Write a poem about rain", key="task0000000000aa")
        await window.pilot.press("f3")
        await shows(window, "1 running")
        await window.pilot.press("ctrl+q")
        await shows(window, "Go on in the background")
        await window.pilot.press("enter")
        await window.until(lambda: isinstance(window.app.screen, TasksScreen), "it stays")
        await window.pilot.press("ctrl+q")
        await shows(window, "Go on in the background")
        await window.pilot.press("right", "enter")
        await window.until(lambda: started, "an engine in the background")
        await window.until(lambda: window.app.return_code == 0, "the window is left")


async def test_where_no_background_can_be_had_the_window_stays(
    open_window: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*given: Any) -> None:
        raise OSError(11, "Resource temporarily unavailable")

    monkeypatch.setattr("tale_tui.ui.leaving.start_background", fail)
    scripts = [Script((Say("Begin"), Hold(asyncio.Event())))]
    async with open_window(scripts) as window:
        await window.ready()
        await window.engine.tasks.submit("Write a poem about rain", key="task0000000000aa")
        await window.until(lambda: window.chat.title_bar.running == 1, "it runs")
        await window.pilot.press("ctrl+q")
        await shows(window, "Go on in the background")
        await window.pilot.press("right", "enter")
        await window.until(lambda: any("The window stays" in toast for toast in window.toasts), "a sentence")
        assert window.app.return_code is None
