"""What an empty conversation tells of all others: the tasks that ask for the user, and the last conversations."""

from __future__ import annotations

from contextlib import suppress

from tale_tui.domain.clock import Clock
from tale_tui.domain.errors import TaleError
from tale_tui.domain.tasks import TaskState
from tale_tui.domain.text import clean_line
from tale_tui.engine.api import EngineApi
from tale_tui.formatting.tasks import sign, state_words
from tale_tui.formatting.units import when
from tale_tui.ui.base_screen import BaseScreen
from tale_tui.ui.tasks.list_model import needs_you
from tale_tui.ui.widgets.empty_state import RECENT_ROWS, EmptyRow, EmptyState
from tale_tui.ui.work_throttle import WorkThrottle

READ_EVERY_S = 0.25
"""However much happens, it is read so often at most."""


class FirstScreen:
    """Reads what stands on the first screen, while that is shown.

    Args:
        screen: does the reading in the background.
        engine: knows it.
        empty: shows it.
        clock: the present.
    """

    def __init__(self, screen: BaseScreen, engine: EngineApi, empty: EmptyState, clock: Clock) -> None:
        self._engine = engine
        self._empty = empty
        self._clock = clock
        self._reading = WorkThrottle(screen, READ_EVERY_S, self._read, "first screen")

    def read_soon(self) -> None:
        """Something changed: read it again in a moment if it is in sight."""
        if self._empty.display:
            self._reading.request()

    def read_now(self) -> None:
        """It comes into sight, or everything may be another: read it without delay if it is in sight."""
        if self._empty.display:
            self._reading.begin()

    async def _read(self) -> None:
        with suppress(TaleError):  # rows that stay as they were are not worth a message
            now = self._clock.now()
            tasks = await self._engine.tasks.list(states=(TaskState.WAITING, TaskState.PAUSED))
            sessions = await self._engine.sessions.list(limit=RECENT_ROWS)
            self._empty.asking = tuple(
                EmptyRow(task.id, clean_line(task.title), clean_line(state_words(task, now)), sign(task))
                for task in tasks
                if needs_you(task)
            )
            self._empty.recent = tuple(
                EmptyRow(session.id, clean_line(session.title), when(session.updated, now)) for session in sessions
            )
