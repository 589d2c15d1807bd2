"""The ways in: `open_engine` finds the engine of a data folder or makes this process be it; `find_engine` finds it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, cast

from filelock import FileLock, Timeout

from tale_tui.config.paths import Paths
from tale_tui.domain.clock import Clock
from tale_tui.domain.constants import TAKEOVER_PAUSE_S, TAKEOVER_TIMEOUT_S
from tale_tui.domain.errors import EngineLost
from tale_tui.engine.api import EngineApi
from tale_tui.engine.ipc.client import LocalEngine, open_engine_on
from tale_tui.engine.ipc.endpoint import lock_path, socket_path
from tale_tui.engine.ipc.remote import connect

if TYPE_CHECKING:
    from tale_tui.config.settings import Settings
    from tale_tui.domain.events import Notice
    from tale_tui.domain.models import BackendName
    from tale_tui.engine.models.backend import Backend


@asynccontextmanager
async def open_engine(
    paths: Paths,
    settings: Settings | Callable[[], Settings],
    clock: Clock | None = None,
    *,
    load: bool = True,
    works_queue: bool = True,
    ends: Callable[[], None] | None = None,
    told: Callable[[Notice], None] | None = None,
    backends: Mapping[BackendName, Backend] | None = None,
) -> AsyncIterator[EngineApi]:
    """The engine of `paths.data`, as long as the block lasts.

    Args:
        paths: the four folders; they exist.
        settings: used where this process is the engine; an engine that runs already keeps its own. What makes them is
            called then and not before, as it takes time.
        clock: the time and the ids; None for the real one.
        load: whether an engine here loads the model of the role ux at once; False waits for the first turn.
        works_queue: whether an engine here works off the queue; False runs only the tasks that somebody follows.
        ends: begins the end of this process, where it has no window and may be ended by `ControlApi.stop`.
        told: is told what opening the database here brought, for who does not watch; None tells those who do.
        backends: instead of those that the settings name.
    Raises:
        StoreError: the database cannot be used.
        EngineLost: another process holds the folder and does not answer.
        EngineMismatch: the engine that runs is of another version.
    """

    async def start(read_only: bool) -> LocalEngine:
        # Loaded here alone: a process that only speaks to an engine needs no store and no models.
        from tale_tui.engine.engine import Engine

        return await Engine.start(
            paths,
            settings() if callable(settings) else settings,
            clock or Clock(),
            backends=backends,
            load=load and not read_only,
            read_only=read_only,
            works_queue=works_queue,
            ends=ends,
            told=told,
        )

    async with open_engine_on(paths.data, start) as client:
        yield client


@asynccontextmanager
async def find_engine(paths: Paths) -> AsyncIterator[EngineApi | None]:
    """The engine that runs on `paths.data`, in another process, as long as the block lasts; None where none does.

    Unlike with `open_engine`, this process never becomes the engine: when the other one ends, calls raise `EngineLost`.

    Args:
        paths: the four folders.
    Raises:
        EngineLost: another process holds the folder and does not answer.
        EngineMismatch: the engine that runs is of another version.
    """
    deadline = asyncio.get_running_loop().time() + TAKEOVER_TIMEOUT_S
    while True:
        try:
            remote = await connect(socket_path(paths.data))
            break
        except EngineLost:
            if _is_free(paths):
                yield None
                return
            # It is starting, or about to end.
            if asyncio.get_running_loop().time() > deadline:
                raise
            await asyncio.sleep(TAKEOVER_PAUSE_S)
    try:
        yield cast("EngineApi", remote)
    finally:
        await remote.close()


def _is_free(paths: Paths) -> bool:
    """Whether nobody is the engine of the folder."""
    if not paths.data.is_dir():
        return True
    try:
        with FileLock(lock_path(paths.data), mode=0o600, timeout=0):
            return True
    except Timeout:
        return False
    except OSError:
        # A folder that cannot be written has no engine.
        return True
