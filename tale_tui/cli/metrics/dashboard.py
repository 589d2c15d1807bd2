"""`tale-tui dashboard`: how models, application and machine are, and whether the promises hold."""

from __future__ import annotations

import asyncio
import json
import shutil
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tale_tui.cli.context import CommandContext
from tale_tui.cli.metrics.dashboard_output import (
    dashboard_csv,
    dashboard_data,
    echo_dashboard,
    heading,
    light_words,
)
from tale_tui.cli.metrics.live import LiveOutput, show_live
from tale_tui.cli.metrics.output import chosen_form, deliver, output_options
from tale_tui.cli.output import echo, echo_err, echo_json
from tale_tui.domain.samples import DEFAULT_RANGE, Figure
from tale_tui.domain.time_ranges import ShownRange, period_days, range_of
from tale_tui.formatting.tokens import change_words

if TYPE_CHECKING:
    from tale_tui.domain.checkpoints import CheckpointList
    from tale_tui.domain.metrics import PeriodChange
    from tale_tui.domain.models import Residency
    from tale_tui.domain.samples import DashboardReport
    from tale_tui.domain.tasks import Task
    from tale_tui.engine.api import EngineApi

LOOK_S = 1.0
"""Between two looks: what runs moves at least so often."""
CHECKPOINTS_LOOKED_AT = 500
"""The newest ones, to count those of today."""
SHOWN_IN_A_LINE = frozenset({Figure.QUEUED, Figure.RUNNING, Figure.MODELS_MEMORY, Figure.MACHINE_CPU})
TO_START = "To start one: tale-tui, or tale-tui run --background"


@dataclass(frozen=True, slots=True)
class _Look:
    """What one look found."""

    report: DashboardReport
    tasks: tuple[Task, ...]
    kept: CheckpointList
    """The newest checkpoints."""
    change: PeriodChange | None = None
    """Since the period before, where the range is one of days."""
    residency: Residency | None = None
    """What servers say, where no engine looks after models."""


@click.command()
@click.option("--live", is_flag=True, help="Go on, and show it as it changes.")
@click.option(
    "--since", metavar="T", default=DEFAULT_RANGE, show_default=True,
    help=f"From then on: {', '.join(ShownRange)}, today, week, month or a date.",
)  # fmt: skip
@click.option("--model", metavar="NAME", default="", help="Only this model, as NAME or BACKEND/NAME.")
@output_options("The parts of the range")
@click.pass_obj
def dashboard(
    context: CommandContext,
    live: bool,
    since: str,
    model: str,
    form: str | None,
    output: Path | None,
    force: bool,
) -> None:
    """Show how models and machine are, and which promises hold.

    Without --live it is one picture of now. What was not measured is a dash, and of a promise with fewer than five
    values nothing is said.
    """
    range_s, days = _seconds(since), period_days(since, time.time())
    form = chosen_form(form, output, live=live, force=force)
    model = model.strip()
    if live:
        view = LiveDashboard(range_s, model)
        context.run(view.look)
        show_live(context, view)
        return

    async def there(engine: EngineApi | None) -> _Look | None:
        return None if engine is None else await _look(engine, range_s, model, days)

    async def here(engine: EngineApi) -> _Look:
        found = await _look(engine, range_s, model, days)
        return _Look(found.report, (), found.kept, found.change, await engine.models.residency())

    found = context.run_there(there)
    runs = found is not None
    found = found or context.run(here)
    now = time.time()
    if form is not None:
        if form == "json" and output is None:
            echo_json(dashboard_data(found.report, now))
            return
        csv_text = dashboard_csv(found.report)
        data = dashboard_data(found.report, now)
        deliver(csv_text if form == "csv" else f"{json.dumps(data, ensure_ascii=False)}\n", output, force=force)
        return
    echo(heading(found.report, now))
    if found.change is not None and (words := change_words(found.change)):
        echo(words)
    echo_dashboard(found.report, found.tasks, now)
    echo(_checkpoint_words(found, now))
    if not runs:
        _echo_without_engine(found, now)


def _checkpoint_words(found: _Look, now: float) -> str:
    from tale_tui.formatting.checkpoints import summary

    return summary(found.kept, now)


def _seconds(since: str) -> float:
    """How long ago the range begins."""
    now = time.time()
    begin, _ = range_of(since, None, now)
    return now - (begin or 0.0)


async def _look(engine: EngineApi, range_s: float, model: str, days: int | None = None) -> _Look:
    from tale_tui.domain.tasks import TaskState

    report = await engine.metrics.dashboard(range_s=range_s, model=model)
    change = await engine.metrics.change(time.time() - range_s, days, model=model) if days is not None else None
    kept = await engine.checkpoints.list(limit=CHECKPOINTS_LOOKED_AT)
    return _Look(report, await engine.tasks.list(states=(TaskState.RUNNING,)), kept, change)


def _echo_without_engine(found: _Look, now: float) -> None:
    from tale_tui.formatting.dashboard import age_s
    from tale_tui.formatting.units import span

    resident = found.residency.models if found.residency is not None else ()
    named = ", ".join(str(model.ref) for model in resident) or "none"
    echo(f"resident, as servers say: {named}")
    age = age_s(found.report, now)
    sampled = "nothing was measured yet" if age is None else f"the last sample is {span(age)} old"
    echo_err(f"No engine runs: {sampled}. {TO_START}")


class LiveDashboard:
    """A dashboard as it changes: written over on a terminal, a line for each change elsewhere.

    Args:
        range_s: the range that is shown, in seconds.
        model: only this one; empty for all.
    """

    def __init__(self, range_s: float, model: str) -> None:
        self._range_s = range_s
        self._model = model
        self._output = LiveOutput()

    def note(self, sentence: str) -> None:
        """See `LiveView.note`."""
        self._output.note(sentence)

    async def look(self, engine: EngineApi) -> None:
        """Show it as it is now."""
        found = await _look(engine, self._range_s, self._model)
        now = time.time()
        self._output.show(_line_words(found, now), lambda: self._echo(found, now))

    async def follow(self, engine: EngineApi) -> None:
        """Show it as it goes, for ever."""
        while True:
            await self.look(engine)
            await asyncio.sleep(LOOK_S)

    def _echo(self, found: _Look, now: float) -> int:
        echo(heading(found.report, now)[: shutil.get_terminal_size().columns])
        lines = echo_dashboard(found.report, found.tasks, now)
        echo(_checkpoint_words(found, now)[: shutil.get_terminal_size().columns])
        return 2 + lines


def _line_words(found: _Look, now: float) -> str:
    """All that changes, in one line."""
    from tale_tui.formatting.dashboard import figure_name, figure_value
    from tale_tui.formatting.tasks import times
    from tale_tui.formatting.units import count, plural

    report = found.report
    counted = f"{plural(report.calls, 'call')} {count(report.total_tokens or 0)} tok"
    lights = "  ".join(light_words(light) for light in report.promises)
    figures = "  ".join(
        f"{figure_name(series.figure)} {figure_value(series.figure, series.last)}"
        for series in report.series
        if series.figure in SHOWN_IN_A_LINE and series.last is not None
    )
    tasks = "  ".join(f"{task.shown} {times(task, now)}".rstrip() for task in found.tasks)
    return "  ".join(filter(None, (counted, lights, figures, tasks)))
