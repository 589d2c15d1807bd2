"""Models: who serves which role, what the backends have, what is in memory, and how a model gets here."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from pathlib import Path

from tale_tui.domain.models import (
    BackendName,
    BackendReport,
    ModelInfo,
    ModelRef,
    Progress,
    Residency,
    Role,
    RoleStatus,
)
from tale_tui.engine.models.files.library import add_model
from tale_tui.engine.models.files.starter import STARTER_NAME, fetch
from tale_tui.engine.models.wiring import ModelServices
from tale_tui.engine.unexpected import BackgroundTasks

STARTER = ModelRef(BackendName.EMBEDDED, STARTER_NAME)
"""The starter model."""
LOOKING_AFTER = "Looking after the models"
LOOKING_FOR = "Looking for the models"


class ModelService:
    """Implements `api.ModelApi`, where each verb is described. `close` ends what it does in the background.

    Args:
        services: the models and what lives on them.
        models_dir: where model files are.
    """

    def __init__(self, services: ModelServices, models_dir: Path) -> None:
        self._services = services
        self._pool = services.pool
        self._roles = services.roles
        self._models_dir = models_dir
        self._keeps = False
        self._background = BackgroundTasks(services.roles.broke_off)

    # what the engine says

    def keep_loaded(self) -> None:
        """Load the models of the roles, and look after them from now on, rather than when a turn wants them."""
        if not self._keeps:
            self._keeps = True
            self._background.start(self._services.supervisor.run(), LOOKING_AFTER)

    def statuses(self) -> tuple[RoleStatus, ...]:
        """Both roles, as they are now; where nothing is kept loaded their models are looked for meanwhile."""
        if not self._keeps:
            self._background.start(self._roles.resolve(), LOOKING_FOR)
        return self._roles.states.statuses()

    async def close(self) -> None:
        """End what was begun in the background."""
        await self._background.close()

    # the verbs

    async def roles(self) -> tuple[RoleStatus, ...]:
        """Only the first call of an engine that keeps nothing loaded asks the backends."""
        if not self._keeps:
            await self._roles.resolve()
        return self._roles.states.statuses()

    async def backends(self) -> tuple[BackendReport, ...]:
        return await self._pool.reports(self._known())

    async def use(self, role: Role, ref: ModelRef) -> RoleStatus:
        self._pool.breakers.forgive(ref)
        return await self._roles.assign(role, ref)

    async def retry_role(self, role: Role) -> RoleStatus:
        if ref := self._roles.states.status(role).ref:
            self._pool.breakers.forgive(ref)
        return await self._roles.retry(role)

    async def pull(self, ref: ModelRef) -> AsyncGenerator[Progress, None]:
        async with aclosing(self._pool.pull(ref)) as steps:
            async for step in steps:
                yield step
        await self._added(ref)

    async def fetch_starter(self, *, source: str = "") -> AsyncGenerator[Progress, None]:
        name = STARTER.model
        async with aclosing(fetch(source, self._models_dir)) as steps:
            async for step in steps:
                name = step.label if step.finished else name
                yield step
        await self._added(ModelRef(BackendName.EMBEDDED, name))

    async def add(self, path: str) -> ModelInfo:
        info = await add_model(path, self._models_dir)
        await self._added(info.ref)
        return info

    async def residency(self) -> Residency:
        return await self._services.reporter.report(self._known())

    async def load(self, ref: ModelRef) -> Residency:
        self._pool.breakers.forgive(ref)
        served = [status.role for status in self._roles.states.statuses() if status.ref == ref]
        for role in served or [Role.TASK]:
            await self._roles.load(ref, role=role, may_evict=False)
        return await self.residency()

    async def unload(self, ref: ModelRef) -> Residency:
        await self._pool.unload(ref)
        self._services.supervisor.leave_unloaded(ref)
        return await self.residency()

    def _known(self) -> tuple[BackendName, ...]:
        """Backends that may serve, or that a role names."""
        named = tuple(status.ref.backend for status in self._roles.states.statuses() if status.ref)
        return tuple(dict.fromkeys((*self._pool.automatic, *named)))

    async def _added(self, ref: ModelRef) -> None:
        await self._roles.added(ref)
        if self._keeps:
            self._background.start(self._roles.warm(), LOOKING_FOR)
