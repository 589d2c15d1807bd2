"""The engine: what is wired to what, how it starts and stops, and its verbs."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Mapping
from typing import Self

from tale_tui.engine.bus import Bus
from tale_tui.engine.chat.asking import Tools
from tale_tui.engine.chat.prompting import Prompter
from tale_tui.engine.chat.turns import Turns
from tale_tui.engine.events import Fact, Notice, RoleChanged, TurnEvent
from tale_tui.engine.model_verbs import ModelVerbs
from tale_tui.engine.models.backend import Backend
from tale_tui.engine.models.configured import Backends, configured_backends, given_backends
from tale_tui.engine.models.pool import Pool
from tale_tui.engine.models.roles import Roles
from tale_tui.engine.session_verbs import SessionVerbs
from tale_tui.engine.store import Store
from tale_tui.engine.types import BackendName, Finding, ModelRef, Role
from tale_tui.engine.world import World
from tale_tui.paths import Paths
from tale_tui.settings import Settings

log = logging.getLogger(__name__)


class Engine(SessionVerbs, ModelVerbs):
    """Implements `verbs.Verbs`, where each verb is described. Made by `Engine.start`, ended by `stop`.

    Args:
        paths: the four folders.
        settings: all settings.
        world: the clock and the ids.
        store: open.
        backends: by name.
        load: whether the model of the role ux is kept loaded, rather than when a turn wants it.
    """

    def __init__(
        self, paths: Paths, settings: Settings, world: World, store: Store, backends: Backends, *, load: bool
    ) -> None:
        bus = Bus()
        pool = Pool(backends, window=settings.chat.window, probe_s=settings.limits.probe_s, monotonic=world.monotonic)
        chosen = {Role.UX: settings.ux, Role.TASK: settings.task}
        roles = Roles(pool, store, chosen, bus.publish, world.now)
        prompter = Prompter(store, pool, settings)
        turns = Turns(Tools(store, pool, roles, prompter, settings.chat, world, bus.publish))
        SessionVerbs.__init__(self, store, turns, bus.publish)
        ModelVerbs.__init__(self, pool, roles, paths.models, load=load)
        self._bus = bus
        self._paths = paths
        self._settings = settings
        self._stopping: asyncio.Task[None] | None = None

    @classmethod
    async def start(
        cls,
        paths: Paths,
        settings: Settings,
        world: World | None = None,
        *,
        backends: Mapping[BackendName, Backend] | None = None,
        load: bool = True,
        read_only: bool = False,
    ) -> Self:
        """Open the store and be ready for verbs. The model of the role ux is looked for and loaded meanwhile.

        Args:
            paths: the four folders.
            settings: all settings.
            world: the clock and the ids; None for the real ones.
            backends: these and no others; None makes those of the settings when they are needed.
            load: False touches no model until a turn wants one: for commands that only read.
            read_only: True changes nothing in the data folder; another process is its engine.
        Raises:
            StoreError: the database cannot be used; the class says why.
        """
        world = world or World()
        store = await Store.open(paths.database, world, read_only=read_only)
        made = configured_backends(settings, paths) if backends is None else given_backends(backends)
        engine = cls(paths, settings, world, store, made, load=load)
        started = False
        try:
            await engine._begin()
            started = True
        finally:
            if not started:
                await engine.stop()
        return engine

    async def stop(self) -> None:
        """End turns (their replies can be continued after the next start), models and the store. Again does nothing."""
        if self._stopping is None:
            self._stopping = asyncio.create_task(self._end(), name="stopping")
        await asyncio.shield(self._stopping)

    def send(
        self, session_id: str, text: str, *, key: str, ref: ModelRef | None = None
    ) -> AsyncGenerator[TurnEvent, None]:
        """See `Verbs.send`."""
        return self._turns.send(session_id, text, key, ref)

    def regenerate(self, session_id: str, message_id: str) -> AsyncGenerator[TurnEvent, None]:
        """See `Verbs.regenerate`."""
        return self._turns.regenerate(session_id, message_id)

    def edit(self, session_id: str, message_id: str, text: str, *, key: str) -> AsyncGenerator[TurnEvent, None]:
        """See `Verbs.edit`."""
        return self._turns.edit(session_id, message_id, text, key)

    def resume(self, session_id: str, message_id: str) -> AsyncGenerator[TurnEvent, None]:
        """See `Verbs.resume`."""
        return self._turns.resume(session_id, message_id)

    async def doctor(self) -> tuple[Finding, ...]:
        """See `Verbs.doctor`."""
        # Loaded here alone: few ask, and looking at the machine takes libraries of its own.
        from tale_tui.engine.doctor import examine

        statuses = await self.roles()
        reports = await self.backends()
        return await examine(self._paths, self._settings, self._store, statuses, reports)

    async def watch(self) -> AsyncGenerator[Fact, None]:
        """See `Verbs.watch`; ends when the engine stops."""
        if not self._load:
            self._in_background(self._roles.resolve())
        subscription = self._bus.subscribe([RoleChanged(status) for status in self._roles.statuses()])
        try:
            async for fact in subscription:
                yield fact
        finally:
            self._bus.unsubscribe(subscription)

    async def _begin(self) -> None:
        for notice in self._store.notices:
            self._publish(notice)
        if count := self._store.interrupted:
            replies = "A reply" if count == 1 else f"{count} replies"
            sentence = f"{replies} broke off when the application ended. What came is kept and can be continued."
            self._publish(Notice("Interrupted", sentence))
        await self._roles.restore()
        if self._load:
            self._in_background(self._roles.warm())

    async def _end(self) -> None:
        await self._turns.close()
        await self._stop_background()
        self._bus.close()
        await self._pool.close()
        await self._store.close()
        log.info("the engine has stopped")
