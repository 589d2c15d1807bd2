"""Asks the engine for what the tokens screen shows: anew when a call was stored, the present twice a second."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace

from tale_tui.domain.budgets import BudgetUse
from tale_tui.domain.errors import EngineLost
from tale_tui.domain.metrics import (
    EVERY_CALL,
    CallActivity,
    CallDimension,
    CallFilter,
    CallRecord,
    PeriodChange,
    TokenGroup,
    TokenOverview,
    TokenReport,
    TokenSavings,
    TokenTimeline,
)
from tale_tui.domain.time_ranges import ShownRange, day_or_hour, days_before
from tale_tui.engine.api import EngineApi
from tale_tui.ui.base_screen import BaseScreen
from tale_tui.ui.live_screen import LiveController

AGAIN_S = 30.0
"""Sums of the last hour change without a call: they are read again so often."""
DEAREST = 5
"""Tasks that are named, where there is room."""
CALLS_SHOWN = 500
"""Calls of a group that are listed, the last ones."""


@dataclass(frozen=True, slots=True)
class TokensView:
    """What the user wants to see."""

    span: ShownRange = ShownRange.DAY
    by: CallDimension = CallDimension.MODEL
    model: str = ""
    """`backend/model`; empty for all."""


@dataclass(frozen=True, slots=True)
class TokensShown:
    """What is known, all of one moment."""

    view: TokensView
    report: TokenReport
    timeline: TokenTimeline
    overview: TokenOverview
    saved: TokenSavings | None
    dearest: tuple[TokenGroup, ...]
    ever: bool
    """Whether any call ever read or wrote something; to be loaded does neither."""
    budgets: tuple[BudgetUse, ...]
    change: PeriodChange | None
    """Since the period before; None where the range is not compared."""
    at: float
    """When it was read, in seconds since the epoch."""

    @property
    def which(self) -> CallFilter:
        """The calls that are meant."""
        edges = self.timeline.edges
        return CallFilter(edges[0], edges[-1], self.view.model)

    def of_group(self, group: TokenGroup) -> CallFilter:
        """The calls of one row."""
        which, value = self.which, group.key[0]
        if self.view.by not in (CallDimension.DAY, CallDimension.HOUR):
            return replace(which, where=((self.view.by, value),))
        begin, end = day_or_hour(value)
        return replace(which, since=max(begin, which.since or begin), until=min(end, which.until or end))


class TokensController(LiveController):
    """Reads for the screen, and only while it is shown.

    Args:
        screen: does the work in the background.
        paint: shows what was read.
        engine: that is asked; None while there is none.
        clock: seconds since the epoch.

    Attributes:
        pieces: how many pieces of time the plot has room for; 0 while nothing is laid out, so that nothing is read.
        view: what the user wants to see.
        shown: None until something was read.
        activity: what models do now.
    """

    READING = ()  # a look that has begun is let end: while there is one, no other begins

    def __init__(
        self, screen: BaseScreen, paint: Callable[[], None], engine: EngineApi | None, clock: Callable[[], float]
    ) -> None:
        super().__init__(screen, paint, engine)
        self._clock = clock
        self.pieces = 0
        self.view = TokensView()
        self.shown: TokensShown | None = None
        self.activity = CallActivity()
        self._looking = False
        self._recorded = -1
        self._stale = True

    def use(self, engine: EngineApi | None) -> None:
        """There is an engine now, or none any more: then nothing is shown."""
        super().use(engine)
        if engine is None:
            self.shown = None

    def choose(self, view: TokensView) -> None:
        """Show something else."""
        if view != self.view:
            self.view = view
            self.refresh()

    def refresh(self) -> None:
        """Read everything again, soon."""
        self._stale = True
        self.tick()

    def tick(self) -> None:
        """Read what is so now, soon; one look at a time."""
        if self.engine is not None and self.pieces and not self._looking:
            self._looking = True
            self._screen.spawn(self._read, self.engine, group="tokens")

    async def calls(self, group: TokenGroup) -> tuple[CallRecord, ...]:
        """The last calls of a row, the newest first."""
        if self.engine is None or self.shown is None:
            return ()
        found = await self.engine.metrics.calls(self.shown.of_group(group), limit=CALLS_SHOWN)
        return found[::-1]

    async def models(self) -> tuple[TokenGroup, ...]:
        """Every model that was ever called, the one that was used most first."""
        if self.engine is None:
            return ()
        return (await self.engine.metrics.tokens(by=(CallDimension.MODEL,))).groups

    async def _read(self, engine: EngineApi) -> None:
        try:
            self.activity, _ = await asyncio.gather(engine.metrics.activity(), self.read_status(engine))
            known = self.shown
            if (
                self._stale
                or known is None
                or known.view != self.view
                or self.activity.recorded != self._recorded
                or not 0 <= self._clock() - known.at < AGAIN_S
                or known.timeline.edges != self._edges()
            ):
                self._stale = False
                self._recorded = self.activity.recorded
                self.shown = await self._read_all(engine, self.view, self._edges())
        except EngineLost:
            return  # the bridge says so to every screen
        finally:
            self._looking = False
        self._paint()
        if self._stale:
            self.tick()

    def _edges(self) -> tuple[int, ...]:
        return self.view.span.edges(self._clock(), self.pieces)

    async def _read_all(self, engine: EngineApi, view: TokensView, edges: tuple[int, ...]) -> TokensShown:
        metrics, which = engine.metrics, CallFilter(edges[0], edges[-1], view.model)
        report, timeline, overview, saved, dearest = await asyncio.gather(
            metrics.tokens(which, by=(view.by,)),
            metrics.timeline(which, edges),
            metrics.overview(),
            metrics.savings(replace(which, model="")),
            metrics.tokens(which, by=(CallDimension.TASK,), limit=DEAREST + 1),
        )
        budgets, change = await metrics.budgets(), None
        if view.span.period is not None:
            since = days_before(self._clock(), view.span.period)
            change = await metrics.change(since, view.span.period, model=view.model)
        ever = _has_tokens(report) or _has_tokens(await metrics.tokens(EVERY_CALL))
        tasks = tuple(group for group in dearest.groups if group.key[0] and group.sums.total_tokens)
        return TokensShown(
            view, report, timeline, overview, saved, tasks[:DEAREST], ever, budgets, change, self._clock()
        )


def _has_tokens(report: TokenReport) -> bool:
    return report.total.total_tokens is not None or report.total.uncounted > 0
