"""Going on with a partial answer on Ollama, where the server does not do it itself."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest

from tale_tui.config.settings import OllamaSettings, Settings
from tale_tui.domain import errors
from tale_tui.domain.models import FinishReason
from tale_tui.engine.models.backend import ChatMessage, ChatRequest, Finished, TextPiece
from tale_tui.engine.models.ollama.backend import OllamaBackend

PARTIAL = "Once upon a time, in a land far, far away, there lived a fox named Felix. Felix"
ASKED = ChatRequest(
    "smollm2:135m", (ChatMessage("user", "Write a long story about a fox."),), 2048, 20, continue_text=PARTIAL
)
END = {"response": "", "done": True, "done_reason": "stop"}


@pytest.fixture
async def ollama(replay: Any) -> AsyncIterator[OllamaBackend]:
    backend = OllamaBackend(Settings(ollama=OllamaSettings(host=replay.url)), "")
    yield backend
    await backend.close()


async def answer(backend: OllamaBackend, request: ChatRequest) -> tuple[str, Finished]:
    events = [event async for event in backend.chat(request)]
    assert isinstance(events[-1], Finished)
    return "".join(one.text for one in events if isinstance(one, TextPiece) and not one.thinking), events[-1]


@pytest.mark.parametrize("cut", [None, 1, 50])
async def test_word_for_word_by_the_rendered_prompt(
    cut: int | None, replay: Any, ollama: OllamaBackend, recording: Any
) -> None:
    replay.play("manage/version")
    replay.play("continue/render-only", cut=cut)
    replay.play("continue/raw-continue", cut=cut)
    text, finished = await answer(ollama, ASKED)
    # What the model wrote when nobody interrupted it begins the same way.
    assert text.startswith(" was a curious and adventurous fox who loved to explore and learn. He had a tail")
    assert (finished.reason, finished.prompt_tokens, finished.completion_tokens) == (FinishReason.LENGTH, 38, 20)
    render, raw = replay.bodies("/api/chat")[0], replay.bodies("/api/generate")[0]
    assert render["_debug_render_only"] is True
    assert render["stream"] is render["think"] is False
    assert render["messages"] == [{"role": "user", "content": "Write a long story about a fox."}]
    assert raw["prompt"] == recording("continue/raw-continue")["request"]["body"]["prompt"]
    assert raw["raw"] is raw["stream"] is True
    for body in (render, raw):  # the same as in every call, or the model is loaded again
        assert body["shift"] is body["truncate"] is False
        assert body["keep_alive"] == 600
        assert body["options"]["num_ctx"] == 2048
    assert raw["options"]["num_predict"] == 20


async def test_another_raw_answer(replay: Any, ollama: OllamaBackend, recording: Any) -> None:
    replay.play("manage/version")
    replay.play("continue/render-only")
    replay.play("chat/generate-raw")
    text, finished = await answer(ollama, ASKED)
    chunks = [json.loads(piece) for _, piece in recording("chat/generate-raw")["body"]]
    assert text == "".join(chunk["response"] for chunk in chunks)
    assert finished.completion_tokens == chunks[-1]["eval_count"]


async def test_a_blank_at_the_end_comes_once(replay: Any, ollama: OllamaBackend) -> None:
    replay.play("manage/version")
    replay.play("continue/render-only")
    replay.play("continue/raw-continue")
    text, _ = await answer(ollama, replace(ASKED, continue_text=f"{PARTIAL} "))
    assert text.startswith("was a curious")
    assert replay.bodies("/api/generate")[0]["prompt"].endswith("named Felix. Felix")


async def test_nothing_but_blanks_is_a_new_answer(replay: Any, ollama: OllamaBackend) -> None:
    replay.play("chat/stream")
    await answer(ollama, replace(ASKED, continue_text=" \n"))
    assert replay.bodies("/api/chat")[0]["messages"] == [{"role": "user", "content": ASKED.messages[0].text}]


@pytest.mark.parametrize(
    ("rendered", "prompt"),
    [
        ("<|user|>Hi<|assistant|>", "<|user|>Hi<|assistant|>Once"),
        ("<|assistant|><think>\n", "<|assistant|><think>\n</think>\n\nOnce"),
        ("<|start|>assistant", "<|start|>assistant<|channel|>final<|message|>Once"),
    ],
)
async def test_the_prompt_is_opened_up_to_the_answer(
    rendered: str, prompt: str, replay: Any, ollama: OllamaBackend
) -> None:
    replay.play("manage/version")
    replay.say("/api/chat", {"_debug_info": {"rendered_template": rendered}, "done": False})
    replay.lines("/api/generate", {"response": " upon"}, END)
    text, _ = await answer(ollama, replace(ASKED, continue_text="Once"))
    assert text == " upon"
    assert replay.bodies("/api/generate")[0]["prompt"] == prompt


async def test_an_old_template_is_left_open_by_the_server(replay: Any, ollama: OllamaBackend) -> None:
    replay.say("/api/version", {"version": "0.5.7"}, method="GET")
    replay.say("/api/show", {"template": "{{ .Prompt }}<end>{{ .Response }}<end>", "model_info": {}})
    replay.lines("/api/chat", {"message": {"content": " was"}}, {"done": True})
    text, _ = await answer(ollama, ASKED)
    assert text == " was"
    bodies = replay.bodies("/api/chat")
    assert len(bodies) == 1  # nobody asked this version to render
    assert bodies[0]["messages"][-1] == {"role": "assistant", "content": PARTIAL}


@pytest.mark.parametrize("rendered", [{"message": {"content": "Once"}, "done": True}, {"_debug_info": None}])
async def test_where_it_is_not_known_how_it_is_refused(
    rendered: dict[str, Any], replay: Any, ollama: OllamaBackend
) -> None:
    replay.say("/api/version", {"version": "0.0.0"}, method="GET")  # built from source: nobody knows
    replay.say("/api/chat", rendered)
    replay.play("manage/show")
    with pytest.raises(errors.CannotContinue) as raised:
        await answer(ollama, ASKED)
    assert "Ask again instead" in raised.value.sentence
    assert replay.bodies("/api/generate") == []
    assert replay.bodies("/api/chat")[0]["options"]["num_predict"] == 1


async def test_an_error_in_the_continuation_is_one_of_ours(replay: Any, ollama: OllamaBackend) -> None:
    replay.play("manage/version")
    replay.play("continue/render-only")
    replay.lines("/api/generate", {"error": "an error was encountered while running the model: unexpected EOF"})
    with pytest.raises(errors.BackendCrashed):
        await answer(ollama, ASKED)
