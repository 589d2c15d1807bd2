"""What is used of the budgets of the settings; asked of the rows each time, so that it is never another figure."""

from __future__ import annotations

from tale_tui.config.settings import BudgetSettings
from tale_tui.domain.budgets import BudgetPeriod, BudgetUse
from tale_tui.domain.clock import Clock
from tale_tui.domain.errors import BudgetSpent
from tale_tui.domain.models import ModelRef
from tale_tui.engine.metrics.figures import local_time
from tale_tui.engine.store.store import Store
from tale_tui.formatting.alerts import budget_sentence


class Budgets:
    """Reads budgets.

    Args:
        store: has the rows.
        settings: the budgets.
        clock: says when the user's day and month began.

    Attributes:
        when_spent: what becomes of tasks then, as the setting says.
    """

    def __init__(self, store: Store, settings: BudgetSettings, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self.when_spent = settings.when_spent
        self._when_foreseen = settings.when_foreseen
        own = {"": settings, **settings.models}
        self._limits = [
            (period, model, limit)
            for model, budget in own.items()
            for period, limit in ((BudgetPeriod.DAY, budget.day_tokens), (BudgetPeriod.MONTH, budget.month_tokens))
            if limit
        ]

    async def uses(self) -> tuple[BudgetUse, ...]:
        """All budgets, those of all models first; nothing where the settings have none.

        Raises:
            StoreError: the rows cannot be read.
        """
        if not self._limits:
            return ()
        # Without its distance from UTC: midnight may have had another one than now.
        day = local_time(self._clock.now()).replace(hour=0, minute=0, second=0, microsecond=0, tzinfo=None)
        began = {BudgetPeriod.DAY: day.timestamp(), BudgetPeriod.MONTH: day.replace(day=1).timestamp()}
        spent = {period: await self._store.spent_tokens(since) for period, since in began.items()}
        return tuple(
            BudgetUse(
                period=period,
                model=model,
                limit=limit,
                spent=spent[period].get(model, 0) if model else sum(spent[period].values()),
                since=began[period],
            )
            for period, model, limit in self._limits
        )

    def has_for(self, ref: ModelRef | None) -> bool:
        """Whether there is a budget that a task of a model counts towards."""
        return any(model in ("", str(ref or "")) for _, model, _ in self._limits)

    async def check(self, ref: ModelRef, foreseen: float = 0.0) -> BudgetUse | None:
        """Whether a task may have this model write.

        Args:
            ref: the model.
            foreseen: tokens that the task is going to read and write, where it has not begun.
        Returns:
            The budget because of which the user is to be asked first, as it is spent or has less left than is foreseen;
            None where it may.
        Raises:
            BudgetSpent: it may not.
            StoreError: the rows cannot be read.
        """
        uses = [use for use in await self.uses() if use.model in ("", str(ref))]
        spent = next((use for use in uses if use.is_spent), None)
        if spent is None:
            asks = self._when_foreseen == "ask"
            return next((use for use in uses if asks and use.spent + foreseen > use.limit), None)
        if self.when_spent == "stop":
            raise BudgetSpent(
                f"{budget_sentence(spent)} Tasks stop then (budgets.when_spent): raise the budget and retry it, or "
                "retry it when the next begins."
            )
        return spent if self.when_spent == "ask" else None
