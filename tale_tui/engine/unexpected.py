"""Errors that nobody foresaw. The one rule for them: each is logged whole, is one sentence to the user, and ends what
waits for the work that it broke off.

Work that somebody awaits goes through `attempt`, work that nobody awaits through `BackgroundTasks`; who makes a task
by other means looks at its end with `error_of`.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from tale_tui.domain.errors import TaleError

T = TypeVar("T")

log = logging.getLogger(__name__)

SENTENCE = "{what} broke off because of an error in the application; the log says more."


def error_of(task: asyncio.Task[Any], what: str) -> TaleError | None:
    """Why a task that has ended did not end well; None where it did, or was cancelled.

    Args:
        task: done.
        what: what it did, as the beginning of a sentence.
    """
    error = None if task.cancelled() else task.exception()
    return None if error is None else as_told(error, what)


def as_told(error: BaseException, what: str) -> TaleError:
    """An error for the user: one of ours as it is, one that nobody foresaw logged whole and as a sentence.

    Args:
        error: what was raised.
        what: what it broke off, as the beginning of a sentence.
    """
    if isinstance(error, TaleError):
        return error
    log.error("%s broke off", what, exc_info=error)
    told = TaleError(SENTENCE.format(what=what))
    told.__cause__ = error
    return told


async def attempt(work: Coroutine[Any, Any, T], what: str) -> T:
    """Do something that is awaited.

    Args:
        work: it.
        what: what it is, as the beginning of a sentence.
    Raises:
        TaleError: it did not work; also where nobody foresaw that.
    """
    task = asyncio.ensure_future(work)
    try:
        await asyncio.wait([task])
    except asyncio.CancelledError:
        task.cancel()
        await asyncio.wait([task])
        raise
    if error := error_of(task, what):
        raise error
    return task.result()


class BackgroundTasks:
    """Work that nobody awaits, of one owner.

    Args:
        on_error: told why some of it did not end well, once that is logged: it ends what waits.
    """

    def __init__(self, on_error: Callable[[TaleError], None]) -> None:
        self._on_error = on_error
        self._tasks: set[asyncio.Task[None]] = set()

    def start(
        self, work: Coroutine[Any, Any, None], what: str, on_error: Callable[[TaleError], None] | None = None
    ) -> asyncio.Task[None]:
        """Begin something.

        Args:
            work: it.
            what: what it is, as the beginning of a sentence.
            on_error: told of its errors instead.
        """
        task = asyncio.create_task(work, name=what)
        self._tasks.add(task)
        task.add_done_callback(lambda ended: self._ended(ended, what, on_error or self._on_error))
        return task

    async def close(self) -> None:
        """End all that is under way, and see it end."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    def _ended(self, task: asyncio.Task[None], what: str, on_error: Callable[[TaleError], None]) -> None:
        self._tasks.discard(task)
        if error := error_of(task, what):
            on_error(error)
