"""The engine: what is wired to what, how it starts and stops."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Mapping
from contextlib import AsyncExitStack
from typing import Any, Final, Self

from tale_tui.config.paths import Paths
from tale_tui.config.settings import Settings
from tale_tui.domain.clock import Clock
from tale_tui.domain.events import Notice, SessionChanged, TaskChanged
from tale_tui.domain.forecasts import TaskForecast
from tale_tui.domain.models import BackendName, ModelRef, Role
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
from tale_tui.engine.chat.digests import DigestService
from tale_tui.engine.chat.wiring import build_chat
from tale_tui.engine.checkpoints.service import CheckpointService
from tale_tui.engine.checkpoints.wiring import build_checkpoints
from tale_tui.engine.control import EngineControl
from tale_tui.engine.learning.forecasts import ForecastRoute, ForecastServices
from tale_tui.engine.learning.service import LearningService
from tale_tui.engine.learning.wiring import LearnedModels, build_learning, learned_models
from tale_tui.engine.metrics.alerts import AlertWatch
from tale_tui.engine.metrics.budgets import Budgets
from tale_tui.engine.metrics.wiring import alert_sources, build_call_metrics, build_metrics
from tale_tui.engine.models.backend import Backend, BackendRegistry
from tale_tui.engine.models.embeddings import Embeddings
from tale_tui.engine.models.registry import configured_backends, given_backends
from tale_tui.engine.models.service import ModelService
from tale_tui.engine.models.wiring import build_model_services
from tale_tui.engine.planning.wiring import build_executor
from tale_tui.engine.recall.service import RecallActivity, RecallService
from tale_tui.engine.route.router import Router, route, rule
from tale_tui.engine.sessions import SessionService
from tale_tui.engine.store.store import Store
from tale_tui.engine.tasks.limits import Slots
from tale_tui.engine.tasks.plan import ONE_STEP
from tale_tui.engine.tasks.prompts import asked_tokens
from tale_tui.engine.tasks.step_files import TaskFolders
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
        bus, can_write = Bus(), not read_only
        noted = build_call_metrics(
            store=store,
            paths=paths,
            settings=settings,
            clock=clock,
            publish=bus.publish,
            running=lambda: models.pool.running,
            listens=works_queue and can_write,
        )
        models = build_model_services(
            backends=backends,
            records=store,
            settings=settings,
            clock=clock,
            publish=bus.publish,
            calls=noted.calls,
            observer=noted.export.observer,
        )
        metrics = build_metrics(
            store=store,
            settings=settings,
            clock=clock,
            publish=bus.publish,
            models=models,
            traffic=backends.traffic,
            noted=noted,
            stays=stays,
            can_write=can_write,
        )
        learned = learned_models(paths.data)
        router = Router(models.roles, models.pool, settings.route)

        # What goes on is known by parts that are made below, as they work with those that ask for it.
        def busy() -> bool:
            return chat.turns.busy or executor.busy

        recall = RecallService(
            store=store,
            embeddings=Embeddings(models.pool, paths.models, settings.recall.embedding),
            settings=settings.recall,
            clock=clock,
            activity=RecallActivity(busy, typed=lambda: chat.turns.typed),
            publish=bus.publish,
            can_write=can_write,
        )
        learning = build_learning(
            data=paths.data,
            models=learned,
            store=store,
            settings=settings,
            now=clock.now,
            services=_forecast_services(settings, learned, router, backends.is_local, noted.budgets),
            busy=busy,
            complain=lambda error: bus.publish(Notice(error.title, error.sentence, "error")),
            tell=bus.publish,
            can_write=can_write,
        )
        folders = TaskFolders(paths.task_files)
        checkpoints = build_checkpoints(
            path=paths.checkpoints,
            store=store,
            folders=folders,
            tasks=lambda: executor,
            sessions=lambda: sessions,
            level=learned.complexities.level_now,
            settings=settings,
            clock=clock,
            publish=bus.publish,
            can_write=can_write,
        )
        executor = build_executor(
            store=store,
            settings=settings,
            clock=clock,
            publish=bus.publish,
            models=models,
            is_local=backends.is_local,
            router=router,
            complexities=learned.complexities,
            calls=noted.calls,
            budgets=noted.budgets,
            learning=learning,
            recall=recall,
            folders=folders,
            step_watch=checkpoints,
            works_queue=works_queue,
        )
        chat = build_chat(
            store=store,
            settings=settings,
            clock=clock,
            publish=bus.publish,
            models=models,
            router=router,
            learned=learned,
            calls=noted.calls,
            budgets=noted.budgets,
            recall=recall,
            tasks=executor,
            corrected=learning.nudge,
            can_write=can_write,
        )
        sessions = SessionService(store, chat.turns.stop_turn, bus.publish)
        model_service = ModelService(models, paths.models)
        _listen(bus, noted.alerts, learning, checkpoints, recall, chat.digests)

        self.store: Final = store
        self.bus: Final = bus
        self.pool: Final = models.pool
        self.chat: ChatApi = chat.turns
        self.tasks: TaskApi = executor
        self.sessions: SessionApi = sessions
        self.models: ModelApi = model_service
        self.metrics: MetricsApi = metrics.service
        self.learning: LearningApi = learning
        self.recall: RecallApi = recall
        self.checkpoints: CheckpointApi = checkpoints
        self.control: ControlApi = EngineControl(
            paths=paths,
            settings=settings,
            store=store,
            roles=models.roles,
            models=model_service,
            bus=bus,
            started=clock.now(),
            works_queue=works_queue,
            can_write=can_write,
            ends=ends,
            recall=recall.state,
        )
        self._noted = noted
        self._alert_sources = alert_sources(settings, models)
        self._roles = models.roles
        self._sampler = metrics.sampler
        self._recall = recall
        self._learning = learning
        self._checkpoints = checkpoints
        self._executor = executor
        self._turns = chat.turns
        self._digests = chat.digests
        self._models = model_service
        self._read_only = read_only
        self._stopping: asyncio.Task[None] | None = None

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
        await self._noted.export.start(told)
        await self._roles.restore()
        if not self._read_only:
            await self._executor.remember()
            self._executor.start()
            self._sampler.begin()
            self._noted.alerts.start(self._alert_sources)
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
            ("the calls of models", self._noted.calls.close),
            ("samples", self._sampler.close),
            ("alerts", self._noted.alerts.close),
            ("the export of metrics", self._noted.export.close),
            ("the bus", close_bus),
            ("models", self.pool.close),
            ("the store", self.store.close),
        ]


async def _close(what: str, close: Callable[[], Coroutine[Any, Any, None]]) -> None:
    await attempt(close(), f"Closing {what}")


def _listen(
    bus: Bus,
    alerts: AlertWatch,
    learning: LearningService,
    checkpoints: CheckpointService,
    recall: RecallService,
    digests: DigestService,
) -> None:
    """Who is told at once of what happens, in this order."""

    def on_session(fact: SessionChanged) -> None:
        if fact.source not in ("", fact.session_id):  # something was said in it, or is about to be
            recall.on_fact(fact)
            digests.on_fact(fact)

    bus.listen(TaskChanged, alerts.on_fact, learning.on_fact, checkpoints.on_fact, recall.on_fact)
    bus.listen(SessionChanged, on_session)


def _forecast_services(
    settings: Settings,
    learned: LearnedModels,
    router: Router,
    is_local: Callable[[ModelRef], bool],
    budgets: Budgets,
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

    slots = Slots(settings.tasks.running, settings.tasks.per_model, is_local)
    return ForecastServices(detected, learned.complexities.level, routed, slots.limits, large)
