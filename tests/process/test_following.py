"""Two windows in two terminals on one conversation: what one asks for comes and can be stopped in the other."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from typing import Any

import pytest

from support.processes import WAIT_S

pytestmark = [pytest.mark.process, pytest.mark.long]


HEADINGS = (
    "What happens when you press a key",
    "Why text that grows is hard",
    "How to lose nothing",
    "What a window is",
    "Numbers to remember",
)
"""Of the long answer: the first ones may be above the screen by the time that somebody looks."""


def begins_to_come(text: str) -> bool:
    return any(heading in text for heading in HEADINGS) and "esc stop" in text


def talked(commands: Any) -> str:
    """A conversation with one turn; its id."""
    return str(commands.json("chat", "-m", "hello there")["session"])


@pytest.mark.parametrize("asks_first", [True, False], ids=["the engine asks", "the engine follows"])
def test_a_reply_comes_and_is_stopped_in_the_terminal_beside_it(
    window: Callable[..., Any], commands: Any, asks_first: bool
) -> None:
    session = talked(commands)
    both = []
    for _ in range(2):
        both.append(window("chat", "--session", session))
        both[-1].wait_for("no model was asked")
        both[-1].wait_for("enter send")
    asks, follows = both if asks_first else reversed(both)
    asks.press("a long answer please\r")
    for one in both:
        one.wait_for(begins_to_come)
    follows.press("\x1b")
    for one in both:
        one.wait_for("stopped, g goes on")
    reply = commands.messages()[-1]
    assert reply["state"] == "stopped"
    assert 0 < len(reply["text"]) < 2_000
    for one in reversed(both):
        one.press("\x11")
        assert one.wait_end() == 0


def test_closing_the_window_that_follows_stops_nothing(window: Callable[..., Any], commands: Any) -> None:
    session = talked(commands)
    asks = window("chat", "--session", session)
    asks.wait_for("no model was asked")
    follows = window("chat", "--session", session)
    follows.wait_for("no model was asked")
    asks.press("a long answer please\r")
    follows.wait_for(begins_to_come)
    follows.press("\x11")
    assert follows.wait_end() == 0
    asks.wait_for(lambda text: "Numbers to remember" in text and "enter send" in text)
    assert commands.messages()[-1]["state"] == "complete"


def test_line_mode_writes_the_reply_that_comes_in_its_session(window: Callable[..., Any], commands: Any) -> None:
    session = talked(commands)
    asks = window("chat", "--session", session)
    asks.wait_for("no model was asked")
    asks.press("a long answer please\r")
    asks.wait_for(begins_to_come)
    follows = commands.start("chat", "--session", session, "--plain")
    try:
        out, _ = follows.communicate("", timeout=WAIT_S)
    except subprocess.TimeoutExpired:
        follows.kill()
        raise
    assert follows.returncode == 0
    assert out.strip() == commands.messages()[-1]["text"].strip()
