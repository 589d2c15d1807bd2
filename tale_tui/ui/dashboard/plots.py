"""What was measured as data of plots: one family, the same time under all of them. Pure functions of a report."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from tale_tui.domain.constants import MEGABYTE
from tale_tui.domain.models import Role
from tale_tui.domain.samples import Figure, PromiseName, SeriesPoint, SlotState
from tale_tui.domain.text import clean_line
from tale_tui.formatting.units import count, duration, percent, size
from tale_tui.ui.dashboard.words import NAME_LIMIT, speed
from tale_tui.ui.widgets.key_bar import ROLE_COLOURS
from tale_tui.ui.widgets.plot import PlotData, PlotSeries

if TYPE_CHECKING:
    from tale_tui.domain.samples import DashboardReport, MetricSeries

_FILLS = {Role.TASK: 0, Role.UX: 1}
"""The signs of bars, as on every other screen that has them."""
_OTHERS, _OTHERS_FILL = "$muted", 2
_PLAIN = "$foreground 60%"
"""Of what belongs to no model: it must not be louder than what does."""
_MINUTE_S = 60.0
_GB_IN_MB = 1000.0
_TOKEN_COUNT_FROM = 1000
"""From here on a number of the scale is written as a count."""

Value = Callable[[SeriesPoint], float | None]
"""What is drawn of a part of the range; None where it has no such value."""


def plots_of(report: DashboardReport, now: float, columns: int, *, large: bool = False) -> tuple[PlotData, ...]:
    """All plots, in the order of `plot_grid.PLOTS`.

    Args:
        report: what was measured.
        now: the present, in seconds since the epoch.
        columns: cells across that a plot has; bars are as many at most.
        large: whether there is room for what is beside the middle: the 95th percentile.
    """
    first = report.series_of(Figure.FIRST_TEXT)
    lines = (
        _LinePlot("first token, s", first, lambda point: _seconds(point.p50), lambda value: duration(value / 1000),
                  _colour_of(report, ROLE_COLOURS[Role.UX]), promise=_limit(report, PromiseName.CHAT),
                  tail=(lambda point: _seconds(point.p95)) if large else None),
        _LinePlot("tokens a second", report.series_of(Figure.RATE), lambda point: point.p50, speed,
                  _colour_of(report, _PLAIN)),
        _LinePlot("tasks waiting", report.series_of(Figure.QUEUED), lambda point: point.largest, count, counted=True),
        _LinePlot("memory of models, GB", report.series_of(Figure.MODELS_MEMORY),
                  lambda point: point.largest / _GB_IN_MB, lambda value: size(value * MEGABYTE),
                  promise=_limit(report, PromiseName.MEMORY, _GB_IN_MB)),
        _LinePlot("processor, %", report.series_of(Figure.MACHINE_CPU), lambda point: point.mean,
                  lambda value: percent(value / 100), top=100.0),
    )  # fmt: skip
    return (*(one.drawn(report, now) for one in lines), _tokens(report, now, columns))


@dataclass(frozen=True, slots=True)
class _LinePlot:
    """A plot of one figure.

    Attributes:
        title: what is plotted, with its unit.
        series: as it was measured.
        value: of a part of the range, in that unit.
        last: the last value in words.
        colour: of the line.
        promise: what it is held against.
        tail: a second line below the first.
    """

    title: str
    series: MetricSeries
    value: Value
    last: Callable[[float], str]
    colour: str = _PLAIN
    promise: float | None = None
    tail: Value | None = None
    counted: bool = False
    top: float = 0.0

    def drawn(self, report: DashboardReport, now: float) -> PlotData:
        """As the widget takes it."""
        slots = len(report.slots)
        lines = [PlotSeries("p50" if self.tail else "", _values(self.series, self.value, slots), self.colour)]
        if self.tail is not None:
            lines.insert(0, PlotSeries("p95", _values(self.series, self.tail, slots), _OTHERS))
        return PlotData(
            self.title,
            edges_of(report),
            tuple(lines),
            counted=self.counted,
            now=now,
            promise=self.promise,
            last="" if self.series.last is None else self.last(self.series.last),
            label=scale_label,
            top=self.top,
            known=_known(report),
        )


def _colour_of(report: DashboardReport, otherwise: str) -> str:
    """The colour of what is of the model that is shown alone."""
    roles = next((use.roles for use in report.models if str(use.ref) == report.model), ())
    return ROLE_COLOURS[roles[0]] if roles else otherwise


def edges_of(report: DashboardReport) -> tuple[float, ...]:
    """Where the parts of the range begin, and the end of the last one."""
    return tuple(report.begin + report.slot_s * place for place in range(len(report.slots) + 1))


def _seconds(milliseconds: float | None) -> float | None:
    return None if milliseconds is None else milliseconds / 1000


def _limit(report: DashboardReport, name: PromiseName, unit: float = 1.0) -> float | None:
    """What is promised, in a unit; None where nothing is."""
    return next((light.limit / unit for light in report.promises if light.name is name and light.limit > 0), None)


def _known(report: DashboardReport) -> tuple[str, ...]:
    """What is known of each part, as a plot draws it under itself."""
    return tuple("" if state is SlotState.RECORDED else state.value for state in report.slots)


def _values(series: MetricSeries, value: Value, slots: int) -> tuple[float | None, ...]:
    points = series.points or (None,) * slots
    return tuple(None if point is None else value(point) for point in points)


def _by_model(report: DashboardReport) -> list[tuple[str, str, int, MetricSeries]]:
    """The tokens of models with their names, colours and fills: that of the role ux, that of task, all others."""
    roles = {str(use.ref): use.roles for use in report.models}
    found = []
    for series in report.series:
        if series.figure is Figure.TOKENS:
            name = clean_line(series.model.partition("/")[2] or series.model, NAME_LIMIT)
            first = next(iter(roles.get(series.model, ())), None)
            colour, fill = (_OTHERS, _OTHERS_FILL) if first is None else (ROLE_COLOURS[first], _FILLS[first])
            found.append((name, colour, fill, series))
    return found


def _tokens(report: DashboardReport, now: float, columns: int) -> PlotData:
    """Bars, each the mean of its time: of more parts than there are columns some neighbours are one bar."""
    slots = len(report.slots)
    size_of = max(-(-slots // max(columns, 1)), 1)
    starts = [0, *range(slots % size_of or size_of, slots, size_of)] if slots else []
    parts = list(pairwise([*starts, slots]))
    edges = edges_of(report)
    drawn: dict[int, tuple[str, str, list[float | None]]] = {}
    for name, colour, fill, series in _by_model(report):
        rates = [_a_minute(series.points[first:end], report.slot_s * (end - first)) for first, end in parts]
        if fill in drawn:
            before = drawn[fill][2]
            rates = [_sum(one, other) for one, other in zip(before, rates, strict=True)]
            name = "others"
        drawn[fill] = name, colour, rates
    known = _known(report)
    return PlotData(
        "tokens a minute",
        (*(edges[first] for first, _ in parts), edges[-1]) if parts else (),
        tuple(
            PlotSeries(name, tuple(rates), colour, fill)
            for fill, (name, colour, rates) in sorted(drawn.items(), key=lambda one: -one[0])
        ),
        bars=True,
        spans=True,
        counted=True,
        now=now,
        last="" if not drawn else count(sum(rates[-1] or 0.0 for _, _, rates in drawn.values())),
        known=tuple(_best_known(known[first:end]) for first, end in parts),
    )


def _a_minute(points: Sequence[SeriesPoint | None], length_s: float) -> float | None:
    """Tokens a minute; None where nothing is known in all of the time."""
    known = [point.mean * point.count for point in points if point is not None]
    return sum(known) * _MINUTE_S / length_s if known else None


def _sum(one: float | None, other: float | None) -> float | None:
    return other if one is None else one if other is None else one + other


def _best_known(states: Sequence[str]) -> str:
    """What is said of several parts: recorded where one was, else idle where one was."""
    return min(states, key=("", SlotState.IDLE.value, SlotState.GAP.value).index)


def scale_label(value: float) -> str:
    """A number of the scale in at most five cells: `0.25`, `1.5`, `30`, `24k`."""
    return f"{value:.3g}" if value < _TOKEN_COUNT_FROM else count(value).replace(".0", "")
