"""What an Ollama server has, what is loaded and what it can fetch: list, show, ps and pull of the `ollama` package."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator, Awaitable
from contextlib import aclosing
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar, cast

import httpx

from tale_tui.config.load_thread import in_load_thread
from tale_tui.domain.constants import CATALOG_TIMEOUT_S, DESCRIPTIONS_AT_ONCE, PULL_SILENCE_S
from tale_tui.domain.errors import BrokenStream, ModelError
from tale_tui.domain.models import BackendName, ModelInfo, ModelRef, Progress
from tale_tui.domain.text import clean_line
from tale_tui.engine.models.http.client import TRANSPORT_ERRORS, ClientOptions, no_answer
from tale_tui.engine.models.lenient_json import as_count, as_object, as_objects, as_text, as_texts, read_object
from tale_tui.engine.models.memory_forecast import cache_bytes
from tale_tui.engine.models.ollama.package import PLACEHOLDER, import_package
from tale_tui.engine.models.server_errors import ServerDescription, refusal, transport_failure

if TYPE_CHECKING:
    from ollama import AsyncClient, ListResponse, ProgressResponse

_CAPABILITIES = {
    "completion": "chat",
    "thinking": "thinking",
    "tools": "tools",
    "vision": "vision",
    "embedding": "embedding",
}
_EMBEDDING_FAMILIES = {"bert", "nomic-bert", "xlm-roberta"}
"""Families of models that only embed, for servers before 0.6.4, which do not say what a model can do."""
_CLOUD_TAG = re.compile(r":(.*-)?cloud$")
"""Tags of models that run on ollama.com."""
_WEIGHTS = re.compile(r"^FROM .*(sha256[-:][0-9a-f]{64})\s*$", re.MULTILINE)
_REMOTE_NOTE = "Runs on other people's machines: the text leaves this one."

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class RunningModel:
    """A model in the memory of the server. Two names of one file share one of these, under the name that came first."""

    name: str
    digest: str
    size_bytes: int | None
    gpu_share: float | None
    window: int | None
    expires: float | None = None
    """When it is given back, in seconds since the epoch; None where the server does not say."""


@dataclass(frozen=True, slots=True)
class Details:
    """What `show` tells of a model."""

    max_window: int | None = None
    capabilities: tuple[str, ...] = ()
    """Empty where the server does not say."""
    weights: str = ""
    """The digest of the file with its weights, which several models may share."""
    template: str = ""
    cache_bytes: int = 0
    """What the keys and values of one token take; 0 where the model does not say enough."""


@dataclass(frozen=True, slots=True)
class _Listed:
    """What a list tells and the package drops."""

    capabilities: tuple[str, ...]
    max_window: int | None
    remote: bool
    size_bytes: int | None = None


def full_name(model: str) -> str:
    """The name with its tag; a name without one means `latest`."""
    return model if ":" in model.rpartition("/")[2] else f"{model}:latest"


class OllamaCatalog:
    """The lists of one server. The package is imported, in a thread, when the first of them is asked for.

    Args:
        server: how it is spoken of.
        options: for the client of httpx inside of the package.
    """

    def __init__(self, server: ServerDescription, options: ClientOptions) -> None:
        self._server = server
        self._options = options
        self._client: AsyncClient | None = None
        self._listed: dict[str, _Listed] = {}
        self._digests: dict[str, str] = {}
        self._details: dict[tuple[str, str], Details] = {}

    async def models(self) -> tuple[ModelInfo, ...]:
        """What is installed, by name.

        Raises:
            ModelError: the server did not say.
        """
        client = await self._connected()
        answer = await self._call(client.list())
        entries = [entry for entry in answer.models if entry.model and clean_line(entry.model) == entry.model]
        self._digests = {full_name(entry.model or ""): entry.digest or "" for entry in entries}
        turn = asyncio.Semaphore(DESCRIPTIONS_AT_ONCE)

        async def info(entry: ListResponse.Model) -> ModelInfo:
            async with turn:
                return await self._info(entry)

        infos = await asyncio.gather(*(info(entry) for entry in entries))
        return tuple(sorted(infos, key=lambda info: info.ref.model))

    async def running(self) -> tuple[RunningModel, ...]:
        """What is in memory now; a model that is still loading is not.

        Raises:
            ModelError: the server did not say.
        """
        client = await self._connected()
        answer = await self._call(client.ps())
        found = []
        for entry in answer.models:
            name = entry.model or entry.name or ""
            size = int(entry.size) if entry.size else None
            share = min(int(entry.size_vram) / size, 1.0) if size and entry.size_vram is not None else None
            if name and clean_line(name) == name:
                expires = entry.expires_at.timestamp() if entry.expires_at else None
                window = entry.context_length or None
                found.append(RunningModel(name, entry.digest or "", size, share, window, expires))
        return tuple(found)

    async def details(self, model: str) -> Details:
        """What the model is; remembered until its digest changes.

        Raises:
            ModelError: the server does not have it or did not say.
        """
        key = (full_name(model), self._digests.get(full_name(model), ""))
        if key not in self._details:
            client = await self._connected()
            shown = await self._call(client.show(model), model)
            told = as_object(dict(shown.modelinfo or {}))
            windows = [as_count(value) for name, value in told.items() if name.endswith(".context_length")]
            numbers = {name.partition(".")[2]: as_count(value) or 0 for name, value in told.items()}
            weights = _WEIGHTS.search(shown.modelfile or "")
            self._details[key] = Details(
                max_window=next((window for window in windows if window), None),
                capabilities=_capabilities(tuple(shown.capabilities or ())),
                weights=weights[1].replace(":", "-") if weights else "",
                template=shown.template or "",
                cache_bytes=_cache_bytes(numbers),
            )
        return self._details[key]

    async def digest(self, model: str) -> str:
        """The digest of an installed model; empty where it is not installed."""
        if full_name(model) not in self._digests:
            await self.models()
        return self._digests.get(full_name(model), "")

    async def is_remote(self, model: str) -> bool:
        """Whether the server sends what it gets for this model to another one."""
        if full_name(model) not in self._listed:
            await self.models()
        return self._told(model).remote

    async def size_bytes(self, model: str) -> int | None:
        """How large the files of an installed model are; None where it is not installed or the server does not say."""
        if full_name(model) not in self._listed:
            await self.models()
        return self._told(model).size_bytes

    async def pull(self, model: str) -> AsyncGenerator[Progress, None]:
        """Fetch a model; a later pull goes on where this one stopped.

        Raises:
            ModelError: not found, no network, or it broke off.
        """
        client = await self._connected()
        # Typed as an iterator, it is a generator, and closing it is what stops the download.
        stream = cast("AsyncGenerator[ProgressResponse, None]", await client.pull(model, stream=True))
        progress = _PullProgress(clean_line(model))
        async with aclosing(stream) as parts:
            while (part := await self._call(anext(parts, None), model, PULL_SILENCE_S, pulling=True)) is not None:
                yield progress.step(part.status or "", part.digest or "", part.total, part.completed)
                if progress.finished:
                    self._details.clear()
                    return
        raise BrokenStream(f"Fetching {clean_line(model)} broke off. Fetch it again: it goes on where it stopped.")

    async def close(self) -> None:
        """Close all connections. May be called twice."""
        client, self._client = self._client, None
        if client is not None:
            await client.close()  # type: ignore[no-untyped-call]

    async def _connected(self) -> AsyncClient:
        if self._client is None:
            package = await in_load_thread(import_package)
            if self._client is None:  # nobody else made it meanwhile
                given = self._options["event_hooks"]
                options = self._options | {"event_hooks": given | {"response": [*given["response"], self._note]}}
                self._client = package.AsyncClient(host=self._server.url, headers=PLACEHOLDER, **options)
        return self._client

    async def _note(self, response: httpx.Response) -> None:
        """Keep what a list tells beyond what the package knows: what models can do, and whether they run elsewhere."""
        if response.is_error or not response.request.url.path.endswith("/api/tags"):
            return
        entries = as_objects((read_object(await response.aread()) or {}).get("models"))
        self._listed = {}
        for entry in entries:
            name = as_text(entry.get("model"))
            self._listed[full_name(name)] = _Listed(
                capabilities=_capabilities(as_texts(entry.get("capabilities"))),
                max_window=as_count(as_object(entry.get("details")).get("context_length")),
                remote=bool(entry.get("remote_host") or entry.get("remote_model") or _CLOUD_TAG.search(name)),
                size_bytes=as_count(entry.get("size")),
            )

    def _told(self, model: str) -> _Listed:
        """What the last list told of a model; by its tag, if nothing, whether it runs elsewhere."""
        return self._listed.get(full_name(model)) or _Listed((), None, bool(_CLOUD_TAG.search(model)))

    async def _info(self, entry: ListResponse.Model) -> ModelInfo:
        name = entry.model or ""
        listed = self._told(name)
        capabilities, window = listed.capabilities, listed.max_window
        if not capabilities:
            try:
                details = await self.details(name)
            except ModelError:  # one damaged model must not hide the others
                details = Details()
            capabilities, window = details.capabilities, details.max_window
        told = entry.details
        if not capabilities:
            only_embeds = told is not None and told.family in _EMBEDDING_FAMILIES
            capabilities = ("embedding",) if only_embeds else ("chat",)
        return ModelInfo(
            ref=ModelRef(BackendName.OLLAMA, name),
            size_bytes=int(entry.size) if entry.size is not None else None,
            parameters=clean_line(told.parameter_size or "") if told else "",
            quantization=clean_line(told.quantization_level or "") if told else "",
            max_window=window,
            capabilities=capabilities,
            digest=clean_line(entry.digest or ""),
            remote=listed.remote,
            note=_REMOTE_NOTE if listed.remote else "",
        )

    async def _call(
        self, work: Awaitable[T], model: str = "", limit_s: float | None = None, *, pulling: bool = False
    ) -> T:
        """Wait for the package, and turn each of the kinds of exception that it lets through into an error of ours."""
        from ollama import ResponseError

        server = self._server
        limit_s = limit_s or CATALOG_TIMEOUT_S
        try:
            async with asyncio.timeout(limit_s):
                return await work
        except TimeoutError as error:
            raise no_answer(server, limit_s) from error
        except ResponseError as error:
            raise refusal(server, max(error.status_code, 200), str(error.error), model, pulling=pulling) from error
        except TRANSPORT_ERRORS as error:
            # The package says of each failed connection that Ollama is not running; what happened stands behind that.
            cause = error.__context__ if isinstance(error.__context__, httpx.HTTPError) else error
            raise transport_failure(server, cause, streaming=pulling) from error
        except (ValueError, TypeError, AttributeError) as error:  # not JSON, or JSON of another shape
            raise BrokenStream(
                f"{server.name} at {server.url} gave an answer that cannot be read. Look at the address, and try again."
            ) from error


class _PullProgress:
    """Adds up the layers of a model while they come."""

    def __init__(self, model: str) -> None:
        self.finished = False
        self._model = model
        self._label = f"Fetching {model}"
        self._done: dict[str, int] = {}
        self._total: dict[str, int] = {}

    def step(self, status: str, digest: str, total: int | None, done: int | None) -> Progress:
        """Take what the server says of one layer, return how far the whole is."""
        if digest:
            self._done[digest] = max(done or 0, self._done.get(digest, 0))
            self._total[digest] = max(total or 0, self._total.get(digest, 0))
        if status.startswith("verifying"):
            self._label = f"Checking {self._model}"
        elif status == "success":
            self._label = f"{self._model} is there"
            self.finished = True
        whole = sum(self._total.values()) or None
        return Progress(self._label, sum(self._done.values()), whole, self.finished)


def _capabilities(told: tuple[str, ...]) -> tuple[str, ...]:
    """Our words for what a model can do; others are of no use here."""
    return tuple(_CAPABILITIES[word] for word in told if word in _CAPABILITIES)


def _cache_bytes(numbers: dict[str, int]) -> int:
    """What one token takes in the cache, by what a model says of itself; see `memory.cache_bytes`."""
    heads = numbers.get("attention.head_count", 0)
    length = numbers.get("embedding_length", 0) // heads if heads else 0
    return cache_bytes(
        numbers.get("block_count", 0),
        numbers.get("attention.head_count_kv") or heads,
        numbers.get("attention.key_length") or length,
        numbers.get("attention.value_length") or length,
        window=1,
    )
