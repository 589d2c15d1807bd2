"""What the application learns on this machine, what came of each fit, and how good it has become. Frozen, plain data.

Times are seconds since the epoch.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from tale_tui.domain.constants import DAY_S

WEEK_S: Final = 7 * DAY_S
_FIRST_MONDAY_S = 4 * DAY_S
"""From the epoch, which was a Thursday."""


def week_of(at: float) -> int:
    """When the week of a moment began: Monday in UTC, in seconds since the epoch."""
    return _FIRST_MONDAY_S + int((at - _FIRST_MONDAY_S) // WEEK_S) * WEEK_S


class LearnedPart(StrEnum):
    """What learns."""

    DETECTION = "detection"
    """Whether a message is a task, from the user's corrections."""
    COMPLEXITY = "complexity"
    """How hard a task is, from what tasks took."""
    FORECAST = "forecast"
    """What a task will read, write and take, from the runs of models."""


class LearningOutcome(StrEnum):
    """What came of it."""

    LEARNED = "learned"
    DROPPED = "dropped"
    """It did worse on the part kept apart, and what was there before went on."""
    RESET = "reset"
    """The user had everything forgotten."""


@dataclass(frozen=True, slots=True)
class LearningReport:
    """How a fit went.

    Attributes:
        kept: whether its weights are the ones to use now.
        before: share of right answers of those that were in use, on the part kept apart; None where it could not be
            measured.
        after: that of the new ones on the same part.
        error: why there was no fit, as the process said it.
        examples: what was learned from, those of the program included.
        kept_apart: what it was measured on.
        changed: texts of the user that are judged differently by the new weights.
        changes: some of them, each a line.
    """

    kept: bool
    before: float | None = None
    after: float | None = None
    error: str = ""
    examples: int = 0
    kept_apart: int = 0
    changed: int = 0
    changes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class LearningEvent:
    """A fit, or a reset."""

    id: str
    """As in `complexity-3`."""
    part: LearnedPart
    outcome: LearningOutcome
    at: float
    since: float
    """What was learned from came after this time and until `at`; of a reset 0."""
    report: LearningReport
    first: bool = False
    """Whether the weights of the program were in use before."""
    undone: float | None = None
    """When it was undone."""

    @property
    def counts(self) -> bool:
        """Whether it has changed what is in use, and was not undone."""
        return self.outcome is not LearningOutcome.DROPPED and self.undone is None


@dataclass(frozen=True, slots=True)
class LearningPoint:
    """How good a part was at some time."""

    at: float
    """Of a fit, or the beginning of a week."""
    count: int
    """So many it was measured on."""
    share: float
    """Of them right, or near; 0 to 1."""
    plain: float | None = None
    """What the median of the runs of the model before would have had; None where nothing is held against it."""

    @property
    def error(self) -> float:
        """The share that was wrong."""
        return 1 - self.share


@dataclass(frozen=True, slots=True)
class LearnedState:
    """What one part has learned."""

    part: LearnedPart
    enabled: bool
    """Whether it learns; a setting."""
    setting: str
    """Its name."""
    examples: int
    """Of the user: corrections, tasks or runs that it learns from."""
    new: int
    """Of them those that came after the last fit; all are used at once where there are no fits."""
    kept_apart: int
    """What `now` is measured on."""
    now: float | None
    """The share that is right, or near, on what was kept apart; None where nothing was measured."""
    before: float | None
    """The same before the last change; None where there was none."""
    events: tuple[LearningEvent, ...] = ()
    """The newest first."""
    points: tuple[LearningPoint, ...] = ()
    """Over time, the oldest first."""
    problem: str = ""
    """One sentence where what was learned cannot be used, and what serves instead."""

    @property
    def rollbacks(self) -> int:
        """Fits that were dropped or undone."""
        return sum(not event.counts for event in self.events)
