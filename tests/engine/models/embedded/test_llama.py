"""What llama.cpp streams, as replies: pieces with their tokens, progress, numbers, every kind of end."""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from types import SimpleNamespace
from typing import Any, ClassVar

import pytest

from tale_tui.engine.models.embedded.llama import LlamaAnswer, LlamaModel
from tale_tui.engine.models.embedded.protocol import (
    AnswerCancelled,
    AnswerChat,
    AnswerEnd,
    AnswerFailed,
    AnswerPiece,
    LoadFailed,
    LoadModel,
    LoadSucceeded,
    ReadProgress,
    Reply,
    Request,
    TokensCounted,
    decode,
    encode,
)


class Heard:
    """An answer whose replies are kept; `stop` is what the parent says."""

    def __init__(self) -> None:
        self.replies: list[Reply] = []
        self.stop = False
        self.answer = LlamaAnswer(4, self.replies.append, lambda: self.stop)

    def take(self, **chunk: Any) -> bool:
        return self.answer.take(json.dumps(chunk).encode())

    def delta(self, *, tokens: int | None = None, finish: str | None = None, **delta: Any) -> bool:
        timings = {} if tokens is None else {"timings": {"predicted_n": tokens}}
        return self.take(choices=[{"delta": delta, "finish_reason": finish}], **timings)

    def usage(self) -> bool:
        return self.take(
            choices=[],
            usage={"prompt_tokens": 34, "completion_tokens": 5, "prompt_tokens_details": {"cached_tokens": 30}},
            timings={"prompt_ms": 12.5, "predicted_ms": 80.25},
        )


@pytest.fixture
def heard() -> Heard:
    return Heard()


def test_a_whole_answer(heard: Heard) -> None:
    progress = {"total": 34, "cache": 0, "processed": 0}
    heard.take(choices=[{"delta": {"content": None}}], prompt_progress=progress)
    heard.take(choices=[{"delta": {"content": None}}], prompt_progress=progress | {"processed": 34})
    heard.delta(role="assistant", content=None)
    heard.delta(content="One", tokens=1)
    heard.delta(content=" two", tokens=2)
    heard.delta(finish="stop")
    heard.usage()
    assert heard.replies == [
        ReadProgress(4, 0, 34),
        ReadProgress(4, 34, 34),
        AnswerPiece(4, "One", False, 1),
        AnswerPiece(4, " two", False, 1),
    ]
    assert heard.answer.last() == AnswerEnd(4, "stop", 34, 5, 30, 12.5, 80.25)


def test_thinking_is_told_from_text(heard: Heard) -> None:
    heard.delta(reasoning_content="hm", tokens=1)
    heard.delta(content="so", tokens=2)
    assert heard.replies == [AnswerPiece(4, "hm", True, 1), AnswerPiece(4, "so", False, 1)]


def test_tokens_that_were_held_back_are_counted_with_the_piece_that_brings_them(heard: Heard) -> None:
    heard.delta(content="", tokens=2)
    heard.delta(content="😀", tokens=3)
    assert heard.replies == [AnswerPiece(4, "😀", False, 3)]


def test_without_timings_a_piece_is_a_token(heard: Heard) -> None:
    heard.delta(content="a")
    heard.delta(content="b")
    assert [reply.tokens for reply in heard.replies if isinstance(reply, AnswerPiece)] == [1, 1]


def test_progress_that_is_none_is_not_told(heard: Heard) -> None:
    for _ in range(2):
        heard.take(choices=[{"delta": {}}], prompt_progress={"total": 9, "processed": 9})
    assert heard.replies == [ReadProgress(4, 9, 9)]


def test_it_goes_on_until_the_parent_says_stop(heard: Heard) -> None:
    assert not heard.delta(content="a")
    heard.stop = True
    assert heard.delta(content="b")
    assert heard.answer.last() == AnswerCancelled(4)


def test_what_ended_before_the_stop_came_has_ended(heard: Heard) -> None:
    heard.usage()
    heard.stop = True
    assert isinstance(heard.answer.last(), AnswerEnd)


def test_a_refusal_keeps_its_numbers(heard: Heard) -> None:
    error = {"code": 400, "message": "too long", "type": "exceed_context_size_error", "n_prompt_tokens": 9, "n_ctx": 5}
    heard.take(error=error)
    assert heard.answer.last() == AnswerFailed(4, "exceed_context_size_error", "too long", 9, 5)


def test_an_end_without_numbers_is_none(heard: Heard) -> None:
    heard.delta(content="a")
    assert heard.answer.last() == AnswerFailed(4, "invalid", "the stream ended before its end", None, None)


@pytest.mark.parametrize(
    "message",
    [
        LoadModel("/a/b", 4096, 1, 5, ""),
        AnswerChat(1, [["user", "ü\n😀 \ud83d"]], 7, 0.5, None),
        AnswerChat(1, [["user", "x"]], 7, 0.5, None, None, '{"type": "object"}'),
        LoadSucceeded(4096, "1"),
        LoadFailed(True, "x"),
        TokensCounted(3, None),
        AnswerEnd(1, "stop", 1, None, 0, 0.5, None),
    ],
)
def test_a_message_is_one_line_and_comes_back(message: Request | Reply) -> None:
    line = encode(message)
    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    assert decode(line) == message


@pytest.mark.parametrize(
    "line", [b"", b"{", b"[]", b'["Nothing"]', b'["LoadSucceeded", 1]', b'["CancelAnswer", 1, 2]', b"7", b"[[]]"]
)
def test_what_is_no_message_is_refused(line: bytes) -> None:
    with pytest.raises(ValueError):
        decode(line)


# its own server


class OwnServer(BaseHTTPRequestHandler):
    """Says what a test wants; `asked` keeps path, key and body."""

    says: ClassVar[dict[str, str]]
    asked: ClassVar[list[tuple[str, str | None, str]]]

    def do_GET(self) -> None:
        length = int(self.headers.get("Content-Length", "0"))
        self.asked.append((self.path, self.headers.get("Authorization"), self.rfile.read(length).decode()))
        body = self.says.get(self.path, "404 page not found").encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_GET  # noqa: N815 - the name that the base class calls

    def log_message(self, *args: object) -> None:
        """Quiet."""


@pytest.fixture
def own_server() -> Iterator[type[OwnServer]]:
    class Handler(OwnServer):
        says: ClassVar[dict[str, str]] = {}
        asked: ClassVar[list[tuple[str, str | None, str]]] = []

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        Handler.says["address"] = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield Handler
        server.shutdown()
        thread.join()


@pytest.fixture
def model(own_server: type[OwnServer], monkeypatch: pytest.MonkeyPatch) -> LlamaModel:
    class Library(SimpleNamespace):
        __version__ = "7"

        @staticmethod
        def CommonParams() -> Any:
            return SimpleNamespace(
                model=SimpleNamespace(), cpuparams=SimpleNamespace(), cpuparams_batch=SimpleNamespace()
            )

        @staticmethod
        def Server(params: Any) -> Any:
            def answer(body: bytes, callback: Any) -> None:
                if b"refuse" in body:
                    raise ValueError("no messages")
                callback(b'{"choices": [], "usage": {"prompt_tokens": 3}}')

            return SimpleNamespace(listening_address=own_server.says["address"], handle_chat_completions=answer)

    monkeypatch.setitem(sys.modules, "xllamacpp", Library())  # type: ignore[arg-type]
    return LlamaModel(LoadModel("m.gguf", 4096, 1, 0, ""))


def test_the_window_is_what_the_server_says(own_server: type[OwnServer], model: LlamaModel) -> None:
    own_server.says["/props"] = '{"default_generation_settings": {"n_ctx": 2048}}'
    assert model.window() == 2048
    path, key, _ = own_server.asked[0]
    assert path == "/props"
    assert key is not None
    assert len(key) == len("Bearer ") + 64


@pytest.mark.parametrize("said", ["", "[]", "{}", '{"default_generation_settings": 3}', "junk"])
def test_a_server_that_says_something_else_is_believed_to_serve_what_was_asked(
    own_server: type[OwnServer], model: LlamaModel, said: str
) -> None:
    own_server.says["/props"] = said
    assert model.window() == 4096


def test_tokens_are_counted_by_the_server(own_server: type[OwnServer], model: LlamaModel) -> None:
    own_server.says["/v1/chat/completions/input_tokens"] = '{"input_tokens": 31}'
    assert model.count([["user", "ü"]]) == 31
    assert json.loads(own_server.asked[0][2]) == {"messages": [{"role": "user", "content": "ü"}]}
    own_server.says["/v1/chat/completions/input_tokens"] = '{"error": "x"}'
    assert model.count([["user", "x"]]) is None


def test_a_conversation_is_answered_or_refused(model: LlamaModel, heard: Heard) -> None:
    assert model.answer(AnswerChat(4, [["user", "x"]], 5, 0.5, True), heard.answer) == AnswerEnd(
        4, "", 3, None, None, None, None
    )
    refused = model.answer(AnswerChat(4, [["user", "refuse"]], 5, None, None), heard.answer)
    assert refused == AnswerFailed(4, "invalid", "no messages", None, None)
    assert model.version == "7"
