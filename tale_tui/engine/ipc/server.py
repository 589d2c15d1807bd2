"""The engine's side of the link: one task per call, one connection per client."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import aclosing, suppress
from operator import attrgetter
from pathlib import Path
from typing import Any

from tale_tui import __version__
from tale_tui.domain.constants import IPC_LINE_BYTES_MAX
from tale_tui.domain.errors import ReadOnly, TaleError
from tale_tui.engine.api import EngineApi
from tale_tui.engine.ipc.codec import PROTOCOL, Json, api_method, bad_line, from_line, pack_error, to_line
from tale_tui.engine.unexpected import BackgroundTasks, error_of

log = logging.getLogger(__name__)


class Server:
    """Carries the calls of other processes to an engine.

    Args:
        engine: what is served.
        path: of the socket; its folder is made private, a socket left there by a dead process is removed.
    """

    def __init__(self, engine: EngineApi, path: Path) -> None:
        self._engine = engine
        self._path = path
        self._listener: asyncio.AbstractServer | None = None
        self._connections = BackgroundTasks(lambda _: None)
        self._leaving = False

    async def start(self) -> None:
        """Listen.

        Raises:
            ReadOnly: the socket cannot be made.
        """
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._path.parent.chmod(0o700)
            self._path.unlink(missing_ok=True)
            self._listener = await asyncio.start_unix_server(
                self._accept, path=self._path, limit=IPC_LINE_BYTES_MAX, start_serving=False
            )
            self._path.chmod(0o600)
            await self._listener.start_serving()
        except OSError as error:
            raise ReadOnly(
                f"No socket can be made in {self._path.parent} ({error.strerror}), so other windows and commands "
                "cannot reach this one. Check the rights of the folder."
            ) from error

    async def stop_listening(self) -> None:
        """Take no further connection: the engine is about to end. Those that there are go on."""
        self._leaving = True
        if self._listener is not None:
            self._listener.close()
            self._listener = None
            with suppress(FileNotFoundError):  # somebody tidied the folder
                self._path.unlink()

    async def close(self) -> None:
        """End every connection."""
        await self.stop_listening()
        await self._connections.close()

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = ServerConnection(self._engine, reader, writer, lambda: self._leaving)
        # One that breaks off is closed by itself: its client knows then.
        self._connections.start(connection.run(), "A connection of another process")


class ServerConnection:
    """One client that is connected: reads its calls, runs each in a task of its own.

    Args:
        engine: carries them out.
        reader: what the client writes.
        writer: what it reads.
        is_leaving: whether the engine ends.
    """

    def __init__(
        self,
        engine: EngineApi,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        is_leaving: Callable[[], bool],
    ) -> None:
        self._engine = engine
        self._reader = reader
        self._writer = writer
        self._is_leaving = is_leaving
        self._calls: dict[int, asyncio.Task[None]] = {}

    async def run(self) -> None:
        """Serve until the client leaves."""
        try:
            await self._write({"protocol": PROTOCOL, "version": __version__})
            while line := await self._reader.readline():
                self._handle(from_line(line))
        except (OSError, ValueError) as error:
            log.info("a client left: %s", error)
        finally:
            self._writer.close()
            for call in tuple(self._calls.values()):
                call.cancel()
            await asyncio.gather(*self._calls.values(), return_exceptions=True)
            with suppress(OSError):  # it is gone already
                await self._writer.wait_closed()

    def _handle(self, message: Json) -> None:
        """Begin a call, or end one.

        Raises:
            ValueError: the message is neither.
        """
        number = message.get("close", message.get("id"))
        if not isinstance(number, int):
            raise ValueError("a message without a number")  # noqa: TRY004 - one error for a bad line
        call = self._calls.get(number)
        if "close" in message:
            if call:
                call.cancel()
            return
        if call:
            raise ValueError("a call with the number of another")
        task = asyncio.create_task(self._answer(number, message), name=f"link {message.get('verb')}")
        self._calls[number] = task
        task.add_done_callback(lambda ended: self._look_at(ended, number, message))

    def _look_at(self, task: asyncio.Task[None], number: int, message: Json) -> None:
        """A call that broke off is answered too: somebody waits for it."""
        self._calls.pop(number, None)
        error = error_of(task, f"{message.get('verb')}")
        if error is not None and not self._writer.is_closing():
            self._writer.write(to_line({"id": number, "error": pack_error(error)}))

    async def _answer(self, number: int, message: Json) -> None:
        try:
            await self._perform(number, message)
        except TaleError as error:
            if self._is_leaving():
                # The next engine can do what this one is too far gone for: when the connection ends, clients ask it.
                log.info("the engine was about to end during %s: %s", message.get("verb"), error)
                return
            await self._write({"id": number, "error": pack_error(error)})
        except ConnectionError as error:
            if not self._writer.is_closing():
                raise
            log.info("a client left during %s: %s", message.get("verb"), error)

    async def _perform(self, number: int, message: Json) -> None:
        verb, args = message.get("verb"), message.get("args")
        try:
            if not isinstance(verb, str) or not isinstance(args, dict):
                raise ValueError("a call without a verb and its arguments")  # noqa: TRY004 - one for a bad line
            spec = api_method(verb)
            arguments = spec.unpack_args(args)
        except (ValueError, KeyError) as error:
            raise bad_line(f"a call of {verb}", error) from error
        call: Any = attrgetter(spec.name)(self._engine)(**arguments)
        if not spec.streams:
            await self._write({"id": number, "result": spec.pack(await call)})
            return
        async with aclosing(call) as items:
            async for item in items:
                await self._write({"id": number, "item": spec.pack(item)})
        await self._write({"id": number, "end": True})

    async def _write(self, message: Json) -> None:
        self._writer.write(to_line(message))
        await self._writer.drain()
