"""What is a number of times something that is known: tokens of a prompt next to its text, seconds next to tokens."""

from __future__ import annotations

import math
from collections import deque
from statistics import median

from tale_tui.domain.forecasts import Estimate
from tale_tui.engine.learning.conformal import AdaptiveInterval

LATELY = 20
"""Runs whose middle counts: a change shows after half as many."""


class RatioForecast:
    """Learns the ratio of what came to what was supposed, as the middle of the last ones.

    Args:
        spread: the standard deviation of the logarithm of the ratio, as long as nothing is known.

    Attributes:
        ratio: the middle of the last ones; None before the first.
    """

    def __init__(self, spread: float) -> None:
        self._spread = spread
        self._last: deque[float] = deque(maxlen=LATELY)
        self._interval = AdaptiveInterval()
        self.ratio: float | None = None

    def foresee(self, supposed: float, spread: float = 0.0, *, otherwise: float = 1.0) -> Estimate:
        """What will come.

        Args:
            supposed: what it is a ratio of, above 0.
            spread: how wrong that itself may be, as the standard deviation of its logarithm.
            otherwise: the ratio where none is known yet.
        """
        ratio = otherwise if self.ratio is None else self.ratio
        return self._interval.around(supposed * ratio, math.hypot(self._spread, spread))

    def learn(self, supposed: float, actual: float, foreseen: Estimate, spread: float = 0.0) -> None:
        """What came.

        Args:
            supposed: what it is a ratio of, as it is known afterwards, above 0.
            actual: what came, above 0.
            foreseen: what was foreseen before.
            spread: as it was given there.
        """
        self._interval.learn(math.log(actual / foreseen.middle), math.hypot(self._spread, spread))
        self._last.append(math.log(actual / supposed))
        self.ratio = math.exp(median(self._last))
