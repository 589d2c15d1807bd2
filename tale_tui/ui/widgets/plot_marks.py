"""What a plot draws, as cells without colours: its scale, its bars, its lines and its moments. Pure functions.

No library is used for it. plotext puts the edges of bars where the nearest cell is, so that bars of one width come out
in two; it draws into one figure for the whole process, answers with text in colours of its own, and takes 3 ms a plot,
which is more than six plots may stop a window for.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import accumulate, pairwise

EIGHTHS = 8
"""Heights that a cell can be filled to."""
TICK_EVERY = 12
"""Cells from one moment on the axis to the next at least."""
TICK_GAP = 3
"""Cells between two moments at least."""
LABELS_UP_TO = 6
"""Rows that all have their number; of more, some do."""
_STEPS = (1.0, 1.2, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0)
"""Numbers that a scale may count in, times a power of ten."""
_HOUR_S, _DAY_S = 3600, 86_400
_TICKS_S = (60, 300, 600, 900, 1800, _HOUR_S, 2 * _HOUR_S, 3 * _HOUR_S, 6 * _HOUR_S, 12 * _HOUR_S)
_TICK_DAYS = (1, 2, 7, 14, 28, 91)
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_WEEK_S = 8 * _DAY_S
"""Up to so long a plot names its days by weekday."""

Numbers = Sequence[float | None]


def scale_step(largest: float, rows: float, least: float = 0.0) -> float:
    """How much a line of a plot stands for: a round number.

    Args:
        largest: what is to be shown; 0 or less for nothing.
        rows: lines that there are for it.
        least: the step is not smaller; 1 for what is counted.
    """
    wanted = max(largest / rows, least)
    if wanted <= 0:
        return 1.0
    power = 1.0
    while power > wanted:
        power /= 10
    while power * 10 <= wanted:
        power *= 10
    # What binary fractions lack must not take the next step.
    return max(power * next(step for step in _STEPS if power * step >= wanted * (1 - 1e-9)), least)


def row_scale(largest: float, rows: int, least: float = 0.0) -> tuple[float, int]:
    """What a row of a plot stands for, and of how many rows one has its number: the numbers are round.

    Args:
        largest: what is to be shown; 0 or less for nothing.
        rows: that there are.
        least: a row does not stand for less; 1 for what is counted.
    """
    every = -(-rows // LABELS_UP_TO)
    return scale_step(largest, rows / every, least * every) / every, every


def merged(values: Sequence[Numbers], columns: int) -> list[list[float | None]]:
    """The same bars, where there are more of them than columns: as many neighbours as it takes are one bar, from the
    last one on. What is summed stays the same; None is nothing known in all of them."""
    size = max(-(-max(map(len, values), default=0) // max(columns, 1)), 1)
    return [[_sum(part) for part in _from_the_end(numbers, size)] for numbers in values]


def _from_the_end(numbers: Numbers, size: int) -> list[Numbers]:
    first = len(numbers) % size
    starts = [0, *range(first, len(numbers) + 1, size)] if first else [*range(0, len(numbers) + 1, size)]
    return [numbers[start:end] for start, end in pairwise(starts)]


def _sum(numbers: Numbers) -> float | None:
    known = [number for number in numbers if number is not None]
    return sum(known) if known else None


def stacked(values: Sequence[float | None], step: float) -> list[tuple[int, int]]:
    """A bar from the bottom up: for each cell which of `values` it shows and how many eighths of it are filled.

    All cells but the last one are full, and together they are as high as the sum, to an eighth of a cell; what is
    above zero is seen. A cell that two values share shows the one that has more of it.

    Args:
        values: that are stacked, the lowest first; None counts as nothing.
        step: what a cell stands for.
    """
    tops = list(accumulate(max(value or 0.0, 0.0) / step for value in values))
    if not tops or tops[-1] <= 0:
        return []
    eighths = max(round(tops[-1] * EIGHTHS), 1)
    cells = []
    for row in range(-(-eighths // EIGHTHS)):
        filled = min(eighths - row * EIGHTHS, EIGHTHS)
        middle = min(row + filled / EIGHTHS / 2, tops[-1])
        cells.append((next(place for place, top in enumerate(tops) if top >= middle and top > 0), filled))
    return cells


def line_quarters(values: Numbers, columns: int, rows: int, step: float) -> list[list[int]]:
    """A line in quarters of cells: for each row from the bottom up, for each column, the bits of its quarters.

    Every value is drawn as long as it held, with an upright joint to the next one; where nothing is known there is
    nothing, and nothing joins what is on its two sides.

    Args:
        values: in the order of time, each as long as every other.
        columns: cells across.
        rows: cells high.
        step: what a row stands for.
    """
    cells = [[0] * columns for _ in range(rows)]
    before: int | None = None
    for across in range(columns * 2):
        value = _at(values, across, columns * 2)
        height = None if value is None else min(max(int(value / step * 2), 0), rows * 2 - 1)
        if height is not None:
            joint = height if before is None else before
            for level in range(min(height, joint), max(height, joint) + 1):
                upper = level % 2
                cells[level // 2][across // 2] |= 1 << (across % 2 + (0 if upper else 2))
        before = height
    return cells


def _at(values: Numbers, place: int, places: int) -> float | None:
    """The value of a place; the largest where there are several: a peak must not be lost."""
    first = place * len(values) // places
    last = max((place + 1) * len(values) // places, first + 1)
    known = [value for value in values[first:last] if value is not None]
    return max(known) if known else None


@dataclass(frozen=True, slots=True)
class TimeTick:
    """A moment on the axis."""

    column: int
    label: str


def time_ticks(begin: float, end: float, now: float, columns: int, column_of: Callable[[float], int]) -> list[TimeTick]:
    """Moments of the user's clock that fit below a plot, and `now` where it is in sight; none over another.

    Args:
        begin, end: of what is shown, in seconds since the epoch.
        now: the present.
        columns: cells of the axis.
        column_of: the column of a moment; one that is out of sight is outside of them.
    """
    there = min(column_of(now), columns - 1) if begin <= now <= end else columns
    latest = TimeTick(there, "now") if there < columns else None
    room = columns if latest is None else max(there - len("now") - 1, 0)
    ticks: list[TimeTick] = []
    for moments in _ladder(begin, end, columns):
        ticks = _labelled(moments, begin, end, column_of)
        if ticks and all(one.column + len(one.label) + TICK_GAP <= other.column for one, other in pairwise(ticks)):
            break
        ticks = []
    fitting = [tick for tick in ticks if tick.column >= 0 and tick.column + len(tick.label) <= room]
    return [*fitting, latest] if latest is not None else fitting


def _ladder(begin: float, end: float, columns: int) -> Iterable[list[float]]:
    """The moments that an axis may name, the most first."""
    most = columns // TICK_EVERY
    first = datetime.fromtimestamp(begin)  # noqa: DTZ006  # the user's clock
    midnight = first.replace(hour=0, minute=0, second=0, microsecond=0)
    for tick_s in _TICKS_S:
        if (end - begin) / tick_s <= most:
            hour = first.replace(minute=0, second=0, microsecond=0)
            start = (midnight if tick_s > _HOUR_S else hour).timestamp()
            yield [start + tick_s * place for place in range(int((end - start) // tick_s) + 1)]
    for days in _TICK_DAYS:
        if (end - begin) / (days * _DAY_S) <= most:
            count = int((end - begin) // (days * _DAY_S)) + 2
            yield [(midnight + timedelta(days=days * place)).timestamp() for place in range(count)]


def _labelled(moments: Iterable[float], begin: float, end: float, column_of: Callable[[float], int]) -> list[TimeTick]:
    seen = [moment for moment in moments if begin <= moment <= end]
    times = [time.localtime(moment) for moment in seen]
    crosses = time.localtime(begin)[:3] != time.localtime(end)[:3]
    ticks, day = [], None
    for moment, local in zip(seen, times, strict=True):
        clock = f"{local.tm_hour}:{local.tm_min:02}"
        if all(one.tm_hour == one.tm_min == 0 for one in times) and end - begin > _DAY_S:
            short = end - begin <= _WEEK_S
            label = _DAYS[local.tm_wday] if short else f"{local.tm_mday} {_MONTHS[local.tm_mon - 1]}"
        else:
            label = clock if day == local[:3] or not crosses else f"{_DAYS[local.tm_wday]} {clock}"
        day = local[:3]
        ticks.append(TimeTick(column_of(moment), label))
    return ticks
