"""Alerts in the window: told when they are raised, listed and acknowledged; and what tasks ask about budgets."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace

from textual.timer import Timer

from tale_tui.domain.clock import Clock
from tale_tui.domain.errors import WrongState
from tale_tui.domain.events import Notice
from tale_tui.domain.tasks import Reason, Task, TaskState
from tale_tui.engine.api import EngineApi
from tale_tui.formatting.sentences import budget_question
from tale_tui.ui.base_screen import BaseScreen
from tale_tui.ui.preferences import WindowPreferences
from tale_tui.ui.terminal.notifications import send

GATHER_S = 0.4
"""Tasks that begin to wait within so long are asked about together."""
_BUDGETS = (Reason.BUDGET, Reason.LENGTH)
"""Why tasks wait that are asked about."""


class AlertActions:
    """What the window does about alerts.

    Args:
        screen: tells and asks.
        engine: has them.
        clock: the time.
        preferences: how the terminal is told.
    """

    def __init__(self, screen: BaseScreen, engine: EngineApi, clock: Clock, preferences: WindowPreferences) -> None:
        self._screen = screen
        self._engine = engine
        self._clock = clock
        self._preferences = preferences
        self._asked: set[str] = set()
        """Tasks that wait because of a budget, about which the user was asked."""
        self._timer: Timer | None = None

    def tell(self, notice: Notice) -> None:
        """Tell of an alert: here, and by the terminal where the window is not looked at."""
        self._screen.tell(notice)
        if not self._screen.app.app_focus:
            send(self._screen.app, f"tale: {notice.title}", notice.sentence, self._preferences, self._clock.now())

    async def browse(self) -> None:
        """List the alerts; what is acknowledged is listed on."""
        from tale_tui.ui.dialogs.alerts import EVERY, AlertsDialog

        while True:
            alerts = await self._engine.metrics.alerts()
            read = await self._screen.ask(AlertsDialog(alerts, self._clock.now()))
            if read is None:
                return
            await self._engine.metrics.acknowledge(None if read == EVERY else read)

    def on_task(self, task: Task) -> None:
        """A task changed: where it waits because of a budget, ask once about all that do."""
        if task.state is not TaskState.WAITING or task.reason not in _BUDGETS:
            self._asked.discard(task.id)
        elif task.id not in self._asked:
            self._asked.add(task.id)
            if self._timer is None:
                self._timer = self._screen.set_timer(GATHER_S, self._due)

    def _due(self) -> None:
        self._screen.spawn(self._ask, group="budget")

    async def _ask(self) -> None:
        from tale_tui.ui.dialogs.confirm import ConfirmDialog

        try:
            for reason in _BUDGETS:
                if waiting := [await self._foreseen(task) for task in await self._waiting(reason)]:
                    uses = await self._engine.metrics.budgets()
                    question, detail = budget_question(waiting, uses)
                    go_on = "Let it go on" if len(waiting) == 1 else "Let them go on"
                    if await self._screen.ask(ConfirmDialog(question, go_on, "Keep waiting", detail=detail)):
                        await self._let_go_on(reason)
        finally:
            self._timer = None

    async def _foreseen(self, task: Task) -> Task:
        """A task with what is foreseen of it, also where its plan is still to be made."""
        found = None if task.forecast is not None else await self._engine.learning.of_task(task.id)
        return task if found is None else replace(task, forecast=found.summary)

    async def _let_go_on(self, reason: Reason) -> None:
        for task in await self._waiting(reason):
            with suppress(WrongState):  # it was answered elsewhere
                await self._engine.tasks.approve(task.id, yes=True)

    async def _waiting(self, reason: Reason) -> list[Task]:
        found = [task for task in await self._engine.tasks.list(states=(TaskState.WAITING,)) if task.reason is reason]
        self._asked |= {task.id for task in found}
        return found
