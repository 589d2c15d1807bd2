"""kill -9 at any moment: no message is lost, at most a second of a reply, and what was cut can be continued."""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from typing import Any

import pytest

from support.processes import until
from tale_tui.engine.models.demo import DEMO_RATE

pytestmark = [pytest.mark.process, pytest.mark.long]

KILLS = 6
"""Moments tried in the suite; each costs about two seconds."""
SECOND_OF_TOKENS = 1.3 * DEMO_RATE
"""Pieces that may be lost: one second of them, and what a busy machine is late by."""


def partial_reply(commands: Any) -> bool:
    """Whether a part of a reply that is being written is stored. It is read from the file: a command may take so long
    that the reply has ended."""
    with closing(sqlite3.connect(f"file:{commands.home / 'data' / 'tale.db'}?mode=ro", uri=True)) as connection:
        found = connection.execute("SELECT 1 FROM message WHERE state = 'streaming' AND text <> ''").fetchone()
    return found is not None


@pytest.mark.parametrize("seed", range(KILLS))
def test_a_killed_answer_keeps_the_message_and_all_but_its_last_second(seed: int, commands: Any) -> None:
    moment = random.Random(seed).uniform(0.05, 3.0)
    process = commands.start("chat", "-m", "a long answer please")
    first = os.read(process.stdout.fileno(), 1 << 16)
    assert first, process.stderr.read()
    time.sleep(moment)
    process.send_signal(signal.SIGKILL)
    printed = (first + process.communicate()[0].encode()).decode().rstrip()
    user, reply = commands.messages()
    assert user["text"] == "a long answer please"
    assert reply["state"] == "interrupted"
    lost = len(printed.split()) - len(reply["text"].split())
    assert lost <= SECOND_OF_TOKENS, (printed, reply["text"])
    shorter = min(len(printed), len(reply["text"].rstrip()))
    assert printed[:shorter] == reply["text"][:shorter]


def test_the_next_start_shows_the_reply_as_interrupted_and_continues_it(
    window: Callable[..., Any], commands: Any
) -> None:
    first = window()
    first.wait_for("enter send")
    first.press("a long answer please\r")
    first.wait_for(lambda text: "tok/s" in text and text.count("\n") > 5)
    until(lambda: partial_reply(commands), "a part of the reply is stored")
    first.kill()
    second = window()
    second.wait_for("interrupted")
    second.press("\x1b[Z")
    second.wait_for("g go on")
    second.press("g")
    second.wait_for("interrupted", gone=True)
    second.wait_for("0 tok/s", gone=True)
    second.press("\x11")
    second.wait_end()


@pytest.mark.long
def test_the_other_window_goes_on_when_the_engine_is_killed(window: Callable[..., Any], commands: Any) -> None:
    engine = window()
    engine.wait_for("enter send")
    client = window()
    client.wait_for("enter send")
    client.press("hello there\r")
    client.wait_for("Hello")
    client.wait_for("no model was asked")
    engine.press("a long answer please\r")
    engine.wait_for(lambda text: "tok/s" in text)
    until(lambda: partial_reply(commands), "a part of the reply is stored")
    engine.kill()
    client.press("hello again\r")
    client.wait_for("hello again")
    client.wait_for(lambda text: text.count("no model was asked") >= 1)

    def asked() -> list[str]:
        return sorted(message["text"] for message in commands.messages() if message["author"] == "user")

    until(lambda: asked() == ["a long answer please", "hello again", "hello there"], "each message is stored once")
    states = {message["state"] for message in commands.messages() if message["author"] == "assistant"}
    assert "interrupted" in states
    client.press("\x11")
    assert client.wait_end() == 0


def test_a_command_is_answered_by_the_window_that_is_open(window: Callable[..., Any], commands: Any) -> None:
    engine = window()
    engine.wait_for("enter send")
    answer = commands.json("chat", "-m", "hello")
    assert answer["backend"] == "scripted"
    assert [session["id"] for session in commands.json("sessions")["sessions"]] == [answer["session"]]
    engine.press("/sessions\r")
    engine.wait_for(lambda text: "Conversations" in text and "hello" in text)
    engine.press("\x1b")
    engine.wait_for("Conversations", gone=True)
    engine.press("\x11")
    assert engine.wait_end() == 0
