"""Promises, figures and models of a dashboard in words and signs."""

from __future__ import annotations

from tale_tui.domain.constants import MEGABYTE
from tale_tui.domain.samples import DashboardReport, Figure, ModelActivity, PromiseLight, PromiseName, PromiseState
from tale_tui.formatting.symbols import signs
from tale_tui.formatting.units import count, duration, percent, size

_MILLISECONDS = 1000
_TIMES = frozenset({PromiseName.CHAT, PromiseName.SIMPLE_TASK, PromiseName.SWITCH})
_NAMES = {
    Figure.FIRST_TEXT: "first text",
    Figure.RATE: "tokens a second",
    Figure.WAITING: "waiting",
    Figure.SIMPLE_TASK: "simple task",
    Figure.SWITCH: "switch",
    Figure.TOKENS: "tokens",
    Figure.QUEUED: "tasks queued",
    Figure.RUNNING: "tasks running",
    Figure.CALLS: "calls under way",
    Figure.MODELS_MEMORY: "memory, models",
    Figure.SMALL_RESIDENT: "small model resident",
    Figure.APP_CPU: "processor, tale-tui",
    Figure.APP_MEMORY: "memory, tale-tui",
    Figure.APP_DISK: "disk, tale-tui",
    Figure.OWN_NETWORK: "network, tale-tui",
    Figure.MACHINE_CPU: "processor, machine",
    Figure.MACHINE_FREE: "memory free, machine",
    Figure.MACHINE_DISK: "disk, machine",
    Figure.MACHINE_NETWORK: "network, machine",
}


def light_sign(light: PromiseLight) -> str:
    """The sign of a promise, one cell."""
    chosen = signs()
    shown = {PromiseState.MET: chosen.done, PromiseState.BROKEN: chosen.wrong, PromiseState.UNKNOWN: chosen.waiting}
    return shown[light.state]


def light_value(light: PromiseLight) -> str:
    """Its value: `0.31 s`, `810 ms`, `11 GB`, `61 %`; empty where it is not known."""
    if light.value is None:
        return ""
    if light.name in _TIMES:
        short = light.limit < 1
        return f"{light.value * _MILLISECONDS:.0f} ms" if short else duration(light.value)
    if light.name is PromiseName.MEMORY:
        return size(light.value * MEGABYTE)
    return percent(light.value)


def figure_name(figure: Figure) -> str:
    """What a figure is called."""
    return _NAMES[figure]


def figure_value(figure: Figure, value: float | None) -> str:
    """A value of a figure with its unit; a dash where it is not known."""
    if value is None:
        return signs().dash
    unit = figure.value
    if unit.endswith("_ms"):
        return duration(value / _MILLISECONDS)
    if unit.endswith("_mb"):
        return size(value * MEGABYTE)
    if unit.endswith("_mb_per_second"):
        return f"{size(value * MEGABYTE)}/s"
    if unit.endswith("_percent"):
        return f"{value:.1f} %"
    if figure is Figure.SMALL_RESIDENT:
        return percent(value)
    return f"{value:.1f}" if figure is Figure.RATE else count(value)


def memory_words(use: ModelActivity) -> str:
    """What a model takes; a dash where nobody says."""
    return signs().dash if use.memory_bytes is None else size(use.memory_bytes)


def age_s(report: DashboardReport, now: float) -> float | None:
    """How old the last sample is, in seconds; None where there is none."""
    return None if report.latest is None else max(0.0, now - report.latest.ended)
