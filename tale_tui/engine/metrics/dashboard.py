"""A range of samples and calls, cut into parts for plots, and what models did in it."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from tale_tui.domain.constants import DAY_S, HOUR_S, MINUTE_S
from tale_tui.domain.distribution import Distribution, merged
from tale_tui.domain.samples import (
    CALL_FIGURES,
    SAMPLED_FIGURES,
    SKETCHED_FIGURES,
    Figure,
    MetricSeries,
    Sample,
    SeriesPoint,
    SlotState,
)
from tale_tui.engine.metrics.promises import MIDDLE, P95
from tale_tui.engine.store.samples.rollups import Rolled, RollupRow

SLOTS_S = (15, 60, 300, 900, 3_600, 7_200, 28_800, 86_400, 604_800)
"""The lengths of the parts of a range, in seconds."""
SLOTS_MAX = 96
"""Parts of a range: more than a plot has columns for are of no use."""
PLAIN_FIGURES = tuple(figure for figure in SAMPLED_FIGURES if figure not in SKETCHED_FIGURES)
"""Of which no percentile is asked for."""
LAID_FIGURES = (*CALL_FIGURES, Figure.SWITCH, *SAMPLED_FIGURES)
"""All but tokens, which are sums by model."""


@dataclass(frozen=True, slots=True)
class SlotGrid:
    """The parts of a range."""

    begin: int
    slot_s: int
    count: int
    step_s: int
    """The roll-ups that it is made of; 0 for single samples and calls."""

    @property
    def end(self) -> int:
        """When the last part ends."""
        return self.begin + self.count * self.slot_s

    def place(self, at: float) -> int:
        """The part in which a moment lies; the first or the last one where it lies outside."""
        return min(max(int((at - self.begin) // self.slot_s), 0), self.count - 1)


def grid_of(range_s: float, now: float) -> SlotGrid:
    """The parts of a range that ends with the part in which `now` lies.

    Args:
        range_s: its length in seconds.
        now: the present.
    """
    slot_s = next((slot for slot in SLOTS_S if range_s <= SLOTS_MAX * slot), SLOTS_S[-1])
    count = math.ceil(range_s / slot_s)
    step_s = next((step for step in (DAY_S, HOUR_S, MINUTE_S) if slot_s % step == 0 and slot_s > MINUTE_S), 0)
    end = math.floor(now / slot_s + 1) * slot_s
    return SlotGrid(end - count * slot_s, slot_s, count, step_s)


Laid = dict[Figure, dict[int, Distribution]]
"""The values of each figure by the part of the range in which they lie."""


def lay_single(grid: SlotGrid, samples: Iterable[Sample], calls: Iterable[Rolled]) -> Laid:
    """Single samples and calls on a grid."""
    values: defaultdict[Figure, defaultdict[int, list[float]]] = defaultdict(lambda: defaultdict(list))
    for sample in samples:
        at = sample.began if sample.idle else sample.ended
        if at < grid.begin:  # a time in which nothing happens, and which reaches in
            continue
        for figure, value in zip(SAMPLED_FIGURES, sample.figures, strict=True):
            if value is not None:
                values[figure][grid.place(at)].append(value)
    for call in calls:
        values[call.figure][grid.place(call.at)].append(call.value)
    return {
        figure: {place: Distribution.of(found) for place, found in places.items()} for figure, places in values.items()
    }


def lay_rollups(grid: SlotGrid, rows: Iterable[RollupRow], plain: Iterable[tuple[Figure, int, Distribution]]) -> Laid:
    """Roll-ups on a grid.

    Args:
        grid: the parts.
        rows: with sketches.
        plain: values of whole parts, without.
    """
    parts: defaultdict[Figure, defaultdict[int, list[Distribution]]] = defaultdict(lambda: defaultdict(list))
    for row in rows:
        parts[row.figure][grid.place(row.start)].append(row.values)
    laid = {figure: {place: merged(found) for place, found in places.items()} for figure, places in parts.items()}
    for figure, place, values in plain:
        laid.setdefault(figure, {})[place] = values
    return laid


def slot_states(grid: SlotGrid, laid: Laid, idle: Sequence[Sample]) -> tuple[SlotState, ...]:
    """What is known of each part."""
    recorded = {place for places in laid.values() for place in places}
    resting = {place for time in idle for place in idle_places(grid, time)}
    return tuple(
        SlotState.RECORDED if place in recorded else SlotState.IDLE if place in resting else SlotState.GAP
        for place in range(grid.count)
    )


def idle_places(grid: SlotGrid, time: Sample) -> range:
    """The parts in which nothing happened, at least for a while."""
    if time.ended < grid.begin or time.began >= grid.end:
        return range(0)
    return range(grid.place(time.began), grid.place(time.ended) + 1)


def series_on(grid: SlotGrid, laid: Laid, idle: Sequence[Sample]) -> tuple[MetricSeries, ...]:
    """All figures but the tokens. Where nothing happened, what was measured when that began holds on."""
    found = []
    for figure in LAID_FIGURES:
        places = {place: _point(values) for place, values in laid.get(figure, {}).items()}
        for time in idle if figure in SAMPLED_FIGURES else ():
            if (value := time[figure]) is not None:
                for place in idle_places(grid, time):
                    places.setdefault(place, SeriesPoint(1, value, value, value))
        points = tuple(places.get(place) for place in range(grid.count))
        last = next((point.mean for point in reversed(points) if point is not None), None)
        found.append(MetricSeries(figure, "", points, last))
    return tuple(found)


def token_series(grid: SlotGrid, tokens: Iterable[tuple[str, int, int]]) -> tuple[MetricSeries, ...]:
    """The tokens of each part by model, the model with most first; a part without any has none.

    Args:
        grid: the parts.
        tokens: `backend/model`, the place of a part, how many.
    """
    by_model: defaultdict[str, dict[int, int]] = defaultdict(dict)
    for model, place, tokens_there in tokens:
        by_model[model][place] = tokens_there
    series = []
    for model in sorted(by_model, key=lambda model: (-sum(by_model[model].values()), model)):
        points = tuple(
            None if (number := by_model[model].get(place)) is None else SeriesPoint(1, *[float(number)] * 3)
            for place in range(grid.count)
        )
        last = next(point.mean for point in reversed(points) if point is not None)
        series.append(MetricSeries(Figure.TOKENS, model, points, last))
    return tuple(series)


def _point(values: Distribution) -> SeriesPoint:
    ends = (values.mean or 0.0, values.smallest or 0.0, values.largest or 0.0)
    if not values.buckets:
        return SeriesPoint(values.count, *ends)
    return SeriesPoint(values.count, *ends, values.percentile(MIDDLE), values.percentile(P95))
