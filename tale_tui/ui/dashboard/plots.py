"""What was measured as data of plots: one family, the same time under all of them. Pure functions of a report."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

from tale_tui.domain.models import Role
from tale_tui.domain.samples import Figure, PromiseName, SeriesPoint, SlotState
from tale_tui.domain.text import clean_line
from tale_tui.formatting.dashboard import NAME_LIMIT, speed
from tale_tui.formatting.units import count, duration, percent, size
from tale_tui.ui.widgets.key_bar import ROLE_COLOURS
from tale_tui.ui.widgets.plot import SERIES_MAX, PlotData, PlotSeries

if TYPE_CHECKING:
    from tale_tui.domain.samples import DashboardReport, MetricSeries

_FILLS = {Role.TASK: 0, Role.UX: 1}
"""The signs of bars, as on every other screen that has them."""
_OTHERS, _OTHERS_FILL = "$muted", 2
_PLAIN = "$foreground 60%"
"""Of what belongs to no model: it must not be louder than what does."""
_MINUTE_S = 60.0
_GB_IN_MB = 1000.0
_MB = 1_000_000
_TOKEN_COUNT_FROM = 1000
"""From here on a number of the scale is written as a count."""

Value = Callable[[SeriesPoint], float]


def plots_of(report: DashboardReport, columns: int, *, large: bool = False) -> tuple[PlotData, ...]:
    """All plots, in the order of `plot_grid.PLOTS`.

    Args:
        report: what was measured.
        columns: cells across that a plot has; bars are as many at most.
        large: whether there is room for what is beside the middle: the 95th percentile.
    """
    chat = _limit(report, PromiseName.CHAT)
    memory = _limit(report, PromiseName.MEMORY)
    used = report.series_of(Figure.MODELS_MEMORY)
    queued = report.series_of(Figure.QUEUED)
    processor = report.series_of(Figure.MACHINE_CPU)
    return (
        _lines(
            report, "first token, s", Figure.FIRST_TEXT, lambda point: point.p50 / 1000, large=large, promise=chat,
            last=lambda value: duration(value / 1000), tail=lambda point: point.p95 / 1000,
        ),
        _lines(report, "tokens a second", Figure.RATE, lambda point: point.p50, large=large, last=speed),
        _line(report, "tasks waiting", queued, lambda point: point.largest, counted=True, last=count),
        _line(
            report, "memory of models, GB", used, lambda point: point.largest / _GB_IN_MB,
            promise=None if memory is None else memory / _GB_IN_MB, last=lambda value: size(value * _MB),
        ),
        _line(
            report, "processor, %", processor, lambda point: point.mean, top=100.0,
            last=lambda value: percent(value / 100),
        ),
        _tokens(report, columns),
    )  # fmt: skip


def edges_of(report: DashboardReport) -> tuple[float, ...]:
    """Where the parts of the range begin, and the end of the last one."""
    return tuple(report.begin + report.slot_s * place for place in range(len(report.slots) + 1))


def _limit(report: DashboardReport, name: PromiseName) -> float | None:
    return next((light.limit for light in report.promises if light.name is name and light.limit > 0), None)


def _known(report: DashboardReport) -> tuple[str, ...]:
    """What is known of each part, as a plot draws it under itself."""
    return tuple("" if state is SlotState.RECORDED else state.value for state in report.slots)


def _values(series: MetricSeries, value: Value, slots: int) -> tuple[float | None, ...]:
    points = series.points or (None,) * slots
    return tuple(None if point is None else value(point) for point in points)


def _line(
    report: DashboardReport,
    title: str,
    series: MetricSeries,
    value: Value,
    *,
    last: Callable[[float], str],
    promise: float | None = None,
    counted: bool = False,
    top: float = 0.0,
) -> PlotData:
    """A figure that is of no model."""
    values = _values(series, value, len(report.slots))
    return PlotData(
        title,
        edges_of(report),
        (PlotSeries("", values, _PLAIN),),
        counted=counted,
        now=report.end,
        promise=promise,
        last="" if series.last is None else last(series.last),
        label=scale_label,
        top=top,
        known=_known(report),
    )


def _lines(
    report: DashboardReport,
    title: str,
    figure: Figure,
    value: Value,
    *,
    large: bool,
    last: Callable[[float], str],
    promise: float | None = None,
    tail: Value | None = None,
) -> PlotData:
    """A figure of each model, the one that answers over the others; of all of them where it is not told by model."""
    slots = len(report.slots)
    found = _by_model(report, figure)
    whole = report.series_of(figure)
    if not found:
        drawn = [PlotSeries("p50" if large and tail is not None else "", _values(whole, value, slots), "$ux")]
    else:
        drawn = [
            PlotSeries(name if large or len(found) > 1 else "", _values(one, value, slots), colour)
            for name, colour, _, one in reversed(found[:SERIES_MAX])
        ]
    if large and tail is not None and len(drawn) < SERIES_MAX:
        first = found[0][-1] if found else whole
        drawn.insert(0, PlotSeries("p95", _values(first, tail, slots), _OTHERS))
    shown = found[0][-1] if found else whole
    return PlotData(
        title,
        edges_of(report),
        tuple(drawn),
        now=report.end,
        promise=promise,
        last="" if shown.last is None else last(shown.last),
        label=scale_label,
        known=_known(report),
    )


def _by_model(report: DashboardReport, figure: Figure) -> list[tuple[str, str, int, MetricSeries]]:
    """The series of models with their names, colours and fills: that of the role ux, that of task, all others."""
    roles = {str(use.ref): use.role for use in report.models}
    order = (Role.UX, Role.TASK, None)
    found = []
    for series in report.series:
        if series.figure is figure and series.model:
            role = roles.get(series.model)
            name = clean_line(series.model.partition("/")[2] or series.model, NAME_LIMIT)
            colour, fill = (_OTHERS, _OTHERS_FILL) if role is None else (ROLE_COLOURS[role], _FILLS[role])
            found.append((name, colour, fill, series, role))
    found.sort(key=lambda one: order.index(one[-1]))
    return [one[:-1] for one in found]


def _tokens(report: DashboardReport, columns: int) -> PlotData:
    """Bars, each the mean of its time: of more parts than there are columns some neighbours are one bar."""
    slots = len(report.slots)
    size_of = max(-(-slots // max(columns, 1)), 1)
    starts = [0, *range(slots % size_of or size_of, slots, size_of)] if slots else []
    parts = list(pairwise([*starts, slots]))
    edges = edges_of(report)
    found = _by_model(report, Figure.TOKENS) or [("", _OTHERS, 0, report.series_of(Figure.TOKENS))]
    drawn: dict[int, tuple[str, str, list[float | None]]] = {}
    for name, colour, fill, series in found:
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
        now=report.end,
        last="" if not parts else count(sum(rates[-1] or 0.0 for _, _, rates in drawn.values())),
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
