"""Replies that break off on servers that can only begin one, on a whole engine and servers over loopback."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import Any

import pytest

from tale_tui.config.settings import OllamaSettings, OpenAISettings, Settings
from tale_tui.domain.conversation import MessageState
from tale_tui.domain.events import TaskSeen, TextSortedAnew, TurnDone, TurnFailed
from tale_tui.domain.models import BackendName
from tale_tui.domain.tasks import ENDED, TaskDetail, TaskState
from tale_tui.engine.models.ollama.backend import OllamaBackend
from tale_tui.engine.models.openai.backend import OpenAIBackend

WAIT_S = 20.0
OPENAI_CHAT = "/v1/chat/completions"
TEMPLATE = "{{ range .Messages }}{{ .Content }}{{ end }}"


def delta(text: str, finish: str | None = None, **more: Any) -> dict[str, Any]:
    return {"choices": [{"index": 0, "delta": {"content": text, **more}, "finish_reason": finish}]}


def openai_server(replay: Any, owner: str) -> dict[BackendName, Any]:
    """LM Studio says `organization_owner`, vLLM `vllm`."""
    replay.say("/v1/models", {"data": [{"id": "m", "owned_by": owner}]}, method="GET")
    settings = Settings(openai=OpenAISettings(base_url=f"{replay.url}/v1"))
    return {BackendName.OPENAI: OpenAIBackend(settings, None)}


def ollama_server(replay: Any, told: str, **odd: Any) -> dict[BackendName, Any]:
    """An Ollama with one model in memory; `odd` replaces what it says of itself."""
    said: dict[str, Any] = {
        "version": {"version": told},
        "tags": {"models": [{"name": "m:latest", "model": "m:latest", "size": 10, "digest": "d"}]},
        "ps": {
            "models": [{"name": "m:latest", "model": "m:latest", "size": 10, "context_length": 2048, "digest": "d"}]
        },
        "show": {"template": TEMPLATE, "capabilities": ["completion"]},
    } | odd
    for name, body in said.items():
        replay.say(f"/api/{name}", body, method="POST" if name == "show" else "GET", status=500 if name in odd else 200)
    return {BackendName.OLLAMA: OllamaBackend(Settings(ollama=OllamaSettings(host=replay.url)), "")}


def ollama_says(replay: Any, text: str, *, cut: bool = False) -> None:
    end = [] if cut else [{"message": {"content": ""}, "done": True, "done_reason": "stop"}]
    replay.lines("/api/chat", {"message": {"content": text}, "done": False}, *end, end="cut" if cut else "complete")


async def ended(engine: Any, task_id: str) -> TaskDetail:
    async with asyncio.timeout(WAIT_S), aclosing(engine.tasks.follow(task_id)) as events:
        async for event in events:
            if isinstance(event, TaskSeen) and event.detail.task.state in ENDED:
                return event.detail
    raise AssertionError("it did not end")


async def carried_out(start_engine: Any, backends: Any, model: str) -> TaskDetail:
    engine = await start_engine(
        backends, load=False, ux=model, task=model, tasks={"backoff_s": 0.01}, chat={"window": 2048, "max_tokens": 64}
    )
    task = await engine.tasks.submit("write a story", key="k" * 16)
    return await ended(engine, task.id)


def is_whole(detail: TaskDetail) -> None:
    """The whole result is that of the second attempt, and what the first one wrote is kept."""
    assert (detail.task.state, detail.result) == (TaskState.DONE, "The whole story.")
    assert detail.steps[0].earlier == ("Once upon a",)
    assert detail.steps[0].text == "The whole story."


async def test_lm_studio_is_asked_again_from_the_beginning(start_engine: Any, replay: Any) -> None:
    replay.events(OPENAI_CHAT, delta("Once upon a"), end="cut")
    replay.events(OPENAI_CHAT, delta("The whole story.", "stop"), "[DONE]")
    is_whole(await carried_out(start_engine, openai_server(replay, "organization_owner"), "openai/m"))
    first, second = replay.bodies(OPENAI_CHAT)
    assert first["messages"] == second["messages"]


async def test_a_server_that_refuses_to_go_on_is_asked_again_from_the_beginning(start_engine: Any, replay: Any) -> None:
    replay.events(OPENAI_CHAT, delta("Once upon a"), end="cut")
    replay.say(OPENAI_CHAT, {"error": {"message": "continue_final_message is not supported"}}, status=400)
    replay.events(OPENAI_CHAT, delta("The whole story.", "stop"), "[DONE]")
    is_whole(await carried_out(start_engine, openai_server(replay, "vllm"), "openai/m"))
    _, second, third = replay.bodies(OPENAI_CHAT)
    assert second["continue_final_message"] is True
    assert "continue_final_message" not in third


async def test_a_server_that_can_goes_on(start_engine: Any, replay: Any) -> None:
    replay.events(OPENAI_CHAT, delta("Once upon a"), end="cut")
    replay.events(OPENAI_CHAT, delta(" time.", "stop"), "[DONE]")
    detail = await carried_out(start_engine, openai_server(replay, "vllm"), "openai/m")
    assert (detail.result, detail.steps[0].earlier) == ("Once upon a time.", ())


async def test_an_ollama_that_cannot_render_is_asked_again_from_the_beginning(start_engine: Any, replay: Any) -> None:
    backends = ollama_server(replay, "0.11.4")
    ollama_says(replay, "Once upon a", cut=True)
    ollama_says(replay, "The whole story.")
    is_whole(await carried_out(start_engine, backends, "ollama/m"))
    assert not any("_debug_render_only" in body for body in replay.bodies("/api/chat"))


@pytest.mark.parametrize("odd", ["version", "ps", "show", "tags"])
@pytest.mark.parametrize("answer", ["<html>", b"\xff\xfe", "[]", '{"models": 7, "version": 7, "template": 7}'])
async def test_an_odd_answer_to_a_helping_question_fails_nothing(
    start_engine: Any, replay: Any, odd: str, answer: str | bytes
) -> None:
    backends = ollama_server(replay, "0.11.4", **{odd: answer})
    if odd == "ps":  # nothing says that the model is in memory, so it is loaded
        replay.say("/api/chat", {"done": True, "message": {"content": ""}})
    ollama_says(replay, "The whole story.")
    detail = await carried_out(start_engine, backends, "ollama/m")
    assert (detail.task.state, detail.result) == (TaskState.DONE, "The whole story.")


async def test_an_odd_answer_to_rendering_begins_again(start_engine: Any, replay: Any) -> None:
    backends = ollama_server(replay, "0.33.0")
    ollama_says(replay, "Once upon a", cut=True)
    replay.say("/api/chat", "<html>no such thing", status=500)
    ollama_says(replay, "The whole story.")
    is_whole(await carried_out(start_engine, backends, "ollama/m"))


async def test_in_a_conversation_nothing_is_begun_again_without_a_key(start_engine: Any, replay: Any) -> None:
    backends = openai_server(replay, "organization_owner")
    replay.events(OPENAI_CHAT, delta("Once upon a"), end="cut")
    engine = await start_engine(backends, load=False, ux="openai/m", task="openai/m")
    session = await engine.sessions.create()
    *_, broken = [event async for event in engine.chat.send(session.id, "a story", key="key")]
    assert isinstance(broken, TurnFailed)
    *_, refused = [event async for event in engine.chat.resume(session.id, broken.reply.id)]
    assert isinstance(refused, TurnFailed)
    assert refused.code == "cannot_continue"
    assert (refused.reply.text, refused.reply.state) == ("Once upon a", MessageState.INTERRUPTED)
    assert len(replay.bodies(OPENAI_CHAT)) == 1


async def test_thinking_without_a_beginning_is_no_answer_and_is_remembered(start_engine: Any, replay: Any) -> None:
    backends = openai_server(replay, "vllm")
    replay.events(OPENAI_CHAT, delta("Two and "), delta("two.</th"), delta("ink>\n\nFour.", "stop"), "[DONE]")
    replay.events(OPENAI_CHAT, delta("And one."), delta("</think>Five.", "stop"), "[DONE]")
    replay.events(OPENAI_CHAT, delta("Six."), delta("", "stop"), "[DONE]")
    replay.events(OPENAI_CHAT, delta("Hm.</think>The result.", "stop"), "[DONE]")
    engine = await start_engine(backends, load=False, ux="openai/m", task="openai/m")
    session = await engine.sessions.create()
    told = []
    for number, text in enumerate(("2 + 2?", "And 1 more?", "And 1 more?")):
        events = [event async for event in engine.chat.send(session.id, text, key=f"key{number}")]
        done = events[-1]
        assert isinstance(done, TurnDone)
        told.append([type(event).__name__ for event in events[2:-1]])
        assert not any("think>" in event.text for event in events if isinstance(event, TextSortedAnew))
    messages = (await engine.sessions.transcript(session.id)).messages
    assert [(one.thinking, one.text) for one in messages[1::2]] == [
        ("Two and two.", "Four."),
        ("And one.", "Five."),
        ("", "Six."),
    ]
    first, second, third = (names[names.index("Routed") + 1 :] if "Routed" in names else names for names in told)
    assert first[0] == "TextDelta"
    assert second[0] == third[0] == "ThinkingDelta", "it is held back from then on"
    sent = str(replay.bodies(OPENAI_CHAT)[-1]["messages"])
    assert "Four." in sent
    assert "Two and two." not in sent
    task = await engine.tasks.submit("write a story", key="k" * 16)
    detail = await ended(engine, task.id)
    assert (detail.result, detail.steps[0].thinking) == ("The result.", "Hm.")


async def test_a_step_whose_thinking_has_no_beginning_is_shown_anew(start_engine: Any, replay: Any) -> None:
    go_on = asyncio.Event()
    backends = openai_server(replay, "vllm")
    replay.events(OPENAI_CHAT, delta("Hm."), delta("</think>The result.", "stop"), "[DONE]", before=go_on)
    engine = await start_engine(backends, load=False, ux="openai/m", task="openai/m")
    task = await engine.tasks.submit("write a story", key="k" * 16)
    go_on.set()
    detail = await ended(engine, task.id)
    assert (detail.steps[0].text, detail.steps[0].thinking, detail.result) == ("The result.", "Hm.", "The result.")
