"""The lower part of the chat: commands, what stands above the prompt, and what is told in passing."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from support.looks import SIZES
from tale_tui.domain.errors import ReadOnly, Unreachable
from tale_tui.domain.events import Notice
from tale_tui.engine.models.scripted import spoken

AWAY = Unreachable("Nothing answers at http://127.0.0.1:11434. Start Ollama with `ollama serve`, then try again.")


@pytest.mark.parametrize("size", SIZES.values(), ids=SIZES)
def test_commands(looks_as_before: Any, size: tuple[int, int]) -> None:
    async def act(window: Any) -> None:
        await window.write("/")
        await window.press("down")

    assert looks_as_before(act=act, size=size)


def test_commands_by_their_letters(looks_as_before: Any) -> None:
    async def act(window: Any) -> None:
        await window.write("/mo")

    assert looks_as_before(act=act, size=SIZES["80x24"])


def test_several_lines(looks_as_before: Any) -> None:
    async def act(window: Any) -> None:
        await window.write("Can you look over this?\n\ndef fib(n):\n    return n\n\nIt is " + "too short " * 20)

    assert looks_as_before(act=act, size=SIZES["80x24"])


@pytest.mark.parametrize("size", SIZES.values(), ids=SIZES)
def test_the_model_is_away(looks_as_before: Any, size: tuple[int, int]) -> None:
    assert looks_as_before(away=AWAY, state="away", size=size)


def test_the_engine_does_not_open(looks_as_before: Any) -> None:
    broken = ReadOnly("The data folder cannot be written. Change its permissions, then try again.")
    assert looks_as_before(broken=broken, state="failed", size=SIZES["80x24"])


def test_a_message_that_is_too_long(looks_as_before: Any) -> None:
    async def act(window: Any) -> None:
        await window.say("A long message. " * 3000)
        await window.shows("cut it to what fits")
        await window.rest()

    assert looks_as_before(act=act)


def test_editing(looks_as_before: Any, tell: Callable[..., Awaitable[str]]) -> None:
    async def before(engine: Any, clock: Any) -> None:
        await tell(engine, "What is memoisation?")

    async def act(window: Any) -> None:
        await window.shows("A cache.")
        await window.rest()
        await window.press("shift+tab", "up", "e")
        await window.shows("editing")

    assert looks_as_before(before=before, session="id01", act=act, answers=[spoken("A cache.")], size=SIZES["80x24"])


def test_told_in_passing(looks_as_before: Any) -> None:
    async def act(window: Any) -> None:
        await window.say("/hlep me")
        window.hear(Notice("The disk is nearly full", "Make room: replies are stored as they come.", "error"))
        window.hear(Notice("Another model stands in", "qwen2.5:7b is not installed; llama3.2:3b answers."))
        await window.shows("nearly full", "and 2 more: /notices")

    assert looks_as_before(act=act)
