"""Brings models into memory and takes them out: each once, always with the same window, where there is room."""

from __future__ import annotations

import asyncio
import time
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from functools import partial

from tale_tui.domain.constants import LOADED_MIN_MS, REPLY_PATIENCE_S, RESIDENT_TRUST_S
from tale_tui.domain.errors import BackendCrashed, ModelError, OutOfMemory, WrongState
from tale_tui.domain.metrics import CallKind, CallLabels, CallRecord, RunningCall
from tale_tui.domain.models import BackendName, LoadedModel, ModelRef, ResidencyChange, Role
from tale_tui.engine.models.backend import Backend, BackendRegistry, GuestBackend, PerRoleBackend, probing
from tale_tui.engine.models.call_meter import CallLog, CallMeter, CallObserver, MeteredCall
from tale_tui.engine.models.loading.breaker import COUNTED, Breakers
from tale_tui.engine.models.loading.memory import MemoryGuard
from tale_tui.engine.models.loading.preemption import Preemption
from tale_tui.engine.models.loading.residency_log import ResidencyLog
from tale_tui.engine.models.loading.servers import ServerMonitor

RoleSlot = tuple[ModelRef, Role | None]
"""A model and the role whose process it is in; None where the roles share it."""


class ResidencyCache:
    """What is known of models in memory without asking, for a while, and the calls that are under way.

    Args:
        monotonic: the clock, in seconds.
        trust_s: how long an entry holds.
    """

    def __init__(self, monotonic: Callable[[], float], trust_s: float) -> None:
        self._monotonic = monotonic
        self._trust_s = trust_s
        self._resident: dict[RoleSlot, tuple[LoadedModel, float]] = {}
        """What was in memory, and until when that holds."""
        self._calls: Counter[ModelRef] = Counter()
        self._idle: defaultdict[ModelRef, asyncio.Event] = defaultdict(asyncio.Event)
        self._last_call: dict[ModelRef, float] = {}

    def set(self, model: LoadedModel) -> None:
        """A model was seen in memory."""
        self._resident[model.ref, model.role] = (model, self._monotonic() + self._trust_s)

    def refresh(self, ref: ModelRef, role: Role) -> None:
        """A model answered for a role, so it is in memory still, where it was."""
        for slot in ((ref, None), (ref, role)):
            if slot in self._resident:
                self.set(self._resident[slot][0])

    def invalidate(self, ref: ModelRef) -> None:
        """It may be gone."""
        for role in (None, *Role):
            self._resident.pop((ref, role), None)

    def clear(self) -> None:
        """Nothing is in memory any more."""
        self._resident.clear()

    def resident(self, ref: ModelRef, role: Role | None = None) -> LoadedModel | None:
        """A model that is taken to be in memory, for this role or for any; None where that is not known."""
        now = self._monotonic()
        for slot in ((ref, None), *((ref, one) for one in Role if role in (None, one))):
            model, until = self._resident.get(slot, (None, 0.0))
            if model and now < until:
                return model
        return None

    @property
    def known(self) -> frozenset[RoleSlot]:
        """All that was in memory when it was last looked at."""
        return frozenset(self._resident)

    def last_seen(self, backend: BackendName) -> frozenset[ModelRef]:
        """The models of a backend that were in memory when they were last looked at."""
        return frozenset(ref for ref, _ in self._resident if ref.backend is backend)

    # at work

    @contextmanager
    def call(self, ref: ModelRef) -> Iterator[None]:
        """A model is at work meanwhile."""
        self._calls[ref] += 1
        self._idle[ref].clear()
        try:
            yield
        finally:
            self._calls[ref] -= 1
            self._last_call[ref] = self._monotonic()
            if not self._calls[ref]:
                self._idle[ref].set()

    def busy(self, ref: ModelRef) -> bool:
        """Whether a model is at work."""
        return self._calls[ref] > 0

    async def idle(self, ref: ModelRef) -> None:
        """Wait until a model is not at work."""
        while self.busy(ref):
            await self._idle[ref].wait()

    def idle_s(self, ref: ModelRef) -> float:
        """Seconds since a model was last at work; without end where it never was, 0 while it is."""
        if self.busy(ref):
            return 0.0
        return self._monotonic() - self._last_call[ref] if ref in self._last_call else float("inf")


@dataclass(frozen=True, slots=True)
class BackendModels:
    """A backend and what it has in memory."""

    name: BackendName
    local: bool
    """Whether that is the memory of this machine."""
    models: tuple[LoadedModel, ...]


class ModelLoader:
    """Loads models. Knows nothing of who serves which role.

    Args:
        backends: by name.
        window: the context window that the user set, in tokens; 0 takes what the backend thinks right for a model.
        probe_s: how long a server may take to say that it is there.
        monotonic: the clock, in seconds.
        now: seconds since the epoch.
        sleep: how it is waited before a server that is away is asked again.
        guard: lets models into memory; None lets in all.
        residency_log: takes note of loads and ends; None writes them to the log alone.
        calls: keeps the row of every call; None keeps none.
        observer: is told of each of them too.

    Attributes:
        breakers: what failed lately.
        servers: who is away.
        residency: who is in memory and who is at work.
        troubled: set when a model failed in a way that says something of it, or is to be seen to at once; who heeds it
            clears it.
        preemption: lets replies go before tasks of the same model.
        on_call: called when a call begins.
    """

    def __init__(
        self,
        backends: BackendRegistry,
        *,
        window: int,
        probe_s: float,
        monotonic: Callable[[], float],
        now: Callable[[], float] = time.time,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        guard: MemoryGuard | None = None,
        residency_log: ResidencyLog | None = None,
        calls: CallLog | None = None,
        observer: CallObserver | None = None,
    ) -> None:
        self.breakers = Breakers(monotonic)
        self.residency = ResidencyCache(monotonic, RESIDENT_TRUST_S)
        self.troubled = asyncio.Event()
        self.preemption = Preemption(REPLY_PATIENCE_S)
        self.on_call: Callable[[], None] = lambda: None
        self._backends = backends
        self._probe_s = probe_s
        self._window = window
        self._monotonic = monotonic
        self._now = now
        self._calls = calls
        self._observer = observer
        self._meters: dict[CallMeter, None] = {}
        """Of the calls that are under way, in their order."""
        self._guard = guard
        self._residency_log = residency_log or ResidencyLog(None, monotonic)
        self.servers = ServerMonitor(self._probe, monotonic, now, sleep, self._residency_log.note_server)
        self.servers.listen(returned=self._server_returned)
        self._windows: dict[ModelRef, int] = {}
        self._served: dict[ModelRef, int | None] = {}
        """The window that was served when the model was last loaded here."""
        self.versions: dict[BackendName, str] = {}
        """Of backends, as they said last."""
        self._loading: defaultdict[RoleSlot, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._shared: dict[tuple[ModelRef, Role], Role] = {}
        """Roles that have no process of their own for a model, as it would not fit, and whose process they use."""
        self._evicted: set[ModelRef] = set()
        """Models that had to make room since they were last loaded."""

    async def window(self, ref: ModelRef) -> int:
        """The context window to ask for, in tokens; the same in every call.

        Raises:
            ModelError: its backend cannot say.
        """
        async with self.noting(ref):
            return await self._window_of(ref)

    @asynccontextmanager
    async def noting(self, ref: ModelRef) -> AsyncIterator[None]:
        """A question about a model, in which a failure is taken note of."""
        began = self._monotonic()
        try:
            yield
        except ModelError as error:
            await self.failed(ref, error, began)
            raise

    async def _window_of(self, ref: ModelRef) -> int:
        if self._window:
            return self._window
        if ref not in self._windows:
            backend = await self._backends.get(ref.backend)
            self._windows[ref] = await backend.default_window(ref.model)
        return self._windows[ref]

    def known_window(self, ref: ModelRef) -> int | None:
        """The window of a model as far as it is in memory here: served, else to be asked for."""
        return self._served.get(ref) or self._window or self._windows.get(ref)

    def resident(self, ref: ModelRef, role: Role = Role.UX) -> LoadedModel | None:
        """A model that is taken to be in memory for a role, without asking anybody; None where that is not known."""
        return self.residency.resident(ref, self._shared.get((ref, role), role))

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
        if cached := self.resident(ref, role):
            return cached
        backend = await self._backends.get(ref.backend)
        slot = (ref, role if isinstance(backend, PerRoleBackend) else None)
        if self._loading[slot].locked():
            waiting()
        async with self._loading[slot]:
            if self._guard is not None:
                await self._guard.wait_evicted(ref)
            if cached := self.resident(ref, role):
                return cached
            async with self.noting(ref):
                loaded = await self._present(backend, slot, waiting, may_evict=may_evict)
            self._served[ref] = loaded.window
            self._evicted.discard(ref)
            self.residency.set(loaded)
            await self._worked(ref, 0.0)
            return loaded

    async def _present(
        self, backend: Backend, slot: RoleSlot, waiting: Callable[[], None], *, may_evict: bool
    ) -> LoadedModel:
        """The model of a slot in memory: as it is there, else loaded."""
        ref, role = slot
        window = await self._window_of(ref)
        present = await backend.loaded()
        self._forget_lost(backend, present)
        there = [model for model in present if model.ref == ref]
        own = next((model for model in there if model.role is role), None)
        if own is not None and own.window in (None, window, self._served.get(ref)):
            return own
        waiting()
        if role is None or own is not None or not there:
            return await self._loaded(backend, slot, window, may_evict=may_evict)
        # Another role has a process for this model: a second one is a luxury.
        try:
            return await self._loaded(backend, slot, window, may_evict=False)
        except OutOfMemory:
            if there[0].role is None:
                raise
            self._shared[ref, role] = there[0].role
            return there[0]

    async def _loaded(self, backend: Backend, slot: RoleSlot, window: int, *, may_evict: bool) -> LoadedModel:
        ref, role = slot
        began = self._monotonic()
        gone: tuple[ModelRef, ...] = ()
        try:
            if self._guard is not None and backend.local:
                forecast = await backend.forecast(ref.model, window)
                gone = await self._guard.admit(ref, forecast, window, self, may_evict=may_evict)
            starting = self._monotonic()
            loaded = await self._ask_to_load(backend, slot, window)
        finally:
            if self._guard is not None:
                self._guard.admission_ended(ref)
        self._shared = {one: other for one, other in self._shared.items() if one != slot}
        ended = self._monotonic()
        took_ms = (ended - starting) * 1000 if loaded.load_ms is None else loaded.load_ms
        if took_ms or loaded.load_ms is None:  # else a call loaded it while this one waited
            await self._residency_log.note(ref, ResidencyChange.LOAD, took_ms, loaded.size_bytes)
        if gone:
            await self._residency_log.note(ref, ResidencyChange.SWITCH, (ended - began) * 1000, loaded.size_bytes)
        elif role is None:
            await self._note_evicted_by_server(backend, ref)
        return loaded

    async def _ask_to_load(self, backend: Backend, slot: RoleSlot, window: int) -> LoadedModel:
        """A load is a call too, but where the server cannot be asked for one."""
        ref, role = slot
        if role is not None and isinstance(backend, PerRoleBackend):
            loading: Callable[[], Awaitable[LoadedModel]] = partial(backend.load_for, role, ref.model, window)
        else:
            loading = partial(backend.load, ref.model, window)
        if backend.name is BackendName.OPENAI:
            return await loading()
        with self.metered(MeteredCall(ref, role, CallLabels(CallKind.LOAD))) as meter:
            loaded = await loading()
            meter.needless = loaded.load_ms == 0.0
            return loaded

    @property
    def running(self) -> tuple[RunningCall, ...]:
        """The calls that are under way."""
        return tuple(meter.running for meter in self._meters)

    def metered(self, call: MeteredCall) -> CallMeter:
        """Measures a call; its row is kept however it ends."""
        keeps_answer = self._observer is not None and self._observer.wants_answers
        meter = CallMeter(call, self._now, self._monotonic, self._ended, keeps_answer=keeps_answer)
        self._meters[meter] = None
        self.on_call()
        return meter

    def _ended(self, meter: CallMeter, call: CallRecord) -> None:
        del self._meters[meter]
        if meter.needless:
            return
        if self._calls is not None:
            self._calls.record(call)
        if self._observer is not None:
            self._observer.call_ended(call, meter.content)

    def _forget_lost(self, backend: Backend, present: tuple[LoadedModel, ...]) -> None:
        """What a server lost before a load, by its own restart perhaps, did not have to leave for it."""
        for other in self.residency.last_seen(backend.name) - {model.ref for model in present}:
            self.residency.invalidate(other)

    async def _note_evicted_by_server(self, backend: Backend, ref: ModelRef) -> None:
        """A server may have made room by itself, without a word."""
        others = self.residency.last_seen(ref.backend) - {ref}
        if not others:
            return
        evicted = tuple(sorted(others - {model.ref for model in await backend.loaded()}, key=str))
        for other in evicted:
            self.residency.invalidate(other)
            await self._residency_log.note(other, ResidencyChange.EVICTED)
        if evicted and self._guard is not None:
            self._guard.on_eviction(ref, evicted)

    def condition(self, ref: ModelRef) -> str:
        """How a model's calls went lately: `closed` (well), `trying`, `open` (given up for a while) or `away`."""
        if self.servers.away(ref.backend) is not None:
            return "away"
        if self.breakers.open(ref):
            return "open"
        return "trying" if self.breakers.troubled(ref) else "closed"

    # what is there, and leaving

    async def loaded(self, name: BackendName) -> tuple[LoadedModel, ...]:
        """What a backend has in memory now.

        Raises:
            ModelError: it does not answer.
        """
        backend = await self._backends.get(name)
        return await backend.loaded()

    async def models_by_backend(self) -> tuple[BackendModels, ...]:
        """The backends that were used and what they have in memory; nothing where one does not answer."""
        return tuple(await asyncio.gather(*(_models_of(made) for made in self._backends.made)))

    async def here(self) -> tuple[LoadedModel, ...]:
        """The models in the memory of this machine, of the backends that were used and answer."""
        return tuple(model for entry in await self.models_by_backend() if entry.local for model in entry.models)

    async def evict(self, ref: ModelRef) -> None:
        """Have a model leave for another one, as soon as it is not at work."""
        self.residency.invalidate(ref)
        self._evicted.add(ref)
        await self.residency.idle(ref)
        await self._unloaded(ref)

    async def unload(self, ref: ModelRef) -> None:
        """Give the memory of a model back.

        Raises:
            WrongState: it is at work.
            ModelError: its backend does not answer.
        """
        if self.residency.busy(ref):
            raise WrongState(f"{ref.model} is at work. Wait until it is done, or stop what it does first.")
        self.residency.invalidate(ref)
        await self._unloaded(ref)

    async def renew(self, ref: ModelRef) -> None:
        """Have a model stay that is in memory, on a server that gives back what is not asked for.

        Raises:
            ModelError: its backend does not answer.
        """
        backend = await self._backends.get(ref.backend)
        if isinstance(backend, GuestBackend) and not self.residency.busy(ref):
            async with self.noting(ref):
                await backend.renew(ref.model, await self._window_of(ref))

    async def let_go(self, ref: ModelRef) -> None:
        """A model is not used any more: a server that others use too is left as it was without it.

        Raises:
            ModelError: its backend does not answer.
        """
        backend = await self._backends.get(ref.backend)
        if isinstance(backend, GuestBackend):
            self.residency.invalidate(ref)
            async with self.noting(ref):
                await backend.let_go(ref.model)

    async def _unloaded(self, ref: ModelRef) -> None:
        backend = await self._backends.get(ref.backend)
        await backend.unload(ref.model)
        self._shared = {one: other for one, other in self._shared.items() if one[0] != ref}
        await self._residency_log.note(ref, ResidencyChange.UNLOAD)

    # failing

    async def failed(self, ref: ModelRef, error: ModelError, began: float | None = None) -> None:
        """A call, a load or a look at a model failed: take note, so that it is looked after.

        Args:
            ref: the model.
            error: what happened.
            began: when that began; None for now.
        """
        self.residency.invalidate(ref)
        if isinstance(error, COUNTED) and (away := await self.servers.look(ref.backend)):
            error.away_since = away.since
            return
        if self.breakers.failed(ref, error, self._monotonic() if began is None else began):
            self.troubled.set()
            if isinstance(error, BackendCrashed):
                await self._residency_log.note(ref, ResidencyChange.DIED)

    async def _worked(self, ref: ModelRef, load_ms: float) -> None:
        """A load worked, or a call came to its end: trouble that there was is over.

        Args:
            ref: the model.
            load_ms: of the call, what went into loading.
        """
        await self.servers.answered(ref.backend)
        if load_ms >= LOADED_MIN_MS:
            await self._residency_log.note(ref, ResidencyChange.LOAD, load_ms)
        if (trouble_s := self.breakers.worked(ref)) is not None:
            await self._residency_log.note(ref, ResidencyChange.RECOVERED, trouble_s * 1000)

    async def _probe(self, name: BackendName) -> bool:
        backend = await self._backends.get(name)
        with probing():
            return await backend.probe(self._probe_s)

    def _server_returned(self, name: BackendName) -> None:
        """All that was wrong with its models is over, and none of them is in memory any more."""
        self.breakers.forgive_server(name)
        for ref in self.residency.last_seen(name):
            self.residency.invalidate(ref)


async def _models_of(backend: Backend) -> BackendModels:
    try:
        models = await backend.loaded()
    except ModelError:  # it is told of in the health of its backend
        models = ()
    return BackendModels(backend.name, backend.local, models)
