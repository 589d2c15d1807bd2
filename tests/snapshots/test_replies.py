"""A reply on its way, and every way in which it can end."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from tale_tui.domain.conversation import View
from tale_tui.domain.errors import Unreachable
from tale_tui.domain.models import FinishReason
from tale_tui.engine.models.scripted import Fail, Hold, Pause, Read, Say, Script

QUESTION = "What is memoisation?"
BEGINNING = "Memoisation keeps the result of a call, so that the same call later costs a look-up:\n\n"
CODE = "```python\nfrom functools import cache\n\n@cache\ndef fib(n"
THOUGHTS = "The user wants a definition.\n\nOne sentence, then *one* example; Python has it built in."


def ends(*steps: Any, **more: Any) -> Script:
    return Script((Pause(0.4), *steps), prompt_tokens=31, **more)


def never() -> Hold:
    return Hold(asyncio.Event())


async def stopped(window: Any) -> None:
    await window.press("escape")
    await window.rest()


@pytest.mark.parametrize("size", [(80, 24), (120, 40)], ids=["80x24", "120x40"])
def test_before_the_first_token(looks_as_before: Any, size: tuple[int, int]) -> None:
    async def act(window: Any) -> None:
        await window.say(QUESTION)
        await window.shows(QUESTION, "0.40 s", "stop")

    assert looks_as_before(answers=[ends(Read(0, 0), never())], act=act, size=size)


def test_while_the_prompt_is_read(looks_as_before: Any) -> None:
    async def act(window: Any) -> None:
        await window.say(QUESTION)
        await window.shows("reading 320 of 512 tokens")

    assert looks_as_before(answers=[ends(Read(320, 512), never())], act=act)


@pytest.mark.parametrize("size", [(80, 24), (120, 40)], ids=["80x24", "120x40"])
def test_in_the_middle(looks_as_before: Any, size: tuple[int, int]) -> None:
    """With code that is not complete yet, a speed, and a message that waits for its turn."""
    go_on = asyncio.Event()

    async def act(window: Any) -> None:
        await window.say(QUESTION)
        await window.shows("Memoisation keeps")
        window.clock.turn(1.5)
        go_on.set()
        await window.shows("def fib(n", "2 tok")
        await window.say("And in Rust?")
        await window.shows("And in Rust?", "take back")
        await window.write("Meanwhile I go on writing")

    script = ends(Say(BEGINNING), Hold(go_on), Say(CODE), never())
    assert looks_as_before(answers=[script], act=act, size=size)


def test_stopped(looks_as_before: Any) -> None:
    async def act(window: Any) -> None:
        await window.say(QUESTION)
        await window.shows("Memoisation keeps")
        await window.say("And in Rust?")
        await window.shows("And in Rust?")
        await stopped(window)
        await window.shows("stopped", "goes on")

    assert looks_as_before(answers=[ends(Say(BEGINNING), never())], act=act)


@pytest.mark.parametrize("size", [(80, 24), (120, 40)], ids=["80x24", "120x40"])
def test_failed(looks_as_before: Any, size: tuple[int, int]) -> None:
    error = Unreachable("Nothing answers at http://127.0.0.1:11434. Start Ollama with `ollama serve`, then try again.")

    async def act(window: Any) -> None:
        await window.say(QUESTION)
        await window.shows("interrupted", "try again")
        await window.rest()

    assert looks_as_before(answers=[ends(Say(BEGINNING), Fail(error))], act=act, size=size)


def test_interrupted(looks_as_before: Any, exported: Any) -> None:
    """The conversation that broke off is opened by itself."""

    async def before(engine: Any, clock: Any) -> None:
        await engine.sessions.import_(exported(QUESTION, BEGINNING, state="interrupted"))

    async def act(window: Any) -> None:
        await window.shows("interrupted")
        await window.rest()

    assert looks_as_before(before=before, act=act)


def test_cut_at_the_limit(looks_as_before: Any) -> None:
    async def act(window: Any) -> None:
        await window.say(QUESTION)
        await window.shows("cut")
        await window.rest()

    script = ends(Say(BEGINNING), reason=FinishReason.LENGTH, completion_tokens=1024)
    assert looks_as_before(answers=[script], act=act)


def test_the_second_of_two_versions(looks_as_before: Any, tell: Callable[..., Awaitable[str]]) -> None:
    async def before(engine: Any, clock: Any) -> None:
        await tell(engine, QUESTION)

    async def act(window: Any) -> None:
        await window.shows("The first try.")
        await window.rest()
        await window.press("shift+tab", "r")
        await window.shows("The second try.", "2/2")
        await window.rest()

    answers = [ends(Say("The first try.")), ends(Say("The second try."))]
    assert looks_as_before(before=before, session="id01", act=act, answers=answers)


@pytest.mark.parametrize("opened", [False, True], ids=["folded", "open"])
def test_thoughts(looks_as_before: Any, tell: Callable[..., Awaitable[str]], opened: bool) -> None:
    async def before(engine: Any, clock: Any) -> None:
        await tell(engine, QUESTION)

    async def act(window: Any) -> None:
        await window.shows("A cache for calls.")
        await window.rest()
        if opened:
            await window.press("shift+tab", "t")
            await window.shows("The user wants")

    script = ends(Say(THOUGHTS, thinking=True), Pause(2.0), Say("A cache for calls."))
    assert looks_as_before(before=before, session="id01", act=act, answers=[script])


def test_thinking(looks_as_before: Any) -> None:
    async def act(window: Any) -> None:
        await window.say(QUESTION)
        await window.shows("thinking")

    assert looks_as_before(answers=[ends(Say(THOUGHTS, thinking=True), never())], act=act)


def test_more_than_the_model_sees(looks_as_before: Any, tell: Callable[..., Awaitable[str]]) -> None:
    """The line where its view begins, in a window that is nearly full."""

    async def before(engine: Any, clock: Any) -> None:
        session = await tell(engine, "Read this. " + "A long, long story. " * 500)
        await tell(engine, "And this. " + "Another long story. " * 150, session)
        await tell(engine, "And the end. " + "The end of the story. " * 1100, session)
        transcript = await engine.sessions.transcript(session)
        places = [message.id for message in transcript.messages]
        await engine.sessions.save_view(session, View(places[places.index(transcript.view_from) - 1]))

    async def act(window: Any) -> None:
        await window.shows("the model sees from here")
        await window.rest()

    script = Script((Pause(0.4), Say("Read it.")), completion_tokens=20)
    assert looks_as_before(before=before, session="id01", act=act, answers=[script])


def test_a_server_that_drops_what_was_sent(looks_as_before: Any) -> None:
    async def act(window: Any) -> None:
        await window.say("Read this. " + "A long, long story. " * 300)
        await window.shows("was dropped", "cut")
        await window.rest()

    assert looks_as_before(answers=[ends(Say("Read it."))], act=act)
