"""The engine for whoever wants it: in this process where that is the engine, else in the process that is."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager
from functools import partial
from operator import attrgetter
from pathlib import Path
from typing import Any, Protocol, cast

from filelock import FileLock, Timeout

from tale_tui.domain.constants import TAKEOVER_PAUSE_S, TAKEOVER_TIMEOUT_S
from tale_tui.domain.errors import DiskFull, EngineLost, EngineMismatch, ReadOnly
from tale_tui.domain.events import EngineMoved, Fact, Notice
from tale_tui.domain.text import clean_line
from tale_tui.engine.api import EngineApi
from tale_tui.engine.ipc.codec import GROUPS, ApiGroup, is_streaming
from tale_tui.engine.ipc.endpoint import lock_path, socket_path, sockets_exist
from tale_tui.engine.ipc.remote import RemoteEngine, connect
from tale_tui.engine.ipc.server import Server

log = logging.getLogger(__name__)

DONE_ONCE = frozenset(
    {
        "chat.dequeue",
        "checkpoints.export",
        "checkpoints.keep",
        "checkpoints.redo",
        "checkpoints.remove",
        "checkpoints.restore",
        "checkpoints.undo",
        "control.stop",
        "sessions.create",
        "sessions.delete",
        "sessions.fork",
        "sessions.import_",
        "sessions.show_sibling",
    }
)
"""Verbs that are not called a second time when the engine ended in the middle: done twice they do more."""


class LocalEngine(EngineApi, Protocol):
    """An engine in this process."""

    async def stop(self) -> None:
        """End turns and close everything."""
        ...


StartEngine = Callable[[bool], Awaitable[LocalEngine]]
"""Makes the engine of this process; True asks for one that only reads."""


class EngineClient:
    """Has the groups of `EngineApi`, wherever the engine is; goes on when the engine moves. Made by `open_engine`."""

    def __init__(self, data: Path, start: StartEngine) -> None:
        self._data = data
        self._start = start
        self._lock = FileLock(lock_path(data), thread_local=False, mode=0o600)
        self._moving = asyncio.Lock()
        self._target: LocalEngine | RemoteEngine | None = None
        self._server: Server | None = None
        self._notices: list[Notice] = []
        for name in GROUPS:
            setattr(self, name, ApiGroup(name, self._bind))

    @property
    def here(self) -> bool:
        """Whether this process is the engine."""
        return self._target is not None and not isinstance(self._target, RemoteEngine)

    async def open(self) -> None:
        """Find the engine or become it.

        Raises:
            ReadOnly: the data folder cannot be written and there is nothing to read.
            EngineLost: another process holds the lock but does not answer.
            EngineMismatch: the engine that runs is of another version.
        """
        async with self._moving:
            await self._settle()

    async def close(self) -> None:
        """Leave the engine; where it is here, end it, so that another client can be it.

        Raises:
            TaleError: a part of the engine here could not be closed; everything else is.
        """
        async with self._moving:
            target, self._target = self._target, None
            if isinstance(target, RemoteEngine):
                await target.close()
            elif target is not None:
                try:
                    if self._server:
                        await self._server.stop_listening()
                    await target.stop()
                finally:
                    if self._server:
                        await self._server.close()
                    self._lock.release()

    def _bind(self, name: str) -> Callable[..., Any]:
        if name == "control.watch":
            return self._watch
        return partial(self._stream if is_streaming(name) else self._call, name)

    async def _settle(self) -> None:
        deadline = asyncio.get_running_loop().time() + TAKEOVER_TIMEOUT_S
        while True:
            if await self._take_lock():
                return
            try:
                self._target = await connect(socket_path(self._data))
            except EngineMismatch:
                raise
            except EngineLost:
                if asyncio.get_running_loop().time() > deadline:
                    raise
                await asyncio.sleep(TAKEOVER_PAUSE_S)
            else:
                log.info("this process is a client of the engine that runs")
                return

    async def _take_lock(self) -> bool:
        """Be the engine if nobody is; a folder that cannot be written, a full disk, or no sockets, leaves one that only
        reads."""
        try:
            self._lock.acquire(timeout=0)
        except Timeout:
            if sockets_exist():
                return False
            self._notices.append(
                Notice(
                    "Only reading",
                    "Another window uses this data folder, and this system has no sockets to reach it. "
                    "Close that window to write here.",
                    "warning",
                )
            )
            self._target = await self._start(True)
            return True
        except (OSError, NotImplementedError) as error:
            log.warning("no lock in the data folder: %s", error)
            why = error.strerror if isinstance(error, OSError) and error.strerror else "this system has no locks"
            sentence = (
                f"{clean_line(str(self._data))} cannot be written or locked ({why}): what is there can be read, and "
                "nothing new is kept. Give yourself the right to write there, or set TALE_HOME to another folder."
            )
            self._notices.append(Notice("Only reading", sentence, "warning"))
            self._target = await self._start(True)
            return True
        try:
            await self._be_engine()
        except DiskFull as error:
            sentence = f"{error.sentence} Until then what is there can be read, and nothing new is kept."
            self._notices.append(Notice("Only reading", sentence, "warning"))
            self._target = await self._start(True)
        return True

    async def _be_engine(self) -> None:
        started = False
        try:
            engine = await self._start(False)
            self._target, started = engine, True
        finally:
            if not started:
                self._lock.release()
        log.info("this process is the engine")
        if sockets_exist():
            self._server = Server(engine, socket_path(self._data))
            try:
                await self._server.start()
            except ReadOnly as error:
                self._notices.append(Notice(error.title, error.sentence, "warning"))

    async def _current(self) -> Any:
        async with self._moving:
            if self._target is None:
                raise EngineLost("This window has left the engine.")
            return self._target

    async def _moved(self, lost: object) -> None:
        """Settle anew, unless another call of this client has done so already."""
        async with self._moving:
            if self._target is lost:
                await cast("RemoteEngine", lost).close()
                await self._settle()

    async def _call(self, name: str, *args: object, **kwargs: object) -> Any:
        target = await self._current()
        try:
            return await attrgetter(name)(target)(*args, **kwargs)
        except EngineLost:
            if not isinstance(target, RemoteEngine):
                raise
            await self._moved(target)
            if name in DONE_ONCE:
                raise
        return await attrgetter(name)(await self._current())(*args, **kwargs)

    async def _stream(self, name: str, *args: object, **kwargs: object) -> AsyncGenerator[Any, None]:
        target = await self._current()
        try:
            async with aclosing(attrgetter(name)(target)(*args, **kwargs)) as items:
                async for item in items:
                    yield item
        except EngineLost:
            if isinstance(target, RemoteEngine):
                await self._moved(target)
            raise

    async def _watch(self, *, window: bool = False) -> AsyncGenerator[Fact, None]:
        for notice in self._notices:
            yield notice
        while True:
            target = await self._current()
            try:
                async with aclosing(target.control.watch(window=window)) as facts:
                    async for fact in facts:
                        yield fact
            except EngineLost:
                if not isinstance(target, RemoteEngine):
                    raise
                await self._moved(target)
                yield EngineMoved(here=self.here)
            else:
                if not isinstance(target, RemoteEngine):
                    return
                await self._moved(target)
                yield EngineMoved(here=self.here)


@asynccontextmanager
async def open_engine_on(data: Path, start: StartEngine) -> AsyncIterator[EngineApi]:
    """The engine of a data folder, as `open_engine`, with another way to make it.

    Args:
        data: the data folder; it exists.
        start: makes the engine of this process.
    """
    client = EngineClient(data, start)
    await client.open()
    try:
        yield cast("EngineApi", client)
    finally:
        await client.close()
