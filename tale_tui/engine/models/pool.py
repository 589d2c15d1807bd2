"""The one door to every model: loading, what is in memory, and calls, of each of which it makes a row."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import replace

from tale_tui.domain.errors import BrokenStream, NotAvailable, TaleError
from tale_tui.domain.metrics import CallKind, CallLabels
from tale_tui.domain.models import BackendName, BackendReport, FinishReason, ModelRef, Progress
from tale_tui.engine.models.backend import (
    BackendEvent,
    ChatMessage,
    ChatRequest,
    EmbeddingBackend,
    Finished,
    PerRoleBackend,
    TextVectors,
)
from tale_tui.engine.models.call_meter import MeteredCall
from tale_tui.engine.models.embedding.prefixes import with_prefix
from tale_tui.engine.models.loading.loader import ModelLoader
from tale_tui.engine.models.memory_forecast import Forecast
from tale_tui.engine.unexpected import attempt


class Pool(ModelLoader):
    """Loads models, as `ModelLoader` does, and asks them."""

    # what there is

    @property
    def automatic(self) -> tuple[BackendName, ...]:
        """The backends that a role may be given without anybody asking, the preferred first."""
        return self._backends.automatic

    async def report(self, name: BackendName) -> BackendReport:
        """What a backend says of itself."""

        async def ask() -> BackendReport:
            backend = await self._backends.get(name)
            return await backend.report(self._probe_s)

        try:
            report = await attempt(ask(), f"Looking at {name.value}")
        except TaleError as error:  # one that cannot be asked hides no other
            return BackendReport(name, available=False, detail=error.sentence)
        if report.available:
            self.versions[name] = report.version
            await self.servers.answered(name)
        return report

    async def reports(self, names: tuple[BackendName, ...]) -> tuple[BackendReport, ...]:
        """What several say of themselves, asked at once."""
        return tuple(await asyncio.gather(*(self.report(name) for name in names)))

    def separate(self, ref: ModelRef) -> bool:
        """Whether each role has a process of its own for this model, as far as its backend was used."""
        return any(made.name is ref.backend and isinstance(made, PerRoleBackend) for made in self._backends.made)

    async def forecast(self, ref: ModelRef) -> Forecast | None:
        """What a model would take in the memory of this machine; None where that is not known, or none of it.

        Raises:
            ModelError: its backend does not answer.
        """
        backend = await self._backends.get(ref.backend)
        return await backend.forecast(ref.model, await self.window(ref)) if backend.local else None

    # calls

    async def chat(self, ref: ModelRef, request: ChatRequest) -> AsyncGenerator[BackendEvent, None]:
        """Stream an answer, as `Backend.chat` does. Close it to stop the model.

        Raises:
            ModelError: what happened.
        """
        if ref in self._evicted:  # it had to make room since the caller loaded it
            await self.load(ref, role=request.role)
        backend = await self._backends.get(ref.backend)
        there = self.resident(ref, request.role)
        call = MeteredCall(ref, request.role, request.labels, request.messages, there.digest if there else "")
        process = self._shared.get((ref, request.role), request.role)
        request = request if process is request.role else replace(request, role=process)
        load_ms = 0.0
        with self.residency.call(ref), self.metered(call) as meter:
            async with self.noting(ref), aclosing(backend.chat(request)) as events:
                async for event in events:
                    meter.take(event)
                    if isinstance(event, Finished):
                        load_ms = event.load_ms or 0.0
                    yield event
        self.residency.refresh(ref, process)
        await self._worked(ref, load_ms)

    async def count_tokens(self, ref: ModelRef, messages: tuple[ChatMessage, ...]) -> int | None:
        """How many tokens a prompt has, the template included; None where its backend cannot tell.

        Raises:
            ModelError: its backend does not answer.
        """
        backend = await self._backends.get(ref.backend)
        async with self.noting(ref):
            return await backend.count_tokens(ref.model, messages)

    async def embed(self, ref: ModelRef, texts: tuple[str, ...], *, asks: bool) -> TextVectors:
        """What texts mean, as vectors.

        Args:
            ref: a model of embeddings.
            texts: what is embedded.
            asks: whether they are questions, or what may answer them.
        Raises:
            NotAvailable: its backend has no such models.
            ModelError: what happened.
        """
        backend = await self._backends.get(ref.backend)
        if not isinstance(backend, EmbeddingBackend):
            raise NotAvailable(f"{ref.backend.value} has no models of embeddings.")
        asked = tuple(with_prefix(ref.model, text, asks=asks) for text in texts)
        messages = tuple(ChatMessage("user", text) for text in asked)
        with self.metered(MeteredCall(ref, None, CallLabels(CallKind.EMBEDDING), messages)) as meter:
            async with self.noting(ref):
                found = await backend.embed(ref.model, asked)
            if len(found.vectors) != len(texts) or not all(found.vectors):
                raise BrokenStream(f"{ref.model} answered with something that is no embedding of what was sent.")
            meter.take(Finished(FinishReason.STOP, found.tokens, 0))
        return found

    async def pull(self, ref: ModelRef) -> AsyncGenerator[Progress, None]:
        """Fetch a model to its backend.

        Raises:
            TaleError: why it cannot be had.
        """
        backend = await self._backends.get(ref.backend)
        async with aclosing(backend.pull(ref.model)) as steps:
            async for step in steps:
                yield step

    async def close(self) -> None:
        """Close all backends that were used."""
        await self.servers.close()
        self.residency.clear()
        await self._backends.close()
