"""What is told, one notice at a time: which one is shown, for how long, and which ones are kept to be read later."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace

from textual.timer import Timer

from tale_tui.domain.events import Notice

KEPT_MAX = 200
"""Notices that are kept."""

SHOWN_S = 6.0
"""A notice is shown so long."""

GRAVE_SHOWN_S = 12.0
"""A warning or an error is shown so long."""

HELD_S = 5.0
"""So long a warning or an error stays, whatever is told after it; what is told meanwhile is counted behind it."""

REVERSALS = frozenset({"undone", "redone"})
"""What such a notice is about: its key takes back what was done, and tasks are told of that it has changed."""

GRAVE = {"warning": 1, "error": 2}
"""How grave a notice is; one that only informs is not here."""


@dataclass(frozen=True, slots=True)
class NoticeShown:
    """The notice in the line."""

    notice: Notice
    more: int = 0
    """How many were told meanwhile that the line does not show."""


class NoticeQueue:
    """A new notice takes the place of the one before. What is about tasks has been gathered by who tells it, and takes
    the place of the last notice about tasks in the list as well.

    Args:
        set_timer: calls a function after so many seconds.
        show: shows a notice; None takes it away.
        is_covered: whether a dialog is in front, so that nobody can be expected to have read the line.

    Attributes:
        told: everything that was told, oldest first, with the time (seconds since the epoch).
        shown: what is shown now; None for nothing.
    """

    def __init__(
        self,
        set_timer: Callable[[float, Callable[[], None]], Timer],
        show: Callable[[NoticeShown | None], None],
        is_covered: Callable[[], bool],
    ) -> None:
        self._set_timer = set_timer
        self._show = show
        self._is_covered = is_covered
        self._timer: Timer | None = None
        self._shown_s = SHOWN_S
        self._began = float("-inf")
        self.told: deque[tuple[float, Notice]] = deque(maxlen=KEPT_MAX)
        self.shown: NoticeShown | None = None

    @property
    def kept(self) -> tuple[tuple[float, Notice], ...]:
        """What the list of notices holds: what has a title; the rest answers a key, and is over with it."""
        return tuple(entry for entry in self.told if entry[1].title)

    def tell(self, notice: Notice, timeout_s: float | None = None) -> None:
        """Show a notice.

        Args:
            notice: safe text.
            timeout_s: how long; None for the usual time.
        """
        before = self.shown
        if before is not None and notice.about == "tasks" == before.notice.about and self.told[-1][1] is before.notice:
            self.told.pop()
            before = None
        self.told.append((time.time(), notice))
        if before is not None and self._holds(before, notice):
            self._put(replace(before, more=before.more + bool(notice.title)))
            return
        more = 0 if before is None or not before.notice.title else before.more + (before.notice != notice)
        grave = notice.severity in GRAVE
        self._shown_s = timeout_s if timeout_s is not None else GRAVE_SHOWN_S if grave else SHOWN_S
        self._began = time.monotonic()
        self._put(NoticeShown(notice, more))
        self._wait()

    def _holds(self, before: NoticeShown, notice: Notice) -> bool:
        """Whether what is shown is graver, or what changed the tasks that are told of, and has not been there long."""
        recent = time.monotonic() - self._began < HELD_S
        if before.notice.about in REVERSALS and notice.about == "tasks":
            return recent
        return recent and GRAVE.get(notice.severity, 0) < GRAVE.get(before.notice.severity, 0)

    def put_away(self) -> None:
        """Show nothing any more; the list keeps it."""
        self._stop()
        if self.shown is not None:
            self._put(None)

    def _put(self, shown: NoticeShown | None) -> None:
        self.shown = shown
        self._show(shown)

    def _wait(self) -> None:
        self._stop()
        self._timer = self._set_timer(self._shown_s, self._end)

    def _stop(self) -> None:
        if self._timer is not None:
            self._timer.stop()
            self._timer = None

    def _end(self) -> None:
        if self._is_covered():
            self._wait()
        else:
            self.put_away()
