"""Whether a series of measurements got worse, beyond its noise, and since when. Pure functions.

The rank test of Mann and Whitney: the last values against those before them. It looks at the order alone, so a single
value that took ten times as long counts no more than any other large one. Calls that follow one another are alike; what
that takes from the evidence is measured (the correlation of neighbours in rank) and taken off. Two lengths are looked
at: a short one for a large shift, a long one for a small one.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import sqrt
from statistics import fmean, median

REFERENCE_MAX = 400
"""Values before the last ones that these are compared with, at most."""
REFERENCE_MIN = 60
"""With fewer nothing is said."""
WINDOWS = ((29, 3.75), (138, 3.75))
"""How many last values are compared, and how many standard deviations are no noise. Calibrated by simulation
(`tests/engine/metrics/test_trends.py`)."""
SHIFT_MIN = 0.10
"""A smaller shift of the median, or of the mean where values are mostly the same, is nobody's concern."""
CORRELATION_MAX = 0.8


@dataclass(frozen=True, slots=True)
class Shift:
    """A series that got worse."""

    began: int
    """The place of the first value that belongs to what is now."""
    before: float
    """The median before that, or the mean where half of the values are the same (failures: 0 and 1)."""
    after: float
    """The same since then."""

    @property
    def change(self) -> float:
        """By what share of the value before; infinite where that is 0."""
        return (self.after - self.before) / self.before if self.before else float("inf")


def find_regression(values: Sequence[float], *, worse_is_less: bool = False) -> Shift | None:
    """Whether the last values are worse than those before them; None where it may be noise.

    Args:
        values: in the order of time, oldest first; more than the last `REFERENCE_MAX` and 138 are not looked at.
        worse_is_less: true for a speed, false for a duration, a number of tokens or a failure (1, else 0).
    """
    signed = [-value for value in values] if worse_is_less else list(values)
    for window, limit in WINDOWS:
        split = len(signed) - window
        if split < REFERENCE_MIN:
            return None
        first = max(0, split - REFERENCE_MAX)
        reference = signed[first:split]
        if _deviation(reference, signed[split:], _correlation(reference)) < limit:
            continue
        looked_at = signed[first:]
        began = first + _best_split(looked_at)
        level_before, level_after = _levels(values[first:began], values[began:])
        worse = level_before - level_after if worse_is_less else level_after - level_before
        if worse > SHIFT_MIN * abs(level_before):
            return Shift(began, level_before, level_after)
    return None


def _deviation(reference: Sequence[float], last: Sequence[float], correlation: float) -> float:
    """How far the last values lie above the reference, in standard deviations of pure chance; 0 where all are alike."""
    ordered = sorted(reference)
    wins = sum(bisect_left(ordered, value) + bisect_right(ordered, value) for value in last) / 2
    before, after = len(reference), len(last)
    both = before + after
    variance = before * after / 12 * (both + 1 - _ties([*reference, *last]) / (both * (both - 1)))
    if variance <= 0:
        return 0.0
    return (wins - before * after / 2) / sqrt(variance * (1 + correlation) / (1 - correlation))


def _ties(values: Sequence[float]) -> float:
    """The sum of t^3 - t over values that come t times."""
    counts: dict[float, int] = {}
    for value in values:
        counts[value] = counts.get(value, 0) + 1
    return sum(count**3 - count for count in counts.values())


def _ranks(values: Sequence[float]) -> list[float]:
    ordered = sorted(values)
    return [(bisect_left(ordered, value) + bisect_right(ordered, value)) / 2 for value in values]


def _correlation(values: Sequence[float]) -> float:
    """How alike neighbours are, by their ranks, from 0 to `CORRELATION_MAX`."""
    ranks = _ranks(values)
    mean = fmean(ranks)
    spread = sum((rank - mean) ** 2 for rank in ranks)
    if spread <= 0:
        return 0.0
    together = sum((first - mean) * (second - mean) for first, second in pairwise(ranks))
    return min(max(together / spread, 0.0), CORRELATION_MAX)


def _best_split(values: Sequence[float]) -> int:
    """The place that parts low from high values best: the largest rank statistic over its own deviation."""
    ranks = _ranks(values)
    count, total = len(ranks), sum(ranks)
    mean = total / count
    best, place, below = 0.0, count - 1, 0.0
    for split, rank in enumerate(ranks[:-1], start=1):
        below += rank
        statistic = (mean * split - below) / sqrt(split * (count - split))
        if statistic > best:
            best, place = statistic, split
    return place


def _levels(before: Sequence[float], after: Sequence[float]) -> tuple[float, float]:
    first, second = median(before), median(after)
    if first == second or first == 0:
        return fmean(before), fmean(after)
    return first, second
