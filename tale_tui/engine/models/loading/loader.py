"""Brings models into memory and takes them out: each once, always with the same window, where there is room."""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from tale_tui.engine.errors import BackendCrashed, ModelError, OutOfMemory, WrongState
from tale_tui.engine.models.backend import Backend, LanedBackend
from tale_tui.engine.models.loading.breaker import Breakers
from tale_tui.engine.models.loading.memory import Guard
from tale_tui.engine.models.loading.residency_log import Diary
from tale_tui.engine.models.registry import Backends
from tale_tui.engine.types import BackendName, LoadedModel, ModelRef, Role

LOADED_MS = 100.0
"""A call that spent more on loading found its model gone; servers report a few milliseconds for one that is there."""
Lane = tuple[ModelRef, Role | None]
"""A model and the role whose process it is in; None where the roles share it."""


class Occupancy:
    """What is believed of models in memory, and the calls that are under way.

    Args:
        monotonic: the clock, in seconds.
        trust_s: how long something is believed.
    """

    def __init__(self, monotonic: Callable[[], float], trust_s: float) -> None:
        self._monotonic = monotonic
        self._trust_s = trust_s
        self._resident: dict[Lane, tuple[LoadedModel, float]] = {}
        """What was in memory, and until when that is believed."""
        self._calls: Counter[ModelRef] = Counter()
        self._idle: defaultdict[ModelRef, asyncio.Event] = defaultdict(asyncio.Event)
        self._last_call: dict[ModelRef, float] = {}

    def believe(self, model: LoadedModel) -> None:
        """A model was seen in memory."""
        self._resident[model.ref, model.role] = (model, self._monotonic() + self._trust_s)

    def refresh(self, ref: ModelRef, role: Role) -> None:
        """A model answered for a role, so it is in memory still, where it was believed to be."""
        for lane in ((ref, None), (ref, role)):
            if lane in self._resident:
                self.believe(self._resident[lane][0])

    def doubt(self, ref: ModelRef) -> None:
        """It may be gone."""
        for role in (None, *Role):
            self._resident.pop((ref, role), None)

    def clear(self) -> None:
        """Nothing is in memory any more."""
        self._resident.clear()

    def resident(self, ref: ModelRef, role: Role | None = None) -> LoadedModel | None:
        """A model that is taken to be in memory, for this role or for any; None where that is not known."""
        now = self._monotonic()
        for lane in ((ref, None), *((ref, one) for one in Role if role in (None, one))):
            model, until = self._resident.get(lane, (None, 0.0))
            if model and now < until:
                return model
        return None

    def last_seen(self, backend: BackendName) -> set[ModelRef]:
        """The models of a backend that were in memory when they were last looked at."""
        return {ref for ref, _ in self._resident if ref.backend is backend}

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
class Place:
    """A backend and what it has in memory."""

    name: BackendName
    local: bool
    """Whether that is the memory of this machine."""
    models: tuple[LoadedModel, ...]


class Loader:
    """Loads models.

    Args:
        backends: by name.
        window: the context window that the user set, in tokens; 0 takes what the backend thinks right for a model.
        monotonic: the clock, in seconds.
        occupancy: who is in memory and who is at work.
        breakers: what failed lately.
        guard: lets models into memory; None lets in all.
        diary: takes note of loads and ends.

    Attributes:
        troubled: set when a model failed; who heeds it clears it.
    """

    def __init__(
        self,
        backends: Backends,
        window: int,
        monotonic: Callable[[], float],
        occupancy: Occupancy,
        breakers: Breakers,
        guard: Guard | None,
        diary: Diary,
    ) -> None:
        self._backends = backends
        self._window = window
        self._monotonic = monotonic
        self._occupancy = occupancy
        self._breakers = breakers
        self._guard = guard
        self._diary = diary
        self._windows: dict[ModelRef, int] = {}
        self._served: dict[ModelRef, int | None] = {}
        """The window that was served when the model was last loaded here."""
        self._loading: defaultdict[Lane, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._guests: dict[tuple[ModelRef, Role], Role] = {}
        """Roles that have no process of their own for a model, as it would not fit, and whose process they use."""
        self._sent_away: set[ModelRef] = set()
        """Models that had to make room since they were last loaded."""
        self.troubled = asyncio.Event()

    async def window(self, ref: ModelRef) -> int:
        """The context window to ask for, in tokens; the same in every call.

        Raises:
            ModelError: its backend cannot say.
        """
        if self._window:
            return self._window
        if ref not in self._windows:
            backend = await self._backends.get(ref.backend)
            self._windows[ref] = await backend.default_window(ref.model)
        return self._windows[ref]

    def known_window(self, ref: ModelRef) -> int | None:
        """The window of a model as far as it is in memory here: served, else to be asked for."""
        return self._served.get(ref) or self._window or self._windows.get(ref)

    def process_of(self, ref: ModelRef, role: Role) -> Role:
        """The role whose process serves a role, where roles have processes of their own."""
        return self._guests.get((ref, role), role)

    def resident(self, ref: ModelRef, role: Role) -> LoadedModel | None:
        """A model that is taken to be in memory for a role; None where that is not known."""
        return self._occupancy.resident(ref, self.process_of(ref, role))

    def was_sent_away(self, ref: ModelRef) -> bool:
        """Whether a model had to make room since it was last loaded."""
        return ref in self._sent_away

    async def load(self, ref: ModelRef, waiting: Callable[[], None], role: Role, *, push: bool) -> LoadedModel:
        """See `Pool.load`."""
        if believed := self.resident(ref, role):
            return believed
        backend = await self._backends.get(ref.backend)
        lane = (ref, role if isinstance(backend, LanedBackend) else None)
        if self._loading[lane].locked():
            waiting()
        async with self._loading[lane]:
            if self._guard is not None:
                await self._guard.settled(ref)
            if believed := self.resident(ref, role):
                return believed
            began = self._monotonic()
            try:
                loaded = await self._present(backend, lane, waiting, push=push)
            except ModelError as error:
                await self.failed(ref, error, began)
                raise
            self._served[ref] = loaded.window
            self._sent_away.discard(ref)
            self._occupancy.believe(loaded)
            return loaded

    async def _present(self, backend: Backend, lane: Lane, waiting: Callable[[], None], *, push: bool) -> LoadedModel:
        """The model of a lane in memory: as it is there, else loaded."""
        ref, role = lane
        window = await self.window(ref)
        present = await backend.loaded()
        self._look_for_lost(backend, present)
        there = [model for model in present if model.ref == ref]
        own = next((model for model in there if model.role is role), None)
        if own is not None and own.window in (None, window, self._served.get(ref)):
            return own
        waiting()
        if role is None or own is not None or not there:
            return await self._loaded(backend, lane, window, push=push)
        # Another role has a process for this model: a second one is a luxury.
        try:
            loaded = await self._loaded(backend, lane, window, push=False)
        except OutOfMemory:
            if there[0].role is None:
                raise
            self._guests[ref, role] = there[0].role
            return there[0]
        self._guests.pop((ref, role), None)
        return loaded

    async def _loaded(self, backend: Backend, lane: Lane, window: int, *, push: bool) -> LoadedModel:
        ref, role = lane
        began = self._monotonic()
        gone: tuple[ModelRef, ...] = ()
        try:
            if self._guard is not None and backend.local:
                forecast = await backend.forecast(ref.model, window)
                gone = await self._guard.admit(ref, forecast, window, self, push=push)
            starting = self._monotonic()
            if role is not None and isinstance(backend, LanedBackend):
                loaded = await backend.load_for(role, ref.model, window)
            else:
                loaded = await backend.load(ref.model, window, keep=True)
        finally:
            if self._guard is not None:
                self._guard.arrived(ref)
        self._guests = {guest: host for guest, host in self._guests.items() if guest != lane}
        ended = self._monotonic()
        took_ms = (ended - starting) * 1000 if loaded.load_ms is None else loaded.load_ms
        if took_ms or loaded.load_ms is None:  # else a call loaded it while this one waited
            await self._diary.note(ref, "load", took_ms, loaded.size_bytes)
        if gone:
            await self._diary.note(ref, "switch", (ended - began) * 1000, loaded.size_bytes)
        elif role is None:
            await self._look_for_evicted(backend, ref)
        return loaded

    def _look_for_lost(self, backend: Backend, present: tuple[LoadedModel, ...]) -> None:
        """What a server lost before a load, by its own restart perhaps, did not have to leave for it."""
        for other in self._occupancy.last_seen(backend.name) - {model.ref for model in present}:
            self._occupancy.doubt(other)

    async def _look_for_evicted(self, backend: Backend, ref: ModelRef) -> None:
        """A server may have made room by itself, without a word."""
        others = self._occupancy.last_seen(ref.backend) - {ref}
        if not others:
            return
        evicted = tuple(sorted(others - {model.ref for model in await backend.loaded()}, key=str))
        for other in evicted:
            self._occupancy.doubt(other)
            await self._diary.note(other, "evicted")
        if evicted and self._guard is not None:
            self._guard.alone(ref, evicted)

    # leaving

    async def places(self) -> tuple[Place, ...]:
        """What the backends that were used have in memory; nothing where one does not answer."""
        return tuple(await asyncio.gather(*(_look_at(made) for made in self._backends.made)))

    async def here(self) -> tuple[LoadedModel, ...]:
        """The models in the memory of this machine."""
        return tuple(model for place in await self.places() if place.local for model in place.models)

    async def leave(self, ref: ModelRef) -> None:
        """Have a model leave for another one, as soon as it is not at work."""
        self._occupancy.doubt(ref)
        self._sent_away.add(ref)
        await self._occupancy.idle(ref)
        await self._unloaded(ref)

    async def unload(self, ref: ModelRef) -> None:
        """See `Pool.unload`."""
        if self._occupancy.busy(ref):
            raise WrongState(f"{ref.model} is at work. Wait until it is done, or stop what it does first.")
        self._occupancy.doubt(ref)
        await self._unloaded(ref)

    async def _unloaded(self, ref: ModelRef) -> None:
        backend = await self._backends.get(ref.backend)
        await backend.unload(ref.model)
        self._guests = {guest: host for guest, host in self._guests.items() if guest[0] != ref}
        await self._diary.note(ref, "unload")

    # failing

    async def failed(self, ref: ModelRef, error: ModelError, began: float) -> None:
        """A call or a load that began then failed: take note, so that it is looked after."""
        self._occupancy.doubt(ref)
        if self._breakers.failed(ref, error, began):
            self.troubled.set()
            if isinstance(error, BackendCrashed):
                await self._diary.note(ref, "died")

    async def worked(self, ref: ModelRef, load_ms: float) -> None:
        """A call came to its end: trouble that there was is over.

        Args:
            ref: the model.
            load_ms: of the call, what went into loading.
        """
        if load_ms >= LOADED_MS:
            await self._diary.note(ref, "load", load_ms)
        if (trouble_s := self._breakers.worked(ref)) is not None:
            await self._diary.note(ref, "recovered", trouble_s * 1000)


async def _look_at(backend: Backend) -> Place:
    try:
        models = await backend.loaded()
    except ModelError:  # it is told of in the health of its backend
        models = ()
    return Place(backend.name, backend.local, models)
