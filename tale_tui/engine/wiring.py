"""The executor of this machine, wired: its runners, and which model would do what."""

from __future__ import annotations

from collections.abc import Callable

from tale_tui.config.settings import Settings
from tale_tui.domain.clock import Clock
from tale_tui.domain.events import Fact
from tale_tui.domain.models import BackendName, ModelRef, Role
from tale_tui.domain.tasks import StepKind
from tale_tui.engine.models.pool import Pool
from tale_tui.engine.models.registry import BackendRegistry
from tale_tui.engine.models.roles.roles import Roles
from tale_tui.engine.route.complexity import complexity
from tale_tui.engine.route.router import Router, route
from tale_tui.engine.store.store import Store
from tale_tui.engine.tasks.executor import Executor
from tale_tui.engine.tasks.model_step import ModelStepRunner, TaskServices


def local_executor(
    store: Store,
    backends: BackendRegistry,
    pool: Pool,
    roles: Roles,
    router: Router,
    settings: Settings,
    clock: Clock,
    publish: Callable[[Fact], None],
    *,
    works_queue: bool,
) -> Executor:
    """An executor whose steps ask models.

    Args:
        store: queue and journal.
        backends: say which models run on this machine.
        pool: the door to the models.
        roles: who serves.
        router: which model, and why.
        settings: all settings.
        clock: the time and the ids.
        publish: takes the facts.
        works_queue: see `Executor`.
    """

    def likely(p: float | None, text: str) -> tuple[ModelRef | None, str]:
        signals = router.signals(Role.TASK, p=p, hard=complexity(text) if text else None)
        if signals.task.ref is None:  # it is looked for when the first task runs
            return None, ""
        found = route(signals)
        return found.ref, found.why

    def is_local(ref: ModelRef) -> bool:
        made = next((backend for backend in backends.made if backend.name is ref.backend), None)
        return made.local if made else ref.backend is not BackendName.OPENAI

    services = TaskServices(store, pool, roles, router, settings.tasks, settings.chat, clock.monotonic)
    runners = {StepKind.MODEL.value: ModelStepRunner(services)}
    return Executor(
        store,
        runners,
        settings.tasks,
        clock,
        publish,
        likely=likely,
        is_local=is_local,
        works_queue=works_queue,
    )
