"""The engine: what is wired to what, how it starts and stops."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from typing import Final, Self

from tale_tui.config.paths import Paths
from tale_tui.config.settings import Settings
from tale_tui.domain.clock import Clock
from tale_tui.domain.errors import ModelError, TaleError
from tale_tui.domain.events import Fact, Notice
from tale_tui.domain.models import BackendName, ModelRef, Role, RoleState
from tale_tui.domain.tasks import StepKind
from tale_tui.engine.api import ChatApi, ControlApi, MetricsApi, ModelApi, SessionApi, TaskApi
from tale_tui.engine.bus import Bus
from tale_tui.engine.chat.classify import MessageClassifier
from tale_tui.engine.chat.generate import ChatServices
from tale_tui.engine.chat.prompt_builder import PromptBuilder
from tale_tui.engine.chat.start import TurnStarter
from tale_tui.engine.chat.turn import TurnManager
from tale_tui.engine.control import EngineControl
from tale_tui.engine.detect.detector import LEARNED_FILE, Detectors
from tale_tui.engine.detect.learning import Learner
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
from tale_tui.engine.models.backend import Backend, BackendRegistry
from tale_tui.engine.models.loading.memory import main_memory
from tale_tui.engine.models.pool import Pool
from tale_tui.engine.models.registry import configured_backends, given_backends
from tale_tui.engine.models.roles.roles import Roles
from tale_tui.engine.models.service import ModelService
from tale_tui.engine.models.wiring import build_model_services
from tale_tui.engine.route.complexity import complexity
from tale_tui.engine.route.router import Router, route
from tale_tui.engine.sessions import SessionService
from tale_tui.engine.store.store import Store
from tale_tui.engine.tasks.executor import Executor
from tale_tui.engine.tasks.model_step import ModelStepRunner, TaskServices

log = logging.getLogger(__name__)


class Engine:
    """Implements `api.EngineApi`. Made by `Engine.start`, ended by `stop`.

    Args:
        paths: the four folders.
        settings: all settings.
        clock: the time and the ids.
        store: open.
        backends: by name.
        read_only: whether nothing may be changed, so that no task is run.
        works_queue: whether everything that is queued is worked off, or only what somebody follows.
        ends: begins the end of this process, where it has no window.
        stays: whether it looks after models, and the time in which nothing happens is worth a note.

    Attributes:
        store: for who looks at what was stored, as tests do; the same of the two others.
        bus: the facts.
        pool: the door to the models.
    """

    def __init__(
        self,
        paths: Paths,
        settings: Settings,
        clock: Clock,
        store: Store,
        backends: BackendRegistry,
        *,
        read_only: bool,
        works_queue: bool,
        ends: Callable[[], None] | None,
        stays: bool = True,
    ) -> None:
        bus = Bus()
        budgets = Budgets(store, settings.budgets, clock)
        delivery = AlertDelivery(settings.alerts, bus.publish)
        self._alerts = alerts = AlertWatch(store, settings, clock, bus.publish, budgets, delivery)
        calls = CallRecorder(store, alerts.nudge)
        counted = CountedCalls(store, lambda: pool.running, clock.now)
        self._export = export = MetricsExport(
            *(settings.metrics, paths, counted, clock.now, bus.publish), listens=works_queue and not read_only
        )
        services = build_model_services(
            *(backends, store, settings, clock, bus.publish), calls=calls, observer=export.observer
        )
        pool, roles = services.pool, services.roles
        self.store: Final = store
        self.bus: Final = bus
        self.pool: Final = pool
        self._calls = calls
        self._roles = roles
        self._alert_sources = _alert_sources(settings, pool, roles)
        self._read_only = read_only
        self._stopping: asyncio.Task[None] | None = None
        prompt_builder = PromptBuilder(store, pool, settings)
        router = Router(roles, pool, settings.route)
        detectors = Detectors(paths.data / LEARNED_FILE)
        detect = settings.detect
        classifier = MessageClassifier(store, detectors, detect, router.preview, clock.now)
        learns = detect.enabled and detect.learn and not read_only

        def complain(error: TaleError) -> None:
            bus.publish(Notice(error.title, error.sentence, "error"))

        self._learner = Learner(
            store, detectors, lambda: turns.busy or executor.busy, complain=complain, enabled=learns
        )
        chat_services = ChatServices(
            store, pool, roles, router, prompt_builder, settings.chat, clock, bus.publish, calls
        )

        def publish(fact: Fact) -> None:
            bus.publish(fact)
            alerts.on_fact(fact)

        self._executor = executor = _local_executor(
            *(store, backends, pool, roles, router, settings, clock, publish, calls, budgets), works_queue=works_queue
        )
        starter = TurnStarter(chat_services, classifier, executor, self._learner.nudge)
        self._turns = turns = TurnManager(chat_services, starter, classifier)
        self._models = models = ModelService(services, paths.models)
        self.chat: ChatApi = turns
        self.tasks: TaskApi = executor
        self.sessions: SessionApi = SessionService(store, turns.stop_turn, bus.publish)
        self.models: ModelApi = models

        def serving(role: Role) -> ModelRef | None:
            return roles.states.status(role).ref

        seen = ModelsSeen(pool.models_by_backend, lambda: pool.residency.known, clock.monotonic)
        traffic = backends.traffic
        work = EngineWork(
            lambda: len(pool.running),
            lambda: calls.recorded,
            lambda: serving(Role.UX),
            lambda: roles.states.status(Role.UX).state in {RoleState.IDLE, RoleState.LOADING},
            lambda: traffic.sent + traffic.received,
        )
        samples = settings.samples if not read_only else settings.samples.model_copy(update={"enabled": False})
        self._sampler = Sampler(store, samples, clock, work, seen, bus.publish, stays=stays)
        pool.on_call = self._sampler.call_begins
        dashboards = DashboardReader(
            *(store, self._sampler, ModelsNow(serving, pool.condition, seen), settings.memory.limit_gb, clock.now),
            stays=stays,
            can_write=not read_only,
        )
        self.metrics: MetricsApi = MetricsService(
            *(store, calls, settings.prices, lambda: pool.running, serving, budgets, dashboards, counted, clock.now)
        )
        self.control: ControlApi = EngineControl(
            *(paths, settings, store, roles, models, bus, clock.now()),
            works_queue=works_queue,
            can_write=not read_only,
            ends=ends,
        )

    @classmethod
    async def start(
        cls,
        paths: Paths,
        settings: Settings,
        clock: Clock | None = None,
        *,
        backends: Mapping[BackendName, Backend] | None = None,
        load: bool = True,
        read_only: bool = False,
        works_queue: bool = True,
        ends: Callable[[], None] | None = None,
        told: Callable[[Notice], None] | None = None,
    ) -> Self:
        """Open the store and be ready for verbs. The model of the role ux is looked for and loaded meanwhile.

        Args:
            paths: the four folders.
            settings: all settings.
            clock: the time and the ids; None for the real one.
            backends: these and no others; None makes those of the settings when they are needed.
            load: False touches no model until a turn wants one: for commands that only read.
            read_only: True changes nothing in the data folder; another process is its engine.
            works_queue: False, for a command that is the engine while it waits: of the queued tasks only those are run
                that somebody follows (`TaskApi.follow`), and what these wait for.
            ends: begins the end of this process, for an engine without a window; None where there is a window.
            told: is told what opening the database brought, for who does not watch; None tells those who do.
        Raises:
            StoreError: the database cannot be used; the class says why.
        """
        clock = clock or Clock()
        store = await Store.open(paths.database, clock, read_only=read_only)
        made = configured_backends(settings, paths) if backends is None else given_backends(backends)
        engine = cls(
            *(paths, settings, clock, store, made),
            read_only=read_only,
            works_queue=works_queue,
            ends=ends,
            stays=load,
        )
        started = False
        try:
            await engine._begin(told or engine.bus.publish, load=load)
            started = True
        finally:
            if not started:
                await engine.stop()
        return engine

    async def stop(self) -> None:
        """End turns (their replies can be continued after the next start), models and the store. Again does nothing."""
        if self._stopping is None:
            self._stopping = asyncio.create_task(self._end(), name="stopping")
        await asyncio.shield(self._stopping)

    async def _begin(self, told: Callable[[Notice], None], *, load: bool) -> None:
        for notice in self.store.notices:
            told(notice)
        if count := self.store.interrupted:
            replies = "A reply" if count == 1 else f"{count} replies"
            sentence = f"{replies} broke off when the application ended. What came is kept and can be continued."
            self.bus.publish(Notice("Interrupted", sentence))
        await self._export.start(told)
        await self._roles.restore()
        if not self._read_only:
            await self._executor.remember()
            self._executor.start()
            self._sampler.begin()
            self._alerts.start(self._alert_sources)
        if load:
            self._models.keep_loaded()
            self._learner.nudge()

    async def _end(self) -> None:
        await self._learner.close()
        await self._turns.close()
        await self._executor.close()
        await self._models.close()
        await self._calls.close()
        await self._sampler.close()
        await self._alerts.close()
        await self._export.close()
        self.bus.close()
        await self.pool.close()
        await self.store.close()
        log.info("the engine has stopped")


def _alert_sources(settings: Settings, pool: Pool, roles: Roles) -> AlertSources:
    """What alerts are judged by besides the rows."""

    async def memory() -> int | None:
        try:
            return sum(main_memory(model) for model in await pool.here())
        except ModelError:  # a server that does not answer is told of elsewhere
            return None

    return AlertSources(
        lambda: pool.running,
        memory,
        lambda: environment(settings, {role: roles.states.status(role).ref for role in Role}, pool.versions),
    )


def _local_executor(
    store: Store,
    backends: BackendRegistry,
    pool: Pool,
    roles: Roles,
    router: Router,
    settings: Settings,
    clock: Clock,
    publish: Callable[[Fact], None],
    calls: CallRecorder,
    budgets: Budgets,
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
        calls: has the calls of models until they are stored.
        budgets: say whether a task may have a model write.
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

    def away(ref: ModelRef) -> bool:
        return pool.servers.away(ref.backend) is not None

    services = TaskServices(store, pool, roles, router, settings.tasks, settings.chat, clock.monotonic, budgets)
    runners = {StepKind.MODEL.value: ModelStepRunner(services)}
    executor = Executor(
        store,
        runners,
        settings.tasks,
        clock,
        publish,
        likely=likely,
        is_local=is_local,
        away=away,
        works_queue=works_queue,
        calls=calls,
    )
    pool.servers.listen(
        left=lambda _: executor.servers_changed(),
        returned=lambda _: executor.servers_changed(),
    )
    return executor
