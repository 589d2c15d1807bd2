"""Which model answers in a conversation, what is done when it does not, and that both are said."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from itertools import chain, repeat
from typing import Any

from tale_tui.domain.conversation import MessageState
from tale_tui.domain.errors import BackendCrashed, BrokenStream, ContextFull, Unreachable
from tale_tui.domain.events import Routed, TurnDone, TurnFailed
from tale_tui.domain.models import BackendName, ModelRef
from tale_tui.engine.models.scripted import Fail, Say, Script, ScriptedBackend, spoken

SMALL, BIG = ModelRef(BackendName.SCRIPTED, "small"), ModelRef(BackendName.SCRIPTED, "big")
BOTH = {"ux": str(SMALL), "task": str(BIG)}

Begin = Callable[..., Awaitable[Any]]


def failing(error: Exception, *before: Any) -> ScriptedBackend:
    """The small model fails, the big one answers."""
    return small_plays(repeat(broken(error, *before)))


def broken(error: Exception, *before: Any) -> Script:
    return Script((*before, Fail(error)))  # type: ignore[arg-type]


def small_plays(scripts: Iterator[Script]) -> ScriptedBackend:
    """The small model plays these, the big one answers."""

    def answer(request: Any) -> Script:
        return next(scripts) if request.model == "small" else spoken("from the big one")

    return ScriptedBackend(answer, models=("small", "big"))


async def test_conversation_goes_to_the_small_model_and_the_reason_is_kept(talk: Begin) -> None:
    chat = await talk(ScriptedBackend([spoken("a")], models=("small", "big")), **BOTH, load=False)
    (routed,) = [event for event in await chat.ask("hi") if isinstance(event, Routed)]
    assert routed.ref == SMALL
    assert routed.why.startswith("answers in conversations")
    reply = await chat.reply()
    assert (reply.ref, reply.why) == (SMALL, routed.why)


async def test_when_it_fails_before_its_first_word_the_other_one_answers_and_that_is_said(talk: Begin) -> None:
    chat = await talk(failing(BackendCrashed("It ended.")), **BOTH, load=False)
    events = await chat.ask("hi")
    assert isinstance(events[-1], TurnDone)
    routes = [event for event in events if isinstance(event, Routed)]
    assert [route.ref for route in routes] == [SMALL, BIG]
    assert routes[1].why == "in place of small: the model's process ended"
    reply = await chat.reply()
    assert (reply.text, reply.ref, reply.why) == ("from the big one", BIG, routes[1].why)


async def test_what_broke_off_after_its_first_word_is_kept_and_not_begun_anew(talk: Begin) -> None:
    chat = await talk(failing(Unreachable("Gone."), Say("half")), **BOTH, load=False)
    events = await chat.ask("hi")
    assert isinstance(events[-1], TurnFailed)
    reply = await chat.reply()
    assert (reply.text, reply.ref, reply.state) == ("half", SMALL, MessageState.INTERRUPTED)


async def test_what_one_model_began_keeps_its_name_when_it_cannot_go_on(talk: Begin) -> None:
    first, later = broken(BrokenStream("It broke off."), Say("half")), broken(BackendCrashed("It ended."))
    chat = await talk(small_plays(chain([first], repeat(later))), **BOTH, load=False)
    await chat.ask("hi")
    begun = await chat.reply()
    assert isinstance((await chat.resume(begun.id))[-1], TurnFailed)
    reply = await chat.reply()
    assert (reply.text, reply.ref) == ("half", SMALL)


async def test_a_message_that_is_too_long_for_one_is_not_tried_on_another(talk: Begin) -> None:
    chat = await talk(failing(ContextFull("Too long.")), **BOTH, load=False)
    assert isinstance((await chat.ask("hi"))[-1], TurnFailed)
    assert {request.model for request in chat.backend.requests} == {"small"}


async def test_of_a_server_that_does_not_answer_no_other_model_is_asked(talk: Begin) -> None:
    chat = await talk(failing(Unreachable("Gone.")), **BOTH, load=False)
    events = await chat.ask("hi")
    assert isinstance(events[-1], TurnFailed)
    assert {request.model for request in chat.backend.requests} == {"small"}
    assert (await chat.reply()).ref == SMALL


async def test_without_a_fallback_the_failure_is_told(talk: Begin) -> None:
    chat = await talk(failing(Unreachable("Gone.")), **BOTH, load=False, route={"fallback": False})
    events = await chat.ask("hi")
    assert isinstance(events[-1], TurnFailed)
    assert events[-1].code == "unreachable"
    assert (await chat.reply()).why.startswith("answers in conversations")


async def test_the_chosen_model_alone_is_asked(talk: Begin) -> None:
    chat = await talk(failing(Unreachable("Gone.")), **BOTH, load=False)
    events = await chat.ask("hi", ref=SMALL)
    assert isinstance(events[-1], TurnFailed)
    assert [event.why for event in events if isinstance(event, Routed)] == ["you chose it"]
