"""The one place where the screen holds the engine: opens it behind the first frame and passes its facts on."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, aclosing
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from textual.message import Message
from textual.message_pump import MessagePump

from tale_tui.domain.errors import TaleError

if TYPE_CHECKING:
    from tale_tui.domain.events import Fact
    from tale_tui.engine.api import EngineApi

    OpenEngine = Callable[[], AbstractAsyncContextManager[EngineApi]]

STOP_TIMEOUT_S = 5.0
"""How long leaving waits for the engine to put everything away before it is cancelled."""


class Bridge:
    """Opens the engine, listens to it, and closes it.

    The engine lives in one task of its own, which is no worker of a widget: it outlasts the screen, so that a reply
    that is cut by leaving is stored in peace.

    Args:
        open_engine: gives the engine for as long as its block lasts; called in the event loop.
    """

    # Whoever listens is told: from a screen nothing bubbles to the application, which would hear it once more.

    @dataclass
    class Ready(Message, bubble=False):
        """The engine can be asked."""

        engine: EngineApi

    @dataclass
    class Failed(Message, bubble=False):
        """The engine could not be opened, or ended with an error; it can be opened again."""

        error: TaleError

    @dataclass
    class Crashed(Message, bubble=False):
        """The engine ended with an error that nobody expected."""

        error: BaseException

    @dataclass
    class Happened(Message, bubble=False):
        """The engine said something."""

        fact: Fact

    def __init__(self, open_engine: OpenEngine) -> None:
        self._open_engine = open_engine
        self._task: asyncio.Task[None] | None = None
        self._leave = asyncio.Event()
        self._opened = False
        self._listeners: list[MessagePump] = []
        self.error: TaleError | None = None
        """Why there is no engine, where it failed."""

    def subscribe(self, listener: MessagePump) -> None:
        """Post what happens to `listener` from now on."""
        self._listeners.append(listener)

    def open(self) -> None:
        """Begin to open the engine; nothing happens where it is open or being opened."""
        if self._task is None or self._task.done():
            self.error = None
            self._leave.clear()
            self._task = asyncio.create_task(self._run(), name="engine")
            self._task.add_done_callback(self._ended)

    async def close(self, timeout_s: float = STOP_TIMEOUT_S) -> None:
        """Let the engine put everything away.

        Args:
            timeout_s: after so many seconds it is cancelled.
        """
        self._leave.set()
        if self._task is not None:
            if self._opened:
                await asyncio.wait([self._task], timeout=timeout_s)
            # What is only being opened has nothing to put away.
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def _post(self, make: Callable[[], Message]) -> None:
        for listener in self._listeners:
            listener.post_message(make())

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._opened = False
        error = None if task.cancelled() else task.exception()
        if isinstance(error, TaleError):
            self.error = error
            self._post(partial(self.Failed, error))
        elif error is not None:
            self._post(partial(self.Crashed, error))

    async def _run(self) -> None:
        async with self._open_engine() as engine:
            if self._leave.is_set():
                return
            self._opened = True
            self._post(partial(self.Ready, engine))
            listening = asyncio.create_task(self._listen(engine), name="facts")
            leaving = asyncio.create_task(self._leave.wait(), name="leave")
            try:
                await asyncio.wait([listening, leaving], return_when=asyncio.FIRST_COMPLETED)
            finally:
                leaving.cancel()
                listening.cancel()
                ends = await asyncio.gather(listening, leaving, return_exceptions=True)
            for end in ends:
                if isinstance(end, Exception):
                    raise end

    async def _listen(self, engine: EngineApi) -> None:
        async with aclosing(engine.control.watch(window=True)) as facts:
            async for fact in facts:
                self._post(partial(self.Happened, fact))
