"""The engine: what is wired to what, how it starts and stops, and its verbs."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable, Mapping
from typing import Self

from tale_tui.engine.bus import Bus
from tale_tui.engine.chat.asking import Tools
from tale_tui.engine.chat.judging import Judging
from tale_tui.engine.chat.openings import Openings
from tale_tui.engine.chat.prompting import Prompter
from tale_tui.engine.chat.turns import Turns
from tale_tui.engine.detect import LEARNED_FILE, Detectors, Learner
from tale_tui.engine.events import Fact, Notice, RoleChanged, TurnEvent
from tale_tui.engine.model_verbs import ModelVerbs
from tale_tui.engine.models.backend import Backend
from tale_tui.engine.models.registry import BackendRegistry, configured_backends, given_backends
from tale_tui.engine.models.wiring import build_model_services
from tale_tui.engine.route import Router
from tale_tui.engine.session_verbs import SessionVerbs
from tale_tui.engine.store import Store
from tale_tui.engine.task_types import Judged
from tale_tui.engine.task_verbs import TaskVerbs
from tale_tui.engine.tasks.local import local_executor
from tale_tui.engine.types import BackendName, Finding, ModelRef
from tale_tui.engine.whole_verbs import WholeVerbs
from tale_tui.engine.world import World
from tale_tui.paths import Paths
from tale_tui.settings import Settings

log = logging.getLogger(__name__)


class Engine(SessionVerbs, ModelVerbs, TaskVerbs, WholeVerbs):
    """Implements `verbs.Verbs`, where each verb is described. Made by `Engine.start`, ended by `stop`.

    Args:
        paths: the four folders.
        settings: all settings.
        world: the clock and the ids.
        store: open.
        backends: by name.
        load: whether the model of the role ux is kept loaded, rather than when a turn wants it.
        read_only: whether nothing may be changed, so that no task is run.
        works_queue: whether everything that is queued is worked off, or only what somebody follows.
        ends: begins the end of this process, where it has no window.
    """

    def __init__(
        self,
        paths: Paths,
        settings: Settings,
        world: World,
        store: Store,
        backends: BackendRegistry,
        *,
        load: bool,
        read_only: bool,
        works_queue: bool,
        ends: Callable[[], None] | None,
    ) -> None:
        bus = Bus()
        services = build_model_services(backends, store, settings, world, bus.publish)
        pool, roles = services.pool, services.roles
        prompter = Prompter(store, pool, settings)
        router = Router(roles, pool, settings.route)
        detectors = Detectors(paths.data / LEARNED_FILE)
        detect = settings.detect
        self._judging = Judging(store, detectors, detect, router.preview, world.now)
        learns = detect.enabled and detect.learn and not read_only
        self._learner = Learner(store, detectors, lambda: turns.busy or executor.busy, enabled=learns)
        tools = Tools(store, pool, roles, router, prompter, settings.chat, world, bus.publish)
        executor = local_executor(
            *(store, backends, pool, roles, router, settings, world, bus.publish), works_queue=works_queue
        )
        turns = Turns(tools, Openings(tools, self._judging, executor, self._learner.nudge))
        SessionVerbs.__init__(self, store, turns, bus.publish)
        ModelVerbs.__init__(self, services, paths.models, load=load)
        TaskVerbs.__init__(self, store, executor)
        WholeVerbs.__init__(
            self, store, roles, bus, world.now(), works_queue=works_queue, can_write=not read_only, ends=ends
        )
        self._bus = bus
        self._paths = paths
        self._settings = settings
        self._read_only = read_only
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
        works_queue: bool = True,
        ends: Callable[[], None] | None = None,
        told: Callable[[Notice], None] | None = None,
    ) -> Self:
        """Open the store and be ready for verbs. The model of the role ux is looked for and loaded meanwhile.

        Args:
            paths: the four folders.
            settings: all settings.
            world: the clock and the ids; None for the real ones.
            backends: these and no others; None makes those of the settings when they are needed.
            load: False touches no model until a turn wants one: for commands that only read.
            read_only: True changes nothing in the data folder; another process is its engine.
            works_queue: False, for a command that is the engine while it waits: of the queued tasks only those are run
                that somebody follows (`Verbs.follow_task`), and what these wait for.
            ends: begins the end of this process, for an engine without a window; None where there is a window.
            told: is told what opening the database brought, for who does not watch; None tells those who do.
        Raises:
            StoreError: the database cannot be used; the class says why.
        """
        world = world or World()
        store = await Store.open(paths.database, world, read_only=read_only)
        made = configured_backends(settings, paths) if backends is None else given_backends(backends)
        engine = cls(
            *(paths, settings, world, store, made),
            load=load,
            read_only=read_only,
            works_queue=works_queue,
            ends=ends,
        )
        started = False
        try:
            await engine._begin(told or engine._publish)
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
        self, session_id: str, text: str, *, key: str, ref: ModelRef | None = None, as_task: bool | None = None
    ) -> AsyncGenerator[TurnEvent, None]:
        """See `Verbs.send`."""
        return self._turns.send(session_id, text, key, ref, as_task)

    def regenerate(self, session_id: str, message_id: str) -> AsyncGenerator[TurnEvent, None]:
        """See `Verbs.regenerate`."""
        return self._turns.regenerate(session_id, message_id)

    def edit(self, session_id: str, message_id: str, text: str, *, key: str) -> AsyncGenerator[TurnEvent, None]:
        """See `Verbs.edit`."""
        return self._turns.edit(session_id, message_id, text, key)

    def resume(self, session_id: str, message_id: str) -> AsyncGenerator[TurnEvent, None]:
        """See `Verbs.resume`."""
        return self._turns.resume(session_id, message_id)

    def reroute(self, session_id: str, message_id: str, *, as_task: bool) -> AsyncGenerator[TurnEvent, None]:
        """See `Verbs.reroute`."""
        return self._turns.reroute(session_id, message_id, as_task)

    async def judge(self, text: str, *, session_id: str = "") -> Judged:
        """See `Verbs.judge`."""
        return await self._judging.judge(text, session_id)

    async def doctor(self) -> tuple[Finding, ...]:
        """See `Verbs.doctor`."""
        # Loaded here alone: few ask, and looking at the machine takes libraries of its own.
        from tale_tui.engine.doctor import examine

        statuses = await self.roles()
        reports = await self.backends()
        return await examine(self._paths, self._settings, self._store, statuses, reports)

    async def watch(self, *, window: bool = False) -> AsyncGenerator[Fact, None]:
        """See `Verbs.watch`; ends when the engine stops."""
        if window and not self._load and not self._read_only:
            self._load = True
            self._keep_models()
        if not self._load:
            self._in_background(self._roles.resolve())
        subscription = self._bus.subscribe([RoleChanged(status) for status in self._roles.statuses()])
        try:
            async for fact in subscription:
                yield fact
        finally:
            self._bus.unsubscribe(subscription)

    async def _begin(self, told: Callable[[Notice], None]) -> None:
        for notice in self._store.notices:
            told(notice)
        if count := self._store.interrupted:
            replies = "A reply" if count == 1 else f"{count} replies"
            sentence = f"{replies} broke off when the application ended. What came is kept and can be continued."
            self._publish(Notice("Interrupted", sentence))
        await self._roles.restore()
        if not self._read_only:
            await self._executor.remember()
            self._executor.start()
        if self._load:
            self._keep_models()
            self._learner.nudge()

    async def _end(self) -> None:
        await self._learner.close()
        await self._turns.close()
        await self._executor.close()
        await self._stop_background()
        self._bus.close()
        await self._pool.close()
        await self._store.close()
        log.info("the engine has stopped")
