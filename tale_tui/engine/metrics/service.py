"""What was counted, for whoever asks."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import replace
from difflib import get_close_matches

from tale_tui.config.settings import ModelPrice
from tale_tui.domain.alerts import Alert
from tale_tui.domain.budgets import BudgetUse
from tale_tui.domain.errors import NoSuchAlert, UnknownModel
from tale_tui.domain.metrics import (
    EVERY_CALL,
    CallActivity,
    CallDimension,
    CallFilter,
    CallRecord,
    RunningCall,
    TokenReport,
    TokenSavings,
)
from tale_tui.domain.models import ModelRef, Role
from tale_tui.domain.text import clean_line
from tale_tui.engine.metrics.budgets import Budgets
from tale_tui.engine.metrics.figures import grouped, savings_of
from tale_tui.engine.metrics.recorder import CallRecorder
from tale_tui.engine.store.store import Store

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
    """

    def __init__(
        self,
        store: Store,
        recorder: CallRecorder,
        prices: Mapping[str, ModelPrice],
        running: Callable[[], tuple[RunningCall, ...]],
        serving: Callable[[Role], ModelRef | None],
        budgets: Budgets,
    ) -> None:
        self._store = store
        self._recorder = recorder
        self._prices = prices
        self._running = running
        self._serving = serving
        self._budgets = budgets

    async def tokens(self, which: CallFilter = EVERY_CALL, *, by: tuple[CallDimension, ...] = ()) -> TokenReport:
        await self._check(which.model)
        by = tuple(dict.fromkeys(by))
        found = await self._store.call_totals(which, by)
        # Hours of months are thousands of rows: too many for the event loop.
        total, groups = await asyncio.to_thread(grouped, found.rows, by, self._prices)
        titled = tuple(
            replace(group, title=next(filter(None, map(found.titles.get, zip(by, group.key, strict=True))), ""))
            for group in groups
        )
        return TokenReport(total, by, titled, found.first)

    async def calls(self, *, task_id: str = "", message_id: str = "", limit: int = 1000) -> tuple[CallRecord, ...]:
        return await self._store.calls(task_id=task_id, message_id=message_id, limit=limit)

    async def savings(self, which: CallFilter = EVERY_CALL) -> TokenSavings | None:
        small, large = self._serving(Role.UX), self._serving(Role.TASK)
        if small is None or large is None or small == large:
            return None
        rows = await self._store.answer_totals(which)
        return savings_of(rows, small, large, *await self._store.misses(small, which))

    async def activity(self) -> CallActivity:
        return CallActivity(self._running(), self._recorder.recorded)

    async def budgets(self) -> tuple[BudgetUse, ...]:
        return await self._budgets.uses()

    async def alerts(self, *, waiting: bool = False, limit: int = 100) -> tuple[Alert, ...]:
        return await self._store.alerts(waiting=waiting, limit=limit)

    async def acknowledge(self, alert_id: int | None) -> tuple[Alert, ...]:
        found = await self._store.acknowledge(alert_id)
        if found is None:
            raise NoSuchAlert(f"There is no alert {alert_id}: tale-tui alerts --all lists them.")
        return found

    async def _check(self, model: str) -> None:
        """Refuse a model that is neither in a row nor in a role."""
        if not model:
            return
        called = await self._store.called_models()
        known = [*called, *(ref for role in Role if (ref := self._serving(role)) is not None)]
        names = {name for ref in known for name in (ref.model, str(ref))}
        if model in names:
            return
        near = get_close_matches(model, names, n=1)
        listed = ", ".join(str(ref) for ref in called[:NAMED_MODELS_MAX]) or "none"
        right = f"do you mean {near[0]}?" if near else f"those that were called are {listed}."
        raise UnknownModel(f"No model {clean_line(model)} was called: {right}")
