"""Everything that lives on models, made and wired: one call for the engine."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from tale_tui.engine.events import Fact
from tale_tui.engine.models.loading.memory import Guard
from tale_tui.engine.models.loading.residency_log import Diary, Ledger
from tale_tui.engine.models.machine import Machine, look_at_memory
from tale_tui.engine.models.pool import Pool
from tale_tui.engine.models.registry import Backends
from tale_tui.engine.models.roles.report import Inventory
from tale_tui.engine.models.roles.roles import Kept, Roles
from tale_tui.engine.models.roles.supervisor import Keeper
from tale_tui.engine.types import Role
from tale_tui.engine.world import World
from tale_tui.settings import Settings


class Records(Kept, Ledger, Protocol):
    """What is kept of models between two runs."""


@dataclass(frozen=True, slots=True)
class Household:
    """The parts.

    Attributes:
        pool: the one door to every model.
        roles: who serves which role.
        keeper: keeps models in memory.
        inventory: tells what is there.
    """

    pool: Pool
    roles: Roles
    keeper: Keeper
    inventory: Inventory


def set_up(
    backends: Backends,
    records: Records,
    settings: Settings,
    world: World,
    publish: Callable[[Fact], None],
    machine: Callable[[], Machine] = look_at_memory,
) -> Household:
    """Make the parts and wire them; nothing is started.

    Args:
        backends: by name.
        records: what is kept of models.
        settings: all settings.
        world: the clock.
        publish: takes the facts.
        machine: looks at the memory of this machine; called in a thread.
    """
    guard = Guard(settings.memory.limit_gb, machine)
    diary = Diary(records, world.now)
    pool = Pool(
        backends,
        window=settings.chat.window,
        probe_s=settings.limits.probe_s,
        monotonic=world.monotonic,
        guard=guard,
        diary=diary,
    )
    roles = Roles(pool, records, {Role.UX: settings.ux, Role.TASK: settings.task}, publish, world.now)
    keeper = Keeper(pool, roles, guard, diary, settings.memory, publish)
    return Household(pool, roles, keeper, Inventory(pool, roles, guard, diary, keeper, world.now))
