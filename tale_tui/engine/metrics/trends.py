"""Whether a series of measurements got worse, beyond its noise, and since when. Pure functions.

The test of van der Waerden: the last values against those before them, by normal scores, which come from the order of
the values alone. Peaks, single values that took several times as long, are left out on both sides: they say nothing of
the others, and few of them would drown a small shift. Calls that follow one another are alike; what that takes from the
evidence is measured (the correlation of the scores of neighbours) and taken off. Of two kinds of values (failed or not)
the exact test is taken. Two lengths are looked at: a short one for a large shift, a long one for a small one.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from math import comb, sqrt
from statistics import NormalDist, fmean, median, quantiles

REFERENCE_MAX = 600
"""Values before the last ones that these are compared with, at most."""
REFERENCE_MIN = 150
"""With fewer nothing is said."""
WINDOWS = ((29, 4.1), (148, 3.75))
"""How many last values are compared, and how many standard deviations are no noise. Calibrated by simulation of other
series than those of `tests/engine/metrics/test_trends.py`."""
PEAK = 8.0
"""A value is a peak so many times as far above the median as the upper quartile is."""
PEAKS_MAX = 0.25
"""Of the last values. More of them are no peaks, but how it is now."""
SURE = 1e-15
"""A probability below this is as good as none."""
SHIFT_MIN = 0.10
"""A smaller shift of the median, or of the mean where values are mostly the same, is nobody's concern."""
CORRELATION_MAX = 0.8
TINY = 1e-300
"""Stands for 0 where it is divided by."""


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
        values: in the order of time, oldest first, none below 0; only the last `REFERENCE_MAX` and a window of them are
            looked at.
        worse_is_less: true for a speed, false for a duration, a number of tokens or a failure (1, else 0).
    """
    # A speed is taken for the time of one, so that what is slow for a moment is a peak as well.
    signed = [1 / max(value, TINY) for value in values] if worse_is_less else list(values)
    for window, limit in WINDOWS:
        split = len(signed) - window
        if split < REFERENCE_MIN:
            return None
        first = max(0, split - REFERENCE_MAX)
        if not _stands_out(signed[first:split], signed[split:], limit):
            continue
        began = first + _best_split(signed[first:])
        level_before, level_after = _levels(values[first:began], values[began:])
        worse = level_before - level_after if worse_is_less else level_after - level_before
        if worse > SHIFT_MIN * abs(level_before):
            return Shift(began, level_before, level_after)
    return None


def _stands_out(reference: Sequence[float], last: Sequence[float], limit: float) -> bool:
    """Whether the last values lie above the reference by so many standard deviations of pure chance."""
    reference, last = _without_peaks(reference, last)
    scores = _scores([*reference, *last])
    apart = _apart(reference, last, scores)
    if apart < limit:  # neighbours that are alike only take from it
        return False
    alike = _correlation(scores[: len(reference)])
    return apart >= limit * sqrt((1 + alike) / (1 - alike))


def _without_peaks(reference: Sequence[float], last: Sequence[float]) -> tuple[Sequence[float], Sequence[float]]:
    _, middle, upper = quantiles(reference, n=4, method="inclusive")
    if upper <= middle:
        return reference, last
    highest = middle + PEAK * (upper - middle)
    kept = [value for value in last if value <= highest]
    if len(kept) < (1 - PEAKS_MAX) * len(last):
        return reference, last
    return [value for value in reference if value <= highest], kept


def _apart(reference: Sequence[float], last: Sequence[float], scores: Sequence[float]) -> float:
    """How far the last values lie above the reference, in standard deviations, were all of them independent.

    Args:
        reference: some values.
        last: those after them.
        scores: of both.
    """
    kinds = {*reference, *last}
    if len(kinds) <= 1:
        return 0.0
    if len(kinds) == 2:  # noqa: PLR2004  (two kinds: as it says)
        return _apart_by_share(reference, last, max(kinds))
    before, after = len(reference), len(last)
    both = before + after
    mean = fmean(scores)
    spread = sum((score - mean) ** 2 for score in scores) / (both - 1)
    return (sum(scores[before:]) - after * mean) / sqrt(spread * before * after / both)


def _apart_by_share(reference: Sequence[float], last: Sequence[float], worse: float) -> float:
    """The same of values of two kinds: from the exact chance that so many or more of the worse kind are the last."""
    seen = sum(value == worse for value in last)
    total = seen + sum(value == worse for value in reference)
    before, after = len(reference), len(last)
    ways = sum(comb(total, k) * comb(before + after - total, after - k) for k in range(seen, min(total, after) + 1))
    chance = ways / comb(before + after, after)
    return -NormalDist().inv_cdf(min(max(chance, SURE), 1 - SURE))


@lru_cache(maxsize=512)
def _normal_scores(count: int) -> tuple[float, ...]:
    """The normal scores of so many values, by twice the rank, from 0 (which is none)."""
    normal = NormalDist()
    return (0.0, 0.0, *(normal.inv_cdf(twice / 2 / (count + 1)) for twice in range(2, 2 * count + 1)))


def _scores(values: Sequence[float]) -> list[float]:
    """Of each value what stands for its rank; values that are the same have the one in their middle."""
    by_rank = _normal_scores(len(values))
    ordered = sorted(values)
    return [by_rank[bisect_left(ordered, value) + bisect_right(ordered, value) + 1] for value in values]


def _correlation(scores: Sequence[float]) -> float:
    """How alike neighbours are, from 0 to `CORRELATION_MAX`."""
    mean = fmean(scores)
    spread = sum((score - mean) ** 2 for score in scores)
    if spread <= 0:
        return 0.0
    together = sum((first - mean) * (second - mean) for first, second in pairwise(scores))
    return min(max(together / spread, 0.0), CORRELATION_MAX)


def _best_split(values: Sequence[float]) -> int:
    """The place that parts low from high values best: the largest difference of scores over its own deviation."""
    scores = _scores(values)
    count, total = len(scores), sum(scores)
    mean = total / count
    best, place, below = 0.0, count - 1, 0.0
    for split, score in enumerate(scores[:-1], start=1):
        below += score
        statistic = (mean * split - below) / sqrt(split * (count - split))
        if statistic > best:
            best, place = statistic, split
    return place


def _levels(before: Sequence[float], after: Sequence[float]) -> tuple[float, float]:
    first, second = median(before), median(after)
    if first == second or first == 0:
        return fmean(before), fmean(after)
    return first, second
