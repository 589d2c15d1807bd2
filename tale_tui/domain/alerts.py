"""What is worth telling the user once: a limit of the settings that was passed. Frozen, plain data and the rule on it.

Times are seconds since the epoch (UTC).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

ALERT_ENDS_BELOW = 0.9
"""A figure is well again below this share of its limit: one that sways around it is told once."""


class AlertKind(StrEnum):
    """What is watched."""

    FIRST_TEXT = "first_text"
    """Of replies: how long the first text takes."""
    SIMPLE_TASK = "simple_task"
    """How long a simple task takes."""
    SWITCH = "switch"
    """How long it takes until another model is in memory."""
    MEMORY = "memory"
    """Of this machine: what models take of it."""
    FAILURES = "failures"
    """Tasks that failed one after the other."""
    SILENT = "silent"
    """Of a task: nothing comes from its model."""
    QUEUE = "queue"
    """The queue of tasks only grows."""
    TIME_LIMIT = "time_limit"
    """Of a task: most of the time that it may take is gone."""
    BUDGET = "budget"
    """Tokens of a day or a month: most of them are spent."""
    BUDGET_SPENT = "budget_spent"
    """The same: all of them."""
    REGRESSION = "regression"
    """A model got slower, writes more or fails more often than before."""


@dataclass(frozen=True, slots=True)
class LimitReading:
    """A figure as it is now, and what it may be."""

    kind: AlertKind
    subject: str
    """A model, a task, `day` or `month`; empty for all."""
    seen: float
    limit: float
    sentence: str
    """What was seen, for the user."""
    began: float | None = None
    """Of a regression: when it began, in seconds since the epoch. One that began before the last alert of its kind and
    subject was raised is that one still."""

    @property
    def passed(self) -> bool:
        """Whether it is at its limit or above; for what is promised to be below it, or counted up to it."""
        return self.seen >= self.limit

    @property
    def well(self) -> bool:
        """Whether it is so far below its limit that an alert ends."""
        return self.seen < ALERT_ENDS_BELOW * self.limit


@dataclass(frozen=True, slots=True)
class Alert:
    """A limit that was passed: a row."""

    id: int
    kind: AlertKind
    subject: str
    raised: float
    seen: float
    """The figure when it was raised."""
    limit: float
    sentence: str
    ended: float | None = None
    """When the figure was well again; None while it is not."""
    acknowledged: float | None = None
