"""The help."""

from __future__ import annotations

from typing import Any

import pytest
from textual.binding import Binding

from tale_tui.ui.dialogs.help import HelpGroup, HelpScreen

GROUPS = (
    HelpGroup("Everywhere", (("F1", "this help"), ("ctrl+q", "leave"))),
    HelpGroup("In the prompt", (("enter", "send"), ("ctrl+j", "new line"))),
)
COMMANDS = (("/new", "begin another conversation"), ("/quit", "leave"))


def test_a_group_is_made_of_bindings() -> None:
    bindings = [
        Binding("up,k", "move(-1)", "Up", tooltip="The row above"),
        Binding("question_mark", "help", "Help"),
        Binding("ctrl+up", "move(-1)", "Up"),
        Binding("f5", "look", "Look", key_display="F5"),
    ]
    assert HelpGroup.of("In lists", bindings) == HelpGroup(
        "In lists", (("up k ctrl+up", "The row above"), ("?", "Help"), ("F5", "Look"))
    )


@pytest.mark.parametrize("size", [(20, 5), (80, 24), (120, 40), (200, 60)])
async def test_everything_can_be_found(show: Any, size: tuple[int, int]) -> None:
    async with show(HelpScreen(GROUPS, COMMANDS), size=size) as shown:
        for words in ("Everywhere", "In the prompt", "Commands", "ctrl+j", "/quit"):
            assert words in shown.text
        await shown.window.press("escape")
        assert await shown.result() is None


async def test_words_stand_below_each_other(show: Any) -> None:
    async with show(HelpScreen(GROUPS, COMMANDS), size=(80, 40)) as shown:
        lines = [line for line in shown.text.splitlines() if line.startswith(("F1 ", "ctrl+j ", "/new "))]
        assert {line.index(words) for line, words in zip(lines, ("this", "new line", "begin"), strict=True)} == {8}


async def test_two_columns_where_there_is_room(show: Any) -> None:
    for size, columns in (((120, 40), 2), ((80, 24), 1)):
        async with show(HelpScreen(GROUPS, COMMANDS), size=size) as shown:
            lefts = {column.region.x for column in shown.screen.query(".column") if column.display}
            assert len(lefts) == columns


async def test_without_commands_or_keys_nothing_breaks(show: Any) -> None:
    async with show(HelpScreen((), ())) as shown:
        assert "Help" in shown.text
        await shown.next(HelpScreen(GROUPS, ()))
        assert "Commands" not in shown.text
        assert "No key and no command has these words." not in shown.text


async def test_words_leave_what_has_them_and_the_box_as_it_is(show: Any) -> None:
    async with show(HelpScreen(GROUPS, COMMANDS), size=(80, 24)) as shown:
        box = shown.screen.query_one("#box").region
        await shown.window.press(*"leave")
        await shown.window.hides("new line")
        assert "ctrl+q" in shown.text
        assert "/quit" in shown.text
        assert shown.screen.query_one("#box").region == box
        await shown.window.press(*" xyz")
        await shown.window.shows("No key and no command has these words.")
        await shown.window.press("ctrl+u", *"prompt")
        await shown.window.shows("In the prompt", "ctrl+j")
        await shown.window.hides("Everywhere")


async def test_what_works_where_the_focus_is_comes_first_and_once(open_window: Any) -> None:
    async with open_window() as window:
        await window.ready()
        await window.press("f1")
        groups = (await window.dialog(HelpScreen)).groups
        assert [group.title for group in groups] == [
            "Keys here", "In the chat", "In the turns", "Everywhere", "In the prompt",
            "While words are found", "Commands"
        ]  # fmt: skip
        here = [words for _, words in groups[0].lines]
        assert here[0] == "Send, or run the chosen command"
        assert "Start a new conversation" in here
        assert "Delete left" not in here
        words = [line for group in groups for line in group.lines]
        assert len(words) == len(set(words))
        await window.press("escape", "shift+tab", "question_mark")
        groups = (await window.dialog(HelpScreen)).groups
        assert "Scroll one screen up" in [words for _, words in groups[0].lines]


async def test_long_help_scrolls_between_title_and_keys(show: Any) -> None:
    groups = [HelpGroup(f"Place {number}", GROUPS[0].lines) for number in range(20)]
    async with show(HelpScreen(groups, COMMANDS), size=(80, 24)) as shown:
        box = shown.screen.query_one("#box").region
        assert box.contains_region(shown.screen.query_one("KeyLine").region)
        assert box.height == 24
