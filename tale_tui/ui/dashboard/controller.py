"""What the dashboard shows, read while it is shown: the report of a range, the roles, the tasks at work."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from tale_tui.domain.errors import CheckpointFailed, UnknownModel
from tale_tui.domain.events import EngineMoved, RoleChanged, TaskChanged, TasksChanged
from tale_tui.domain.samples import DEFAULT_RANGE
from tale_tui.domain.tasks import Task, TaskCounts, TaskState
from tale_tui.domain.text import clean_line
from tale_tui.domain.time_ranges import ShownRange, days_before
from tale_tui.formatting.checkpoints import summary
from tale_tui.formatting.symbols import signs
from tale_tui.ui.dashboard.words import NAME_LIMIT
from tale_tui.ui.live_screen import LiveController

if TYPE_CHECKING:
    from tale_tui.domain.alerts import Alert
    from tale_tui.domain.events import Fact
    from tale_tui.domain.metrics import PeriodChange
    from tale_tui.domain.samples import DashboardReport
    from tale_tui.engine.api import EngineApi
    from tale_tui.ui.base_screen import BaseScreen

CHECKPOINTS_LOOKED_AT = 500
"""The newest ones, to count those of today."""
ALERTS_MAX = 100
"""Alerts that are read at most; more than two are only counted."""
READ_S, READ_MAX_S = 2.0, 10.0
"""Between two looks at what was measured: as often as it is measured while somebody looks, and for ranges whose parts
are long less often."""


class DashboardController(LiveController):
    """Reads for the screen, and only while it is shown.

    Args:
        screen: does the work in the background.
        paint: shows what was read.
        engine: that is asked; None while there is none.
        clock: seconds since the epoch.

    Attributes:
        report: as it was last read; None while nothing was.
        read_at: when that was.
        running: the tasks at work.
        alerts: those that nobody acknowledged, the newest first.
        kept: the checkpoints in a line, or why they cannot be read; empty while that is not known.
        change: since the period before; None where the range is not compared.
        range: how far back it looks.
        model: `backend/model` where only one is meant.
        held: whether what is shown is left as it is.
    """

    def __init__(
        self, screen: BaseScreen, paint: Callable[[], None], engine: EngineApi | None, clock: Callable[[], float]
    ) -> None:
        super().__init__(screen, paint, engine)
        self._clock = clock
        self.report: DashboardReport | None = None
        self.read_at = 0.0
        self.running: tuple[Task, ...] = ()
        self.alerts: tuple[Alert, ...] = ()
        self.kept = ""
        self.change: PeriodChange | None = None
        self.range = DEFAULT_RANGE
        self.model = ""
        self.held = False
        self._next = 0.0
        """When it is read again."""
        self._stale = True
        """Whether tasks changed since they were read."""

    # when

    def use(self, engine: EngineApi | None) -> None:
        """There is an engine now, or none any more."""
        super().use(engine)
        if engine is None:
            self.running, self.counts = (), TaskCounts()

    def on_event(self, fact: Fact) -> None:
        """The engine said something."""
        match fact:
            case RoleChanged(status):
                self.roles[status.role] = status
            case TaskChanged() | TasksChanged() | EngineMoved():
                self._stale = True

    def begin(self) -> None:
        """It is shown now."""
        self._stale = True
        if not self.held:
            self.refresh()

    def tick(self) -> None:
        """Read again what is due; called while it is shown."""
        if not self.held and (self._stale or self._clock() >= self._next or self._clock() < self._next - READ_MAX_S):
            self.refresh()

    def refresh(self) -> None:
        """Read all anew, soon; tasks only where they changed."""
        if self.engine is not None:
            slot_s = self.report.slot_s if self.report is not None else 0.0
            self._next = self._clock() + min(max(READ_S, slot_s / 10), READ_MAX_S)
            super().refresh()

    async def _read(self, engine: EngineApi) -> None:
        with self.telling_once():
            try:
                await self._read_all(engine)
            except UnknownModel:
                # Nothing of it is kept any more: all of them are shown again.
                self.model = ""
                self._paint()
                self.refresh()

    async def _read_all(self, engine: EngineApi) -> None:
        wanted = self.range, self.model
        report = await engine.metrics.dashboard(range_s=self.range.length_s, model=self.model)
        if self._stale:
            self._stale = False
            await self.read_status(engine)
            self.running = await engine.tasks.list(states=(TaskState.RUNNING,))
        self.kept = await self._read_kept(engine)
        if not self.held and wanted == (self.range, self.model):
            self.report, self.read_at = report, self._clock()
            self.change = await self._read_change(engine)
            self.alerts = await engine.metrics.alerts(waiting=True, limit=ALERTS_MAX)
        self._paint()

    async def _read_kept(self, engine: EngineApi) -> str:
        try:
            return summary(await engine.checkpoints.list(limit=CHECKPOINTS_LOOKED_AT), self._clock())
        except CheckpointFailed as error:
            return error.sentence

    async def _read_change(self, engine: EngineApi) -> PeriodChange | None:
        days = self.range.period
        if days is None:
            return None
        return await engine.metrics.change(days_before(self._clock(), days), days, model=self.model)

    def acknowledge(self) -> None:
        """The newest alert was read; it is shown no longer."""
        if self.engine is not None and self.alerts:
            self._screen.spawn(self._acknowledge, self.engine, self.alerts[0].id, group="acknowledge")

    async def _acknowledge(self, engine: EngineApi, alert_id: int) -> None:
        await engine.metrics.acknowledge(alert_id)
        self.alerts = tuple(alert for alert in self.alerts if alert.id != alert_id)
        self._paint()

    # what is wanted

    def step_range(self, step: int) -> None:
        """Show a longer or a shorter time, as far as there is one."""
        ranges = tuple(ShownRange)
        self.range = ranges[min(max(ranges.index(self.range) + step, 0), len(ranges) - 1)]
        self.hold(False)

    def step_model(self) -> None:
        """Show the next model alone, after the last one all of them."""
        names = ["", *(str(use.ref) for use in self.report.models)] if self.report is not None else [""]
        place = names.index(self.model) if self.model in names else -1
        self.model = names[(place + 1) % len(names)]
        self.hold(False)

    def hold(self, held: bool) -> None:
        """Leave what is shown as it is, or go on."""
        self.held = held
        if not held:
            self.refresh()

    def words(self, *, short: bool) -> str:
        """What is shown: `last hour · all models · 14:03:10`, and whether it is held.

        Args:
            short: whether there is little room: `1h · all models`.
        """
        model = clean_line(self.model.partition("/")[2], NAME_LIMIT) if self.model else "all models"
        seen = "" if self.report is None else time.strftime("%H:%M:%S", time.localtime(self.read_at))
        parts = [self.range.value if short else self.range.words, model]
        if self.held:
            parts.insert(0, f"{signs().paused} held" + (f" at {seen}" if seen and not short else ""))
        elif seen and not short:
            parts.append(seen)
        return f" {signs().dot} ".join(parts)
