"""Ollama's chat: what is asked, and every recorded and older way to answer."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tale_tui.config.settings import LimitSettings, OllamaSettings, Settings
from tale_tui.domain import errors
from tale_tui.domain.models import FinishReason
from tale_tui.engine.models.backend import BackendEvent, ChatMessage, ChatRequest, Finished, TextPiece
from tale_tui.engine.models.ollama.backend import OllamaBackend

FOLDERS = ("cancel", "chat", "continue", "errors", "residency", "thinking", "tools", "window")
ROOT = Path(__file__).parents[3] / "data" / "recordings"


def is_stream(name: str) -> bool:
    taken = json.loads((ROOT / f"{name}.json").read_text())
    request = taken["request"]
    return (
        request["path"] == "/api/chat"
        and taken.get("status") == 200
        and taken["end"] == "complete"
        and bool(request["body"]["messages"])
        and not request["body"].get("_debug_render_only")
        and '"error"' not in taken["body"][-1][1]
    )


STREAMS = [
    name
    for folder in FOLDERS
    for name in sorted(f"{folder}/{path.stem}" for path in (ROOT / folder).glob("*.json"))
    if is_stream(name)
]


def request_of(taken: dict[str, Any]) -> ChatRequest:
    """What our side would have asked to get this recording."""
    body = taken["request"]["body"]
    options = body.get("options", {})
    think = body.get("think")
    return ChatRequest(
        model=body["model"],
        messages=tuple(ChatMessage(one["role"], one["content"]) for one in body["messages"]),
        window=options.get("num_ctx") if isinstance(options.get("num_ctx"), int) else 2048,
        max_tokens=options.get("num_predict", 24),
        temperature=options.get("temperature"),
        think=think if think is False else None,
    )


HELLO = ChatRequest("m:1", (ChatMessage("user", "Hi"),), 2048, 24)


@pytest.fixture
async def ollama(replay: Any) -> AsyncIterator[OllamaBackend]:
    limits = LimitSettings(connect_s=5, first_token_s=10, silence_s=10)
    backend = OllamaBackend(Settings(ollama=OllamaSettings(host=replay.url), limits=limits), "")
    yield backend
    await backend.close()


async def events_of(backend: OllamaBackend, request: ChatRequest) -> list[BackendEvent]:
    async with aclosing(backend.chat(request)) as events:
        return [event async for event in events]


async def until_error(backend: OllamaBackend, request: ChatRequest) -> tuple[list[BackendEvent], errors.ModelError]:
    """What came before the error, and the error."""
    events: list[BackendEvent] = []
    try:
        async for event in backend.chat(request):
            events.append(event)  # noqa: PERF401 - a comprehension would lose what came before the error
    except errors.ModelError as error:
        return events, error
    pytest.fail("no error came")


def text_of(events: list[BackendEvent], *, thinking: bool = False) -> str:
    return "".join(one.text for one in events if isinstance(one, TextPiece) and one.thinking is thinking)


def chunks_of(taken: dict[str, Any]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in "".join(piece for _, piece in taken["body"]).splitlines() if line]


@pytest.mark.parametrize("name", STREAMS)
@pytest.mark.parametrize("cut", [None, 61])
async def test_recorded_streams(
    name: str, cut: int | None, replay: Any, ollama: OllamaBackend, recording: Callable[[str], dict[str, Any]]
) -> None:
    taken = recording(name)
    replay.play(name, cut=cut)
    events = await events_of(ollama, request_of(taken))
    chunks = chunks_of(taken)
    content = "".join(one["message"]["content"] for one in chunks)
    thinking = "".join(one["message"].get("thinking", "") for one in chunks)
    if "<think>" in content:
        thinking, _, content = content.removeprefix("<think>").partition("</think>")
    assert text_of(events) == content
    assert text_of(events, thinking=True) == thinking.strip()
    called = any(one["message"].get("tool_calls") for one in chunks)
    last, end = chunks[-1], events[-1]
    assert end == Finished(
        reason=FinishReason.TOOL_CALL if called else FinishReason(last["done_reason"]),
        prompt_tokens=last["prompt_eval_count"],
        completion_tokens=last["eval_count"],
        cached_tokens=None,
        load_ms=last["load_duration"] / 1e6,
        prompt_ms=last["prompt_eval_duration"] / 1e6,
        generation_ms=last["eval_duration"] / 1e6,
    )
    assert [type(one) for one in events[:-1]] == [TextPiece] * (len(events) - 1)


@pytest.mark.parametrize("name", ["chat/unicode", "thinking/thinking-off", "thinking/thinking-on", "chat/stream"])
async def test_recorded_streams_byte_by_byte(name: str, replay: Any, ollama: OllamaBackend, recording: Any) -> None:
    request = request_of(recording(name))
    replay.play(name)
    replay.play(name, cut=1)
    assert await events_of(ollama, request) == await events_of(ollama, request)


async def test_an_answer_of_a_form_is_asked_for(replay: Any, ollama: OllamaBackend, recording: Any) -> None:
    schema = {"type": "object", "properties": {"label": {"enum": ["task", "chat"]}}, "required": ["label"]}
    request = request_of(recording("chat/stream"))
    for asked in (replace(request, schema=json.dumps(schema)), request):
        replay.play("chat/stream")
        await events_of(ollama, asked)
    with_form, without = replay.bodies("/api/chat")
    assert with_form["format"] == schema
    assert "format" not in without


async def test_enough_streams_were_recorded() -> None:
    assert len(STREAMS) > 30
    assert {name.partition("/")[0] for name in STREAMS} == set(FOLDERS)


async def test_literal_tags_become_thinking(replay: Any, ollama: OllamaBackend, recording: Any) -> None:
    replay.play("thinking/thinking-off")
    events = await events_of(ollama, request_of(recording("thinking/thinking-off")))
    assert text_of(events, thinking=True) == "I add 3 and 4, that is 7."
    assert text_of(events) == "The sum is 7."
    assert sum(one.tokens for one in events if isinstance(one, TextPiece)) == 24


async def test_thinking_cut_by_length_has_no_answer(replay: Any, ollama: OllamaBackend, recording: Any) -> None:
    replay.play("thinking/thinking-cut-by-length")
    events = await events_of(ollama, request_of(recording("thinking/thinking-cut-by-length")))
    assert text_of(events) == ""
    assert text_of(events, thinking=True)
    assert events[-1] == Finished(FinishReason.LENGTH, 191, 5, None, 1.275099, 15.542, 35.728)


async def test_a_tool_call_is_no_text(replay: Any, ollama: OllamaBackend, recording: Any) -> None:
    replay.play("tools/tool-call")
    events = await events_of(ollama, request_of(recording("tools/tool-call")))
    assert len(events) == 1
    assert isinstance(events[0], Finished)
    assert events[0].reason is FinishReason.TOOL_CALL


async def test_what_every_call_says(replay: Any, ollama: OllamaBackend) -> None:
    replay.play("chat/stream")
    messages = (ChatMessage("system", "Be brief."), ChatMessage("user", "Grüße"))
    await events_of(ollama, ChatRequest("m:1", messages, 4096, 77, temperature=0.2, think=False))
    await events_of(ollama, HELLO)
    assert replay.bodies("/api/chat") == [
        {
            "model": "m:1",
            "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Grüße"}],
            "stream": True,
            "truncate": False,
            "shift": False,
            "keep_alive": 600,
            "think": False,
            "options": {"num_ctx": 4096, "num_predict": 77, "temperature": 0.2},
        },
        {
            "model": "m:1",
            "messages": [{"role": "user", "content": "Hi"}],
            "stream": True,
            "truncate": False,
            "shift": False,
            "keep_alive": 600,
            "options": {"num_ctx": 2048, "num_predict": 24},
        },
    ]
    assert replay.connections == 1


async def test_only_a_model_that_can_think_is_told_to(replay: Any, ollama: OllamaBackend) -> None:
    replay.play("chat/stream")
    replay.play("manage/show")
    replay.play("manage/show-thinker")
    messages = (ChatMessage("user", "Hi"),)
    for model in ("smollm2:135m", "thinker:135m"):
        await events_of(ollama, ChatRequest(model, messages, 2048, 24, think=True))
    assert [body.get("think") for body in replay.bodies("/api/chat")] == [None, True]


async def test_without_a_window_the_models_own_is_asked_for(replay: Any, ollama: OllamaBackend) -> None:
    replay.play("manage/show")
    replay.play("chat/stream")
    await events_of(ollama, ChatRequest("smollm2:135m", (ChatMessage("user", "Hi"),), None, 24))
    assert replay.bodies("/api/chat")[0]["options"]["num_ctx"] == 8192


@pytest.mark.parametrize(
    ("name", "code", "text"),
    [
        ("errors/runner-killed-in-stream", "crashed", "Once upon a time, in a land far,"),
        ("errors/server-killed-in-stream", "broken_stream", "Once upon a time, in a land far,"),
        ("errors/server-terminated-in-stream", "broken_stream", "Once upon a time, in a land far,"),
        ("errors/runner-killed-in-prefill", "crashed", ""),
        ("errors/out-of-memory-250", "out_of_memory", ""),
        ("errors/prompt-too-long-refused", "context_full", ""),
        ("errors/queue-full-0", "busy", ""),
        ("errors/model-unknown", "not_found", ""),
    ],
)
@pytest.mark.parametrize("cut", [None, 7])
async def test_recorded_failures(
    name: str, code: str, text: str, cut: int | None, replay: Any, ollama: OllamaBackend, recording: Any
) -> None:
    taken = recording(name)
    request = request_of({"request": {"body": {"messages": [], **taken["request"]["body"]}}})
    replay.play(name, cut=cut)
    events, error = await until_error(ollama, request)
    assert error.code == code
    assert text_of(events) == text
    assert "{" not in error.sentence


async def test_the_server_is_away(replay: Any, ollama: OllamaBackend) -> None:
    await replay.stop()
    with pytest.raises(errors.Unreachable) as raised:
        await events_of(ollama, HELLO)
    assert "OLLAMA_HOST" in raised.value.sentence


def chunk(text: str = "", **more: Any) -> dict[str, Any]:
    return {"model": "m:1", "message": {"role": "assistant", "content": text}, "done": False, **more}


END = chunk(done=True, done_reason="stop", eval_count=2)


@pytest.mark.parametrize(
    "pieces",
    [
        [json.dumps(chunk("Hello")).encode()],  # the stream ends without an end
        [b"<html><body>Bad gateway</body></html>\n"],
        [json.dumps(chunk("Hello")).encode() + b'\n{"model":"m:1","mess\n'],  # half a line
        [b"[1, 2]\n"],
        [b"\xff\xfe\n"],
        [b""],
    ],
)
async def test_streams_that_break(pieces: list[bytes], replay: Any, ollama: OllamaBackend) -> None:
    replay.say("/api/chat", pieces)
    with pytest.raises(errors.BrokenStream):
        await events_of(ollama, HELLO)


async def test_blank_lines_and_odd_ends_do_no_harm(replay: Any, ollama: OllamaBackend) -> None:
    whole = "\n\r\n".join(json.dumps(one) for one in (chunk("Hel"), chunk("lo"), END))
    replay.say("/api/chat", [f"\n \n{whole}".encode()])  # nor does a missing line end
    assert text_of(await events_of(ollama, HELLO)) == "Hello"


@pytest.mark.parametrize(
    ("last", "finished"),
    [
        # Fields that are 0 are left out, and so is why it ended in old versions: everything is unknown.
        ({"done": True}, Finished(FinishReason.STOP)),
        ({"done": True, "eval_count": 24}, Finished(FinishReason.LENGTH, completion_tokens=24)),
        ({"done": True, "eval_count": 7, "prompt_eval_count": None}, Finished(FinishReason.STOP, completion_tokens=7)),
        (
            {"done": True, "done_reason": "length", "prompt_eval_count": 12, "prompt_eval_cached_count": 11},
            Finished(FinishReason.LENGTH, prompt_tokens=12, cached_tokens=11),
        ),
        (
            {
                "done": True,
                "eval_count": -1,
                "prompt_eval_count": "12",
                "load_duration": 10**400,
                "eval_duration": True,
            },
            Finished(FinishReason.STOP),
        ),
    ],
)
async def test_last_chunks_of_other_versions(
    last: dict[str, Any], finished: Finished, replay: Any, ollama: OllamaBackend
) -> None:
    replay.lines("/api/chat", chunk("Hello"), last)
    events = await events_of(ollama, HELLO)
    assert events == [TextPiece("Hello"), finished]


@pytest.mark.parametrize(
    "odd",
    [
        {"message": None},
        {"message": "text"},
        {"message": {"content": 7}},
        {"message": {"content": None, "thinking": ["x"]}},
        {"response": None},
        {},
    ],
)
async def test_odd_chunks_are_passed_over(odd: dict[str, Any], replay: Any, ollama: OllamaBackend) -> None:
    replay.lines("/api/chat", odd, chunk("Hello"), END)
    assert text_of(await events_of(ollama, HELLO)) == "Hello"


async def test_the_version_that_miscounts_the_prompt_is_not_believed(replay: Any, ollama: OllamaBackend) -> None:
    replay.say("/api/version", {"version": "0.30.0"}, method="GET")
    replay.lines("/api/chat", chunk("Hello"), END | {"prompt_eval_count": 3})
    await ollama.report(5)
    events = await events_of(ollama, HELLO)
    assert isinstance(events[-1], Finished)
    assert events[-1].prompt_tokens is None


async def test_an_error_that_is_json_inside_a_string_in_the_stream(replay: Any, ollama: OllamaBackend) -> None:
    inner = json.dumps({"error": {"code": 400, "message": "request exceeds the available context size"}})
    replay.lines("/api/chat", chunk("Hello"), {"error": inner})
    with pytest.raises(errors.ContextFull) as raised:
        await events_of(ollama, HELLO)
    assert "{" not in raised.value.sentence


async def test_text_is_clean(replay: Any, ollama: OllamaBackend) -> None:
    replay.lines(
        "/api/chat", chunk("a\x1b]52;c;"), chunk("cm0gLXJm\x07b"), chunk("\u202ec\x9b"), chunk("31md\ud83d"), END
    )
    assert text_of(await events_of(ollama, HELLO)) == "abcd\ufffd"


async def test_closing_the_stream_hangs_up(replay: Any, ollama: OllamaBackend, recording: Any) -> None:
    replay.play("cancel/stream-closed")
    events = ollama.chat(request_of(recording("cancel/stream-closed")))
    assert await anext(events) == TextPiece("Once")
    await events.aclose()
    await asyncio.wait_for(replay.client_left.wait(), 5)


async def test_cancelling_the_task_hangs_up(replay: Any, ollama: OllamaBackend, recording: Any) -> None:
    replay.play("cancel/stream-closed")
    request = request_of(recording("cancel/stream-closed"))
    task = asyncio.create_task(events_of(ollama, request))
    await replay.was_asked.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await asyncio.wait_for(replay.client_left.wait(), 5)


async def test_cancelling_while_the_prompt_is_read_hangs_up(replay: Any, ollama: OllamaBackend) -> None:
    replay.say("/api/chat", [], end="hold")
    task = asyncio.create_task(events_of(ollama, HELLO))
    await replay.was_asked.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await asyncio.wait_for(replay.client_left.wait(), 5)


async def test_a_server_that_accepts_and_stays_silent(replay: Any) -> None:
    limits = LimitSettings(first_token_s=0.05, silence_s=0.05)
    backend = OllamaBackend(Settings(ollama=OllamaSettings(host=replay.url), limits=limits), "")
    replay.say("/api/chat", [], before=asyncio.Event())
    with pytest.raises(errors.TimedOut) as raised:
        await events_of(backend, HELLO)
    assert "limits.first_token_s" in raised.value.sentence
    await backend.close()


async def test_a_server_that_falls_silent_in_the_answer(replay: Any) -> None:
    limits = LimitSettings(first_token_s=10, silence_s=0.3)
    backend = OllamaBackend(Settings(ollama=OllamaSettings(host=replay.url), limits=limits), "")
    replay.play("cancel/stream-closed")
    events, error = await until_error(backend, HELLO)
    assert text_of(events) == "Once upon a time, in a land far,"
    assert error.code == "timed_out"
    assert "fell silent in the middle" in error.sentence
    await asyncio.wait_for(replay.client_left.wait(), 5)
    await backend.close()


async def test_tokens_cannot_be_counted(ollama: OllamaBackend) -> None:
    assert await ollama.count_tokens("m:1", HELLO.messages) is None
