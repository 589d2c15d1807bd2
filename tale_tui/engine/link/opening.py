"""The way in: `open_face` finds the engine of a data folder or makes this process be it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from tale_tui.engine.link.face import LocalEngine, open_face_on
from tale_tui.engine.verbs import Verbs
from tale_tui.engine.world import World
from tale_tui.paths import Paths

if TYPE_CHECKING:
    from tale_tui.engine.models.backend import Backend
    from tale_tui.engine.types import BackendName
    from tale_tui.settings import Settings


@asynccontextmanager
async def open_face(
    paths: Paths,
    settings: Settings,
    world: World | None = None,
    *,
    load: bool = True,
    backends: Mapping[BackendName, Backend] | None = None,
) -> AsyncIterator[Verbs]:
    """The verbs of the engine of `paths.data`, as long as the block lasts.

    Args:
        paths: the four folders; they exist.
        settings: used where this process is the engine; an engine that runs already keeps its own.
        world: the clock and the ids; None for the real ones.
        load: whether an engine here loads the model of the role ux at once; False waits for the first turn.
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
            paths, settings, world or World(), backends=backends, load=load and not read_only, read_only=read_only
        )

    async with open_face_on(paths.data, start) as face:
        yield face
