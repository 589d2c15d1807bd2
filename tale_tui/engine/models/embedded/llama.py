"""llama.cpp with one model in it, inside the child process: loading, counting, answering."""

from __future__ import annotations

import http.client
import json
import logging
import os
import secrets
import shutil
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tale_tui.domain.constants import BATCH_TOKENS, LLAMA_HTTP_THREADS, LLAMA_HTTP_TIMEOUT_S, PROMPT_CACHE_MEBIBYTES
from tale_tui.engine.models.embedded.protocol import (
    AnswerCancelled,
    AnswerChat,
    AnswerEnd,
    AnswerFailed,
    AnswerPiece,
    LoadModel,
    ReadProgress,
    Reply,
)

log = logging.getLogger(__name__)
"""Goes to standard error, where llama.cpp writes."""

LOG_ERRORS = 1
"""llama.cpp's verbosity at which errors are told, and nothing when all is well."""
CHAT_PATH = "/v1/chat/completions"


class LlamaModel:
    """A model in memory. Constructing it loads, which holds Python's lock for all that time.

    Args:
        load: what to load and how.
    Raises:
        ImportError: llama.cpp cannot run here.
        RuntimeError, ValueError, MemoryError: it cannot be loaded; why is on standard error.
    """

    def __init__(self, load: LoadModel) -> None:
        import xllamacpp

        key = secrets.token_hex()
        self._server = xllamacpp.Server(llama_parameters(xllamacpp.CommonParams(), load, key))
        self._address = hide_socket(load.socket) if load.socket else self._server.listening_address
        self._headers = {"Content-Type": "application/json", "Authorization": f"Bearer {key}"}
        self._asked_window = load.window
        self.version = str(xllamacpp.__version__)

    def window(self) -> int:
        """The context window that is served, in tokens: the model's own where more was asked for."""
        properties = self._ask("GET", "/props")
        settings = properties.get("default_generation_settings")
        served = settings.get("n_ctx") if isinstance(settings, dict) else None
        return served if isinstance(served, int) else self._asked_window

    def count(self, messages: list[list[str]]) -> int | None:
        """How many tokens a conversation is, the template included."""
        counted = self._ask("POST", f"{CHAT_PATH}/input_tokens", {"messages": _messages(messages)})
        tokens = counted.get("input_tokens")
        return tokens if isinstance(tokens, int) else None

    def _ask(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        """Ask llama.cpp's own server; empty where it does not answer as expected."""
        connection = _connection(self._address)
        try:
            connection.request(method, path, json.dumps(body) if body else None, self._headers)
            answer = json.loads(connection.getresponse().read())
        except (OSError, http.client.HTTPException, ValueError) as error:
            log.warning("%s: %r", path, error)
            return {}
        finally:
            connection.close()
        return answer if isinstance(answer, dict) else {}

    def answer(self, chat: AnswerChat, answer: LlamaAnswer) -> Reply:
        """Generate; pieces go out through `answer`. Returns the last reply."""
        body: dict[str, Any] = {
            "messages": _messages(chat.messages),
            "max_tokens": chat.max_tokens,
            "stream": True,
            "stream_options": {"include_usage": True},
            "return_progress": True,  # without it nothing could stop the reading of the prompt
            "timings_per_token": True,
        }
        if chat.temperature is not None:
            body["temperature"] = chat.temperature
        if chat.repeat_penalty is not None:
            body["repeat_penalty"] = chat.repeat_penalty
        if chat.schema:
            schema = {"name": "answer", "schema": json.loads(chat.schema)}
            body["response_format"] = {"type": "json_schema", "json_schema": schema}
        if chat.think is not None:
            body["chat_template_kwargs"] = {"enable_thinking": chat.think}
        try:
            self._server.handle_chat_completions(json.dumps(body).encode("ascii"), answer.take)
        except (RuntimeError, ValueError) as error:
            return AnswerFailed(chat.id, "invalid", str(error), None, None)
        return answer.last()


class LlamaAnswer:
    """Turns what llama.cpp streams into replies.

    Args:
        number: of the request.
        send: takes the replies.
        stopped: asked after every piece, whether nobody wants more.
    """

    def __init__(self, number: int, send: Callable[[Reply], None], stopped: Callable[[], bool]) -> None:
        self._id = number
        self._send = send
        self._stopped = stopped
        self._tokens = 0
        self._read = -1
        self._reason = ""
        self._failed: AnswerFailed | None = None
        self._end: AnswerEnd | None = None

    def take(self, data: bytes) -> bool:
        """Called by llama.cpp for each chunk. Returns whether it shall stop."""
        chunk = json.loads(data)
        if error := chunk.get("error"):
            prompt_tokens, window = error.get("n_prompt_tokens"), error.get("n_ctx")
            kind, text = str(error.get("type", "")), str(error.get("message", ""))
            self._failed = AnswerFailed(self._id, kind, text, prompt_tokens, window)
        elif progress := chunk.get("prompt_progress"):
            self._progress(progress["processed"], progress["total"])
        elif chunk["choices"]:
            self._choice(chunk["choices"][0], chunk.get("timings", {}))
        elif usage := chunk.get("usage"):
            self._usage(usage, chunk.get("timings", {}))
        return self._stopped()

    def last(self) -> Reply:
        """How it ended."""
        if self._failed is None and self._end is None and self._stopped():
            return AnswerCancelled(self._id)
        unclear = AnswerFailed(self._id, "invalid", "the stream ended before its end", None, None)
        return self._failed or self._end or unclear

    def _progress(self, done: int, total: int) -> None:
        if done != self._read:
            self._read = done
            self._send(ReadProgress(self._id, done, total))

    def _choice(self, choice: dict[str, Any], timings: dict[str, Any]) -> None:
        delta = choice["delta"]
        self._reason = choice.get("finish_reason") or self._reason
        generated = timings.get("predicted_n", self._tokens + 1)
        for key, thinking in (("reasoning_content", True), ("content", False)):
            if text := delta.get(key):
                self._send(AnswerPiece(self._id, text, thinking, generated - self._tokens))
                self._tokens = generated

    def _usage(self, usage: dict[str, Any], timings: dict[str, Any]) -> None:
        details = usage.get("prompt_tokens_details") or {}
        self._end = AnswerEnd(
            self._id,
            self._reason,
            usage.get("prompt_tokens"),
            usage.get("completion_tokens"),
            details.get("cached_tokens"),
            timings.get("prompt_ms"),
            timings.get("predicted_ms"),
        )


def llama_parameters(params: Any, load: LoadModel, key: str) -> Any:
    """What llama.cpp is to load, and how.

    Args:
        params: of llama.cpp, as it makes them; they are changed.
        load: what to load.
        key: without which its own server answers nobody.
    """
    params.model.path = load.path
    params.n_ctx = load.window
    params.n_batch = params.n_ubatch = BATCH_TOKENS
    params.n_parallel = 1
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = load.threads
    params.cache_ram_mib = PROMPT_CACHE_MEBIBYTES
    params.fit_params = False
    params.verbosity = LOG_ERRORS
    params.offline = True
    # Its HTTP server cannot be switched off. It has a key that nobody else knows, no web page, and on Linux no port.
    if load.socket:
        params.hostnames = [load.socket]
    params.api_keys = [key]
    params.cors_origins = ""
    params.cors_credentials = False
    params.ui = False
    params.n_threads_http = LLAMA_HTTP_THREADS
    return params


def hide_socket(path: str) -> str:
    """Take the socket's file away: nobody else can connect, nothing stays behind. Returns our own way to it."""
    descriptor = os.open(path, os.O_PATH)
    shutil.rmtree(Path(path).parent, ignore_errors=True)
    return f"/proc/self/fd/{descriptor}"


def _messages(pairs: list[list[str]]) -> list[dict[str, str]]:
    return [{"role": role, "content": text} for role, text in pairs]


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: str) -> None:
        super().__init__("localhost", timeout=LLAMA_HTTP_TIMEOUT_S)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(LLAMA_HTTP_TIMEOUT_S)
        self.sock.connect(self._path)


def _connection(address: str) -> http.client.HTTPConnection:
    if address.startswith("/"):
        return _UnixConnection(address)
    return http.client.HTTPConnection(address.removeprefix("http://").rstrip("/"), timeout=LLAMA_HTTP_TIMEOUT_S)
