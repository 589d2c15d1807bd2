"""A dashboard that a test fills: makers of what was measured, and a window that shows nothing else."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

import tale_tui.ui
from support import tasks as fake_tasks
from support.checkpoints import week
from support.screen_app import NOW, ScreenApp
from support.scripted_engine import ScriptedEngine
from tale_tui.domain.alerts import Alert, AlertKind
from tale_tui.domain.errors import TaleError
from tale_tui.domain.models import Role
from tale_tui.domain.samples import (
    DashboardReport,
    Figure,
    MetricSeries,
    ModelActivity,
    PromiseLight,
    PromiseName,
    PromiseState,
    SeriesPoint,
    SlotState,
)
from tale_tui.ui.dashboard.screen import DashboardScreen

SLOTS = 60
SMALL, BIG = str(fake_tasks.SMALL), str(fake_tasks.BIG)
MET, BROKEN, UNKNOWN = PromiseState.MET, PromiseState.BROKEN, PromiseState.UNKNOWN


class DashboardApp(ScreenApp):
    """A window that shows the dashboard and nothing else."""

    CSS_PATH: ClassVar = [str(Path(tale_tui.ui.__file__).parent / "dashboard/dashboard.tcss")]

    def __init__(self, engine: ScriptedEngine, theme: str = "tale-dark", broken: TaleError | None = None) -> None:
        super().__init__(engine, lambda bridge, clock: DashboardScreen(bridge, None, clock), theme, broken)

    @property
    def dashboard(self) -> DashboardScreen:
        """The screen."""
        assert isinstance(self.shown, DashboardScreen)
        return self.shown


def point(value: float, count: int = 1) -> SeriesPoint:
    """So many values around one."""
    return SeriesPoint(count, value, value, value, value, value * 1.3)


def series(figure: Figure, values: Sequence[float | None], model: str = "", count: int = 1) -> MetricSeries:
    """A figure over the slots."""
    points = tuple(None if value is None else point(value, count) for value in values)
    return MetricSeries(figure, model, points, next((one for one in reversed(values) if one is not None), None))


def promises(**changes: PromiseLight) -> tuple[PromiseLight, ...]:
    """All of them, most of them kept."""
    plain = {
        "chat": PromiseLight(PromiseName.CHAT, MET, 1.0, 412, 0.31, 0.62, detail="p95 0.62 s of 412 replies"),
        "simple_task": PromiseLight(PromiseName.SIMPLE_TASK, MET, 3.0, 9, 2.2, 2.8, detail="p95 2.80 s of 9"),
        "switch": PromiseLight(PromiseName.SWITCH, BROKEN, 0.5, 5, 0.62, 0.81, detail="p95 0.81 s of 5"),
        "memory": PromiseLight(PromiseName.MEMORY, MET, 30_000.0, 60, 11_200.0, 11_400.0),
        "saved": PromiseLight(PromiseName.SAVED, MET, 0.6, 118, 0.61, detail="of 118 turns"),
        "small_resident": PromiseLight(PromiseName.SMALL_RESIDENT, MET, 1.0, 60, 1.0),
    }
    return tuple({**plain, **changes}.values())


def uses() -> tuple[ModelActivity, ...]:
    """Two models that worked for an hour."""
    small = ModelActivity(
        fake_tasks.SMALL, (Role.UX,), True, NOW - 17_400, 4_900_000_000, 1.0, 12.0, 0.11, 412, 0, 0, 74_100, 41.6,
        280.0, "closed",
    )  # fmt: skip
    big = ModelActivity(
        fake_tasks.BIG, (Role.TASK,), True, NOW - 240, 6_300_000_000, 0.68, 60.0, 0.74, 31, 1, 2, 110_100, 11.8, 1920.0,
        "closed",
    )  # fmt: skip
    return small, big


def busy(range_s: float = 3600.0, model: str = "") -> DashboardReport:
    """An afternoon with work: for some minutes no engine ran, for some nothing happened."""
    states = [SlotState.RECORDED] * SLOTS
    states[8:12] = [SlotState.GAP] * 4
    states[20:26] = [SlotState.IDLE] * 6
    calls = [None if state is not SlotState.RECORDED else 1.0 for state in states]
    seen = [None if state is SlotState.GAP else 1.0 for state in states]

    def over(known: Sequence[float | None], value: Callable[[int], float]) -> list[float | None]:
        return [None if one is None else value(place) for place, one in enumerate(known)]

    found = (
        series(Figure.FIRST_TEXT, over(calls, lambda slot: 280 + (420 if 33 <= slot < 37 else slot % 7 * 12))),
        series(Figure.RATE, over(calls, lambda slot: 41.6 + (12 if 15 <= slot < 19 else -(slot % 5)))),
        series(Figure.QUEUED, over(seen, lambda slot: float(min(max(slot - 30, 0) // 3, 6) if slot < 52 else 2))),
        series(Figure.MODELS_MEMORY, over(seen, lambda slot: 4900.0 if slot < 28 else 11_200.0)),
        series(Figure.MACHINE_CPU, over(seen, lambda slot: 12.0 if 20 <= slot < 26 else 62.0 + slot % 9 * 3)),
        series(Figure.TOKENS, over(calls, lambda slot: 40.0 + slot % 6 * 20), SMALL, 10),
        series(Figure.TOKENS, over(calls, lambda slot: 1900.0 if slot % 4 else 300.0), BIG, 2),
    )
    end = NOW
    return DashboardReport(
        end - range_s, end, range_s / SLOTS, tuple(states), found, promises(), uses(), None, model, 443, 184_200
    )


def unrecorded(range_s: float, model: str) -> DashboardReport:
    """A time in which no engine ran."""
    lights = tuple(replace(one, state=UNKNOWN, count=0, value=None, p95=None, detail="0 of 5") for one in promises())
    states = (SlotState.GAP,) * SLOTS
    return DashboardReport(NOW - range_s, NOW, range_s / SLOTS, states, (), lights, model=model)


def alerts() -> list[Alert]:
    """A promise that was broken, and a model that got slower."""
    switch = "switch to qwen3:14b took 810 ms, promise 500. Since Tue 09:12, when qwen3:14b came in place of qwen3:8b"
    slower = "first token of qwen2.5:7b 24 % slower than last week, since Wed 16:40: num_ctx went from 8192 to 16384"
    return [
        Alert(2, AlertKind.SWITCH, BIG, NOW - 60, 810.0, 500.0, switch),
        Alert(1, AlertKind.REGRESSION, SMALL, NOW - 2520, 1.24, 1.0, slower),
    ]


def engine_of(report: Callable[[float, str], DashboardReport] | None = busy, *, works: bool = True) -> ScriptedEngine:
    """An engine with two models, the tasks of an ordinary afternoon, and what was measured."""
    engine = fake_tasks.some() if works else fake_tasks.plain()
    engine.dashboard = report or unrecorded
    engine.alerts = alerts() if works else []
    engine.kept = week() if works else []
    return engine
