"""All tasks of the engine, of this conversation or not: how many, those that were cut off, and what leaving does."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import Literal

from tale_tui.domain.errors import TaleError, WrongState
from tale_tui.domain.tasks import Reason, Task, TaskCounts, TaskState
from tale_tui.formatting.units import plural
from tale_tui.ui.base_screen import BaseScreen
from tale_tui.ui.chat.conversation import Conversation
from tale_tui.ui.dialogs.leave import LeaveDialog, Leaving, at_work
from tale_tui.ui.widgets.banner import Banner
from tale_tui.ui.widgets.composer import Composer
from tale_tui.ui.widgets.status_line import KeyHint, StatusLine, TasksShown
from tale_tui.ui.widgets.title_bar import TitleBar
from tale_tui.ui.work_throttle import WorkThrottle

RESUME = "chat.resume_tasks"
"""The binding that goes on with what was cut off."""


READ_EVERY_S = 0.25
"""However much happens, tasks are counted so often at most."""


class OpenTasks:
    """Says in the first line, in the last one and above the prompt how it stands with the tasks.

    Args:
        screen: has the timer; asks.
        conversation: its keys are looked at again.
        composer: has the banners.
        title: the first line.
        line: the last line.

    Attributes:
        leaving: what becomes of open tasks when the window is left.
        asks: whether the user is asked about tasks that were cut off.
        cut_off: how many tasks the user is asked about: those of the conversation, all of them where none is shown yet.
    """

    def __init__(
        self, screen: BaseScreen, conversation: Conversation, composer: Composer, title: TitleBar, line: StatusLine
    ) -> None:
        self.leaving: Literal["ask", "background", "pause"] = "ask"
        self.asks = True
        self.cut_off = 0
        self._screen = screen
        self._conversation = conversation
        self._composer = composer
        self._title = title
        self._line = line
        self._engine = conversation.engine
        self._reading = WorkThrottle(screen, READ_EVERY_S, self.read, "count")

    def read_soon(self) -> None:
        """Tasks changed: count them in a moment."""
        self._reading.request()

    async def read(self) -> None:
        """Count the tasks now, and not once more in a moment."""
        self._reading.drop()
        with suppress(TaleError):  # a number in the last line is not worth a message
            self.show((await self._engine.control.status()).tasks)

    def show(self, counts: TaskCounts) -> None:
        """Say how many there are, and ask about those that were cut off."""
        self._title.running = counts.running
        self._title.asking = counts.asking
        self._line.tasks = TasksShown(counts.running, counts.queued, counts.waiting)
        before, self.cut_off = self.cut_off, self._interrupted(counts) if self.asks else 0
        if before == self.cut_off:
            return
        notice = None
        if self.cut_off:
            one = self.cut_off == 1
            said = f"{plural(self.cut_off, 'task')} {'was' if one else 'were'} cut off when the program ended."
            on = KeyHint(self._screen.key_of(RESUME), "go on with it" if one else "go on with them")
            leave = KeyHint(self._screen.key_of("chat.back"), "leave it paused" if one else "leave them paused")
            notice = Banner(f"{said} What {'it' if one else 'they'} wrote is kept.", (on, leave), "warning")
        self._composer.set_banner("tasks", notice)
        self._conversation.changed()

    def _interrupted(self, counts: TaskCounts) -> int:
        if self._conversation.session is None:
            return counts.interrupted
        return sum(map(_was_cut_off, self._conversation.tasks.values()))

    def leave_cut_off(self) -> bool:
        """Leave them paused and ask no more; False where nothing was asked."""
        asked = bool(self.cut_off)
        if asked:
            self.asks = False
            self.cut_off = 0
            self._composer.set_banner("tasks", None)
            self._conversation.changed()
        return asked

    def resume_cut_off(self) -> None:
        """Go on with the tasks that were cut off."""
        if self.cut_off:
            self._screen.spawn(self._resume, group="resume", exclusive=True)

    async def _resume(self) -> None:
        conversation = self._conversation
        paused = await self._engine.tasks.list(states=(TaskState.PAUSED,))
        for task in paused:
            if _was_cut_off(task) and (conversation.session is None or task.id in conversation.tasks):
                with suppress(WrongState):  # another window was faster
                    await self._engine.tasks.resume(task.id)
        await self.read()

    async def may_leave(self, *, asks: bool = True) -> Leaving:
        """What becomes of the tasks where they end with this window; from a worker only.

        Args:
            asks: whether the user is asked where the settings do not say it.
        Returns:
            `pause` as well where nothing becomes of any.
        """
        with suppress(TaleError):  # who cannot be asked does not hold anybody up
            status = await self._engine.control.status()
            ends = status.pid == os.getpid() and status.watched <= 1
            if ends and at_work(status.tasks):
                if self.leaving != "ask":
                    return self.leaving
                if asks:
                    return await self._screen.ask(LeaveDialog(status.tasks)) or "stay"
        return "pause"


def _was_cut_off(task: Task) -> bool:
    return task.state is TaskState.PAUSED and task.reason is Reason.INTERRUPTED
