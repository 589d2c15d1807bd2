"""Everything that lives on models, made and wired: one call for the engine."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol

from tale_tui.config.settings import Settings
from tale_tui.domain.clock import Clock
from tale_tui.domain.events import Fact
from tale_tui.domain.models import BackendName, ModelRef, Role
from tale_tui.engine.models.backend import BackendRegistry
from tale_tui.engine.models.call_meter import CallLog, CallObserver
from tale_tui.engine.models.loading.memory import MemoryGuard
from tale_tui.engine.models.loading.residency_log import ResidencyLog, ResidencyLogStore
from tale_tui.engine.models.machine import MachineMemory, look_at_memory
from tale_tui.engine.models.pool import Pool
from tale_tui.engine.models.roles.report import ResidencyReporter
from tale_tui.engine.models.roles.roles import RoleChoiceStore, Roles
from tale_tui.engine.models.roles.supervisor import ModelSupervisor


class ModelRecords(RoleChoiceStore, ResidencyLogStore, Protocol):
    """What is kept of models between two runs."""


@dataclass(frozen=True, slots=True)
class ModelServices:
    """What lives on models.

    Attributes:
        pool: the one door to every model.
        roles: who serves which role.
        supervisor: keeps models in memory.
        reporter: tells what is there.
    """

    pool: Pool
    roles: Roles
    supervisor: ModelSupervisor
    reporter: ResidencyReporter


def build_model_services(
    backends: BackendRegistry,
    records: ModelRecords,
    settings: Settings,
    clock: Clock,
    publish: Callable[[Fact], None],
    machine: Callable[[], MachineMemory] = look_at_memory,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    calls: CallLog | None = None,
    observer: CallObserver | None = None,
) -> ModelServices:
    """Make the parts and wire them; nothing is started.

    Args:
        backends: by name.
        records: what is kept of models.
        settings: all settings.
        clock: the time.
        publish: takes the facts.
        machine: looks at the memory of this machine; called in a thread.
        sleep: how it is waited before a server that is away is asked again.
        calls: keeps the row of every call; None keeps none.
        observer: is told of each of them too.
    """

    def on_eviction(arriving: ModelRef, evicted: tuple[ModelRef, ...]) -> None:
        supervisor.on_eviction(arriving, evicted)  # made below, as it needs the pool that the guard is part of

    guard = MemoryGuard(settings.memory.limit_gb, machine, on_eviction=on_eviction)
    residency_log = ResidencyLog(records, clock.now)
    pool = Pool(
        backends,
        window=settings.chat.window,
        probe_s=settings.limits.probe_s,
        monotonic=clock.monotonic,
        now=clock.now,
        sleep=sleep,
        guard=guard,
        residency_log=residency_log,
        calls=calls,
        observer=observer,
    )
    keep_alive_s = settings.ollama.keep_alive_s
    roles = Roles(pool, records, {Role.UX: settings.ux, Role.TASK: settings.task}, publish, clock.now)
    backends.worker = roles.worker
    supervisor = ModelSupervisor(
        pool=pool,
        roles=roles,
        guard=guard,
        residency_log=residency_log,
        settings=settings.memory,
        publish=publish,
        monotonic=clock.monotonic,
        given_back=lambda ref: ref.backend is BackendName.OLLAMA and keep_alive_s is not None and keep_alive_s >= 0,
    )
    return ModelServices(
        pool, roles, supervisor, ResidencyReporter(pool, roles, guard, residency_log, supervisor, clock.now)
    )
