"""The chosen task followed into the pane: what the engine tells of it, from now until it has ended."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing

from textual.timer import Timer

from tale_tui.domain.events import StepDelta, StepReading, TaskEvent, TaskSeen
from tale_tui.domain.metrics import CallRecord
from tale_tui.domain.plans import PlanForecast
from tale_tui.domain.tasks import ENDED, Task
from tale_tui.ui.base_screen import BaseScreen
from tale_tui.ui.tasks.detail import TaskPane, is_plan_of

FORECAST_S = 5.0
"""What is left of a plan that runs is foreseen anew so often."""
FOLLOW_AFTER_S = 0.08
"""A task is read when it has been the chosen one for so long: a held key reads nothing on its way."""

Follow = Callable[[str], AsyncGenerator[TaskEvent, None]]
ForecastOf = Callable[[str], Awaitable[PlanForecast | None]]
CallsOf = Callable[[str], Awaitable[tuple[CallRecord, ...]]]


class TaskFollower:
    """Follows one task at a time.

    Args:
        screen: has the timers and the workers.
        pane: shows the task.

    Attributes:
        follow: the engine's stream of a task; None without an engine.
        calls_of: gives the calls of models for a task; None without an engine.
        forecast_of: foresees the steps of a task; None without an engine.
    """

    def __init__(self, screen: BaseScreen, pane: TaskPane) -> None:
        self.follow: Follow | None = None
        self.calls_of: CallsOf | None = None
        self.forecast_of: ForecastOf | None = None
        self._screen = screen
        self._pane = pane
        self._timer: Timer | None = None
        self._task_id = ""
        """Of the task that is followed; empty for none."""
        self._wanted: Task | None = None
        """The task that was looked at last."""

    def look_at(self, task: Task | None) -> None:
        """Show a task: what is known at once, the rest when it has been chosen for a moment.

        While one after the other is chosen, as by a held key, nothing is shown until the last one.
        """
        if task is None:
            self.stop()
            self._wanted = None
            self._pane.show_task(None)
        elif task.id == self._task_id:
            self._pane.show_task(task)
        else:
            hurried = self._timer is not None and self._wanted is not None and self._wanted.id != task.id
            self.stop()
            self._wanted = task
            if not hurried:
                self._pane.show_task(task)
            self._timer = self._screen.set_timer(FOLLOW_AFTER_S, lambda: self._due(task.id))

    def _due(self, task_id: str) -> None:
        # A timer that went off just before another task was chosen is heard after it.
        if self._wanted is not None and self._wanted.id == task_id:
            self._pane.show_task(self._wanted)
            self.begin(task_id)

    def begin(self, task_id: str) -> None:
        """Follow a task now, instead of the one before."""
        self.stop()
        if self.follow is not None:
            self._task_id = task_id
            self._screen.spawn(self._run, self.follow, task_id, group="follow", exclusive=True)

    def changed(self, task: Task) -> None:
        """A task is so now; where it is the one that is shown it is followed again, if its stream had ended."""
        if self._wanted is not None and self._wanted.id == task.id:
            self._wanted = task
        shown = self._pane.shown
        if shown is None or shown.id != task.id:
            return
        self._pane.show_task(task)
        if not self._task_id and self._timer is None and (task.state not in ENDED or shown.state not in ENDED):
            self.begin(task.id)

    def look_ahead(self) -> None:
        """Foresee the steps of the plan that is followed, soon."""
        if self.forecast_of is not None and self._task_id and is_plan_of(self._pane.detail):
            self._screen.spawn(self._foresee, self.forecast_of, self._task_id, group="foresee", exclusive=True)

    async def _foresee(self, forecast_of: ForecastOf, task_id: str) -> None:
        forecast = await forecast_of(task_id)
        if self._pane.shown is not None and self._pane.shown.id == task_id:
            self._pane.show_forecast(forecast)

    async def _read_calls(self, task_id: str) -> None:
        if self.calls_of is not None:
            calls = await self.calls_of(task_id)
            if self._task_id == task_id:
                self._pane.show_calls(calls)

    def stop(self) -> None:
        """Follow nothing."""
        if self._timer is not None:
            self._timer.stop()
            self._timer = None
        if self._task_id:
            self._task_id = ""
            self._screen.workers.cancel_group(self._screen, "follow")

    async def _run(self, follow: Follow, task_id: str) -> None:
        try:
            async with aclosing(follow(task_id)) as events:
                async for event in events:
                    if self._task_id != task_id:
                        return
                    match event:
                        case TaskSeen(detail):
                            self._pane.show_detail(detail)
                            self.look_ahead()
                            await self._read_calls(task_id)
                        case StepDelta():
                            self._pane.stream(event)
                        case StepReading():
                            self._pane.reading(event)
        finally:
            if self._task_id == task_id:
                self._task_id = ""
