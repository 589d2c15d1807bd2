"""Budgets of tokens, and what is used of them. Frozen, plain data and the rule on it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

BUDGET_WARNING = 0.8
"""From this share of a budget on the user is warned."""


class BudgetPeriod(StrEnum):
    """The time that a budget is for, by the user's clock."""

    DAY = "day"
    MONTH = "month"


@dataclass(frozen=True, slots=True)
class BudgetUse:
    """A budget of the settings, and the tokens that were read and written since its time began."""

    period: BudgetPeriod
    model: str
    """`backend/model`; empty for all models together."""
    limit: int
    spent: int
    since: float
    """When the day or the month began, in seconds since the epoch."""

    @property
    def subject(self) -> str:
        """What tells it from the other budgets: `day`, `month of ollama/qwen2.5:7b`."""
        return f"{self.period.value} of {self.model}" if self.model else self.period.value

    @property
    def share(self) -> float:
        """How much of it is used; above 1 where more was."""
        return self.spent / self.limit

    @property
    def is_spent(self) -> bool:
        """Whether nothing is left."""
        return self.spent >= self.limit
