"""What is foreseen of a task before it runs, and how near earlier forecasts were. Frozen, plain data.

Numbers are forecasts, so they are no whole ones: who shows them rounds. Durations end in `_s`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from tale_tui.domain.models import ModelRef, Role

COVERAGE = 0.8
"""The share of what comes afterwards that is to lie within the interval of its forecast."""
NEAR_SHARE = 0.3
"""A forecast is near where it is off by at most this share of what came."""
NEAR_AIM = 0.8
"""The share of forecasts that are to be near."""
SHARED = 0.8
"""Correlation of the errors of a task's steps: one model writes all of them, about one thing."""
RUNS_MIN = 10
"""With fewer runs of a model its forecasts are a median, and say from how many."""
HISTORY_TASKS = 50
"""So many tasks that were done last are looked at to say how near forecasts are."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """A number from 0 on that is foreseen, and its interval, which holds what comes as often as `COVERAGE` says."""

    middle: float
    low: float
    high: float

    def scaled(self, factor: float) -> Estimate:
        """All three times a number from 0 on."""
        return Estimate(self.middle * factor, self.low * factor, self.high * factor)

    def plus(self, other: Estimate) -> Estimate:
        """The sum, as wide as if both were wrong in the same direction."""
        return Estimate(self.middle + other.middle, self.low + other.low, self.high + other.high)

    def holds(self, value: float) -> bool:
        """Whether what came lies within."""
        return self.low <= value <= self.high


def together(parts: Sequence[Estimate]) -> Estimate:
    """The sum of what is foreseen of the steps of one task: they are wrong in the same direction as far as `SHARED`
    says."""
    if len(parts) == 1:
        return parts[0]
    middle = sum(part.middle for part in parts)
    down, up = _width([part.middle - part.low for part in parts]), _width([part.high - part.middle for part in parts])
    return Estimate(middle, max(0.0, middle - down), middle + up)


def _width(parts: Sequence[float]) -> float:
    return math.sqrt(SHARED * sum(parts) ** 2 + (1 - SHARED) * sum(part**2 for part in parts))


NOTHING = Estimate(0.0, 0.0, 0.0)

_END_Z = 1.2816
"""Of the standard normal distribution, where the upper tenth of it begins."""
_CERTAIN = 1.0 - 1e-9
_LEAST = 1e-3
"""The smallest number that has a logarithm here."""


def remaining(whole: Estimate, done: float) -> Estimate | None:
    """What is left of something, from nothing else than that so much is done and it has not ended.

    Its size is taken as log-normal on either side of its middle, with the ends of the interval as tenths: what is left
    is that distribution above `done`. So the middle goes down more slowly than `done` goes up, and never below 0.

    Args:
        whole: all of it, as it was foreseen.
        done: so much of it, from 0 on.
    Returns:
        None where more is done than the interval has: then nothing is foreseen any more.
    """
    from statistics import NormalDist

    if done <= 0:
        return whole
    if done >= whole.high:
        return None
    middle = max(whole.middle, _LEAST)
    below = max(math.log(middle / max(min(whole.low, middle), _LEAST)) / _END_Z, _LEAST)
    above = max(math.log(max(whole.high, middle) / middle) / _END_Z, _LEAST)
    normal = NormalDist()
    place = math.log(max(done, _LEAST) / middle)
    passed = normal.cdf(place / (below if place < 0 else above))

    def left(share: float) -> float:
        z = normal.inv_cdf(min(passed + share * (1.0 - passed), _CERTAIN))
        return max(middle * math.exp(z * (below if z < 0 else above)) - done, 0.0)

    tail = (1.0 - COVERAGE) / 2
    return Estimate(left(0.5), left(tail), left(1.0 - tail))


@dataclass(frozen=True, slots=True)
class LengthBudget:
    """What an answer may write before somebody is asked."""

    tokens: int
    """The upper end of what is usual for its like."""
    limit: int
    """Several times that: so many may be written."""
    words: int | None
    """What its model is told of that, in words; None where the text itself says how long the answer is to be."""
    runs: int
    """So many runs of its like this is learned from; 0 where it is what is supposed of it."""


PACE_TOKENS = 100
"""When so many tokens are written, their own pace says as much of the rest as what was foreseen of it."""


def remaining_seconds(seconds: Estimate, tokens: Estimate, ran_s: float, written: int) -> Estimate | None:
    """How long something still writes, from what it has written so far and how long that took.

    What is left of its tokens is as in `remaining`; the pace is that which was foreseen, moved to that of what is
    written the more of it there is, and as much surer. As long as nothing is written the time alone says something.

    Args:
        seconds: all of its time, as it was foreseen.
        tokens: all that it writes, likewise.
        ran_s: how long it has run.
        written: tokens so far.
    Returns:
        None where it runs longer, or writes more, than the interval has: then nothing is foreseen any more.
    """
    if written <= 0:
        return remaining(seconds, ran_s)
    left = remaining(tokens, written)
    if left is None or min(seconds.middle, tokens.middle) < _LEAST:
        return None
    pace = seconds.middle / tokens.middle
    seen = written / (written + PACE_TOKENS)
    pace *= max(ran_s / written / pace, _LEAST) ** seen
    down = min((seconds.low / seconds.middle) * (tokens.middle / max(tokens.low, _LEAST)), 1.0)
    up = max((seconds.high / seconds.middle) * (tokens.middle / tokens.high), 1.0)
    doubt = 1.0 - seen
    return Estimate(left.middle * pace, left.low * pace * down**doubt, left.high * pace * up**doubt)


@dataclass(frozen=True, slots=True)
class StepEstimate:
    """What is foreseen of one step of a plan."""

    completion_tokens: Estimate
    seconds: Estimate


@dataclass(frozen=True, slots=True)
class PastForecasts:
    """How near the forecasts of the last tasks of a model were, before one more is made."""

    tasks: int = 0
    near: int = 0
    """Forecasts of the tokens written that were within `NEAR_SHARE`."""
    kind: str = ""
    """Of their answers; empty where there are too few of one kind, so that all count."""

    @property
    def near_share(self) -> float:
        """0 to 1; 0 without tasks."""
        return self.near / self.tasks if self.tasks else 0.0


@dataclass(frozen=True, slots=True)
class ForecastSummary:
    """What stands beside a task of its forecast."""

    completion_tokens: Estimate
    seconds: Estimate
    """Of the work, from the moment when it has a slot."""
    waiting: Estimate
    """For its slot, in seconds."""
    runs: int
    """So many runs of its model it is made from."""
    complexity: str | None = None
    prompt_tokens: Estimate = NOTHING
    cost: Estimate | None = None
    """In the user's money; None where its model has no price."""
    large: bool = False
    """Whether it is more than the settings have said before it runs."""
    past: PastForecasts = PastForecasts()

    @property
    def tokens(self) -> float:
        """That are read and written, in all."""
        return self.prompt_tokens.middle + self.completion_tokens.middle


@dataclass(frozen=True, slots=True)
class TaskForecast:
    """What is foreseen of one text."""

    kind: str
    """What its answer is: code, prose, plan ... (`AnswerKind`)."""
    prompt_tokens: Estimate
    completion_tokens: Estimate
    seconds: Estimate
    """Of the work, from the moment when it has a slot."""
    waiting: Estimate
    """For its slot, in seconds."""
    runs: int
    """So many runs of its model it is made from."""
    why: str
    """From what, in a few words."""
    ref: ModelRef | None = None
    """The model it is for; None where none is known."""
    complexity: str | None = None
    cost: Estimate | None = None
    """In the user's money; None where its model has no price."""
    p: float | None = None
    """The probability that the text is a task; None where nobody looked."""
    route: Role | None = None
    """Whose model it would be given to; None where that was not asked."""
    route_why: str = ""
    large: bool = False
    """Whether it is more than the settings have said before it runs."""
    past: PastForecasts = PastForecasts()

    @property
    def summary(self) -> ForecastSummary:
        """What stands beside its task."""
        return ForecastSummary(
            completion_tokens=self.completion_tokens,
            seconds=self.seconds,
            waiting=self.waiting,
            runs=self.runs,
            complexity=self.complexity,
            prompt_tokens=self.prompt_tokens,
            cost=self.cost,
            large=self.large,
            past=self.past,
        )

    @property
    def tokens(self) -> float:
        """That are read and written, in all."""
        return self.prompt_tokens.middle + self.completion_tokens.middle

    @property
    def total_seconds(self) -> Estimate:
        """To its end, with what it waits."""
        return self.waiting.plus(self.seconds)


def is_near(foreseen: float, came: float) -> bool:
    """Whether a forecast of a number is within `NEAR_SHARE` of what came."""
    return abs(foreseen - came) <= NEAR_SHARE * came


@dataclass(frozen=True, slots=True)
class ForecastOutcome:
    """A forecast that was made before a task ran, and what came."""

    task_id: str
    kind: str
    completion_tokens: Estimate
    actual_tokens: int
    seconds: Estimate
    actual_s: float
    finished: float = 0.0
    """In seconds since the epoch."""
    model: str = ""
    """As `backend/model`."""

    @property
    def is_near(self) -> bool:
        """Whether the tokens that were written are within `NEAR_SHARE`."""
        return is_near(self.completion_tokens.middle, self.actual_tokens)


@dataclass(frozen=True, slots=True)
class ForecastAccuracy:
    """How near some forecasts were."""

    kind: str
    """Of the answers; empty for all."""
    tasks: int
    near: int
    """Forecasts of the tokens written that were within `NEAR_SHARE`."""
    covered: int
    """Tokens written that lay within their interval."""
    seconds_covered: int

    @property
    def near_share(self) -> float:
        """0 to 1; 0 without tasks."""
        return self.near / self.tasks if self.tasks else 0.0


@dataclass(frozen=True, slots=True)
class ForecastHistory:
    """How near the forecasts of the last tasks were."""

    total: ForecastAccuracy
    kinds: tuple[ForecastAccuracy, ...]
    """By kind of answer, the commonest first."""
    aim: float = NEAR_AIM
