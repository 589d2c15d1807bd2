"""Which model turns texts into vectors: the user's own server's, else one in a file, else the fetched one, or none."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path

from tale_tui.domain.errors import NotAvailable
from tale_tui.domain.metrics import CallKind, CallLabels
from tale_tui.domain.models import BackendName, FinishReason, ModelInfo, ModelRef, Progress
from tale_tui.engine.models.backend import ChatMessage, Finished, TextVectors
from tale_tui.engine.models.call_meter import MeteredCall
from tale_tui.engine.models.embedding.files import (
    EMBEDDER,
    LIBRARY,
    WEIGHTS,
    embedder_folder,
    fetch_embedder,
    is_there,
    runs_here,
)
from tale_tui.engine.models.embedding.prefixes import with_prefix
from tale_tui.engine.models.embedding.process import EmbedderProcess
from tale_tui.engine.models.files.library import describe, find_model
from tale_tui.engine.models.pool import Pool

FETCHED, IN_A_FILE = "tale_tui.engine.models.embedding.child", "tale_tui.engine.models.embedded.embedder"
"""The programs that run a model of embeddings."""
WINDOW_TOKENS = 1_024
"""Of a text so much is read at most: an item has 400 characters, and of a message 1,000 are looked for."""
OFF = "off"
AUTOMATIC = "auto"
NONE_HERE = "No model for meaning was found. Give Ollama one: ollama pull nomic-embed-text"
OR_FETCH = ", or fetch one of 91 MB: tale-tui recall fetch"
OR_ADD = ", or add one in a .gguf file: tale-tui models add PATH"
TURNED_OFF = "Finding by meaning is turned off (recall.embedding)."


@dataclass(frozen=True, slots=True)
class ChosenEmbedder:
    """What turns texts into vectors."""

    ref: ModelRef | None
    why: str = ""
    """Why there is none, in a sentence."""
    fetchable: bool = False
    """Whether one can be fetched in its place."""


class Embeddings:
    """Finds a model of embeddings and asks it, every call with its row.

    Args:
        pool: the door to the servers, and who measures.
        models_dir: where the fetched one lies.
        wanted: `auto`, `off` or `backend/model`, as the settings say.
    """

    def __init__(self, pool: Pool, models_dir: Path, wanted: str) -> None:
        self._pool = pool
        self._models_dir = models_dir
        self._wanted = wanted
        folder = embedder_folder(models_dir)
        self._fetched = EmbedderProcess(FETCHED, str(folder / LIBRARY.path), str(folder / WEIGHTS.path))
        self._file: tuple[Path, EmbedderProcess] | None = None
        """The process of a model in a file of the user's."""

    async def choose(self) -> ChosenEmbedder:
        """Look which model there is now."""
        if self._wanted == OFF:
            return ChosenEmbedder(None, TURNED_OFF)
        if self._wanted != AUTOMATIC:
            backend, _, model = self._wanted.partition("/")
            return ChosenEmbedder(ModelRef(BackendName(backend), model))
        backends = sorted(self._pool.automatic, key=lambda name: name is BackendName.EMBEDDED)
        for report in await self._pool.reports(tuple(backends)):
            able = [model for model in report.models if "embedding" in model.capabilities and not model.remote]
            if able:
                return ChosenEmbedder(min(able, key=_order).ref)
        if is_there(self._models_dir):
            return ChosenEmbedder(EMBEDDER)
        fetchable = runs_here()
        return ChosenEmbedder(None, NONE_HERE + (OR_FETCH if fetchable else OR_ADD), fetchable)

    async def embed(self, ref: ModelRef, texts: tuple[str, ...], *, asks: bool) -> TextVectors:
        """The vectors of texts.

        Args:
            ref: what `choose` found.
            texts: what is embedded.
            asks: whether they are questions, or what may answer them.
        Raises:
            ModelError: there are none.
        """
        if ref.backend is not BackendName.EMBEDDED:
            return await self._pool.embed(ref, texts, asks=asks)
        if ref != EMBEDDER:
            texts = tuple(with_prefix(ref.model, text, asks=asks) for text in texts)
            process = await self._process_of(ref.model)
        elif is_there(self._models_dir):
            process = self._fetched  # it sets what it wants before a text by itself
        else:
            raise NotAvailable("The model that was fetched is not there any more: tale-tui recall fetch")
        messages = tuple(ChatMessage("user", text) for text in texts)
        with self._pool.metered(MeteredCall(ref, None, CallLabels(CallKind.EMBEDDING), messages)) as meter:
            found = await process.embed(texts, asks=asks)
            meter.take(Finished(FinishReason.STOP, found.tokens, 0))
        return found

    async def _process_of(self, name: str) -> EmbedderProcess:
        """The process of a model in a file, which is started when it is asked; that of another file ends.

        Raises:
            ModelNotFound: there is no such file.
        """
        path = await asyncio.to_thread(find_model, self._models_dir, name)
        if self._file is None or self._file[0] != path:
            if self._file is not None:
                await self._file[1].close()
            info = await asyncio.to_thread(describe, name, path)
            window = min(info.max_window or WINDOW_TOKENS, WINDOW_TOKENS)
            self._file = (path, EmbedderProcess(IN_A_FILE, str(path), str(window)))
        return self._file[1]

    async def fetch(self, source: str = "") -> AsyncGenerator[Progress, None]:
        """Get the model that can be fetched; see `fetch_embedder`."""
        async with aclosing(fetch_embedder(source, self._models_dir)) as steps:
            async for step in steps:
                yield step

    async def close(self) -> None:
        """End what runs."""
        await self._fetched.close()
        if self._file is not None:
            await self._file[1].close()


def _order(model: ModelInfo) -> tuple[bool, int, str]:
    """Those of several languages first, then the smaller: what waits for it is a person."""
    name = model.ref.model.lower()
    many = any(part in name for part in ("multilingual", "bge-m3", "embeddinggemma", "qwen3-embedding", "v2-moe"))
    return not many, model.size_bytes or 0, name
