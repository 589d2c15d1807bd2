"""How many tasks there are in which state, asked of the engine once for all who show it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

from textual.screen import Screen
from textual.timer import Timer

from tale_tui.domain.errors import TaleError
from tale_tui.domain.tasks import TaskCounts
from tale_tui.ui.chat.host import ChatHost

READ_EVERY_S = 0.25
"""However much happens, tasks are counted so often at most."""


class TaskOverview:
    """Reads the counts soon after tasks changed.

    Args:
        host: the chat.
        screen: has the timer.
        on_counts: shows what was read.
    """

    def __init__(self, host: ChatHost, screen: Screen[Any], on_counts: Callable[[TaskCounts], None]) -> None:
        self._host = host
        self._screen = screen
        self._on_counts = on_counts
        self._timer: Timer | None = None

    def read_soon(self) -> None:
        """Tasks changed."""
        if self._timer is None:
            self._timer = self._screen.set_timer(READ_EVERY_S, self._due)

    def _due(self) -> None:
        self._timer = None
        self._host.spawn(self.read, group="count", exclusive=True)

    async def read(self) -> None:
        """Count the tasks now, and not once more in a moment."""
        if self._timer is not None:
            self._timer.stop()
            self._timer = None
        with suppress(TaleError):  # a number in the last line is not worth a message
            self._on_counts((await self._host.engine.control.status()).tasks)
