"""Ties together what is counted and measured: the row of every call, and what is told, judged and drawn from them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tale_tui.config.paths import Paths
from tale_tui.config.settings import Settings
from tale_tui.domain.clock import Clock
from tale_tui.domain.errors import ModelError
from tale_tui.domain.events import Fact
from tale_tui.domain.metrics import RunningCall
from tale_tui.domain.models import ModelRef, Role, RoleState
from tale_tui.engine.metrics.alerts import AlertSources, AlertWatch
from tale_tui.engine.metrics.budgets import Budgets
from tale_tui.engine.metrics.dashboard_report import DashboardReader, ModelsNow
from tale_tui.engine.metrics.delivery import AlertDelivery
from tale_tui.engine.metrics.environment import environment
from tale_tui.engine.metrics.export.export import MetricsExport
from tale_tui.engine.metrics.export.statistics import CountedCalls
from tale_tui.engine.metrics.models_seen import ModelsSeen
from tale_tui.engine.metrics.recorder import CallRecorder
from tale_tui.engine.metrics.sampler import EngineWork, Sampler
from tale_tui.engine.metrics.service import MetricsService
from tale_tui.engine.models.loading.memory import main_memory
from tale_tui.engine.models.traffic import Traffic
from tale_tui.engine.models.wiring import ModelServices
from tale_tui.engine.store.store import Store


@dataclass(frozen=True, slots=True)
class CallMetrics:
    """What is made of the calls of models. It is there before the models are, as those report to it.

    Attributes:
        calls: keeps the row of every call.
        budgets: what is used of them.
        alerts: looks for what is worth one.
        counted: all calls, for other systems.
        export: tells other systems.
    """

    calls: CallRecorder
    budgets: Budgets
    alerts: AlertWatch
    counted: CountedCalls
    export: MetricsExport


def build_call_metrics(
    *,
    store: Store,
    paths: Paths,
    settings: Settings,
    clock: Clock,
    publish: Callable[[Fact], None],
    running: Callable[[], tuple[RunningCall, ...]],
    listens: bool,
) -> CallMetrics:
    """Make it; nothing is started.

    Args:
        store: keeps the rows.
        paths: the four folders.
        settings: all settings.
        clock: the time.
        publish: takes the facts.
        running: the calls that have not ended.
        listens: whether other systems may ask this engine.
    """
    budgets = Budgets(store, settings.budgets, clock)
    alerts = AlertWatch(store, settings, clock, publish, budgets, AlertDelivery(settings.alerts, publish))
    counted = CountedCalls(store, running, clock.now)
    export = MetricsExport(settings.metrics, paths, counted, clock.now, publish, listens=listens)
    return CallMetrics(CallRecorder(store, alerts.nudge), budgets, alerts, counted, export)


@dataclass(frozen=True, slots=True)
class MetricsParts:
    """What looks at models and their calls.

    Attributes:
        service: the verbs.
        sampler: takes samples.
    """

    service: MetricsService
    sampler: Sampler


def build_metrics(
    *,
    store: Store,
    settings: Settings,
    clock: Clock,
    publish: Callable[[Fact], None],
    models: ModelServices,
    traffic: Traffic,
    noted: CallMetrics,
    stays: bool,
    can_write: bool,
) -> MetricsParts:
    """Make them; nothing is started, and the sampler is told of each call that begins.

    Args:
        store: has rows and samples.
        settings: all settings.
        clock: the time.
        publish: takes the facts.
        models: what lives on models.
        traffic: what goes to servers and comes from them.
        noted: what is made of the calls of models.
        stays: whether this engine looks after models, and the time in which nothing happens is worth a note.
        can_write: whether samples may be kept.
    """
    pool, states = models.pool, models.roles.states

    def serving(role: Role) -> ModelRef | None:
        return states.status(role).ref

    seen = ModelsSeen(pool.models_by_backend, lambda: pool.residency.known, clock.monotonic)
    work = EngineWork(
        calls=lambda: len(pool.running),
        ended=lambda: noted.calls.recorded,
        small=lambda: serving(Role.UX),
        small_loads=lambda: states.status(Role.UX).state in {RoleState.IDLE, RoleState.LOADING},
        network_bytes=lambda: traffic.sent + traffic.received,
    )
    samples = settings.samples if can_write else settings.samples.model_copy(update={"enabled": False})
    sampler = Sampler(store, samples, clock, work, seen, publish, stays=stays)
    pool.on_call = sampler.call_begins
    dashboards = DashboardReader(
        store=store,
        sampler=sampler,
        models=ModelsNow(serving, pool.condition, seen),
        limit_gb=settings.memory.limit_gb,
        now=clock.now,
        stays=stays,
        can_write=can_write,
    )
    service = MetricsService(
        store=store,
        recorder=noted.calls,
        prices=settings.prices,
        running=lambda: pool.running,
        serving=serving,
        budgets=noted.budgets,
        dashboards=dashboards,
        counted=noted.counted,
        now=clock.now,
    )
    return MetricsParts(service, sampler)


def alert_sources(settings: Settings, models: ModelServices) -> AlertSources:
    """What alerts are judged by besides the rows.

    Args:
        settings: all settings.
        models: what lives on models.
    """
    pool, states = models.pool, models.roles.states

    async def memory() -> int | None:
        try:
            return sum(main_memory(model) for model in await pool.here())
        except ModelError:  # a server that does not answer is told of elsewhere
            return None

    return AlertSources(
        running=lambda: pool.running,
        memory=memory,
        environment=lambda: environment(settings, {role: states.status(role).ref for role in Role}, pool.versions),
    )
