"""Work that is asked for far more often than it is worth doing."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

from textual.timer import Timer
from textual.worker import Worker

from tale_tui.ui.base_screen import BaseScreen


class WorkThrottle:
    """Does something in the background a moment after it is asked for, once for all that ask until then. What is being
    done is not interrupted; what is asked for meanwhile is done after it.

    Args:
        screen: has the timer and the worker.
        pause_s: the moment.
        work: what is done.
        group: names the worker.
    """

    def __init__(
        self, screen: BaseScreen, pause_s: float, work: Callable[[], Coroutine[Any, Any, None]], group: str
    ) -> None:
        self._screen = screen
        self._pause_s = pause_s
        self._work = work
        self._group = group
        self._timer: Timer | None = None
        self._worker: Worker[None] | None = None

    def request(self) -> None:
        """Do it in a moment."""
        if self._timer is None:
            self._timer = self._screen.set_timer(self._pause_s, self.begin)

    def begin(self) -> None:
        """Do it now, and not once more in a moment."""
        self.drop()
        if self._worker is None or self._worker.is_finished or self._worker.is_cancelled:
            self._worker = self._screen.spawn(self._work, group=self._group)
        else:
            self.request()

    def drop(self) -> None:
        """What was asked for and is not begun yet is not done; what is being done goes on."""
        if self._timer is not None:
            self._timer.stop()
            self._timer = None
