"""The application in a real terminal: it leaves it as it was, and works where the terminal is poor."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytestmark = [pytest.mark.process, pytest.mark.long]

RESTORED = (b"\x1b[?1049l", b"\x1b[?25h", b"\x1b[?1000l", b"\x1b[?2004l")
"""Alternate screen left, cursor shown, mouse and bracketed paste off."""
SGR = re.compile(rb"\x1b\[([0-9;:]*)m")
FIRST_COLOUR = 30
"""Numbers of SGR from which on they are colours; those before are weight, slant, lines and reversal."""


@pytest.mark.parametrize(
    "keys", ["\x11", "/quit\r", "/exit\r", "\x03\x03"], ids=["ctrl+q", "quit", "exit", "ctrl+c twice"]
)
def test_leaving_restores_the_terminal(window: Callable[..., Any], keys: str) -> None:
    one = window()
    one.wait_for("enter send")
    one.press(keys)
    assert one.wait_end() == 0
    for sequence in RESTORED:
        assert sequence in one.raw
    assert b"Traceback" not in one.raw


def test_it_answers_in_the_smallest_terminal(window: Callable[..., Any]) -> None:
    one = window(size=(20, 5))
    one.wait_for("Write")
    one.press("hello")
    one.wait_for("hello")
    one.press("\r")
    one.wait_for(lambda text: "Demo" in text or "asked" in text)
    one.press("\x11")
    assert one.wait_end() == 0


def test_without_utf8_only_ascii_is_drawn(window: Callable[..., Any]) -> None:
    one = window(LANG="C", LC_ALL="C", PYTHONUTF8="0", PYTHONCOERCECLOCALE="0", PYTHONIOENCODING="ascii")
    one.wait_for("enter send")
    one.press("hello\r")
    one.wait_for("no model was asked")
    one.press("\x11")
    assert one.wait_end() == 0
    assert all(byte < 0x80 for byte in one.raw)


def test_no_color_sends_no_colour_at_all(window: Callable[..., Any]) -> None:
    one = window(NO_COLOR="1", COLORTERM="truecolor", TERM="xterm-256color")
    one.wait_for("enter send")
    one.press("hello\r")
    one.wait_for("no model was asked")
    one.press("\x1bOR")
    one.wait_for("all keys")
    one.press("\x11")
    assert one.wait_end() == 0
    codes = {code for found in SGR.findall(one.raw) for code in found.replace(b":", b";").split(b";")}
    assert codes, "something is bold or reversed"
    assert {code for code in codes if code and int(code) >= FIRST_COLOUR} == set()


def test_text_typed_before_the_engine_is_ready_is_kept_and_sent(window: Callable[..., Any]) -> None:
    one = window()
    one.wait_for("Write a message")
    one.press("hello\r")
    one.wait_for("no model was asked")
    one.press("\x11")
    assert one.wait_end() == 0


def test_a_binary_paste_harms_nothing(window: Callable[..., Any]) -> None:
    one = window()
    one.wait_for("enter send")
    one.press("\x1b[200~pas\x00\x1b]0;PWNED\x07ted\x1b[201~")
    one.wait_for("pasted")
    one.press("\x11")
    assert one.wait_end() == 0
    assert b"PWNED" not in one.raw


@pytest.mark.parametrize(
    ("does", "shown"),
    [("printf ', edited' >> \"$1\"", "half a thought, edited"), ("exit 1", "The editor ended with 1")],
    ids=["ends well", "fails"],
)
def test_the_terminal_comes_back_from_the_editor(
    window: Callable[..., Any], tmp_path: Path, does: str, shown: str
) -> None:
    editor = tmp_path / "editor"
    editor.write_text(f"#!/bin/sh\n{does}\n")
    editor.chmod(0o700)
    one = window(EDITOR=str(editor), VISUAL="")
    one.wait_for("● demo")
    one.press("half a thought")
    one.wait_for("half a thought")
    one.press("\x07")
    # Keys that come before would go to the editor.
    one.wait_for(shown)
    one.press(", whole now")
    one.wait_for(", whole now")
    one.press("\x11")
    assert one.wait_end() == 0


def test_keys_right_behind_one_that_moves_the_focus_are_for_what_has_it_then(window: Callable[..., Any]) -> None:
    one = window()
    one.wait_for("enter send")
    one.press("hello\r")
    one.wait_for("no model was asked")
    one.press("\x06elsewhere")  # ctrl+f
    one.wait_for(lambda text: "find elsewhere" in text and "not here" in text and "esc close" in text)
    one.press("\x1b")
    one.wait_for("find elsewhere", gone=True)  # a line of keys that is half painted may have those of before as well
    one.press("\x1bOR?")  # f3: there it opens the help
    one.wait_for("type to find a key")
    one.press("\x1b")
    one.wait_for("type to find a key", gone=True)
    one.press("\x1bOQback")  # f2
    one.wait_for(lambda text: "› back" in text or "│ back" in text)
    one.press("\x11")
    assert one.wait_end() == 0
