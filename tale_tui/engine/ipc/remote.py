"""The client's side of the link: an engine in another process."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncGenerator, Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

from tale_tui import __version__
from tale_tui.domain.constants import GREETING_TIMEOUT_S, IPC_LINE_BYTES_MAX
from tale_tui.domain.errors import EngineLost, EngineMismatch
from tale_tui.engine.ipc.codec import (
    GROUPS,
    PROTOCOL,
    ApiGroup,
    Json,
    api_method,
    bad_line,
    from_line,
    is_streaming,
    to_line,
    unpack_error,
)
from tale_tui.engine.ipc.endpoint import is_ours
from tale_tui.engine.unexpected import error_of

LOST = "The process that was the engine ended in the middle of this. Nothing that was stored is lost; try again."


class RemoteEngine:
    """Has the groups of `EngineApi`, of the engine at the other end of a socket. Made by `connect`."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._numbers = itertools.count(1)
        self._answers: dict[int, asyncio.Queue[Json | None]] = {}
        self._lost = False
        self._listening = asyncio.create_task(self._listen(), name="link listener")
        self._listening.add_done_callback(lambda ended: error_of(ended, "Listening to the engine"))
        for name in GROUPS:
            setattr(self, name, ApiGroup(name, self._bind))

    async def close(self) -> None:
        """Leave the engine."""
        self._listening.cancel()
        await asyncio.gather(self._listening, return_exceptions=True)
        self._writer.close()
        with suppress(OSError):  # gone already
            await self._writer.wait_closed()

    def _bind(self, name: str) -> Callable[..., Any]:
        return partial(self._stream if is_streaming(name) else self._call, name)

    async def _listen(self) -> None:
        try:
            while line := await self._reader.readline():
                message = from_line(line)
                number = message["id"]
                if not isinstance(number, int):
                    raise ValueError("an answer without a number")  # noqa: TRY004 - one error for a bad line
                if queue := self._answers.get(number):
                    queue.put_nowait(message)
        except (OSError, ValueError, KeyError):
            self._writer.close()
        finally:
            self._lost = True
            for queue in self._answers.values():
                queue.put_nowait(None)

    async def _write(self, message: Json) -> None:
        if self._lost:
            raise EngineLost(LOST)
        try:
            self._writer.write(to_line(message))
            await self._writer.drain()
        except OSError as error:
            raise EngineLost(LOST) from error

    async def _call(self, name: str, *args: object, **kwargs: object) -> Any:
        spec = api_method(name)
        number, queue = self._ask()
        try:
            await self._write({"id": number, "verb": name, "args": spec.pack_args(args, kwargs)})
            message = await self._next(queue)
            return read_field(spec.unpack, message, "result")
        except asyncio.CancelledError:
            await self._abandon(number)
            raise
        finally:
            del self._answers[number]

    async def _stream(self, name: str, *args: object, **kwargs: object) -> AsyncGenerator[Any, None]:
        spec = api_method(name)
        number, queue = self._ask()
        try:
            await self._write({"id": number, "verb": name, "args": spec.pack_args(args, kwargs)})
            while "end" not in (message := await self._next(queue)):
                yield read_field(spec.unpack, message, "item")
        finally:
            del self._answers[number]
            await self._abandon(number)

    def _ask(self) -> tuple[int, asyncio.Queue[Json | None]]:
        number = next(self._numbers)
        queue: asyncio.Queue[Json | None] = asyncio.Queue()
        self._answers[number] = queue
        return number, queue

    async def _next(self, queue: asyncio.Queue[Json | None]) -> Json:
        message = await queue.get()
        if message is None:
            raise EngineLost(LOST)
        if "error" in message:
            raise unpack_error(message["error"])
        return message

    async def _abandon(self, number: int) -> None:
        """Tell the engine that nobody waits for this call any more; harmless where it has ended."""
        with suppress(EngineLost):
            await self._write({"close": number})


def read_field(unpack: Callable[[Any], Any], message: Json, field: str) -> Any:
    """What stands in a field of a message.

    Args:
        unpack: reads the value of the field.
        message: from the other process.
        field: its name.
    Raises:
        EngineLost: it is not there, or something else; the other process is not understood.
    """
    try:
        return unpack(message[field])
    except (ValueError, KeyError) as error:
        raise bad_line(f"the {field} of a call", error) from error


async def connect(path: Path) -> RemoteEngine:
    """Connect to the engine that listens at `path`.

    Raises:
        EngineLost: nothing listens there, or it does not greet in time.
        EngineMismatch: the engine is of another version.
    """
    try:
        if not is_ours(path):
            raise EngineLost(
                f"{path.parent} belongs to another user, so it is not used. Set TALE_HOME to a shorter path."
            )
        reader, writer = await asyncio.open_unix_connection(path, limit=IPC_LINE_BYTES_MAX)
    except OSError as error:
        raise EngineLost("The process that is the engine does not answer.") from error
    try:
        async with asyncio.timeout(GREETING_TIMEOUT_S):
            greeting = from_line(await reader.readline() or b"{}")
    except (OSError, ValueError, TimeoutError) as error:
        writer.close()
        raise EngineLost("The window that runs the engine does not answer. Is it stopped?") from error
    if not greeting:
        writer.close()
        raise EngineLost("The process that was the engine has just ended.")
    if (greeting.get("protocol"), greeting.get("version")) != (PROTOCOL, __version__):
        writer.close()
        raise EngineMismatch(
            f"Another window runs version {greeting.get('version')}, this is {__version__}. "
            "Close that window, or start the same version here."
        )
    return RemoteEngine(reader, writer)
