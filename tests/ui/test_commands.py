"""The table of commands: reading, completing, the palette."""

from __future__ import annotations

from typing import Any

import pytest

from tale_tui.ui.commands import COMMANDS, UnknownCommand, completions, parse, task_argument
from tale_tui.ui.dialogs.help import HelpScreen


@pytest.mark.parametrize(
    ("text", "name", "argument"),
    [
        ("/help", "help", ""),
        ("  /HELP  ", "help", ""),
        ("/model ollama/qwen2.5:7b", "model", "ollama/qwen2.5:7b"),
        ("/system You are\nterse.", "system", "You are\nterse."),
        ("/system\nYou are terse.", "system", "You are terse."),
    ],
)
def test_reads_commands(text: str, name: str, argument: str) -> None:
    call = parse(text)
    assert call is not None
    assert (call.command.name, call.argument) == (name, argument)


@pytest.mark.parametrize(
    "text", ["", "hello", "/", "//help", "/etc/hosts is a file", "a /help", "/1", "/ help", "/usr"[:0]]
)
def test_messages_are_no_commands(text: str) -> None:
    assert parse(text) is None


@pytest.mark.parametrize(
    "text",
    ["/quit smoking is hard", "/new ideas for dinner?", "/help me with this", "/delete all\nof it", "/clear as mud"],
)
def test_a_command_that_takes_no_words_is_a_message_where_words_follow(text: str) -> None:
    assert parse(text) is None


@pytest.mark.parametrize(("text", "name"), [("exit", "exit"), ("quit", "quit"), (" Quit\n", "quit")])
def test_a_word_that_leaves_needs_no_slash_where_it_stands_alone(text: str, name: str) -> None:
    call = parse(text)
    assert call is not None
    assert call.command.name == name


@pytest.mark.parametrize("text", ["quit smoking", "exit code 1", "help", "exit."])
def test_words_that_leave_are_words_in_a_sentence(text: str) -> None:
    assert parse(text) is None


@pytest.mark.parametrize(("typed", "meant"), [("/hlep", "/help"), ("/modle x", "/model"), ("/quitt", "/quit")])
def test_an_unknown_command_names_the_nearest(typed: str, meant: str) -> None:
    with pytest.raises(UnknownCommand, match=f"Did you mean {meant}"):
        parse(typed)


def test_a_far_off_command_names_the_help() -> None:
    with pytest.raises(UnknownCommand, match="/help lists them"):
        parse("/zzzzzzzz")


def test_completions_begin_with_what_is_typed_and_then_hold_it() -> None:
    assert [command.name for command in completions("/e")][:3] == ["export", "editor", "exit"]
    assert [command.name for command in completions("/del")] == ["delete", "model"] or [
        command.name for command in completions("/del")
    ] == ["delete"]
    assert completions("/") == COMMANDS


@pytest.mark.parametrize("text", ["", "x", "/model ", "/model x", "//", "/no such"])
def test_nothing_is_completed_where_nothing_is_meant(text: str) -> None:
    assert completions(text) == ()


def test_every_command_says_what_it_does() -> None:
    names = [command.name for command in COMMANDS]
    assert len(set(names)) == len(names)
    for command in COMMANDS:
        assert command.summary
        assert not command.summary.endswith(".")
    assert {"help", "new", "clear", "sessions", "model", "system", "export", "theme", "quit", "exit"} <= set(names)


async def test_the_palette_finds_by_title_name_and_summary(open_window: Any) -> None:
    async with open_window() as window:
        await window.ready()
        await window.press("ctrl+p")
        palette = window.app.screen
        assert len(palette.picks.rows) == sum(bool(command.title) for command in COMMANDS)
        for words, name in (("colours", "theme"), ("start over", "clear"), ("sessions", "sessions")):
            palette.filtered(words)
            assert palette.picks.row.key == name
        for words, first in (("task", ["tasks", "give"]), ("re", ["result", "resume", "rename"]), ("quit", ["quit"])):
            palette.filtered(words)
            assert [row.key for row in palette.picks.rows][: len(first)] == first
            assert palette.picks.row.key == first[0], "the best match is the chosen one"
        box = palette.query_one("#box").region
        palette.filtered("theme")
        await window.pilot.pause()
        assert palette.query_one("#box").region == box
        palette.filtered("")
        await window.shows("Choose the colours")
        lines = window.painted.splitlines()
        starts = [
            next(line.index(words) for line in lines if words in line) for words in ("Choose the m", "Choose the c")
        ]
        assert len(set(starts)) == 1, "what commands do stands in one column"
        await window.press(*"help", "enter")
        await window.dialog(HelpScreen)


async def test_leaving_the_palette_runs_nothing(open_window: Any) -> None:
    async with open_window() as window:
        await window.ready()
        await window.press("ctrl+p", "escape")
        assert window.app.screen is window.chat


@pytest.mark.parametrize(
    ("text", "name", "typed"),
    [
        ("/cancel ", "cancel", ""),
        ("/cancel k4", "cancel", "k4"),
        ("/RETRY k4t9", "retry", "k4t9"),
        ("/save k4", "save", "k4"),
    ],
)
def test_the_id_of_a_task_may_follow(text: str, name: str, typed: str) -> None:
    found = task_argument(text)
    assert found is not None
    assert (found[0].name, found[1]) == (name, typed)


@pytest.mark.parametrize("text", ["/cancel", "/task x", "/tasks k4", "cancel k4", "/save k4t9 ", "/save k4t9 out", "/"])
def test_no_id_is_expected_elsewhere(text: str) -> None:
    assert task_argument(text) is None
