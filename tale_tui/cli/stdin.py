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
UTF8_BYTES_MAX = 4
"""Bytes of one character in UTF-8, at most."""
UTF8_KIND, UTF8_CONTINUES = 0b1100_0000, 0b1000_0000
"""The bits of a byte that say that it is not the first one of its character."""
CONVERT = "Nothing was asked. Convert it first, as in: iconv -f ISO-8859-1 -t UTF-8"
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
        BadInput: it is not UTF-8, not text, or does not end.
    """
    data = sys.stdin.buffer.read(MESSAGE_CHARACTERS_MAX * UTF8_BYTES_MAX + 1)
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise BadInput("What came on standard input is UTF-16. Convert it first: iconv -f UTF-16 -t UTF-8")
    if b"\0" in data:
        raise BadInput("What came on standard input is not text: send the text of the file instead.")
    try:
        text = _decoded(data)
    except UnicodeDecodeError as error:
        raise _not_utf8(error) from error
    if len(text) > MESSAGE_CHARACTERS_MAX:
        raise BadInput(
            f"What comes on standard input is longer than {MESSAGE_CHARACTERS_MAX:,} characters: "
            "send the part that matters."
        )
    return text.strip()


def read_lines() -> Iterator[str]:
    """The lines of standard input, one after another.

    Raises:
        BadInput: one is not UTF-8.
    """
    for number, data in enumerate(sys.stdin.buffer, 1):
        line = _line(data, number)
        if isinstance(line, BadInput):
            raise line
        yield line


def checked_words(words: str) -> str:
    """The words of the command line.

    Raises:
        BadInput: they are not UTF-8; Python keeps such bytes as halves of surrogate pairs.
    """
    try:
        words.encode()
    except UnicodeEncodeError as error:
        raise BadInput(f"The text is not UTF-8 from character {error.start + 1} on. {CONVERT}") from error
    return words


def _decoded(data: bytes) -> str:
    """The text of UTF-8, with the line ends that a text file has, without the mark that some programs begin it with."""
    return data.decode().removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")


def _not_utf8(error: UnicodeDecodeError, line: int = 0) -> BadInput:
    """The error for bytes that are no text.

    Args:
        error: what the decoder found.
        line: which line of the input it decoded; 0 for all of it.
    """
    line = line or error.object.count(b"\n", 0, error.start) + 1
    return BadInput(f"What came on standard input is not UTF-8 (line {line}). {CONVERT}")


class InputLines:
    """Lines of standard input, as they come.

    A thread reads them with `os.read`: a read in the event loop would stop the engine for everybody, and a buffered
    read in a thread could not be left when the process ends.

    Args:
        descriptor: what is read; it stays the caller's and may be closed at any time.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = os.dup(descriptor)
        self._queue: asyncio.Queue[str | BadInput | None] = asyncio.Queue()
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
        if isinstance(line, BadInput):
            raise line
        return line

    def _read(self) -> None:
        rest = b""
        number = 0
        for chunk in self._chunks():
            *lines, rest = (rest + chunk).split(b"\n")
            for line in lines:
                number += 1
                self._put(_line(line, number))
            if len(rest) > MESSAGE_CHARACTERS_MAX:
                # A line that does not end is taken in pieces, never cut inside a character.
                last = range(len(rest) - UTF8_BYTES_MAX, len(rest))
                end = next((at for at in last if rest[at] & UTF8_KIND != UTF8_CONTINUES), len(rest))
                self._put(_line(rest[:end], number + 1))
                rest = rest[end:]
        if rest:
            self._put(_line(rest, number + 1))
        self._put(None)

    def _chunks(self) -> Iterator[bytes]:
        try:
            # A terminal that is gone has nothing more to say.
            with suppress(OSError):
                while chunk := os.read(self._descriptor, CHUNK_BYTES):
                    yield chunk
        finally:
            os.close(self._descriptor)

    def _put(self, line: str | BadInput | None) -> None:
        self._room.acquire()
        # The loop may end at any moment: then nobody waits for the line.
        with suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._queue.put_nowait, line)


def _line(data: bytes, number: int) -> str | BadInput:
    """A line of the input, or what is said of one that is not UTF-8."""
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        return _not_utf8(error, number)
