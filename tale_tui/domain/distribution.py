"""Values that were summed up and still tell their percentiles: count, sum, ends, and a sketch of how they lie.

The sketch is DDSketch (Masson, Rim and Lee, 2019): values are counted in buckets whose bounds grow by a constant
factor, so that every percentile is right within a constant share of itself, and two sketches are one by adding what
they counted. Everything in it is a whole number: however values are split, the parts make the same whole.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

RELATIVE_ERROR = 0.01
"""Of a percentile, at most; promised is 0.02."""
_GROWTH = (1 + RELATIVE_ERROR) / (1 - RELATIVE_ERROR)
_LOG_GROWTH = math.log(_GROWTH)
ZERO_BUCKET = -10_000
"""Of values that are as good as nothing: below all other buckets, as they are below all other values."""
_LEAST = 1e-9


@dataclass(frozen=True, slots=True)
class Distribution:
    """Some values, none of them below 0. Without any, everything is None but the numbers."""

    count: int = 0
    total: int = 0
    """Their sum in thousandths."""
    smallest: float | None = None
    largest: float | None = None
    buckets: Mapping[int, int] = field(default_factory=dict)
    """How many values lie in each bucket, by its number."""

    @classmethod
    def of(cls, values: Iterable[float]) -> Distribution:
        """The distribution of values."""
        values = tuple(values)
        if not values:
            return cls()
        return cls(
            len(values),
            sum(round(value * 1000) for value in values),
            min(values),
            max(values),
            Counter(map(bucket_of, values)),
        )

    @property
    def mean(self) -> float | None:
        """The mean of the values."""
        return self.total / self.count / 1000 if self.count else None

    def percentile(self, share: float) -> float | None:
        """The value at the rank that this share of the values does not exceed, within `RELATIVE_ERROR` of it.

        Args:
            share: above 0, up to 1.
        Returns:
            None where there are no values, or no sketch of them.
        """
        if self.smallest is None or self.largest is None or not self.buckets:
            return None
        rank = max(1, math.ceil(share * self.count))
        for bucket in sorted(self.buckets):
            rank -= self.buckets[bucket]
            if rank <= 0:
                return min(max(_value_of(bucket), self.smallest), self.largest)
        return self.largest


def merged(parts: Iterable[Distribution]) -> Distribution:
    """The distribution of all the values of some others."""
    count = total = 0
    smallest: float | None = None
    largest: float | None = None
    buckets: dict[int, int] = {}
    for part in parts:
        count += part.count
        total += part.total
        if part.smallest is not None and (smallest is None or part.smallest < smallest):
            smallest = part.smallest
        if part.largest is not None and (largest is None or part.largest > largest):
            largest = part.largest
        for bucket, values in part.buckets.items():
            buckets[bucket] = buckets.get(bucket, 0) + values
    return Distribution(count, total, smallest, largest, buckets)


def bucket_of(value: float) -> int:
    """The bucket of a value."""
    return math.ceil(math.log(value) / _LOG_GROWTH) if value > _LEAST else ZERO_BUCKET


def _value_of(bucket: int) -> float:
    """What stands for the values of a bucket: no further from each of them than `RELATIVE_ERROR` of it."""
    return 0.0 if bucket == ZERO_BUCKET else 2 * _GROWTH**bucket / (_GROWTH + 1)
