"""What was counted, for whoever asks."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from difflib import get_close_matches
from math import gcd

from tale_tui.config.settings import ModelPrice
from tale_tui.domain.alerts import Alert
from tale_tui.domain.budgets import BudgetUse
from tale_tui.domain.constants import HOUR_S, PACE_WINDOW_S
from tale_tui.domain.errors import BadRange, NoSuchAlert, UnknownModel
from tale_tui.domain.metrics import (
    EVERY_CALL,
    CallActivity,
    CallDimension,
    CallFilter,
    CallRecord,
    PeriodChange,
    RunningCall,
    TokenOverview,
    TokenReport,
    TokenSavings,
    TokenTimeline,
)
from tale_tui.domain.models import ModelRef, Role
from tale_tui.domain.samples import DEFAULT_RANGE, RANGE_MAX_S, RANGE_MIN_S, DashboardReport
from tale_tui.domain.text import clean_line
from tale_tui.domain.time_ranges import days_before, range_of
from tale_tui.engine.metrics.budgets import Budgets
from tale_tui.engine.metrics.dashboard_report import DashboardReader
from tale_tui.engine.metrics.export.statistics import CountedCalls
from tale_tui.engine.metrics.figures import grouped, savings_of, timeline_of
from tale_tui.engine.metrics.recorder import CallRecorder
from tale_tui.engine.store.store import Store
from tale_tui.engine.store.token_metrics import SumRow

NAMED_MODELS_MAX = 5
"""Models that are named where an unknown one is asked for."""


class MetricsService:
    """Implements `api.MetricsApi`, where each verb is described.

    Args:
        store: has the rows.
        recorder: knows how many there are.
        prices: by `backend/model`.
        running: the calls that have not ended.
        serving: the model of a role; None where it has none.
        budgets: what is used of them.
        dashboards: puts samples and roll-ups together.
        counted: all calls, for other systems.
        now: the present, in seconds since the epoch.
    """

    def __init__(
        self,
        store: Store,
        recorder: CallRecorder,
        prices: Mapping[str, ModelPrice],
        running: Callable[[], tuple[RunningCall, ...]],
        serving: Callable[[Role], ModelRef | None],
        budgets: Budgets,
        dashboards: DashboardReader,
        counted: CountedCalls,
        now: Callable[[], float],
    ) -> None:
        self._store = store
        self._recorder = recorder
        self._prices = prices
        self._running = running
        self._serving = serving
        self._budgets = budgets
        self._dashboards = dashboards
        self._counted = counted
        self._now = now

    async def tokens(
        self, which: CallFilter = EVERY_CALL, *, by: tuple[CallDimension, ...] = (), limit: int = 0
    ) -> TokenReport:
        await self._check(which.model)
        by = tuple(dict.fromkeys(by))
        found = await self._store.call_totals(which, by)
        # Hours of months are thousands of rows: too many for the event loop.
        total, groups = await asyncio.to_thread(grouped, found.rows, by, self._prices)
        groups = groups[:limit] if limit else groups
        titles = await self._store.call_titles({key for group in groups for key in zip(by, group.key, strict=True)})
        titled = tuple(
            replace(group, title=next(filter(None, map(titles.get, zip(by, group.key, strict=True))), ""))
            for group in groups
        )
        return TokenReport(total, by, titled, found.first)

    async def timeline(self, which: CallFilter, edges: tuple[int, ...]) -> TokenTimeline:
        await self._check(which.model)
        if len(edges) <= 1:
            return TokenTimeline(edges)
        which = replace(which, since=max(which.since or 0.0, edges[0]), until=min(which.until or edges[-1], edges[-1]))
        # A step that every edge is a multiple of: a piece of time has whole ones.
        step_s = gcd(*edges) or 1
        rows = await self._store.call_times(which, step_s)
        return await asyncio.to_thread(timeline_of, rows, step_s, edges)

    async def overview(self) -> TokenOverview:
        now = self._now()
        sessions = await self._store.sessions(limit=1)
        day, month = (CallFilter(since=range_of(name, None, now)[0]) for name in ("today", "month"))
        hour, lately = (CallFilter(since=now - length_s) for length_s in (HOUR_S, PACE_WINDOW_S))
        today = (await self._store.call_totals(day)).rows
        return TokenOverview(
            session=await self._spent(CallFilter(session_id=sessions[0].id)) if sessions else None,
            hour=await self._spent(hour),
            today=_tokens(today),
            today_calls=sum(row.sums.calls for row in today),
            month=await self._spent(month),
            lately=await self._spent(lately),
        )

    async def _spent(self, which: CallFilter) -> int:
        return _tokens((await self._store.call_totals(which)).rows)

    async def calls(
        self, which: CallFilter = EVERY_CALL, *, task_id: str = "", message_id: str = "", limit: int = 1000
    ) -> tuple[CallRecord, ...]:
        await self._check(which.model)
        return await self._store.calls(which, task_id=task_id, message_id=message_id, limit=limit)

    async def savings(self, which: CallFilter = EVERY_CALL) -> TokenSavings | None:
        small, large = self._serving(Role.UX), self._serving(Role.TASK)
        if small is None or large is None or small == large:
            return None
        rows = await self._store.answer_totals(which)
        return savings_of(rows, small, large, *await self._store.misses(small, which))

    async def change(self, since: float, days: int, *, model: str = "") -> PeriodChange:
        until = min(days_before(self._now(), days), since)
        now = await self.tokens(CallFilter(since=since, model=model))
        before = await self.tokens(CallFilter(days_before(since, days), until, model))
        return PeriodChange(days, now.total, before.total)

    async def activity(self) -> CallActivity:
        return CallActivity(self._running(), self._recorder.recorded)

    async def exposition(self) -> str:
        return await self._counted.exposition()

    async def budgets(self) -> tuple[BudgetUse, ...]:
        return await self._budgets.uses()

    async def alerts(self, *, waiting: bool = False, limit: int = 100) -> tuple[Alert, ...]:
        return await self._store.alerts(waiting=waiting, limit=limit)

    async def acknowledge(self, alert_id: int | None) -> tuple[Alert, ...]:
        found = await self._store.acknowledge(alert_id)
        if found is None:
            raise NoSuchAlert(f"There is no alert {alert_id}: tale-tui alerts --all lists them.")
        return found

    async def dashboard(self, *, range_s: float = DEFAULT_RANGE.length_s, model: str = "") -> DashboardReport:
        if not RANGE_MIN_S <= range_s <= RANGE_MAX_S:
            raise BadRange("A dashboard shows a range from a minute to ten years: write 15m, 1h, 6h, 1d, 7d, 30d, 90d.")
        return await self._dashboards.report(range_s, await self._check(model))

    async def _check(self, model: str) -> ModelRef | None:
        """Refuse a model that is neither in a row nor in a role; which one is meant, None for all."""
        if not model:
            return None
        called = await self._store.called_models()
        known = [*called, *(ref for role in Role if (ref := self._serving(role)) is not None)]
        names = {name for ref in known for name in (ref.model, str(ref))}
        if model in names:
            return next(ref for ref in known if model in (ref.model, str(ref)))
        near = get_close_matches(model, names, n=1)
        listed = ", ".join(str(ref) for ref in called[:NAMED_MODELS_MAX]) or "none"
        right = f"do you mean {near[0]}?" if near else f"those that were called are {listed}."
        raise UnknownModel(f"No model {clean_line(model)} was called: {right}")


def _tokens(rows: Iterable[SumRow]) -> int:
    return sum(row.sums.total_tokens or 0 for row in rows)
