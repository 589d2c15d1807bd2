"""The parent's side of a program that runs a model of embeddings: the fetched one, or one in a file of the user's."""

from __future__ import annotations

import asyncio
import base64
import json
import struct
from asyncio.subprocess import DEVNULL, PIPE, Process
from contextlib import suppress

from tale_tui.domain.constants import EMBEDDER_IDLE_S, EMBEDDER_LINE_BYTES_MAX, EMBEDDER_TIMEOUT_S
from tale_tui.domain.errors import BackendCrashed, TimedOut
from tale_tui.engine.child_process import end_process, environment_without_keys, module_command
from tale_tui.engine.models.backend import TextVectors

ENDED = "The process that looks for meaning ended. Things are found by words alone meanwhile."
ONE_THREAD = {"OMP_NUM_THREADS": "1"}
"""On busy processors more threads wait for each other: twenty times as long."""


class EmbedderProcess:
    """The process, started when it is first asked and ended when it was not asked for a while.

    Args:
        module: that is run, by its name.
        arguments: it is given.
    """

    def __init__(self, module: str, *arguments: str) -> None:
        self._command = module_command(module, arguments)
        self._process: Process | None = None
        self._turn = asyncio.Lock()
        self._idle: asyncio.TimerHandle | None = None

    async def embed(self, texts: tuple[str, ...], *, asks: bool) -> TextVectors:
        """The vectors of texts. Cancelling ends the process, which starts again in a tenth of a second.

        Raises:
            BackendCrashed, TimedOut: there are none.
        """
        async with self._turn:
            whole = False
            try:
                async with asyncio.timeout(EMBEDDER_TIMEOUT_S):
                    found = await self._ask(texts, asks=asks)
                whole = True
            except TimeoutError as error:
                raise TimedOut(f"Looking for meaning took longer than {EMBEDDER_TIMEOUT_S:.0f} seconds.") from error
            except (OSError, ValueError, KeyError, TypeError, struct.error) as error:
                raise BackendCrashed(ENDED) from error
            finally:
                if not whole:
                    await self._end()
            self._rest()
            return found

    async def close(self) -> None:
        """End the process. May be called twice."""
        if self._idle is not None:
            self._idle.cancel()
        await self._end()

    async def _ask(self, texts: tuple[str, ...], *, asks: bool) -> TextVectors:
        process = self._process or await self._start()
        if process.stdin is None or process.stdout is None:
            raise BackendCrashed(ENDED)
        process.stdin.write(json.dumps({"texts": texts, "asks": asks}).encode() + b"\n")
        await process.stdin.drain()
        answer = json.loads(await process.stdout.readline())
        vectors = tuple(_floats(vector) for vector in answer["vectors"])
        if len(vectors) != len(texts):
            raise ValueError("as many vectors as texts were expected")
        return TextVectors(vectors, int(answer["tokens"]))

    async def _start(self) -> Process:
        self._process = await asyncio.create_subprocess_exec(
            *self._command,
            stdin=PIPE,
            stdout=PIPE,
            stderr=DEVNULL,
            env=environment_without_keys() | ONE_THREAD,
            limit=EMBEDDER_LINE_BYTES_MAX,
        )
        return self._process

    def _rest(self) -> None:
        if self._idle is not None:
            self._idle.cancel()
        self._idle = asyncio.get_running_loop().call_later(EMBEDDER_IDLE_S, self._kill)

    def _kill(self) -> None:
        process = self._process
        if process is not None and not self._turn.locked():
            self._process = None
            with suppress(ProcessLookupError):  # it ended by itself meanwhile
                process.kill()

    async def _end(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            await end_process(process)


def _floats(packed: str) -> tuple[float, ...]:
    data = base64.b64decode(packed, validate=True)
    return struct.unpack(f"<{len(data) // 4}f", data)
