"""The engine as a whole: how it is, what happens in it, and its end where it works without a window."""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator, Callable, Coroutine
from typing import Any

from tale_tui import __version__
from tale_tui.config.paths import Paths
from tale_tui.config.settings import Settings
from tale_tui.domain.errors import TaleError, WrongState
from tale_tui.domain.events import Fact, RoleChanged
from tale_tui.domain.models import BackendReport, Finding, FindingState, RoleStatus
from tale_tui.domain.recall import RecallState
from tale_tui.domain.tasks import EngineStatus
from tale_tui.engine.bus import Bus
from tale_tui.engine.models.roles.roles import Roles
from tale_tui.engine.models.service import ModelService
from tale_tui.engine.store.store import Store
from tale_tui.engine.unexpected import attempt
from tale_tui.formatting.recall import state_words


class EngineControl:
    """Implements `api.ControlApi`, where each verb is described.

    Args:
        paths: the four folders.
        settings: all settings.
        store: counts the tasks.
        roles: who serves.
        models: are kept loaded for those who watch.
        bus: has the facts, and knows who watches.
        started: when this engine began, in seconds since the epoch.
        works_queue: whether it works off everything that is queued, or only what somebody follows.
        can_write: whether anything can be changed, so that tasks can be run.
        ends: begins the end of this process, where it is an engine without a window; None for one with a window.
        recall: says what finds things by meaning.
    """

    def __init__(
        self,
        paths: Paths,
        settings: Settings,
        store: Store,
        roles: Roles,
        models: ModelService,
        bus: Bus,
        started: float,
        *,
        works_queue: bool,
        can_write: bool,
        ends: Callable[[], None] | None,
        recall: Callable[[], Coroutine[Any, Any, RecallState]],
    ) -> None:
        self._paths = paths
        self._settings = settings
        self._store = store
        self._roles = roles
        self._models = models
        self._bus = bus
        self._started = started
        self._works_queue = works_queue
        self._can_write = can_write
        self._ends = ends
        self._recall = recall

    async def status(self) -> EngineStatus:
        return EngineStatus(
            pid=os.getpid(),
            version=__version__,
            started=self._started,
            background=self._ends is not None,
            roles=self._roles.states.statuses(),
            tasks=await self._store.task_counts(),
            works_queue=self._works_queue and self._can_write,
            watched=self._bus.readers,
            can_write=self._can_write,
        )

    async def stop(self) -> None:
        if self._ends is None:
            raise WrongState(
                f"Process {os.getpid()} is the engine, and it is a window, or a command that waits for its answer: "
                "end it there."
            )
        self._ends()

    async def doctor(self) -> tuple[Finding, ...]:
        # Loaded here alone: few ask, and looking at the machine takes libraries of its own.
        from tale_tui.engine.doctor import examine, trouble

        troubles: list[Finding] = []
        statuses: tuple[RoleStatus, ...] = ()
        reports: tuple[BackendReport, ...] = ()
        try:
            statuses = await attempt(self._models.roles(), "Looking at the roles")
            reports = await attempt(self._models.backends(), "Looking at the backends")
        except TaleError as error:
            troubles.append(trouble("models", error))
        try:
            found = Finding("recall", FindingState.OK, state_words(await attempt(self._recall(), "Looking at recall")))
        except TaleError as error:
            found = trouble("recall", error)
        troubles.append(found)
        return (*await examine(self._paths, self._settings, self._store, statuses, reports), *troubles)

    def watch(self, *, window: bool = False) -> AsyncGenerator[Fact, None]:
        """Ends when the engine stops."""
        if window and self._can_write:
            self._models.keep_loaded()
        return self._bus.watch(lambda: [RoleChanged(status) for status in self._models.statuses()])
