"""Keeps models where they are wanted: the one that answers always, the one that works where there is room for both."""

from __future__ import annotations

import asyncio
from collections import defaultdict, deque
from collections.abc import Callable
from contextlib import suppress

from tale_tui.config.settings import MemorySettings
from tale_tui.domain.constants import (
    EVICTIONS_MAX,
    EVICTIONS_WITHIN_S,
    RESIDENT_TRUST_S,
    SUPERVISOR_CHECK_S,
    SUPERVISOR_PAUSE_MIN_S,
)
from tale_tui.domain.errors import ModelError, OutOfMemory, TaleError
from tale_tui.domain.events import Fact, Notice
from tale_tui.domain.models import BackendName, LoadedModel, ModelRef, ResidencyChange, Role, RoleState
from tale_tui.engine.models.loading.memory import MemoryGuard
from tale_tui.engine.models.loading.residency_log import ResidencyLog
from tale_tui.engine.models.pool import Pool
from tale_tui.engine.models.roles.roles import Roles


class ModelSupervisor:
    """Has the models of the roles loaded, and again when they were evicted or died.

    Args:
        pool: loads them.
        roles: who serves.
        guard: knows how much room there is.
        residency_log: takes note, and knows how long loads take.
        settings: whether both are to stay.
        publish: takes the facts.
        monotonic: seconds of a clock that only goes forward.
        given_back: whether its backend gives a model back some time after a call, because the user said so.
    """

    def __init__(
        self,
        pool: Pool,
        roles: Roles,
        guard: MemoryGuard,
        residency_log: ResidencyLog,
        settings: MemorySettings,
        publish: Callable[[Fact], None],
        monotonic: Callable[[], float],
        given_back: Callable[[ModelRef], bool] = lambda ref: False,
    ) -> None:
        self._pool = pool
        self._roles = roles
        self._guard = guard
        self._residency_log = residency_log
        self._both = settings.both
        self._publish = publish
        self._monotonic = monotonic
        self._given_back = given_back
        self._left_unloaded: set[ModelRef] = set()
        """Models that the user had unloaded, or wants to be given back: they come back with their next call."""
        self._seen: set[tuple[ModelRef, Role]] = set()
        """What was in memory at the last look."""
        self._returned: set[BackendName] = set()
        """Servers that are back, and whose models have not been seen to yet."""
        self._unused: set[ModelRef] = set()
        """Models that serve no role any more, and are given back as soon as they are not at work."""
        self._evictions: defaultdict[ModelRef, deque[float]] = defaultdict(lambda: deque(maxlen=EVICTIONS_MAX))
        """When a server evicted a model for somebody else, by the clock that only goes forward."""
        self._pairs: set[tuple[ModelRef, ModelRef]] = set()
        """Models of both roles of which it was looked up whether they fit together."""
        self.one_model = False
        """Whether the models of the two roles do not fit together."""
        pool.preemption.contend = self._contend
        pool.servers.listen(left=self._server_left, returned=self._server_returned)

    # what others may ask

    def keeps(self, role: Role, ref: ModelRef) -> bool:
        """Whether the model of a role is loaded again when it is evicted."""
        if ref in self._left_unloaded or self._given_back(ref) or self._contested(ref):
            return False
        return role is Role.UX or (self._both != "no" and not self.one_model and (ref, role) in self._seen)

    def _contend(self, one: ModelRef, other: ModelRef) -> bool:
        """Whether calls of two models wait for each other: of one model, or where a server holds one of them."""
        return one == other or (self.one_model and one.backend is other.backend)

    def leave_unloaded(self, ref: ModelRef) -> None:
        """The user had a model unloaded: leave it so until it is called for."""
        self._left_unloaded.add(ref)
        self._roles.gone(ref)

    def chat_waits_s(self) -> float | None:
        """In one-model mode: how long a conversation waits for its model, in seconds, where that is known."""
        ux = self._roles.states.status(Role.UX).ref
        return self._residency_log.typical_load_s(ux) if self.one_model and ux else None

    # the rounds

    async def run(self) -> None:
        """Load what is wanted, then look after it, for ever."""
        await self._roles.warm()
        while True:
            await self.check()
            delay = max(SUPERVISOR_PAUSE_MIN_S, self.next_check_s())
            with suppress(TimeoutError):
                async with asyncio.timeout(delay):
                    await self._pool.troubled.wait()
            self._pool.troubled.clear()

    async def check(self) -> None:
        """See to the models of both roles once."""
        if self._returned:
            returned, self._returned = self._returned, set()
            await self._roles.look_again(returned)
        await self._give_back()
        await self._remember_apart()
        for role in Role:
            ref = self._roles.states.status(role).ref
            if ref is not None:
                await self._residency_log.learn(ref)
                # What is wrong is in the state of the role; the next check tries again.
                with suppress(TaleError):
                    await self._ensure(role, ref)
        if self.one_model and all(self._in_memory(role) for role in Role):
            self.one_model = False

    async def _give_back(self) -> None:
        """What no role uses any more is not kept."""
        self._unused.update(self._roles.unused())
        self._unused -= {ref for role in Role if (ref := self._roles.states.status(role).ref)}
        for ref in [ref for ref in self._unused if not self._pool.residency.busy(ref)]:
            self._unused.discard(ref)
            if self._pool.servers.away(ref.backend) is None:
                with suppress(ModelError):  # then the server gives it back by itself
                    await self._pool.let_go(ref)

    async def _remember_apart(self) -> None:
        """A server that could not hold the models of both roles last time is not made to try again."""
        ux, task = (self._roles.states.status(role).ref for role in (Role.UX, Role.TASK))
        if ux is None or task is None or ux == task or (ux, task) in self._pairs:
            return
        self._pairs.add((ux, task))
        self.one_model = self.one_model or await self._residency_log.evicts(task, ux)

    def next_check_s(self) -> float:
        """Seconds until there may be something to do."""
        waits = [self._pool.breakers.wait_s(ref) for role in Role if (ref := self._roles.states.status(role).ref)]
        return min([wait for wait in waits if wait > 0] + [SUPERVISOR_CHECK_S])

    async def _ensure(self, role: Role, ref: ModelRef) -> None:
        state = self._roles.states.status(role).state
        if state is RoleState.LOADING or self._pool.breakers.wait_s(ref) > 0:
            return
        if self._pool.servers.away(ref.backend) is not None:  # which is noticed when it is back
            return
        if ref in self._left_unloaded:
            if self._pool.resident(ref, role) is None:
                return
            self._left_unloaded.discard(ref)
        if state is RoleState.AWAY or (state is RoleState.FAILED and self._pool.breakers.troubled(ref)):
            await self._roles.retry(role)
            return
        if state is RoleState.FAILED and not await self._fits_now(role, ref):
            return
        present = await self._present(role, ref)
        if present is not None:
            self._pool.residency.set(present)
            self._seen.add((ref, role))
            await self._roles.load(ref, role=role)
            if role is Role.UX or self._both != "no":
                await self._pool.renew(ref)
            return
        if (ref, role) in self._seen and self._given_back(ref):
            self._pool.residency.invalidate(ref)
            self.leave_unloaded(ref)
            return
        await self._note_lost(role, ref)
        if await self._wanted(role, ref):
            await self._roles.load(ref, role=role, may_evict=role is Role.UX)
            self._seen.add((ref, role))

    async def _present(self, role: Role, ref: ModelRef) -> LoadedModel | None:
        """The model of a role in memory, as its backend says now."""
        try:
            loaded = await self._pool.loaded(ref.backend)
        except ModelError as error:
            await self._pool.failed(ref, error)
            await self._roles.failed(ref, error, role=role)
            raise
        return next((model for model in loaded if model.ref == ref and model.role in (None, role)), None)

    async def _fits_now(self, role: Role, ref: ModelRef) -> bool:
        """Whether a model that did not fit into memory would by now."""
        if not isinstance(self._roles.failure(role), OutOfMemory):
            return False
        return await self._guard.fits(ref, await self._pool.forecast(ref), await self._pool.here())

    async def _note_lost(self, role: Role, ref: ModelRef) -> None:
        """Take note of a model that is not in memory."""
        self._pool.residency.invalidate(ref)
        if (ref, role) in self._seen:
            self._seen.discard((ref, role))
            self._roles.gone(ref, role if self._pool.separate(ref) else None)
            if self._pool.separate(ref):
                await self._residency_log.note(ref, ResidencyChange.DIED)
            else:
                await self._residency_log.note(ref, ResidencyChange.EVICTED)
                self._note_contest(ref)

    def _note_contest(self, ref: ModelRef) -> None:
        """Other programs want the room of a model: where that goes on it is left to them until it is called for."""
        told = self._contested(ref)
        self._evictions[ref].append(self._monotonic())
        if self._contested(ref) and not told:
            minutes = EVICTIONS_WITHIN_S / 60
            sentence = (
                f"{ref.backend.value} took {ref.model} out of memory again, for models of other programs. It is left "
                f"to them for {minutes:.0f} minutes: your next message loads it, which takes a moment. Where all use "
                "the same model, or the server may hold more (OLLAMA_MAX_LOADED_MODELS), all stay."
            )
            self._publish(Notice("Others use the server", sentence, "warning"))

    def _contested(self, ref: ModelRef) -> bool:
        """Whether a server evicted a model so often lately that loading it again would evict those of others."""
        evictions = self._evictions[ref]
        since = self._monotonic() - EVICTIONS_WITHIN_S
        return len(evictions) == EVICTIONS_MAX and evictions[0] > since

    async def _wanted(self, role: Role, ref: ModelRef) -> bool:
        """Whether a model that is not in memory is to be loaded now."""
        if self._contested(ref):
            return False
        if self.one_model:
            others = [other for one in Role if (other := self._roles.states.status(one).ref) and other != ref]
            return role is Role.UX and all(self._pool.residency.idle_s(other) > RESIDENT_TRUST_S for other in others)
        if role is Role.UX:
            return True
        if self._both == "no":
            return False
        forecast = await self._pool.forecast(ref)
        if forecast is None:
            return self._both == "yes"
        return await self._guard.fits(ref, forecast, await self._pool.here())

    def _in_memory(self, role: Role) -> bool:
        ref = self._roles.states.status(role).ref
        return ref is not None and self._pool.resident(ref, role) is not None

    # servers that leave and return

    def _server_left(self, name: BackendName) -> None:
        """What it had in memory was not evicted one by one."""
        self._seen = {(ref, role) for ref, role in self._seen if ref.backend is not name}
        self._roles.server_left(name)

    def _server_returned(self, name: BackendName) -> None:
        self._roles.server_returned(name)
        self._returned.add(name)
        self._pool.troubled.set()

    # one model at a time

    def on_eviction(self, arriving: ModelRef, evicted: tuple[ModelRef, ...]) -> None:
        """Models do not fit together: where both serve a role, one is loaded at a time from now on.

        Args:
            arriving: the model that is loaded.
            evicted: those that leave for it.
        """
        for ref in evicted:
            self._roles.gone(ref)
            self._seen = {(seen, role) for seen, role in self._seen if seen != ref}
        served = {self._roles.states.status(role).ref for role in Role}
        if self.one_model or arriving not in served or not served & set(evicted):
            return
        self.one_model = True
        names = ", ".join(ref.model for ref in evicted)
        waits = self.chat_waits_s()
        how_long = "until its model is loaded again" if waits is None else f"about {max(1, round(waits))} s"
        sentence = (
            f"{arriving.model} and {names} do not fit into memory together, so one is loaded at a time: after a task "
            f"chat will wait {how_long}. A smaller model or window lets both stay."
        )
        self._publish(Notice("One model at a time", sentence, "warning"))
