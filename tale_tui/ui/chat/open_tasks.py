"""All tasks of the engine, of this conversation or not: how many, those that were cut off, and what leaving does."""

from __future__ import annotations

import os
from contextlib import suppress

from tale_tui.domain.errors import TaleError, WrongState
from tale_tui.domain.tasks import Reason, TaskCounts, TaskState
from tale_tui.formatting.units import plural
from tale_tui.ui.chat.host import ChatHost
from tale_tui.ui.chat.status import KeyOf
from tale_tui.ui.chat.task_overview import TaskOverview
from tale_tui.ui.dialogs.leave import LeaveDialog, Leaving, at_work
from tale_tui.ui.widgets.banner import Banner
from tale_tui.ui.widgets.status_line import KeyHint, StatusLine, TasksShown

RESUME = "chat.resume_tasks"
"""The binding that goes on with what was cut off."""


class OpenTasks:
    """Says in the last line and above the prompt how it stands with the tasks.

    Args:
        host: the chat.
        overview: counts the tasks.
        line: the last line.
        key_of: the keys.

    Attributes:
        asks: whether the user is asked about tasks that were cut off.
    """

    def __init__(self, host: ChatHost, overview: TaskOverview, line: StatusLine, key_of: KeyOf) -> None:
        self.asks = True
        self._host = host
        self._overview = overview
        self._line = line
        self._key_of = key_of
        self._cut_off = 0

    @property
    def cut_off(self) -> int:
        """How many tasks the user is asked about."""
        return self._cut_off

    def show(self, counts: TaskCounts) -> None:
        """Say how many there are, and ask about those that were cut off."""
        self._line.tasks = TasksShown(counts.running, counts.queued, counts.waiting)
        before, self._cut_off = self._cut_off, counts.interrupted if self.asks else 0
        if before == self._cut_off:
            return
        notice = None
        if self._cut_off:
            one = self._cut_off == 1
            said = f"{plural(self._cut_off, 'task')} {'was' if one else 'were'} cut off when the program ended."
            on = KeyHint(self._key_of(RESUME), "go on with it" if one else "go on with them")
            leave = KeyHint(self._key_of("chat.back"), "leave it paused" if one else "leave them paused")
            notice = Banner(f"{said} What {'it' if one else 'they'} wrote is kept.", (on, leave), "warning")
        self._host.composer.stand("tasks", notice)
        self._host.conversation.changed()

    def leave_cut_off(self) -> bool:
        """Leave them paused and ask no more; False where nothing was asked."""
        asked = bool(self._cut_off)
        if asked:
            self.asks = False
            self._cut_off = 0
            self._host.composer.stand("tasks", None)
            self._host.conversation.changed()
        return asked

    def resume_cut_off(self) -> None:
        """Go on with the tasks that were cut off."""
        if self._cut_off:
            self._host.spawn(self._resume, group="resume", exclusive=True)

    async def _resume(self) -> None:
        paused = await self._host.engine.tasks.list(states=(TaskState.PAUSED,))
        for task in paused:
            if task.reason is Reason.INTERRUPTED:
                with suppress(WrongState):  # another window was faster
                    await self._host.engine.tasks.resume(task.id)
        await self._overview.read()

    async def may_leave(self) -> Leaving:
        """Ask what becomes of the tasks where they end with this window; from a worker only.

        Returns:
            `pause` as well where there is nothing to ask.
        """
        with suppress(TaleError):  # who cannot be asked does not hold anybody up
            status = await self._host.engine.control.status()
            ends = status.pid == os.getpid() and status.watched <= 1
            if ends and at_work(status.tasks):
                return await self._host.ask(LeaveDialog(status.tasks)) or "stay"
        return "pause"
