"""Models on any server that speaks /v1/chat/completions: llama-server, vLLM, LM Studio and others.

The format itself says nothing of windows, progress or partial answers. What a server has besides is used where it can
be told which one it is (`catalog.ServerKind`), and never sent to one that might refuse it.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator

from tale_tui.config.settings import Settings
from tale_tui.domain.constants import DEFAULT_WINDOW, USAGE_TIMEOUT_S
from tale_tui.domain.errors import (
    BrokenStream,
    CannotContinue,
    ModelError,
    ModelNotFound,
    NotAvailable,
    Refused,
)
from tale_tui.domain.models import BackendName, BackendReport, LoadedModel, ModelRef, Progress
from tale_tui.domain.text import clean_line
from tale_tui.engine.models.backend import BackendEvent, ChatMessage, ChatRequest, TextPiece, TextVectors
from tale_tui.engine.models.http.client import ResponseLines
from tale_tui.engine.models.lenient_json import as_count, as_object, as_objects, as_vectors
from tale_tui.engine.models.openai.catalog import ServedModel, ServerKind
from tale_tui.engine.models.openai.chat_api import EventReader, OpenAIAnswer, continues, request_body
from tale_tui.engine.models.openai.connection import OpenAIConnection
from tale_tui.engine.models.reply_parser import Continuation, ReplyParser
from tale_tui.engine.models.server_errors import refusal, sentence
from tale_tui.engine.models.traffic import Traffic


class OpenAIBackend:
    """A server that speaks OpenAI's format. It alone decides what is in memory and how large its window is.

    Args:
        settings: its address, and how long to wait.
        key: what it is shown; None or empty for nothing.
    """

    name = BackendName.OPENAI

    def __init__(self, settings: Settings, key: str | None = None, traffic: Traffic | None = None) -> None:
        self._settings = settings
        self._traffic = traffic
        self._key = key or ""
        self._made: OpenAIConnection | None = None
        self._other_names: set[str] = set()
        """Names that the server does not know, but answers to with the one model that it runs."""

    @property
    def local(self) -> bool:
        """Whether its address is one of this machine."""
        try:
            return self._connect().address.loopback
        except NotAvailable:
            return False

    async def report(self, timeout_s: float) -> BackendReport:
        """Whether it is there and what it serves.

        Args:
            timeout_s: for its list of models.
        """
        address = ""
        try:
            connection = self._connect()
            address = connection.address.url
            served = await connection.identify(timeout_s)
            version = await connection.ask_version()
        except ModelError as error:
            return BackendReport(self.name, available=False, address=address, detail=error.sentence)
        warning = f"What is sent to {address} is not encrypted. Use https for a server on another machine."
        return BackendReport(
            self.name,
            available=True,
            address=address,
            version=version,
            detail="" if connection.address.private else warning,
            models=tuple(model.info for model in served),
            loaded=self._in_memory(served),
            only_model=served[0].info.ref.model if self._answers_to_any_name(served) else "",
        )

    async def probe(self, timeout_s: float) -> bool:
        """See whether it is there, and has loaded its model where it says so."""
        connection = self._connect()
        await connection.client.ask("GET", f"{connection.address.url}/models", limit_s=timeout_s)
        return True

    async def load(self, model: str, window: int | None) -> LoadedModel:
        """Verify that the server serves the model.

        Args:
            model: its name; a llama-server with one model serves that one under any name.
            window: cannot be asked for; the one that is served is in the result.
            keep: cannot be asked for.
        """
        served = await self._find(model)
        return served.asked_for_as(model) if served is not None else LoadedModel(ModelRef(self.name, model))

    async def loaded(self) -> tuple[LoadedModel, ...]:
        """What the server serves, but for what it says it would have to load first."""
        return self._in_memory(await self._connect().identify())

    async def unload(self, model: str) -> None:
        """Nothing: the format has no way to ask for it."""

    async def default_window(self, model: str) -> int:
        """The window that is served; where the server does not tell, the smaller of 8192 and the model's own."""
        served = await self._find(model)
        if served is None:
            return DEFAULT_WINDOW
        return served.window or min(DEFAULT_WINDOW, served.info.max_window or DEFAULT_WINDOW)

    async def chat(self, request: ChatRequest) -> AsyncGenerator[BackendEvent, None]:
        """Stream an answer. llama-server, vLLM and SGLang continue a partial one; of others it is not known how to.

        Raises:
            ModelError: as the protocol says; `CannotContinue` where a partial answer cannot be continued.
        """
        connection = self._connect()
        kind = await connection.known_kind()
        continuation = None
        if request.continue_text.strip():
            continuation = Continuation(request.continue_text, echoed=kind is ServerKind.LLAMA_SERVER)
            if not continues(kind):
                raise CannotContinue("This server cannot go on with a reply that broke off. Ask again instead.")
        body = request_body(request, kind, continuation.prefix if continuation else "")
        events = EventReader()
        answer = OpenAIAnswer(ReplyParser(continuation, holds_back=request.holds_back))
        async with connection.client.stream(f"{connection.address.url}/chat/completions", body, request.model) as lines:
            while not events.done and (line := await _next(lines, whole=bool(answer.finish))) is not None:
                try:
                    chunk = events.feed(line)
                except ValueError:
                    break
                if chunk is None:
                    continue
                if chunk.get("error"):
                    raise refusal(connection.server, 200, json.dumps(chunk), request.model)
                found = answer.read(chunk)
                lines.extend_limit(speaking=any(isinstance(event, TextPiece) for event in found))
                for event in found:
                    yield event
            if not events.done and not answer.finish:
                raise BrokenStream(sentence(BrokenStream, connection.server))
            for last in answer.end():
                yield last
            await lines.drain()

    async def embed(self, model: str, texts: tuple[str, ...]) -> TextVectors:
        """The vectors of texts."""
        connection = self._connect()
        body = {"model": model, "input": list(texts), "encoding_format": "float"}
        url = f"{connection.address.url}/embeddings"
        answer = await connection.client.ask("POST", url, body, limit_s=None, model=model)
        rows = sorted(as_objects(answer.get("data")), key=lambda row: as_count(row.get("index")) or 0)
        usage = as_object(answer.get("usage"))
        vectors = as_vectors([row.get("embedding") for row in rows])
        return TextVectors(vectors, as_count(usage.get("prompt_tokens")))

    async def count_tokens(self, model: str, messages: tuple[ChatMessage, ...]) -> int | None:
        """How many tokens the messages are, the template included, where the server is llama-server."""
        connection = self._connect()
        if await connection.known_kind() is not ServerKind.LLAMA_SERVER:
            return None
        try:
            return await connection.count_tokens(model, messages)
        except Refused:  # started without these addresses
            return None

    async def forecast(self, model: str, window: int) -> None:
        """None: what its models take is the server's own business."""

    def pull(self, model: str) -> AsyncGenerator[Progress, None]:
        """Refuse: the format has no way to fetch a model.

        Raises:
            NotAvailable: always, and at once.
        """
        raise NotAvailable("This server cannot be told to fetch a model. Give it the model where it runs.")

    async def close(self) -> None:
        """Close all connections. May be called twice."""
        made, self._made = self._made, None
        if made is not None:
            await made.client.close()

    async def _find(self, model: str) -> ServedModel | None:
        """The model that answers for a name, which may have another one; None where the server has no list of them.

        Args:
            model: its name.
        Raises:
            ModelNotFound: it is not among them.
        """
        connection = self._connect()
        try:
            served = await connection.identify()
        except Refused:
            return None
        named = next((one for one in served if one.info.ref.model == model), None)
        if named is None and self._answers_to_any_name(served):
            named = served[0]
            self._other_names.add(model)
        if named is None:
            raise ModelNotFound(sentence(ModelNotFound, connection.server, clean_line(model)))
        return named

    def _in_memory(self, served: tuple[ServedModel, ...]) -> tuple[LoadedModel, ...]:
        """What is in memory, also by the other names that it was asked for by."""
        loaded = tuple(model.as_loaded for model in served if model.loaded)
        if not self._answers_to_any_name(served):
            return loaded
        names = sorted(self._other_names - {served[0].info.ref.model})
        return loaded + tuple(served[0].asked_for_as(name) for name in names if loaded)

    def _answers_to_any_name(self, served: tuple[ServedModel, ...]) -> bool:
        """Whether it has one model, which answers whatever name it is asked for by."""
        return len(served) == 1 and self._connect().kind is ServerKind.LLAMA_SERVER

    def _connect(self) -> OpenAIConnection:
        """The connection, made when it is first needed."""
        if self._made is None:
            self._made = OpenAIConnection(self._settings, self._key, self._traffic)
        return self._made


async def _next(lines: ResponseLines, *, whole: bool) -> bytes | None:
    """The next line; once the answer is whole, only as long as its numbers are worth waiting for."""
    if not whole:
        return await lines.next()
    try:
        async with asyncio.timeout(USAGE_TIMEOUT_S):
            return await lines.next()
    except (TimeoutError, BrokenStream):
        return None
