"""Looks at what the rows say and raises alerts: when calls were recorded, and now and then while a task is open.

Nothing happens while no call ends and no task is queued or runs.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass

from tale_tui.config.settings import Settings
from tale_tui.domain.alerts import Alert, AlertKind, LimitReading
from tale_tui.domain.clock import Clock
from tale_tui.domain.errors import StoreError, TaleError
from tale_tui.domain.events import AlertRaised, Fact, Notice, TaskChanged
from tale_tui.domain.metrics import RunningCall
from tale_tui.domain.tasks import TaskState
from tale_tui.engine.metrics.budgets import Budgets
from tale_tui.engine.metrics.delivery import AlertDelivery
from tale_tui.engine.metrics.readings import (
    QueueGrowth,
    budget_readings,
    failure_readings,
    memory_readings,
    task_readings,
    time_readings,
)
from tale_tui.engine.metrics.regressions import TREND_CALLS, regression_reading, regressions
from tale_tui.engine.store.alerts.figures import WatchedFigures
from tale_tui.engine.store.store import Store
from tale_tui.engine.unexpected import BackgroundTasks

log = logging.getLogger(__name__)

LOOK_PAUSE_S = 1.0
"""Between two looks at the rows: calls that end meanwhile are looked at together."""
OPEN_PAUSE_S = 5.0
"""Between two looks while a task is queued or runs and no call ends."""
MEMORY_PAUSE_S = 30.0
"""Between two looks at the memory of models: servers are asked for it."""
LOOKED_AT = 20
"""So many of the last times of one kind are held against a limit."""
FIRST_CALLS = 500
"""So many calls say, after the start, which models are in use."""

PER_TASK = (AlertKind.SILENT, AlertKind.TIME_LIMIT)
"""What is about one task, and over when that does not run any more."""


@dataclass(frozen=True, slots=True)
class AlertSources:
    """What is looked at besides the rows; all of it is in memory but the memory of models."""

    running: Callable[[], tuple[RunningCall, ...]]
    """The calls that have not ended."""
    memory: Callable[[], Awaitable[int | None]]
    """Bytes that models take on this machine; None where that is not known."""
    environment: Callable[[], Mapping[str, str]]
    """What calls depend on, as `environment.environment` has it."""


class AlertWatch:
    """Raises alerts.

    Args:
        store: has the rows.
        settings: the limits.
        clock: the time.
        publish: takes a fact for each new alert.
        budgets: what is used of them.
        delivery: takes each new alert out of the application.
    """

    def __init__(
        self,
        store: Store,
        settings: Settings,
        clock: Clock,
        publish: Callable[[Fact], None],
        budgets: Budgets,
        delivery: AlertDelivery,
    ) -> None:
        self._store = store
        self._settings = settings
        self._limits = settings.alerts
        self._clock = clock
        self._publish = publish
        self._budgets = budgets
        self._delivery = delivery
        self._sources: AlertSources | None = None
        self._background = BackgroundTasks(self._broke_off)
        self._wake = asyncio.Event()
        self._queue = QueueGrowth()
        self._calls = self._looked_at = 0
        self._trends_at: int | None = None
        """How many calls there were when trends were looked at last."""
        self._memory_at = float("-inf")
        self._open = False
        """Whether a task is queued or runs, as far as is known."""
        self._ended = not settings.alerts.enabled

    def start(self, sources: AlertSources) -> None:
        """Begin to look, at once for a first time: a budget of yesterday may be over."""
        self._sources = sources
        if not self._ended:
            self._wake.set()
            self._background.start(self._run(sources), "Looking for alerts")

    def nudge(self, calls: int) -> None:
        """So many calls were stored: look at them soon."""
        self._calls += calls
        self._wake.set()

    def on_fact(self, fact: Fact) -> None:
        """Something was published: where a task is queued or runs, look now and then."""
        if isinstance(fact, TaskChanged) and fact.task.state in (TaskState.QUEUED, TaskState.RUNNING):
            if not self._open:
                self._wake.set()
            self._open = True

    async def close(self) -> None:
        """Look a last time, where calls were stored since, and end."""
        if not self._ended:
            self._ended = True
            await self._background.close()
            if self._sources is not None and self._looked_at < self._calls:
                await self._look_safely(self._sources)
        await self._delivery.close()

    async def _run(self, sources: AlertSources) -> None:
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(OPEN_PAUSE_S if self._open else None):
                    await self._wake.wait()
            self._wake.clear()
            await self._look_safely(sources)
            # Calls that end meanwhile are looked at together.
            await asyncio.sleep(LOOK_PAUSE_S)

    async def _look_safely(self, sources: AlertSources) -> None:
        try:
            await self.look(sources)
        except StoreError as error:
            log.warning("alerts are not looked at: %s", error.sentence)

    def _broke_off(self, error: TaleError) -> None:
        self._ended = True
        self._publish(Notice("Alerts are not looked at any more", error.sentence, "error"))

    async def look(self, sources: AlertSources) -> tuple[Alert, ...]:
        """Judge what the rows say now.

        Args:
            sources: what there is besides them.
        Returns:
            What was raised, after it was told.
        Raises:
            StoreError: the rows cannot be read or written.
        """
        self._looked_at = self._calls
        since = await self._store.note_environment(sources.environment())
        figures = await self._store.watched_figures(LOOKED_AT, since, self._clock.now())
        self._open = bool(figures.queued_tasks or figures.running_tasks)
        found = await self._readings(sources, figures)
        if self._limits.regressions and self._trends_at != self._calls:
            found += await self._trends(since)
        raised = await self._store.raise_alerts(found, over=PER_TASK)
        for alert in raised:
            self._publish(AlertRaised(alert))
            self._delivery.send(alert)
        return raised

    async def _readings(self, sources: AlertSources, figures: WatchedFigures) -> list[LimitReading]:
        limits, now = self._limits, self._clock.now()
        growth = self._queue.reading(figures.queued_tasks, limits, self._clock.monotonic())
        return [
            *time_readings(figures, limits),
            *failure_readings(figures, limits),
            *budget_readings(await self._budgets.uses()),
            *memory_readings(await self._memory(sources), self._settings.memory.limit_gb, limits),
            *task_readings(figures, sources.running(), limits, self._settings.tasks.time_limit_s, now),
            *((growth,) if growth is not None else ()),
        ]

    async def _memory(self, sources: AlertSources) -> int | None:
        """What models take; None where it was looked at a moment ago."""
        now = self._clock.monotonic()
        if not self._limits.memory or now - self._memory_at < MEMORY_PAUSE_S:
            return None
        self._memory_at = now
        return await sources.memory()

    async def _trends(self, since: float) -> list[LimitReading]:
        newest = FIRST_CALLS if self._trends_at is None else self._calls - self._trends_at
        self._trends_at = self._calls
        found = await asyncio.to_thread(regressions, await self._store.trend_calls(TREND_CALLS, newest))
        readings = []
        for trend in found:
            changes = await self._store.environment_changes(*trend.near) if trend.shift else ()
            readings.append(regression_reading(trend, changes, since))
        return readings
