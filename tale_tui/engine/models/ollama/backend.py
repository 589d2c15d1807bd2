"""Models on an Ollama server: the chat by httpx, the lists by the `ollama` package, which cannot say all of a chat."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing, suppress

from tale_tui.config.keys import OLLAMA_KEY_VARIABLE
from tale_tui.config.settings import Settings
from tale_tui.domain.constants import CATALOG_TIMEOUT_S, OLLAMA_DEFAULT_KEEP_ALIVE_S, RELEASE_LIMIT_S
from tale_tui.domain.errors import BackendCrashed, BrokenStream, ModelError, ModelNotFound, NotAvailable, Refused
from tale_tui.domain.models import BackendName, BackendReport, LoadedModel, ModelRef, Progress, Role
from tale_tui.domain.text import clean_line
from tale_tui.engine.models.backend import BackendEvent, ChatMessage, ChatRequest, TextVectors
from tale_tui.engine.models.lenient_json import as_count, as_vectors, read_object
from tale_tui.engine.models.machine import has_gpu, thread_count
from tale_tui.engine.models.memory_forecast import Forecast
from tale_tui.engine.models.ollama.catalog import Details, RunningModel, full_name
from tale_tui.engine.models.ollama.chat_api import OllamaAnswer, OllamaRequests
from tale_tui.engine.models.ollama.connection import OllamaConnection
from tale_tui.engine.models.ollama.keep_alive import AT_ONCE, KeepAlive
from tale_tui.engine.models.reply_parser import Continuation, ReplyParser
from tale_tui.engine.models.server_errors import or_else, refusal, sentence
from tale_tui.engine.models.traffic import Traffic

SUGGESTED_VERSION = (0, 12, 6)
"""The first version that refuses too long a prompt when told to, instead of cutting it."""
MISCOUNTING_VERSION = (0, 30, 0)
"""The version that leaves cached tokens out of the count of the prompt."""


class OllamaBackend:
    """An Ollama server.

    Args:
        settings: its address, how long models stay, and how long to wait.
        key: for a server that wants one; None takes OLLAMA_API_KEY. See `OllamaConnection` for who gets to see it.
        now: seconds since the epoch.
        worker: gives the model that only works on tasks while another one answers; None for none.
    """

    name = BackendName.OLLAMA

    def __init__(
        self,
        settings: Settings,
        key: str | None = None,
        now: Callable[[], float] = time.time,
        worker: Callable[[], ModelRef | None] = lambda: None,
        traffic: Traffic | None = None,
    ) -> None:
        self._settings = settings
        self._traffic = traffic
        self._key = os.environ.get(OLLAMA_KEY_VARIABLE, "") if key is None else key
        self._made: tuple[OllamaConnection, OllamaRequests] | None = None
        self._worker = worker
        self._keep_alive = KeepAlive(settings.ollama.keep_alive_s, now)
        self._sharing: dict[str, str] = {}
        """Models that are in memory under another name."""
        self._last_loaded: dict[str, LoadedModel] = {}
        """What was loaded from here and not given back."""

    @property
    def local(self) -> bool:
        """Whether its address is one of this machine."""
        try:
            return self._connect()[0].address.loopback
        except NotAvailable:
            return False

    async def report(self, timeout_s: float) -> BackendReport:
        """Whether it is there, what it has and what is loaded.

        Args:
            timeout_s: for it to say that it is there; its lists have `CATALOG_TIMEOUT_S`.
        """
        address = version = ""
        odd: ModelError | None = None
        try:
            connection, _ = self._connect()
            address = connection.address.url
            try:
                version = await connection.ask_version(timeout_s)
            except (Refused, BrokenStream) as error:  # where it has a list it is Ollama nevertheless
                odd = error
            models, loaded = await asyncio.gather(connection.catalog.models(), self.loaded(), return_exceptions=True)
            if isinstance(models, BaseException):
                raise odd or models
            if isinstance(loaded, BaseException):
                raise loaded
        except ModelError as error:
            return BackendReport(self.name, available=False, address=address, version=version, detail=error.sentence)
        return BackendReport(
            self.name,
            available=True,
            address=address,
            version=version,
            detail=_warning(connection),
            models=models,
            loaded=loaded,
        )

    async def probe(self, timeout_s: float) -> bool:
        """See whether it is there."""
        connection, _ = self._connect()
        await connection.client.ask("GET", f"{connection.address.url}/api/version", limit_s=timeout_s)
        return True

    async def load(self, model: str, window: int | None) -> LoadedModel:
        """Bring a model into memory and verify that it is there."""
        connection, requests = self._connect()
        if await or_else(connection.catalog.is_remote(model), False):
            details = await or_else(connection.catalog.details(model), Details())
            return LoadedModel(ModelRef(self.name, model), details.max_window, load_ms=0.0)
        options = await requests.model_options(model, window)
        with self._keep_alive.call(self._runs_as(model), model, options):
            body = requests.load(model, options)
            await connection.client.ask("POST", connection.chat, body, limit_s=None, model=model)
        running = await or_else(connection.catalog.running(), None)
        if running is None:  # it said that it loaded the model, and nothing says otherwise
            loaded = LoadedModel(ModelRef(self.name, model), window)
        elif resident := await self._resident(connection, model, running):
            self._keep_alive.runs_as(full_name(model), full_name(resident.name))
            self._looked(running)
            loaded = _loaded(model, resident)
        else:
            raise BackendCrashed(
                f"Ollama loaded {clean_line(model)}, but it is not in memory: its process ended, or another model took "
                "its place. Try again, or take a smaller model."
            )
        self._last_loaded[model] = loaded
        return loaded

    async def loaded(self) -> tuple[LoadedModel, ...]:
        """What is in memory now; a model that was loaded and is there under another name is there under both.

        A server that answers this oddly is taken to have what was loaded here last.
        """
        connection, _ = self._connect()
        running = await or_else(connection.catalog.running(), None)
        if running is None:
            return tuple(self._last_loaded.values())
        self._looked(running)
        by_name = {resident.name: resident for resident in running}
        sharing = {
            name: by_name[owner] for name, owner in self._sharing.items() if owner in by_name and name not in by_name
        }
        return tuple(_loaded(name, resident) for name, resident in (sharing | by_name).items())

    async def unload(self, model: str) -> None:
        """Give its memory back."""
        connection, _ = self._connect()
        body = OllamaRequests.unload(model)
        with suppress(ModelNotFound):  # then it is not loaded either
            await connection.client.ask("POST", connection.chat, body, limit_s=CATALOG_TIMEOUT_S, model=model)
        self._sharing.pop(model, None)
        self._last_loaded.pop(model, None)

    async def renew(self, model: str, window: int) -> None:
        """Have a model stay that is in memory."""
        name = self._runs_as(model)
        if not self._keep_alive.runs_out(name):
            return
        connection, requests = self._connect()
        options = await requests.model_options(model, window)
        with self._keep_alive.call(name, model, options):
            body = requests.load(model, options)
            await connection.client.ask("POST", connection.chat, body, limit_s=None, model=model)

    async def let_go(self, model: str) -> None:
        """Give a model back, unless it was there before or others use it."""
        self._looked(await self._connect()[0].catalog.running())
        await self._release(self._runs_as(model), AT_ONCE)

    async def default_window(self, model: str) -> int:
        """The smaller of 8192 and the model's own window."""
        _, requests = self._connect()
        return await requests.default_window(model)

    async def forecast(self, model: str, window: int) -> Forecast | None:
        """What the files and the window take; None where a GPU may hold them: how much that has left is not known."""
        connection, _ = self._connect()
        catalog = connection.catalog
        if not connection.address.loopback or has_gpu() or await or_else(catalog.is_remote(model), True):
            return None
        size = await or_else(catalog.size_bytes(model), None)
        details = await or_else(catalog.details(model), None)
        if size is None or details is None:
            return None
        return Forecast(size, details.cache_bytes * window, shares=await self._shared(connection, model))

    async def chat(self, request: ChatRequest) -> AsyncGenerator[BackendEvent, None]:
        """Stream an answer.

        Raises:
            ModelError: as the protocol says; `CannotContinue` where this version cannot go on with a partial answer.
        """
        connection, requests = self._connect()
        continuation = Continuation(request.continue_text, echoed=False) if request.continue_text.strip() else None
        options = await requests.model_options(request.model, request.window)
        with self._keep_alive.call(self._runs_as(request.model), request.model, options):
            if continuation is None:
                url, body = connection.chat, await requests.answer(request)
            else:
                url, body = await requests.continued(request, continuation.prefix)
            parser = ReplyParser(continuation, holds_back=request.holds_back)
            counts_prompt = connection.version != MISCOUNTING_VERSION
            answer = OllamaAnswer(parser, request.max_tokens, counts_prompt=counts_prompt)
            async with connection.client.stream(url, body, request.model) as lines:
                while (line := await lines.next()) is not None:
                    if not line.strip():
                        continue
                    chunk = read_object(line)
                    if chunk is None:
                        break
                    if chunk.get("error"):
                        raise refusal(connection.server, 200, line.decode(errors="replace"), request.model)
                    lines.extend_limit(speaking=True)
                    for piece in answer.read(chunk):
                        yield piece
                    if chunk.get("done") is True:
                        for event in answer.end(chunk):
                            yield event
                        await lines.drain()
                        return
        raise BrokenStream(sentence(BrokenStream, connection.server))

    async def count_tokens(self, model: str, messages: tuple[ChatMessage, ...]) -> int | None:
        """None: Ollama has no way to ask."""
        return None

    async def embed(self, model: str, texts: tuple[str, ...]) -> TextVectors:
        """The vectors of texts."""
        connection, _ = self._connect()
        body: dict[str, object] = {"model": model, "input": list(texts), "truncate": True}
        # How long it stays is left to the server: nobody waits for the first words of such a model.
        url = f"{connection.address.url}/api/embed"
        answer = await connection.client.ask("POST", url, body, limit_s=None, model=model)
        return TextVectors(as_vectors(answer.get("embeddings")), as_count(answer.get("prompt_eval_count")))

    async def pull(self, model: str) -> AsyncGenerator[Progress, None]:
        """Fetch a model; a later pull goes on where this one stopped."""
        connection, _ = self._connect()
        async with aclosing(connection.catalog.pull(model)) as steps:
            async for progress in steps:
                yield progress

    async def close(self) -> None:
        """Leave the server as it was, and close all connections. May be called twice."""
        if self._made is None:
            return
        with suppress(ModelError, TimeoutError):  # then its models go when their time is over
            async with asyncio.timeout(RELEASE_LIMIT_S):
                await self._release_all()
        made, self._made = self._made, None
        if made is not None:
            await made[0].close()

    async def _release_all(self) -> None:
        if self._keep_alive.using():
            self._looked(await self._connect()[0].catalog.running())
        for name in self._keep_alive.using():
            await self._release(name, OLLAMA_DEFAULT_KEEP_ALIVE_S)

    async def _release(self, name: str, own_s: int) -> None:
        """Have a model stay as long as it would have without us, and one that was loaded from here so many seconds."""
        if (found := self._keep_alive.let_go(name, own_s)) is None:
            return
        connection, requests = self._connect()
        use, keep_alive_s = found
        body = requests.keep(use.model, use.options, keep_alive_s) if keep_alive_s else requests.unload(use.model)
        with suppress(ModelNotFound):  # then it is not loaded either
            await connection.client.ask("POST", connection.chat, body, limit_s=CATALOG_TIMEOUT_S, model=use.model)

    def _looked(self, running: tuple[RunningModel, ...]) -> None:
        self._keep_alive.looked((full_name(one.name), one.expires) for one in running)

    def _runs_as(self, model: str) -> str:
        """The name under which a model runs, as far as is known."""
        name = self._sharing.get(model)
        return full_name(model) if name is None else name

    async def _resident(
        self, connection: OllamaConnection, model: str, running: tuple[RunningModel, ...]
    ) -> RunningModel | None:
        """Which of the running ones it is, under whichever name; that is remembered."""
        found = await self._find(connection, model, running)
        if found is not None:
            self._sharing[model] = full_name(found.name)
        return found

    async def _shared(self, connection: OllamaConnection, model: str) -> ModelRef | None:
        """The other name under which its weights are in memory; None for none, and where the server does not say."""
        running = await or_else(connection.catalog.running(), ())
        resident = await self._find(connection, model, running)
        return _other_name(model, resident) if resident else None

    async def _find(
        self, connection: OllamaConnection, model: str, running: tuple[RunningModel, ...]
    ) -> RunningModel | None:
        """Which of the running ones it is: that of its own name, its digest, or one with the same weights."""
        catalog = connection.catalog

        async def weights_of(name: str) -> str:
            return (await or_else(catalog.details(name), Details())).weights

        found = [one for one in running if full_name(one.name) == full_name(model)]
        if running and not found and (digest := await or_else(catalog.digest(model), "")):
            found = [one for one in running if one.digest == digest]
        if running and not found and (weights := await weights_of(model)):
            found = [one for one in running if await weights_of(one.name) == weights]
        return found[0] if found else None

    def _keep_alive_s(self, model: str) -> int:
        return self._keep_alive.seconds(self._runs_as(model))

    def _threads(self, model: str) -> int | None:
        """How many threads a model computes with; None leaves that to the server.

        Two models that each take all threads of the processors wait for each other: a reply beside a task was twenty
        times slower. So the one that only works gets its share, as in the embedded backend.
        """
        worker = self._worker()
        if worker is None or worker != ModelRef(self.name, model):
            return None
        on_processors = self._connect()[0].address.loopback and not has_gpu() and sys.platform != "darwin"
        return thread_count(0, Role.TASK) if on_processors else None

    def _connect(self) -> tuple[OllamaConnection, OllamaRequests]:
        """The connection, made when it is first needed, and what makes its requests."""
        if self._made is None:
            connection = OllamaConnection(self._settings, self._key, self._traffic)
            self._made = (connection, OllamaRequests(connection, self._keep_alive_s, self._threads))
        return self._made


def _loaded(model: str, resident: RunningModel) -> LoadedModel:
    ref = ModelRef(BackendName.OLLAMA, model)
    shares = _other_name(model, resident)
    return LoadedModel(
        ref, resident.window, resident.size_bytes, resident.gpu_share, shares=shares, digest=resident.digest
    )


def _other_name(model: str, resident: RunningModel) -> ModelRef | None:
    same = full_name(resident.name) == full_name(model)
    return None if same else ModelRef(BackendName.OLLAMA, resident.name)


def _warning(connection: OllamaConnection) -> str:
    """What a user should know of a server that is there."""
    if not connection.address.private:
        return f"What is sent to {connection.address.url} is not encrypted. Use https for a server on another machine."
    if connection.version is not None and connection.version < SUGGESTED_VERSION:
        wanted = ".".join(str(part) for part in SUGGESTED_VERSION)
        return f"This Ollama is older than {wanted}: it cuts too long a conversation without a word. Update it."
    return ""
