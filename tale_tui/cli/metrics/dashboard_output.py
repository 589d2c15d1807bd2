"""A dashboard as the commands print it: as JSON, as CSV, as tables."""

from __future__ import annotations

import csv
import io
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from tale_tui.cli.output import MUTED, Column, echo, echo_table, tenth, when_text
from tale_tui.domain.samples import Figure
from tale_tui.formatting.units import stamp

if TYPE_CHECKING:
    from tale_tui.domain.samples import DashboardReport, MetricSeries, ModelActivity, PromiseLight
    from tale_tui.domain.tasks import Task

DIGITS = 3
"""Behind the point, of figures for programs."""


def dashboard_data(report: DashboardReport, now: float) -> dict[str, Any]:
    """A dashboard for programs; what is not known is None."""
    from tale_tui.formatting.dashboard import age_s

    return {
        "from": stamp(report.begin),
        "to": stamp(report.end),
        "slot_s": report.slot_s,
        "model": report.model or None,
        "calls": report.calls,
        "total_tokens": report.total_tokens if report.calls else 0,
        "age_s": tenth(age_s(report, now)),
        "promises": [_light_data(light) for light in report.promises],
        "models": [_model_data(use) for use in report.models],
        "figures": {
            series.figure.value: _series_data(series) for series in report.series if series.figure is not Figure.TOKENS
        },
        "slots": _slots(report),
    }


def dashboard_csv(report: DashboardReport) -> str:
    """The parts of the range as CSV: a line each."""
    rows = _slots(report)
    text = io.StringIO()
    writer = csv.DictWriter(text, [*rows[0]] if rows else ["at", "state"], lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def echo_dashboard(report: DashboardReport, tasks: Sequence[Task] = (), now: float = 0.0) -> int:
    """Write a dashboard for people.

    Args:
        report: what was measured.
        tasks: those that run.
        now: the present.
    Returns:
        How many lines.
    """
    from tale_tui.formatting.tasks import sign, state_words, times

    lines = _echo_lights(report.promises)
    if report.models:
        lines += _echo_models(report.models)
    lines += _echo_figures(report)
    for task in tasks:
        echo(f"{sign(task)} {task.shown}  {task.title}  {state_words(task, now)}  {times(task, now)}")
    return lines + len(tasks)


def light_words(light: PromiseLight) -> str:
    """A promise in a line of its own: `✓ chat under 1 s 0.31 s`."""
    from tale_tui.formatting.dashboard import light_sign, light_value

    return " ".join(filter(None, (light_sign(light), light.words, light_value(light))))


def _echo_lights(lights: Sequence[PromiseLight]) -> int:
    from tale_tui.formatting.dashboard import light_sign, light_value

    columns = (Column(""), Column("promise"), Column("", right=True), Column("", gives=True, style=MUTED))
    echo_table(columns, [(light_sign(light), light.words, light_value(light), light.detail) for light in lights])
    return len(lights) + 1


def _echo_models(models: Sequence[ModelActivity]) -> int:
    from tale_tui.formatting.dashboard import memory_words
    from tale_tui.formatting.symbols import signs
    from tale_tui.formatting.units import count, duration, percent

    def known(value: float | None, words: str) -> str:
        return signs().dash if value is None else words

    columns = (
        *(Column("role"), Column("model", gives=True), Column("resident"), Column("memory", right=True)),
        *(Column("gpu", right=True), Column("busy", right=True), Column("calls", right=True)),
        *(Column("failed", right=True), Column("reloads", right=True), Column("tokens", right=True)),
        *(Column("tok/s", right=True), Column("first", right=True), Column("breaker"), Column("", style=MUTED)),
    )
    rows = [
        (
            ", ".join(role.value for role in use.roles),
            str(use.ref),
            (f"since {when_text(use.since)}" if use.since is not None else "yes") if use.resident else "no",
            memory_words(use),
            known(use.gpu_share, percent(use.gpu_share or 0.0)),
            known(use.busy, percent(use.busy or 0.0)),
            str(use.calls),
            str(use.failed),
            str(use.reloads),
            known(use.tokens, count(use.tokens or 0)),
            known(use.tokens_per_second, f"{use.tokens_per_second or 0.0:.1f}"),
            known(use.first_text_ms, duration((use.first_text_ms or 0.0) / 1000)),
            use.breaker,
            use.reason,
        )
        for use in models
    ]
    echo_table(columns, rows)
    return len(rows) + 1


def _echo_figures(report: DashboardReport) -> int:
    """What was measured; a figure without a value has no line."""
    from tale_tui.formatting.dashboard import figure_name, figure_value

    rows = []
    for series in report.series:
        points = [point for point in series.points if point is not None]
        if not points or series.figure is Figure.TOKENS:
            continue
        mean = sum(point.mean * point.count for point in points) / sum(point.count for point in points)
        ends = (min(point.smallest for point in points), max(point.largest for point in points))
        rows.append(
            (figure_name(series.figure), *(figure_value(series.figure, value) for value in (series.last, mean, *ends)))
        )
    if not rows:
        return 0
    numbers = (Column(name, right=True) for name in ("last", "mean", "least", "most"))
    echo_table((Column("measured"), *numbers), rows)
    return len(rows) + 1


def _light_data(light: PromiseLight) -> dict[str, Any]:
    return {
        "name": light.name.value,
        "state": light.state.value,
        "value": _digits(light.value),
        "p95": _digits(light.p95),
        "limit": light.limit,
        "count": light.count,
        "words": light.words,
        "detail": light.detail,
    }


def _model_data(use: ModelActivity) -> dict[str, Any]:
    return {
        "model": str(use.ref),
        "roles": [role.value for role in use.roles],
        "resident": use.resident,
        "since": None if use.since is None else stamp(use.since),
        "memory_bytes": use.memory_bytes,
        "gpu_share": _digits(use.gpu_share),
        "cpu_percent": tenth(use.cpu_percent),
        "busy": _digits(use.busy),
        "calls": use.calls,
        "failed": use.failed,
        "reloads": use.reloads,
        "total_tokens": use.tokens,
        "tokens_per_second": tenth(use.tokens_per_second),
        "first_text_ms": tenth(use.first_text_ms),
        "breaker": use.breaker or None,
        "reason": use.reason or None,
    }


def _series_data(series: MetricSeries) -> dict[str, Any]:
    points = [point for point in series.points if point is not None]
    values = sum(point.count for point in points)
    return {
        "last": _digits(series.last),
        "count": values,
        "mean": _digits(sum(point.mean * point.count for point in points) / values) if values else None,
        "smallest": _digits(min((point.smallest for point in points), default=None)),
        "largest": _digits(max((point.largest for point in points), default=None)),
    }


def _slots(report: DashboardReport) -> list[dict[str, Any]]:
    """Each part of the range: its beginning, what is known of it, the means of the figures, the tokens by model."""
    found = []
    for place, state in enumerate(report.slots):
        row: dict[str, Any] = {"at": stamp(report.begin + place * report.slot_s), "state": state.value}
        for series in report.series:
            point = series.points[place]
            if series.figure is Figure.TOKENS:
                row[f"tokens {series.model}"] = 0 if point is None else round(point.mean)
            else:
                row[series.figure.value] = None if point is None else _digits(point.mean)
        found.append(row)
    return found


def _digits(value: float | None) -> float | None:
    return None if value is None else round(value, DIGITS)


def heading(report: DashboardReport, now: float) -> str:
    """What is shown, and when: `14:03:10  last 1 h, all models, 443 calls, 184k tokens`."""
    from tale_tui.formatting.units import count, plural, span

    clock = time.strftime("%H:%M:%S", time.localtime(now))
    tokens = count(report.total_tokens or 0)
    calls = plural(report.calls, "call")
    return f"{clock}  last {span(report.end - report.begin)}, {report.model or 'all models'}, {calls}, {tokens} tokens"
