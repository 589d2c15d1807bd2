"""Signals that end a command: what it does is cancelled, so that what came is stored, as when the user stops it."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Awaitable, Callable
from contextlib import suppress
from types import TracebackType
from typing import Self, TypeVar

T = TypeVar("T")

ENDING = tuple(getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name))
"""They end a command in peace; Windows has the first alone."""
SIGNALLED = 128
"""Added to the number of a signal it is the exit code of a process that the signal ended, as shells have it."""


def on_ending(loop: asyncio.AbstractEventLoop, end: Callable[[int], None]) -> None:
    """Have `end` called with the number when a signal wants the process to end.

    What whoever started the process lets it ignore (`nohup` does so with SIGHUP) stays ignored.
    """
    with suppress(NotImplementedError):  # Windows has no such signals
        for number in ENDING:
            if signal.getsignal(number) is not signal.SIG_IGN:
                loop.add_signal_handler(number, end, number)


class SignalEnd:
    """Ends the work of a command where a signal wants that, and the process with the exit code that belongs to it."""

    def __init__(self) -> None:
        self._number: int | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._number is not None and (error is None or isinstance(error, asyncio.CancelledError)):
            raise SystemExit(SIGNALLED + self._number) from None

    async def of(self, work: Awaitable[T]) -> T:
        """Do the work in the running loop, and cancel it at a signal."""
        task = asyncio.current_task()

        def end(number: int) -> None:
            self._number = number
            if task is not None:
                task.cancel()

        on_ending(asyncio.get_running_loop(), end)
        return await work
