"""The parent's end of the process that runs a model: starting it, asking it, stopping it, noticing that it ended.

Everything here is callbacks of the event loop and no task, so that nothing is left running when the loop ends; the
child ends by itself when its standard input closes.
"""

from __future__ import annotations

import asyncio
import logging
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any, cast

from tale_tui.domain.constants import (
    CHILD_LOG_BYTES_MAX,
    CHILD_LOG_TAIL_BYTES,
    CHILD_PIPES_TIMEOUT_S,
    CHILD_STOP_TIMEOUT_S,
    SOCKET_PATH_BYTES_MAX,
)
from tale_tui.engine.child_process import environment_without_keys, module_command
from tale_tui.engine.models.embedded.protocol import (
    AnswerCancelled,
    AnswerChat,
    AnswerEnd,
    AnswerFailed,
    AnswerReply,
    CancelAnswer,
    CountTokens,
    LoadFailed,
    LoadModel,
    LoadSucceeded,
    Reply,
    Request,
    TokensCounted,
    decode,
    encode,
)

log = logging.getLogger(__name__)

CHILD = "tale_tui.engine.models.embedded.child"
OWN_VARIABLES = {
    "GGML_NO_BACKTRACE": "1",  # else a failed assertion starts a debugger where one is installed
    "MALLOC_ARENA_MAX": "2",  # else each thread of its server reserves address space
}
"""Of its environment, beside what is the user's."""


class AnswerExchange:
    """One conversation that the child answers. `next` gives its replies; who has enough calls `leave`.

    Args:
        number: of the request.
        stop: called by `leave` where the answer has not ended.
        settled: called once, when the child is free for the next one.
    """

    def __init__(self, number: int, stop: Callable[[AnswerExchange], None], settled: Callable[[], None]) -> None:
        self.number = number
        self._stop = stop
        self._settled: Callable[[], None] | None = settled
        self._replies: asyncio.Queue[AnswerReply | None] = asyncio.Queue()
        self.deadline: asyncio.TimerHandle | None = None

    async def next(self) -> AnswerReply | None:
        """The next reply; None when the process has ended."""
        return await self._replies.get()

    def leave(self) -> None:
        """Have no more of it. Returns at once; the child is stopped meanwhile."""
        if self._settled is not None:
            self._stop(self)

    def take(self, reply: AnswerReply | None) -> None:
        """A reply came, or None: the process ended."""
        self._replies.put_nowait(reply)
        if reply is None or isinstance(reply, AnswerEnd | AnswerFailed | AnswerCancelled):
            if self.deadline is not None:
                self.deadline.cancel()
            settled, self._settled = self._settled, None
            if settled is not None:
                settled()


class ChildProcess(asyncio.SubprocessProtocol):
    """The process that runs one model. `start` makes one."""

    def __init__(self, load: LoadModel, log_file: Path) -> None:
        loop = asyncio.get_running_loop()
        self._load = load
        self._log_file = log_file
        self._log_start = 0
        self._rest = b""
        self._babbles = False
        """It said what nobody understands: nothing that it says after that is taken."""
        self._exchange: AnswerExchange | None = None
        self._counts: dict[int, asyncio.Future[int | None]] = {}
        self._last_number = 0
        self._transport: asyncio.SubprocessTransport | None = None
        self._loaded: asyncio.Future[LoadSucceeded | LoadFailed | None] = loop.create_future()
        self._gone: asyncio.Future[None] = loop.create_future()
        self.window = load.window
        self.version = ""
        self.exit_code: int | None = None
        """As `subprocess` has it: negative is the number of a signal. None while the process runs."""

    @classmethod
    async def start(cls, load: LoadModel, log_file: Path) -> ChildProcess:
        """Start a process; `loaded` tells how loading goes.

        Args:
            load: what to load; the place of its socket is chosen here.
            log_file: what llama.cpp says is written there.
        Raises:
            OSError: no process can be started.
        """
        socket = private_socket()
        child = cls(load._replace(socket=socket), log_file)
        errors = child._open_log()
        with ExitStack() as cleaning, ExitStack() as undoing:
            if errors != subprocess.DEVNULL:
                cleaning.callback(os.close, errors)
            undoing.callback(child._remove_socket)
            await asyncio.get_running_loop().subprocess_exec(
                lambda: child,
                *module_command(CHILD),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                env=environment_without_keys() | OWN_VARIABLES,
                start_new_session=True,  # Ctrl+C in the terminal is not for it
            )
            undoing.pop_all()
        child._send(child._load)
        return child

    # reading

    @property
    def alive(self) -> bool:
        """Whether it can be asked."""
        return self.exit_code is None and not self._gone.done()

    @property
    def pid(self) -> int | None:
        """The process's number; None when it has ended."""
        return self._transport.get_pid() if self._transport and self.alive else None

    def stderr_tail(self) -> str:
        """The end of what this process has written to the log; raw text."""
        try:
            with self._log_file.open("rb") as file:
                size = file.seek(0, os.SEEK_END)
                file.seek(min(size, max(self._log_start, size - CHILD_LOG_TAIL_BYTES)))
                return file.read().decode("utf-8", "replace")
        except OSError:
            return ""

    # asking

    async def loaded(self) -> LoadSucceeded | LoadFailed | None:
        """Wait until the model is in memory, or cannot be; None when the process ended without a word."""
        return await asyncio.shield(self._loaded)

    def begin(self, chat: AnswerChat, settled: Callable[[], None]) -> AnswerExchange:
        """Ask for an answer; one at a time.

        Args:
            chat: the conversation; its number is given here.
            settled: called once, when the process is free for the next one or has ended.
        """
        self._last_number += 1
        exchange = self._exchange = AnswerExchange(self._last_number, self._stop, settled)
        if self.alive:
            self._send(chat._replace(id=exchange.number))
        else:
            exchange.take(None)
        return exchange

    async def count(self, messages: list[list[str]]) -> int | None:
        """How many tokens a conversation is; None where the process cannot tell."""
        if not self.alive:
            return None
        self._last_number += 1
        number = self._last_number
        self._counts[number] = asyncio.get_running_loop().create_future()
        self._send(CountTokens(number, messages))
        try:
            return await self._counts[number]
        finally:
            self._counts.pop(number, None)

    # ending

    def kill(self) -> None:
        """End it at once; `gone` tells when it has ended."""
        if self._transport is not None and self.exit_code is None:
            with suppress(ProcessLookupError):  # it ended by itself meanwhile
                self._transport.kill()

    async def gone(self) -> None:
        """Wait until it has ended and everything that it said has been taken."""
        await asyncio.shield(self._gone)

    # what the loop calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The process runs."""
        self._transport = cast("asyncio.SubprocessTransport", transport)

    def pipe_data_received(self, fd: int, data: bytes) -> None:
        """The process said something."""
        if self._babbles:
            return
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            try:
                self._take(cast("Reply", decode(line)))
            except ValueError:
                log.warning("the model's process said what nobody understands; it is ended")
                self._babbles = True
                self.kill()
                return

    def process_exited(self) -> None:
        """The process ended; something that it started may still hold its pipes."""
        if self._transport is not None:
            self.exit_code = self._transport.get_returncode()
            asyncio.get_running_loop().call_later(CHILD_PIPES_TIMEOUT_S, self._transport.close)

    def connection_lost(self, exc: Exception | None) -> None:
        """The process ended and all that it said has been taken."""
        if self._transport is not None:
            self._transport.close()
        self._remove_socket()
        if self._exchange is not None:
            self._exchange.take(None)
        for count in self._counts.values():
            _set(count, None)
        _set(self._loaded, None)
        _set(self._gone, None)

    def _take(self, reply: Reply) -> None:
        match reply:
            case LoadSucceeded(window, version):
                self.window, self.version = window, version
                self._remove_socket()
                _set(self._loaded, reply)
            case LoadFailed():
                _set(self._loaded, reply)
            case TokensCounted(number, tokens):
                if number in self._counts:
                    _set(self._counts[number], tokens)
            case _:
                if self._exchange is not None and self._exchange.number == reply.id:
                    self._exchange.take(reply)

    def _stop(self, exchange: AnswerExchange) -> None:
        self._send(CancelAnswer(exchange.number))
        exchange.deadline = asyncio.get_running_loop().call_later(CHILD_STOP_TIMEOUT_S, self.kill)

    def _send(self, request: Request) -> None:
        pipe = self._transport.get_pipe_transport(0) if self._transport else None
        if pipe is not None:
            cast("asyncio.WriteTransport", pipe).write(encode(request))

    # files

    def _open_log(self) -> int:
        """The log, open for appending and read by nobody else; without one llama.cpp speaks to nobody."""
        try:
            self._log_file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            errors = os.open(self._log_file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        except OSError as error:
            log.warning("%s cannot be written: %s", self._log_file, error)
            return subprocess.DEVNULL
        if os.fstat(errors).st_size > CHILD_LOG_BYTES_MAX:
            os.ftruncate(errors, 0)
        self._log_start = os.fstat(errors).st_size
        return errors

    def _remove_socket(self) -> None:
        if self._load.socket:
            shutil.rmtree(Path(self._load.socket).parent, ignore_errors=True)


def _set(future: asyncio.Future[Any], result: object) -> None:
    if not future.done():
        future.set_result(result)


def private_socket() -> str:
    """A path in a new private folder, for llama.cpp's own server; empty where it takes a port and a key instead."""
    if sys.platform != "linux":
        return ""
    try:
        folder = Path(tempfile.mkdtemp(prefix="tale-", dir=os.environ.get("XDG_RUNTIME_DIR") or None))
    except OSError:
        return ""
    path = folder / "llama.sock"
    if len(os.fsencode(path)) <= SOCKET_PATH_BYTES_MAX:
        return str(path)
    folder.rmdir()
    return ""
