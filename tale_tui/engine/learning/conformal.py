"""Intervals that are held against what came afterwards (adaptive conformal inference, Gibbs and Candès, 2021).

An error is a logarithm: of what came, divided by what was foreseen. It is divided by the spread that was expected of
it, so that sure forecasts have narrow intervals. Plain Python: some dozen numbers.
"""

from __future__ import annotations

import math
from bisect import insort
from collections import deque

from tale_tui.domain.forecasts import COVERAGE, Estimate

WINDOW = 80
"""Errors that an interval is made from; of older ones nothing is said any more."""
SUPPOSED = (-2.0, -1.36, -1.0, -0.71, -0.46, -0.22, 0.0, 0.2, 0.4, 0.63, 0.89, 1.2, 1.8)
"""Errors that stand in for those which have not been seen yet: about as a normal spread has them, a little
longer below: refusals and answers in one line are far below, and nothing is as far above."""
STEP = 0.02
"""How far the share that may lie outside moves with each outcome."""
OUTSIDE_MIN, OUTSIDE_MAX = 0.06, 0.5
WIDEST = math.log(20)
"""An end of an interval is at most this far from its middle."""


class AdaptiveInterval:
    """The interval around forecasts of one thing, from the errors of earlier ones."""

    def __init__(self) -> None:
        self._errors: deque[float] = deque(maxlen=WINDOW)
        self._outside = 1 - COVERAGE
        self._ends = self._quantiles()

    def around(self, middle: float, spread: float) -> Estimate:
        """The interval of a forecast.

        Args:
            middle: above 0.
            spread: the standard deviation that is expected of the logarithm of its error.
        """
        low, high = self._ends
        down, up = min(WIDEST, max(0.0, -low * spread)), min(WIDEST, max(0.0, high * spread))
        return Estimate(middle, middle * math.exp(-down), middle * math.exp(up))

    def learn(self, error: float, spread: float) -> None:
        """What came of a forecast that was made with this spread before it was known."""
        scaled, (low, high) = error / spread, self._ends
        missed = not low <= scaled <= high
        self._outside += STEP * (1 - COVERAGE - missed)
        self._outside = min(OUTSIDE_MAX, max(OUTSIDE_MIN, self._outside))
        self._errors.append(scaled)
        self._ends = self._quantiles()

    def forget(self, keep: int) -> None:
        """What happened before the last `keep` errors says nothing any more."""
        self._errors = deque(list(self._errors)[-keep:], maxlen=WINDOW)
        self._outside = 1 - COVERAGE
        self._ends = self._quantiles()

    def _quantiles(self) -> tuple[float, float]:
        ordered = sorted(self._errors)
        # The more is known the less is supposed: one at each place of the middle, until there are enough.
        supposed = max(3, len(SUPPOSED) - len(ordered) // 3)
        first = (len(SUPPOSED) - supposed) // 2
        for error in SUPPOSED[first : first + supposed]:
            insort(ordered, error)
        return _at(ordered, self._outside / 2), _at(ordered, 1 - self._outside / 2)


def _at(ordered: list[float], share: float) -> float:
    """The value of sorted values below which this share of them lies."""
    place = share * (len(ordered) - 1)
    below = int(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (place - below)
