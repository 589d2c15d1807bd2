"""The dashboard of line mode: what is so now, in sentences that can be read aloud."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from tale_tui.domain.samples import Figure, PromiseState
from tale_tui.formatting.dashboard import figure_name, figure_value, light_value
from tale_tui.formatting.tasks import state_words, times
from tale_tui.formatting.units import count, duration, percent, plural, rate, size, span, when

if TYPE_CHECKING:
    from tale_tui.domain.alerts import Alert
    from tale_tui.domain.samples import DashboardReport, ModelActivity, PromiseLight
    from tale_tui.domain.tasks import Task

_STATES = {PromiseState.MET: "kept", PromiseState.BROKEN: "broken", PromiseState.UNKNOWN: "too little is known"}
_NOW = (Figure.QUEUED, Figure.MODELS_MEMORY, Figure.MACHINE_CPU)
"""Figures of which the last value is told."""


def dashboard_lines(report: DashboardReport, tasks: Sequence[Task], alerts: Sequence[Alert], now: float) -> list[str]:
    """The dashboard, a line each thing.

    Args:
        report: what was measured.
        tasks: those that run.
        alerts: those that nobody acknowledged.
        now: the present, in seconds since the epoch.
    """
    counted = f"{plural(report.calls, 'call')}, {count(report.total_tokens or 0)} tokens"
    figures = ", ".join(
        f"{figure_name(series.figure)} {figure_value(series.figure, series.last)}"
        for series in map(report.series_of, _NOW)
        if series.last is not None
    )
    return [
        f"The last {span(report.end - report.begin)}: {counted}.",
        *map(_promise, report.promises),
        *(_model(use, now) for use in report.models),
        *([f"Now: {figures}."] if figures else []),
        *(f"{task.shown}  {task.title}: {state_words(task, now)}, {times(task, now)}" for task in tasks),
        *(f"{when(alert.raised, now)}  {alert.sentence}" for alert in alerts),
    ]


def _promise(light: PromiseLight) -> str:
    known = ", ".join(filter(None, (light_value(light), light.detail)))
    return f"{light.words}: {_STATES[light.state]}{f', {known}' if known else ''}"


def _model(use: ModelActivity, now: float) -> str:
    resident = "in memory" if use.resident else "not in memory"
    parts = (
        resident if use.since is None else f"{resident} since {when(use.since, now)}",
        "" if use.memory_bytes is None else size(use.memory_bytes),
        "" if use.busy is None else f"busy {percent(use.busy)} of the time",
        f"{plural(use.calls, 'call')}, {count(use.failed)} failed",
        "" if use.tokens_per_second is None else rate(use.tokens_per_second),
        "" if use.first_text_ms is None else f"first text after {duration(use.first_text_ms / 1000)}",
    )
    roles = " and ".join(role.value for role in use.roles)
    return f"{use.ref}{f' ({roles})' if roles else ''}: {', '.join(filter(None, parts))}"
