"""Alerts in the window: told when they are raised, listed and acknowledged; and the one question of a spent budget."""

from __future__ import annotations

from contextlib import suppress

from textual.timer import Timer

from tale_tui.domain.clock import Clock
from tale_tui.domain.errors import WrongState
from tale_tui.domain.events import Notice
from tale_tui.domain.tasks import Reason, Task, TaskState
from tale_tui.engine.api import EngineApi
from tale_tui.formatting.alerts import budget_sentence
from tale_tui.formatting.units import plural
from tale_tui.ui.base_screen import BaseScreen
from tale_tui.ui.preferences import WindowPreferences
from tale_tui.ui.terminal.notifications import send

GATHER_S = 0.4
"""Tasks that begin to wait within so long are asked about together."""


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
        """Tasks that wait for a budget, about which the user was asked."""
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
        """A task changed: where it waits for a budget, ask once about all that do."""
        if task.state is not TaskState.WAITING or task.reason is not Reason.BUDGET:
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
            waiting = await self._waiting()
            if not waiting:
                return
            spent = [budget_sentence(use) for use in await self._engine.metrics.budgets() if use.is_spent]
            number = plural(len(waiting), "task")
            verb, go_on = ("waits", "Let it go on") if len(waiting) == 1 else ("wait", "Let them go on")
            question = f"The budget is spent: {number} {verb} for your yes"
            dialog = ConfirmDialog(question, go_on, "Keep waiting", detail=" ".join(spent))
            if await self._screen.ask(dialog):
                for task in await self._waiting():
                    with suppress(WrongState):  # it was answered elsewhere
                        await self._engine.tasks.approve(task.id, yes=True)
        finally:
            self._timer = None

    async def _waiting(self) -> list[Task]:
        found = await self._engine.tasks.list(states=(TaskState.WAITING,))
        self._asked |= {task.id for task in found if task.reason is Reason.BUDGET}
        return [task for task in found if task.reason is Reason.BUDGET]
