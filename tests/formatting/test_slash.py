"""Messages that are commands, and those that look like one."""

from __future__ import annotations

import pytest

from tale_tui.cli.line_mode.conversation import QUIT_WORDS, LineConversation
from tale_tui.formatting.slash import COMMAND_NAMES, MARK, literal, split_command
from tale_tui.ui.commands import COMMANDS


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("//help", "/help"),
        ("//HELP me, what is it?", "/HELP me, what is it?"),
        ("  //new\nline", "  /new\nline"),
        ("// a comment\nx = 1", "// a comment\nx = 1"),
        ("//comment without a blank", "//comment without a blank"),
        ("//helpful", "//helpful"),
        ("//help/me", "//help/me"),
        ("//cdn.example.org/a.js", "//cdn.example.org/a.js"),
        ("///help", "///help"),
        ("//", "//"),
        ("////", "////"),
        ("x //help", "x //help"),
        ("/help", "/help"),
        ("", ""),
    ],
)
def test_two_slashes_and_the_name_of_a_command_stand_for_one(text: str, meant: str) -> None:
    assert literal(text) == meant
    if text != "/help":
        assert split_command(text) is None


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("/help", ("help", "")),
        (" /Model  a/b ", ("model", "a/b")),
        ("/nope x", ("nope", "x")),
        ("/", None),
        ("/etc/hosts is a file", None),
        ("/1", None),
        ("a /help", None),
    ],
)
def test_a_command_is_a_slash_and_letters(text: str, found: tuple[str, str] | None) -> None:
    assert split_command(text) == found


def test_the_names_are_those_of_the_window_and_of_line_mode() -> None:
    conversation = LineConversation(None, None, str, str, interactive=False)  # type: ignore[arg-type]  # only its table
    in_lines = set(conversation.commands()) | {word.removeprefix(MARK) for word in QUIT_WORDS}
    assert {command.name for command in COMMANDS} | in_lines == COMMAND_NAMES
