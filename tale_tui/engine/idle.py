"""Work for when nobody waits for anything: it begins when it is quiet, and gives way to whoever comes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

T = TypeVar("T")

SHORTEST_WAIT_S = 0.05
"""Between two looks at whether it is quiet."""


async def wait_for_quiet(
    busy: Callable[[], bool], typed: Callable[[], float], monotonic: Callable[[], float], idle_s: float
) -> None:
    """Wait until nothing is at work and nobody has written for a while.

    Args:
        busy: whether something is at work.
        typed: when somebody wrote last, by the clock that only goes forward.
        monotonic: that clock, in seconds.
        idle_s: the while.
    """
    quiet = False
    while not quiet:
        since = monotonic() - typed()
        quiet = not busy() and since >= idle_s
        if not quiet:
            await asyncio.sleep(max(SHORTEST_WAIT_S, min(idle_s, idle_s - since)))


class GivenUp(Exception):
    """Work gave way before its end; it can be begun again when it is quiet."""


class IdleWork:
    """One piece of work at a time, which can be given up without ending who runs it."""

    def __init__(self) -> None:
        self._task: asyncio.Task[Any] | None = None

    @property
    def under_way(self) -> bool:
        """Whether there is some."""
        return self._task is not None

    def give_up(self) -> None:
        """Somebody comes: give up what is under way. Returns at once."""
        if self._task is not None:
            self._task.cancel()

    async def run(self, work: Coroutine[Any, Any, T], name: str) -> T:
        """Do something, and return what came of it.

        Args:
            work: it.
            name: of its task.
        Raises:
            GivenUp: it was given up.
        """
        self._task = task = asyncio.create_task(work, name=name)
        try:
            return await task
        except asyncio.CancelledError:
            runs_this = asyncio.current_task()
            if task.cancelled() and not (runs_this is not None and runs_this.cancelling()):
                raise GivenUp from None
            task.cancel()
            raise
        finally:
            self._task = None
