"""The one door to every model: loading, what is in memory, and calls, of each of which it makes a row."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import replace

from tale_tui.domain.errors import ModelError, NotAvailable
from tale_tui.domain.metrics import CallKind, CallLabels, CallRecord, RunningCall
from tale_tui.domain.models import BackendName, BackendReport, LoadedModel, ModelRef, Progress
from tale_tui.engine.models.backend import (
    Backend,
    BackendEvent,
    ChatMessage,
    ChatRequest,
    Finished,
    PerRoleBackend,
)
from tale_tui.engine.models.call_meter import CallLog, CallMeter, MeteredCall
from tale_tui.engine.models.loading.loader import ModelLoader, RoleSlot
from tale_tui.engine.models.loading.memory import MemoryGuard
from tale_tui.engine.models.loading.residency_log import ResidencyLog
from tale_tui.engine.models.memory_forecast import Forecast
from tale_tui.engine.models.registry import BackendRegistry


class Pool(ModelLoader):
    """Loads models, as `ModelLoader` does, and asks them.

    Args:
        backends: by name.
        window: the context window that the user set, in tokens; 0 takes what the backend thinks right for a model.
        probe_s: how long a server may take to say that it is there.
        monotonic: the clock, in seconds.
        guard: lets models into memory; None lets in all.
        residency_log: takes note of loads and ends; None writes them to the log alone.
        calls: keeps the row of every call; None keeps none.
        now: seconds since the epoch.
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
        calls: CallLog | None = None,
        now: Callable[[], float] = time.time,
    ) -> None:
        super().__init__(backends, window=window, monotonic=monotonic, guard=guard, residency_log=residency_log)
        self._probe_s = probe_s
        self._calls = calls
        self._now = now
        self._meters: dict[CallMeter, None] = {}
        """Of the calls that are under way, in their order."""

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

    @property
    def running(self) -> tuple[RunningCall, ...]:
        """The calls that are under way."""
        return tuple(meter.running for meter in self._meters)

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
        process = self._process_of(ref, request.role)
        request = request if process is request.role else replace(request, role=process)
        began, load_ms = self._monotonic(), 0.0
        with self.residency.call(ref), self._metered(call) as meter:
            try:
                async with aclosing(backend.chat(request)) as events:
                    async for event in events:
                        meter.take(event)
                        if isinstance(event, Finished):
                            load_ms = event.load_ms or 0.0
                        yield event
            except ModelError as error:
                await self.failed(ref, error, began)
                raise
        self.residency.refresh(ref, process)
        await self._worked(ref, load_ms)

    async def _ask_to_load(self, backend: Backend, slot: RoleSlot, window: int) -> LoadedModel:
        """A load is a call too, but where the server cannot be asked for one."""
        if backend.name is BackendName.OPENAI:
            return await super()._ask_to_load(backend, slot, window)
        ref, role = slot
        with self._metered(MeteredCall(ref, role, CallLabels(CallKind.LOAD))) as meter:
            loaded = await super()._ask_to_load(backend, slot, window)
            meter.needless = loaded.load_ms == 0.0
            return loaded

    def _metered(self, call: MeteredCall) -> CallMeter:
        meter = CallMeter(call, self._now, self._monotonic, self._ended)
        self._meters[meter] = None
        return meter

    def _ended(self, meter: CallMeter, call: CallRecord) -> None:
        del self._meters[meter]
        if self._calls is not None and not meter.needless:
            self._calls.record(call)

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
