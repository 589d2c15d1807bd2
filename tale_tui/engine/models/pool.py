"""The one door to every model: loading, what is in memory, and calls."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import replace

from tale_tui.engine.errors import ModelError, NotAvailable
from tale_tui.engine.models.backend import BackendEvent, ChatMessage, ChatRequest, Finished, PerRoleBackend
from tale_tui.engine.models.loading.breaker import Breakers
from tale_tui.engine.models.loading.loader import BackendModels, ModelLoader, ResidencyCache
from tale_tui.engine.models.loading.memory import MemoryGuard
from tale_tui.engine.models.loading.residency_log import ResidencyLog
from tale_tui.engine.models.memory_forecast import Forecast
from tale_tui.engine.models.registry import BackendRegistry
from tale_tui.engine.types import BackendName, BackendReport, LoadedModel, ModelRef, Progress, Role

RESIDENT_TRUST_S = 30.0
"""So long after a model answered or was loaded it is taken to be in memory, and a call costs no question first."""


class Pool:
    """Loads models and asks them. Knows nothing of who serves which role.

    Args:
        backends: by name.
        window: the context window that the user set, in tokens; 0 takes what the backend thinks right for a model.
        probe_s: how long a server may take to say that it is there.
        monotonic: the clock, in seconds.
        guard: lets models into memory; None lets in all.
        residency_log: takes note of loads and ends; None writes them to the log alone.

    Attributes:
        breakers: what failed lately.
        residency: who is in memory and who is at work.
        troubled: set when a call failed in a way that says something of its model; who heeds it clears it.
    """

    def __init__(
        self,
        backends: BackendRegistry,
        *,
        window: int,
        probe_s: float,
        monotonic: Callable[[], float],
        guard: MemoryGuard | None = None,
        residency_log: ResidencyLog | None = None,
    ) -> None:
        self._backends = backends
        self._probe_s = probe_s
        self._monotonic = monotonic
        self.breakers = Breakers(monotonic)
        self.residency = ResidencyCache(monotonic, RESIDENT_TRUST_S)
        residency_log = residency_log or ResidencyLog(None, monotonic)
        self._loader = ModelLoader(backends, window, monotonic, self.residency, self.breakers, guard, residency_log)
        self.troubled = self._loader.troubled

    # what there is

    @property
    def automatic(self) -> tuple[BackendName, ...]:
        """The backends that a role may be given without anybody asking, the preferred first."""
        return self._backends.automatic

    async def report(self, name: BackendName) -> BackendReport:
        """What a backend says of itself."""
        try:
            backend = await self._backends.get(name)
        except NotAvailable as error:
            return BackendReport(name, available=False, detail=error.sentence)
        return await backend.report(self._probe_s)

    async def reports(self, names: tuple[BackendName, ...]) -> tuple[BackendReport, ...]:
        """What several say of themselves, asked at once."""
        return tuple(await asyncio.gather(*(self.report(name) for name in names)))

    async def window(self, ref: ModelRef) -> int:
        """The context window to ask for, in tokens; the same in every call.

        Raises:
            ModelError: its backend cannot say.
        """
        return await self._loader.window(ref)

    def known_window(self, ref: ModelRef) -> int | None:
        """The window of a model as far as it is in memory here: served, else to be asked for."""
        return self._loader.known_window(ref)

    def resident(self, ref: ModelRef, role: Role = Role.UX) -> LoadedModel | None:
        """A model that is taken to be in memory for a role, without asking anybody; None where that is not known."""
        return self._loader.resident(ref, role)

    def given_up(self, ref: ModelRef) -> bool:
        """Whether a model, or its server, failed so often that it is better left alone for a while."""
        return self.breakers.open(ref)

    # memory

    async def load(
        self,
        ref: ModelRef,
        waiting: Callable[[], None] = lambda: None,
        *,
        role: Role = Role.UX,
        may_evict: bool = True,
    ) -> LoadedModel:
        """Have a model in memory.

        Args:
            ref: the model.
            waiting: called when it was not there, before it is loaded.
            role: for whom it is, where roles have processes of their own.
            may_evict: whether others may be evicted where it does not fit beside them.
        Raises:
            ModelError: why it cannot be had; `OutOfMemory` where it is forecast not to fit.
        """
        return await self._loader.load(ref, waiting, role, may_evict=may_evict)

    async def unload(self, ref: ModelRef) -> None:
        """Give the memory of a model back.

        Raises:
            WrongState: it is at work.
            ModelError: its backend does not answer.
        """
        await self._loader.unload(ref)

    async def loaded(self, name: BackendName) -> tuple[LoadedModel, ...]:
        """What a backend has in memory now.

        Raises:
            ModelError: it does not answer.
        """
        backend = await self._backends.get(name)
        return await backend.loaded()

    async def here(self) -> tuple[LoadedModel, ...]:
        """The models in the memory of this machine, of the backends that were used and answer."""
        return await self._loader.here()

    async def models_by_backend(self) -> tuple[BackendModels, ...]:
        """The backends that were used and what they have in memory; nothing where one does not answer."""
        return await self._loader.models_by_backend()

    async def failed(self, ref: ModelRef, error: ModelError) -> None:
        """A look at a model failed: it counts as a call that did."""
        await self._loader.failed(ref, error, self._monotonic())

    async def forecast(self, ref: ModelRef) -> Forecast | None:
        """What a model would take in the memory of this machine; None where that is not known, or none of it.

        Raises:
            ModelError: its backend does not answer.
        """
        backend = await self._backends.get(ref.backend)
        return await backend.forecast(ref.model, await self.window(ref)) if backend.local else None

    def separate(self, ref: ModelRef) -> bool:
        """Whether each role has a process of its own for this model, as far as its backend was used."""
        return any(made.name is ref.backend and isinstance(made, PerRoleBackend) for made in self._backends.made)

    # calls

    async def chat(self, ref: ModelRef, request: ChatRequest) -> AsyncGenerator[BackendEvent, None]:
        """Stream an answer, as `Backend.chat` does. Close it to stop the model.

        Raises:
            ModelError: what happened.
        """
        if self._loader.was_evicted(ref):  # it had to make room since the caller loaded it
            await self.load(ref, role=request.role)
        backend = await self._backends.get(ref.backend)
        process = self._loader.process_of(ref, request.role)
        request = request if process is request.role else replace(request, role=process)
        began, load_ms = self._monotonic(), 0.0
        with self.residency.call(ref):
            try:
                async with aclosing(backend.chat(request)) as events:
                    async for event in events:
                        if isinstance(event, Finished):
                            load_ms = event.load_ms or 0.0
                        yield event
            except ModelError as error:
                self.residency.invalidate(ref)
                await self._loader.failed(ref, error, began)
                raise
        self.residency.refresh(ref, process)
        await self._loader.worked(ref, load_ms)

    async def count_tokens(self, ref: ModelRef, messages: tuple[ChatMessage, ...]) -> int | None:
        """How many tokens a prompt has, the template included; None where its backend cannot tell.

        Raises:
            ModelError: its backend does not answer.
        """
        backend = await self._backends.get(ref.backend)
        return await backend.count_tokens(ref.model, messages)

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
        self.residency.clear()
        await self._backends.close()
