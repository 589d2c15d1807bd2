"""What servers say when something goes wrong, of every age, becomes our error and our sentence."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from tale_tui.domain import errors
from tale_tui.engine.models.server_errors import ServerDescription, read_complaint, refusal, transport_failure

OLLAMA = ServerDescription(
    "Ollama", "http://127.0.0.1:11434", "Start Ollama.", "Sign in.", "Get it with: ollama pull {model}"
)

RECORDED = {
    "errors/body-empty": "refused",
    "errors/body-not-json": "refused",
    "errors/chat-truncated-file": "not_found",
    "errors/embed-incapable": "refused",
    "errors/format-broken": "refused",
    "errors/image-incapable": "refused",
    "errors/keep-alive-string": "refused",
    "errors/message-not-list": "refused",
    "errors/model-empty": "refused",
    "errors/model-unknown": "not_found",
    "errors/option-wrong-type": "refused",
    "errors/out-of-memory-250": "out_of_memory",
    "errors/out-of-memory-400": "out_of_memory",
    "errors/prompt-too-long-refused": "context_full",
    "errors/queue-full-0": "busy",
    "errors/runner-killed-in-prefill": "crashed",
    "errors/think-true-incapable": "refused",
    "errors/thinking-level-unknown": "refused",
    "errors/tools-incapable": "refused",
    "llama-server/body-not-json": "refused",
    "llama-server/health-loading": "unreachable",
    "llama-server/no-key": "not_authorised",
    "llama-server/no-messages": "refused",
    "llama-server/too-long": "context_full",
    "manage/pull-bad-name": "refused",
    "manage/show-unknown": "not_found",
    "manage/unknown-path": "refused",
    "openai/body-not-json": "refused",
    "openai/model-unknown": "not_found",
    "window/history-too-long-refused": "context_full",
}
"""Every recording with an error status, and the class of the error that it is."""

OLDER = [
    (404, 'model "x" not found, try pulling it first', "not_found"),
    (500, "model requires more system memory (5.6 GiB) than is available (3.1 GiB)", "out_of_memory"),
    (500, "llama-server reported out-of-memory during startup", "out_of_memory"),
    (500, "llama runner process has terminated: cudaMalloc failed: out of memory", "out_of_memory"),
    (500, "llama runner process has terminated: exit status 2", "crashed"),
    (
        500,
        "model runner has unexpectedly stopped, this may be due to resource limitations or an internal error, check "
        "ollama server logs for details",
        "crashed",
    ),
    (500, "unable to load model: /models/blobs/sha256-1", "refused"),
    (500, "no user query found in messages", "context_full"),
    (400, "the prompt is longer than the context length currently available to the model", "context_full"),
    (503, "server busy, please try again.  maximum pending requests exceeded", "busy"),
    (429, "you have reached your hourly usage limit", "busy"),
    (401, '{"error":"unauthorized","signin_url":"https://example.com/connect"}', "not_authorised"),
    (403, "ollama cloud is disabled", "not_authorised"),
    (408, "", "timed_out"),
    (502, "<html><body>Bad Gateway</body></html>", "unreachable"),
    (504, "", "unreachable"),
    (307, "", "refused"),
    (404, "", "refused"),
    (418, "[1, 2]", "refused"),
    (200, "prediction aborted, token repeat limit reached", "broken_stream"),
    (200, '{"error": null}', "refused"),
    # vLLM, LM Studio, OpenAI
    (
        404,
        '{"object":"error","message":"The model `x` does not exist.","type":"NotFoundError","code":404}',
        "not_found",
    ),
    (
        400,
        '{"object":"error","message":"This model\'s maximum context length is 4096 tokens. However, you requested 5000 '
        'tokens","type":"BadRequestError","code":400}',
        "context_full",
    ),
    (400, '{"error":{"message":"too long","code":"context_length_exceeded"}}', "context_full"),
    (404, '{"error":{"message":"No models loaded. Please load a model in the developer page"}}', "not_found"),
    (400, '{"error":"The number of tokens to keep is greater than the context length"}', "context_full"),
    (400, '{"error":"The model has crashed without additional information. (Exit code: 6)"}', "crashed"),
    (401, '{"error":{"message":"Incorrect API key provided: sk-1***9","code":"invalid_api_key"}}', "not_authorised"),
    (422, '{"detail":"bad field"}', "refused"),
    (
        400,
        '{"error":{"code":400,"message":"Assistant response prefill is incompatible with enable_thinking."}}',
        "cannot_continue",
    ),
]

PULLS = [
    (200, "pull model manifest: file does not exist", "not_found"),
    (200, 'pull model manifest: Get "https://registry.example/v2/x": dial tcp: lookup: no such host', "unreachable"),
    (200, "max retries exceeded: EOF", "unreachable"),
    (200, "pull model manifest: 412: this model requires a newer version of Ollama", "refused"),
    (200, "write /models/blobs/sha256-1-partial: no space left on device", "refused"),
    (400, "invalid model name", "refused"),
]

SERVER_WORDS = ("{", "ggml", "llama-server process", "unexpected EOF", "registry.example", "exit status", "\x1b", "sk-")


def is_ours(error: errors.ModelError, code: str) -> None:
    assert error.code == code
    assert error.sentence.endswith((".", "?", "ollama pull x"))
    assert not any(word in error.sentence for word in SERVER_WORDS), error.sentence
    assert len(error.sentence) < 320


def text_of(taken: dict[str, Any]) -> str:
    return "".join(piece for _, piece in taken["body"])


@pytest.mark.parametrize(("name", "code"), RECORDED.items())
def test_recorded_refusals(name: str, code: str, recording: Callable[[str], dict[str, Any]]) -> None:
    taken = recording(name)
    is_ours(refusal(OLLAMA, taken["status"], text_of(taken), "x"), code)


def test_no_recorded_refusal_is_forgotten(
    recording: Callable[[str], dict[str, Any]], recorded: Callable[[], list[str]]
) -> None:
    assert {name for name in recorded() if recording(name)["status"] >= 400} == set(RECORDED)


@pytest.mark.parametrize(("status", "said", "code"), OLDER)
def test_what_older_and_other_servers_say(status: int, said: str, code: str) -> None:
    is_ours(refusal(OLLAMA, status, said, "x"), code)
    if said and not said.startswith(("{", "<", "[")):
        is_ours(refusal(OLLAMA, status, json.dumps({"error": said}), "x"), code)
        wrapped = json.dumps({"error": json.dumps({"error": {"message": said, "type": "t"}})})
        is_ours(refusal(OLLAMA, status, wrapped, "x"), code)


@pytest.mark.parametrize(("status", "said", "code"), PULLS)
def test_what_is_said_of_a_pull(status: int, said: str, code: str) -> None:
    is_ours(refusal(OLLAMA, status, said, "x", pulling=True), code)


def test_the_numbers_of_too_long_a_conversation_are_told() -> None:
    body = json.dumps({"error": {"type": "exceed_context_size_error", "n_prompt_tokens": 7347, "n_ctx": 2048}})
    assert "7,347 tokens" in refusal(OLLAMA, 400, body, "x").sentence
    assert "holds 2,048" in refusal(OLLAMA, 400, json.dumps({"error": body}), "x").sentence


def test_a_model_that_is_not_there_comes_with_the_way_to_get_it() -> None:
    found = refusal(OLLAMA, 404, "model 'x' not found", "qwen2.5:7b")
    assert found.sentence == "Ollama does not have the model qwen2.5:7b. Get it with: ollama pull qwen2.5:7b"


def test_a_name_cannot_paint_the_screen() -> None:
    assert refusal(OLLAMA, 404, "model not found", "\x1b[31m{url}[/]").sentence.startswith(
        "Ollama does not have the model {url}[/]."
    )


def test_nesting_without_end_is_no_crash() -> None:
    assert read_complaint("[" * 100_000).text.startswith("[")
    deep = '{"error":' * 50_000
    assert read_complaint(deep).text == deep
    body = "no"
    for _ in range(20):
        body = json.dumps({"error": body})
    assert refusal(OLLAMA, 500, body, "x").code == "refused"


def test_what_the_server_said_is_in_the_log_on_one_line(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        refusal(OLLAMA, 500, '{"error":"one\\ntwo \\u001b[31mthree"}', "x")
    assert caplog.messages == ["http://127.0.0.1:11434, status 500: one two three"]


def test_a_refused_key_is_not_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        refusal(OLLAMA, 401, "wrong key: geheim", "x")
    assert "geheim" not in caplog.text


@pytest.mark.parametrize(
    ("error", "streaming", "code", "words"),
    [
        (httpx.ConnectError("All connection attempts failed"), False, "unreachable", "Start Ollama."),
        (httpx.ConnectError("[SSL: CERTIFICATE_VERIFY_FAILED]"), False, "not_trusted", "certificate of http://127"),
        (httpx.ProxyError("no"), False, "unreachable", "Nothing answers"),
        (httpx.ConnectError("[SSL: WRONG_VERSION_NUMBER]"), False, "unreachable", "begins with http://"),
        (httpx.ConnectTimeout("slow"), False, "timed_out", "did not take the connection"),
        (httpx.RemoteProtocolError("peer closed"), True, "broken_stream", "What came is kept"),
        (httpx.ReadError("reset"), True, "broken_stream", "What came is kept"),
        (httpx.RemoteProtocolError("Server disconnected"), False, "broken_stream", "hung up without an answer"),
        (httpx.DecodingError("gzip"), True, "broken_stream", "stopped in the middle"),
    ],
)
def test_connections_that_fail(error: httpx.HTTPError, streaming: bool, code: str, words: str) -> None:
    failure = transport_failure(OLLAMA, error, streaming=streaming)
    assert failure.code == code
    assert words in failure.sentence
