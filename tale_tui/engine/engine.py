"""The engine: what is wired to what, how it starts and stops."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Mapping
from contextlib import AsyncExitStack
from functools import partial
from typing import Any, Final, Self

from tale_tui.config.paths import Paths
from tale_tui.config.settings import Settings
from tale_tui.domain.clock import Clock
from tale_tui.domain.errors import ModelError, TaleError
from tale_tui.domain.events import Fact, Notice, SessionChanged, TaskChanged
from tale_tui.domain.forecasts import TaskForecast
from tale_tui.domain.models import BackendName, ModelRef, Role, RoleState
from tale_tui.domain.tasks import StepKind
from tale_tui.engine.api import (
    ChatApi,
    CheckpointApi,
    ControlApi,
    LearningApi,
    MetricsApi,
    ModelApi,
    RecallApi,
    SessionApi,
    TaskApi,
)
from tale_tui.engine.bus import Bus
from tale_tui.engine.chat.classify import MessageClassifier
from tale_tui.engine.chat.context_report import ContextReporter
from tale_tui.engine.chat.digests import DigestService, DigestServices
from tale_tui.engine.chat.generate import ChatServices
from tale_tui.engine.chat.prompt_builder import PromptBuilder
from tale_tui.engine.chat.start import TurnStarter
from tale_tui.engine.chat.turn import TurnManager
from tale_tui.engine.checkpoints.service import CheckpointService
from tale_tui.engine.checkpoints.wiring import build_checkpoints
from tale_tui.engine.control import EngineControl
from tale_tui.engine.learning.complexity import ComplexityModels
from tale_tui.engine.learning.forecasts import ForecastRoute, ForecastServices
from tale_tui.engine.learning.service import LearningService
from tale_tui.engine.learning.wiring import LearnedModels, build_learning, learned_models
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
from tale_tui.engine.models.embeddings import Embeddings
from tale_tui.engine.models.loading.memory import main_memory
from tale_tui.engine.models.pool import Pool
from tale_tui.engine.models.registry import configured_backends, given_backends
from tale_tui.engine.models.roles.roles import Roles
from tale_tui.engine.models.service import ModelService
from tale_tui.engine.models.wiring import build_model_services
from tale_tui.engine.planning.maker import PlanStepRunner
from tale_tui.engine.planning.planning import Planning, PlanningServices
from tale_tui.engine.planning.sources import PlanSources
from tale_tui.engine.recall.service import RecallActivity, RecallService
from tale_tui.engine.route.router import Router, route, rule
from tale_tui.engine.sessions import SessionService
from tale_tui.engine.store.store import Store
from tale_tui.engine.tasks.copy_step import CopyStepRunner
from tale_tui.engine.tasks.executor import Executor
from tale_tui.engine.tasks.limits import Slots
from tale_tui.engine.tasks.model_step import ModelStepRunner, TaskServices
from tale_tui.engine.tasks.plan import ONE_STEP
from tale_tui.engine.tasks.prompts import asked_tokens
from tale_tui.engine.tasks.step_files import StepWatch, TaskFolders
from tale_tui.engine.tasks.step_runner import StepRunner
from tale_tui.engine.unexpected import attempt

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
            settings=settings.metrics,
            paths=paths,
            counted=counted,
            now=clock.now,
            publish=bus.publish,
            listens=works_queue and not read_only,
        )
        services = build_model_services(
            backends=backends,
            records=store,
            settings=settings,
            clock=clock,
            publish=bus.publish,
            calls=calls,
            observer=export.observer,
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
        learned = learned_models(paths.data)
        router = Router(roles, pool, settings.route)
        classifier = MessageClassifier(store, learned, settings.detect, router.preview, clock.now)

        def complain(error: TaleError) -> None:
            bus.publish(Notice(error.title, error.sentence, "error"))

        def busy() -> bool:
            return turns.busy or executor.busy

        embeddings = Embeddings(pool, paths.models, settings.recall.embedding)
        activity = RecallActivity(busy, lambda: turns.typed)
        self._recall = recall = RecallService(
            store=store,
            embeddings=embeddings,
            settings=settings.recall,
            clock=clock,
            activity=activity,
            publish=bus.publish,
            can_write=not read_only,
        )

        digest_services = DigestServices(
            store=store,
            pool=pool,
            roles=roles,
            prompt_builder=prompt_builder,
            budgets=budgets,
            settings=settings,
            clock=clock,
            publish=bus.publish,
            answering=lambda: turns.busy,
            typed=lambda: turns.typed,
        )
        self._digests = digests = DigestService(digest_services, can_write=not read_only)

        chat_services = ChatServices(
            store, pool, roles, router, prompt_builder, settings.chat, clock, bus.publish, calls, recall, digests
        )

        self._learning = learning = build_learning(
            data=paths.data,
            models=learned,
            store=store,
            settings=settings,
            now=clock.now,
            services=_forecast_services(settings, learned, router, backends, budgets),
            busy=busy,
            complain=complain,
            tell=bus.publish,
            can_write=not read_only,
        )

        folders = TaskFolders(paths.task_files)
        checkpoints: CheckpointService = build_checkpoints(
            path=paths.checkpoints,
            store=store,
            folders=folders,
            tasks=lambda: executor,
            sessions=lambda: sessions,
            level=learned.complexities.level_now,
            settings=settings,
            clock=clock,
            publish=bus.publish,
            can_write=not read_only,
        )
        executor: Executor = _local_executor(
            store=store,
            backends=backends,
            pool=pool,
            roles=roles,
            router=router,
            complexities=learned.complexities,
            settings=settings,
            clock=clock,
            publish=bus.publish,
            calls=calls,
            budgets=budgets,
            learning=learning,
            recall=recall,
            folders=folders,
            step_watch=checkpoints,
            works_queue=works_queue,
        )
        self._executor = executor
        starter = TurnStarter(chat_services, classifier, executor, learning.nudge)
        turns: TurnManager = TurnManager(
            services=chat_services,
            starter=starter,
            classifier=classifier,
            contexts=ContextReporter(store, pool, roles, prompt_builder, digests, settings, clock),
        )
        self._turns = turns
        self._models = models = ModelService(services, paths.models)
        self.chat: ChatApi = turns
        self.tasks: TaskApi = executor
        sessions: SessionService = SessionService(store, turns.stop_turn, bus.publish)
        self.sessions: SessionApi = sessions
        self._checkpoints = checkpoints
        self.checkpoints: CheckpointApi = checkpoints
        self.models: ModelApi = models

        def on_session(fact: SessionChanged) -> None:
            if fact.source not in ("", fact.session_id):  # something was said in it, or is about to be
                recall.on_fact(fact)
                digests.on_fact(fact)

        bus.listen(TaskChanged, alerts.on_fact, learning.on_fact, checkpoints.on_fact, recall.on_fact)
        bus.listen(SessionChanged, on_session)

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
            store=store,
            sampler=self._sampler,
            models=ModelsNow(serving, pool.condition, seen),
            limit_gb=settings.memory.limit_gb,
            now=clock.now,
            stays=stays,
            can_write=not read_only,
        )
        self.learning: LearningApi = learning
        self.recall: RecallApi = recall
        self.metrics: MetricsApi = MetricsService(
            store=store,
            recorder=calls,
            prices=settings.prices,
            running=lambda: pool.running,
            serving=serving,
            budgets=budgets,
            dashboards=dashboards,
            counted=counted,
            now=clock.now,
        )
        self.control: ControlApi = EngineControl(
            paths=paths,
            settings=settings,
            store=store,
            roles=roles,
            models=models,
            bus=bus,
            started=clock.now(),
            works_queue=works_queue,
            can_write=not read_only,
            ends=ends,
            recall=recall.state,
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
            paths,
            settings,
            clock,
            store,
            made,
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
        """End turns (their replies can be continued after the next start), models and the store. Again does nothing.

        Raises:
            TaleError: something could not be closed; everything else is.
        """
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
            self._learning.start()
            self._recall.start()

    async def _end(self) -> None:
        async with AsyncExitStack() as stack:
            for what, close in reversed(self._closes()):  # what was pushed last is called first
                stack.push_async_callback(_close, what, close)
        log.info("the engine has stopped")

    def _closes(self) -> list[tuple[str, Callable[[], Coroutine[Any, Any, None]]]]:
        """What is closed at the end, each with its name, in this order: who asks others goes before those."""

        async def close_bus() -> None:
            self.bus.close()

        return [
            ("learning", self._learning.close),
            ("what is remembered", self._recall.close),
            ("digests", self._digests.close),
            ("turns", self._turns.close),
            ("tasks", self._executor.close),
            ("checkpoints", self._checkpoints.close),
            ("the care for models", self._models.close),
            ("the calls of models", self._calls.close),
            ("samples", self._sampler.close),
            ("alerts", self._alerts.close),
            ("the export of metrics", self._export.close),
            ("the bus", close_bus),
            ("models", self.pool.close),
            ("the store", self.store.close),
        ]


async def _close(what: str, close: Callable[[], Coroutine[Any, Any, None]]) -> None:
    await attempt(close(), f"Closing {what}")


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


def _is_local(backends: BackendRegistry, ref: ModelRef) -> bool:
    """Whether a model runs on this machine."""
    made = next((backend for backend in backends.made if backend.name is ref.backend), None)
    return made.local if made else ref.backend is not BackendName.OPENAI


def _forecast_services(
    settings: Settings, learned: LearnedModels, router: Router, backends: BackendRegistry, budgets: Budgets
) -> ForecastServices:
    """What forecasts are made from besides earlier runs."""

    async def detected(text: str) -> float | None:
        return (await learned.detectors.get()).detect(text).p if settings.detect.enabled else None

    async def routed(p: float | None, text: str) -> ForecastRoute:
        role = Role.TASK if p is None or p >= settings.detect.task_from else Role.UX
        simple = await learned.complexities.simple(text)
        signals = router.signals(role, p=p, simple=simple, prompt_tokens=asked_tokens(text, ONE_STEP.steps[0]))
        if signals.ux.ref is None and signals.task.ref is None:
            return ForecastRoute(rule(signals)[0], None, "no model is known yet")
        found = route(signals)
        return ForecastRoute(found.role, found.ref, found.why)

    def large(found: TaskForecast) -> bool:
        tokens, seconds = settings.tasks.large_tokens, settings.tasks.large_s
        is_large = 0 < tokens < found.tokens or 0 < seconds < found.seconds.middle
        return is_large and not budgets.has_for(found.ref)

    slots = Slots(settings.tasks.running, settings.tasks.per_model, partial(_is_local, backends))
    return ForecastServices(detected, learned.complexities.level, routed, slots.limits, large)


def _local_executor(
    store: Store,
    backends: BackendRegistry,
    pool: Pool,
    roles: Roles,
    router: Router,
    complexities: ComplexityModels,
    settings: Settings,
    clock: Clock,
    publish: Callable[[Fact], None],
    calls: CallRecorder,
    budgets: Budgets,
    *,
    learning: LearningService,
    recall: RecallService,
    folders: TaskFolders,
    step_watch: StepWatch,
    works_queue: bool,
) -> Executor:
    """An executor whose steps ask models.

    Args:
        store: queue and journal.
        backends: say which models run on this machine.
        pool: the door to the models.
        roles: who serves.
        router: which model, and why.
        complexities: how hard a task is.
        settings: all settings.
        clock: the time and the ids.
        publish: takes the facts.
        calls: has the calls of models until they are stored.
        budgets: say whether a task may have a model write.
        learning: says what a step may write, and what is foreseen of a task with its plan.
        recall: says what is remembered and near a task that is planned.
        folders: where the files of tasks are.
        step_watch: told of each step that is done.
        works_queue: see `Executor`.
    """

    def likely(
        p: float | None = None, *, simple: float | None = None, given: Role | None = None, prompt_tokens: int = 0
    ) -> tuple[ModelRef | None, str]:
        signals = router.signals(Role.TASK, p=p, simple=simple, given=given, prompt_tokens=prompt_tokens)
        if signals.task.ref is None:  # it is looked for when the first task runs
            return None, ""
        found = route(signals)
        return found.ref, found.why

    def away(ref: ModelRef) -> bool:
        return pool.servers.away(ref.backend) is not None

    services = TaskServices(
        store=store,
        pool=pool,
        roles=roles,
        router=router,
        settings=settings.tasks,
        chat=settings.chat,
        monotonic=clock.monotonic,
        budgets=budgets,
        complexities=complexities,
        length_budget=learning.length_budget,
        forecast_of=learning.of_task,
        rules=settings.context.rules,
    )
    runners: dict[str, StepRunner] = {
        StepKind.MODEL.value: ModelStepRunner(services),
        StepKind.COPY.value: CopyStepRunner(folders, store.folder),
        StepKind.PLAN.value: PlanStepRunner(services, settings.plans, PlanSources(store, recall, folders)),
    }
    planning = PlanningServices(
        store, complexities.level, learning.foresee_plan, lambda role: roles.states.status(role).ref
    )
    executor = Executor(
        store,
        runners,
        settings.tasks,
        clock,
        publish,
        likely=likely,
        simple=complexities.simple,
        is_local=partial(_is_local, backends),
        away=away,
        works_queue=works_queue,
        calls=calls,
        rules=Planning(planning, settings.plans, settings.tasks),
        folders=folders,
        step_watch=step_watch,
    )
    pool.servers.listen(
        left=lambda _: executor.servers_changed(),
        returned=lambda _: executor.servers_changed(),
    )
    return executor
