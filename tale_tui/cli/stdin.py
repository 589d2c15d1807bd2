"""Standard input: one message as a whole, or line by line without holding anything up."""

from __future__ import annotations

import asyncio
import codecs
import os
import sys
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress

from tale_tui.domain.errors import BadInput

CHUNK_BYTES = 65536
MESSAGE_CHARACTERS_MAX = 4_000_000
"""Of a message: more than any model takes. What never ends would fill the memory otherwise."""
LINES_AHEAD = 1000
"""So many lines are read before they are asked for."""


def is_piped() -> bool:
    """Whether something else than a keyboard is at standard input."""
    return sys.stdin is not None and not sys.stdin.closed and not sys.stdin.isatty()


def read_message() -> str:
    """All of standard input as one message, without blank lines around it.

    Raises:
        BadInput: it is not text, or does not end.
    """
    text = sys.stdin.read(MESSAGE_CHARACTERS_MAX + 1)
    if len(text) > MESSAGE_CHARACTERS_MAX:
        raise BadInput(
            f"What comes on standard input is longer than {MESSAGE_CHARACTERS_MAX:,} characters: "
            "send the part that matters."
        )
    if "\0" in text:
        raise BadInput("What came on standard input is not text: send the text of the file instead.")
    return text.strip()


class InputLines:
    """Lines of standard input, as they come.

    A thread reads them with `os.read`: a read in the event loop would stop the engine for everybody, and a buffered
    read in a thread could not be left when the process ends.

    Args:
        descriptor: what is read; it stays the caller's and may be closed at any time.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = os.dup(descriptor)
        self._queue: asyncio.Queue[str | None] = asyncio.Queue()
        self._room = threading.Semaphore(LINES_AHEAD)
        self._loop = asyncio.get_running_loop()
        self._thread = threading.Thread(target=self._read, name="standard input", daemon=True)

    def __aiter__(self) -> AsyncIterator[str]:
        return self

    async def __anext__(self) -> str:
        if self._thread.ident is None:
            self._thread.start()
        line = await self._queue.get()
        self._room.release()
        if line is None:
            raise StopAsyncIteration
        return line

    def _read(self) -> None:
        decoder = codecs.getincrementaldecoder(getattr(sys.stdin, "encoding", None) or "utf-8")("replace")
        rest = ""
        for chunk in self._chunks():
            *lines, rest = (rest + decoder.decode(chunk)).split("\n")
            if len(rest) > MESSAGE_CHARACTERS_MAX:
                # A line that does not end is taken in pieces.
                lines, rest = [*lines, rest], ""
            for line in lines:
                self._put(line)
        rest += decoder.decode(b"", final=True)
        if rest:
            self._put(rest)
        self._put(None)

    def _chunks(self) -> Iterator[bytes]:
        try:
            # A terminal that is gone has nothing more to say.
            with suppress(OSError):
                while chunk := os.read(self._descriptor, CHUNK_BYTES):
                    yield chunk
        finally:
            os.close(self._descriptor)

    def _put(self, line: str | None) -> None:
        self._room.acquire()
        # The loop may end at any moment: then nobody waits for the line.
        with suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._queue.put_nowait, line)
