"""The verbs on models: who serves which role, what the backends have, and how a model gets here."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Coroutine
from contextlib import aclosing
from pathlib import Path

from tale_tui.engine.models.files.library import add_model
from tale_tui.engine.models.files.starter import STARTER_NAME, fetch
from tale_tui.engine.models.wiring import ModelServices
from tale_tui.engine.task_types import Residency
from tale_tui.engine.types import BackendName, BackendReport, ModelInfo, ModelRef, Progress, Role, RoleStatus

STARTER = ModelRef(BackendName.EMBEDDED, STARTER_NAME)
"""The starter model."""


class ModelVerbs:
    """A part of `Engine`. The verbs are described in `verbs.Verbs`.

    Args:
        services: the models and what lives on them.
        models_dir: where model files are.
        load: whether the models of the roles are kept loaded, rather than when a turn wants them.
    """

    def __init__(self, services: ModelServices, models_dir: Path, *, load: bool) -> None:
        self._services = services
        self._pool = services.pool
        self._roles = services.roles
        self._models_dir = models_dir
        self._load = load
        self._background: set[asyncio.Task[None]] = set()

    async def roles(self) -> tuple[RoleStatus, ...]:
        """See `Verbs.roles`; only the first call of an engine that loads nothing asks the backends."""
        if not self._load:
            await self._roles.resolve()
        return self._roles.statuses()

    async def backends(self) -> tuple[BackendReport, ...]:
        """See `Verbs.backends`."""
        return await self._pool.reports(self._known())

    async def use_model(self, role: Role, ref: ModelRef) -> RoleStatus:
        """See `Verbs.use_model`."""
        self._pool.breakers.forgive(ref)
        return await self._roles.assign(role, ref)

    async def retry_role(self, role: Role) -> RoleStatus:
        """See `Verbs.retry_role`."""
        if ref := self._roles.status(role).ref:
            self._pool.breakers.forgive(ref)
        return await self._roles.retry(role)

    async def pull_model(self, ref: ModelRef) -> AsyncGenerator[Progress, None]:
        """See `Verbs.pull_model`."""
        async with aclosing(self._pool.pull(ref)) as steps:
            async for step in steps:
                yield step
        await self._added(ref)

    async def fetch_starter(self, *, source: str = "") -> AsyncGenerator[Progress, None]:
        """See `Verbs.fetch_starter`."""
        name = STARTER.model
        async with aclosing(fetch(source, self._models_dir)) as steps:
            async for step in steps:
                name = step.label if step.finished else name
                yield step
        await self._added(ModelRef(BackendName.EMBEDDED, name))

    async def add_model(self, path: str) -> ModelInfo:
        """See `Verbs.add_model`."""
        info = await add_model(path, self._models_dir)
        await self._added(info.ref)
        return info

    async def residency(self) -> Residency:
        """See `Verbs.residency`."""
        return await self._services.reporter.report(self._known())

    async def load_model(self, ref: ModelRef) -> Residency:
        """See `Verbs.load_model`."""
        self._pool.breakers.forgive(ref)
        served = [status.role for status in self._roles.statuses() if status.ref == ref]
        for role in served or [Role.TASK]:
            await self._roles.load(ref, role=role, may_evict=False)
        return await self.residency()

    async def unload_model(self, ref: ModelRef) -> Residency:
        """See `Verbs.unload_model`."""
        await self._pool.unload(ref)
        self._services.supervisor.leave_unloaded(ref)
        return await self.residency()

    def _keep_models(self) -> None:
        """Begin to load the models that are wanted, and to look after them."""
        self._in_background(self._services.supervisor.run())

    def _known(self) -> tuple[BackendName, ...]:
        """Backends that may serve, or that a role names."""
        named = tuple(status.ref.backend for status in self._roles.statuses() if status.ref)
        return tuple(dict.fromkeys((*self._pool.automatic, *named)))

    async def _added(self, ref: ModelRef) -> None:
        await self._roles.added(ref)
        if self._load:
            self._in_background(self._roles.warm())

    def _in_background(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work, name="roles")
        self._background.add(task)
        task.add_done_callback(self._background.discard)

    async def _stop_background(self) -> None:
        """End what was begun in the background."""
        tasks = list(self._background)
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
