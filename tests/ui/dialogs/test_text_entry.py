"""Something to write."""

from __future__ import annotations

from typing import Any

import pytest
from textual import events
from textual.widgets import TextArea

from tale_tui.domain.text import clean, clean_line
from tale_tui.ui.dialogs.text_entry import TextDialog
from tale_tui.ui.widgets.line_input import LineInput


async def test_enter_takes_the_line(show: Any) -> None:
    async with show(TextDialog("Rename", "Old", hint="A title.", placeholder="title")) as shown:
        assert "A title." in shown.text
        assert "enter keep" in shown.text
        assert "ctrl+s" not in shown.text
        await shown.window.press("ctrl+s")
        await shown.window.press("space")
        await shown.type("new")
        await shown.window.press("enter")
        assert await shown.result() == "Old new"


async def test_an_empty_line_is_a_result(show: Any) -> None:
    async with show(TextDialog("Rename", "x")) as shown:
        await shown.window.press("backspace", "enter")
        assert await shown.result() == ""


@pytest.mark.parametrize("lines", [False, True])
async def test_escape_changes_nothing(show: Any, lines: bool) -> None:
    async with show(TextDialog("Rename", "Old", lines=lines)) as shown:
        await shown.type("x")
        await shown.window.press("escape")
        assert await shown.result() is None


async def test_several_lines_are_taken_by_their_own_key(show: Any) -> None:
    async with show(TextDialog("System prompt", "One", lines=True)) as shown:
        assert "ctrl+s keep" in shown.text
        await shown.window.press("end", "enter", "t", "w", "o", "ctrl+s")
        assert await shown.result() == "One\ntwo"


async def test_what_is_pasted_is_cleaned(show: Any, hostile_texts: list[str]) -> None:
    async with show(TextDialog("Rename", "")) as shown:
        entry = shown.screen.query_one(LineInput)
        for text in hostile_texts:
            entry.value = ""
            entry.post_message(events.Paste(text))
            await shown.window.pilot.pause()
            assert entry.value == clean_line(text, 4096)


async def test_what_stands_there_already_is_cleaned(show: Any, hostile: str, harmless: Any) -> None:
    async with show(TextDialog(hostile, hostile, hint=hostile, placeholder="name")) as shown:
        assert shown.screen.query_one(LineInput).value == clean_line(hostile, 4096)
        assert harmless(shown.text)


async def test_several_lines_that_are_pasted_are_cleaned(show: Any, hostile: str) -> None:
    async with show(TextDialog("System prompt", hostile, lines=True)) as shown:
        area = shown.screen.query_one(TextArea)
        assert area.text == clean(hostile)
        area.text = ""
        area.post_message(events.Paste(hostile))
        await shown.window.pilot.pause()
        await shown.window.press("ctrl+s")
        assert await shown.result() == clean(hostile).strip()


async def test_a_paste_replaces_what_is_selected(show: Any) -> None:
    async with show(TextDialog("Rename", "Old title")) as shown:
        entry = shown.screen.query_one(LineInput)
        entry.action_select_all()
        entry.post_message(events.Paste("new\nlines"))
        await shown.window.pilot.pause()
        assert entry.value == "new lines"


@pytest.mark.parametrize("lines", [False, True])
async def test_small_terminals(show: Any, lines: bool) -> None:
    async with show(TextDialog("Rename the conversation", "abc", hint="A title.", lines=lines), size=(20, 5)) as shown:
        assert "abc" in shown.text
        assert "esc back" in shown.text


async def test_a_long_text_scrolls_between_title_and_keys(show: Any) -> None:
    text = "\n".join(f"line {number}" for number in range(60))
    async with show(TextDialog("System prompt", text, hint="A hint.", lines=True), size=(80, 24)) as shown:
        box = shown.screen.query_one("#box").region
        keys = shown.screen.query_one("KeyLine").region
        assert box.bottom <= 24
        assert box.contains_region(keys)
        await shown.window.pilot.resize_terminal(80, 12)
        await shown.window.until(lambda: shown.screen.query_one("KeyLine").region.y == 11, "the keys at the bottom")
