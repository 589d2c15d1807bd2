"""Work that is asked for far more often than it is worth doing."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

from textual.timer import Timer
from textual.worker import Worker

from tale_tui.ui.base_screen import BaseScreen


class WorkThrottle:
    """Does something in the background a moment after it is asked for: once, however often that is. What is being done
    is never interrupted, but followed.

    Args:
        screen: has the timer and the worker.
        every_s: so long after the first request, and so often at most.
        work: what is done.
        group: names the worker.
    """

    def __init__(
        self, screen: BaseScreen, every_s: float, work: Callable[[], Coroutine[Any, Any, None]], group: str
    ) -> None:
        self._screen = screen
        self._every_s = every_s
        self._work = work
        self._group = group
        self._timer: Timer | None = None
        self._worker: Worker[None] | None = None

    @property
    def waits(self) -> bool:
        """Whether something is to be done in a moment."""
        return self._timer is not None

    def request(self) -> None:
        """Do it in a moment."""
        if self._timer is None:
            self._timer = self._screen.set_timer(self._every_s, self._due)

    def drop(self) -> None:
        """It is done otherwise: what was asked for until now is not wanted any more."""
        if self._timer is not None:
            self._timer.stop()
            self._timer = None

    def _due(self) -> None:
        self._timer = None
        if self._worker is not None and not self._worker.is_finished:
            self.request()
        else:
            self._worker = self._screen.spawn(self._work, group=self._group)
