"""The verbs on the engine as a whole: how it is, and its end where it works without a window."""

from __future__ import annotations

import os
from collections.abc import Callable

from tale_tui import __version__
from tale_tui.engine.bus import Bus
from tale_tui.engine.errors import WrongState
from tale_tui.engine.models.roles.roles import Roles
from tale_tui.engine.store import Store
from tale_tui.engine.task_types import EngineStatus


class WholeVerbs:
    """A part of `Engine`. The verbs are described in `verbs.Verbs`.

    Args:
        store: counts the tasks.
        roles: who serves.
        bus: knows who watches.
        started: when this engine began, in seconds since the epoch.
        works_queue: whether it works off everything that is queued, or only what somebody follows.
        can_write: whether anything can be changed, so that tasks can be run.
        ends: begins the end of this process, where it is an engine without a window; None for one with a window.
    """

    def __init__(
        self,
        store: Store,
        roles: Roles,
        bus: Bus,
        started: float,
        *,
        works_queue: bool,
        can_write: bool,
        ends: Callable[[], None] | None,
    ) -> None:
        self._store = store
        self._roles = roles
        self._bus = bus
        self._started = started
        self._works_queue = works_queue
        self._can_write = can_write
        self._ends = ends

    async def status(self) -> EngineStatus:
        """See `Verbs.status`."""
        return EngineStatus(
            pid=os.getpid(),
            version=__version__,
            started=self._started,
            background=self._ends is not None,
            roles=self._roles.statuses(),
            tasks=await self._store.task_counts(),
            works_queue=self._works_queue and self._can_write,
            watched=self._bus.readers,
            can_write=self._can_write,
        )

    async def stop_engine(self) -> None:
        """See `Verbs.stop_engine`."""
        if self._ends is None:
            raise WrongState(
                f"Process {os.getpid()} is the engine, and it is a window, or a command that waits for its answer: "
                "end it there."
            )
        self._ends()
