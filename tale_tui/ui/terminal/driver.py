"""The terminal, read and written a little better: no paste does harm, Escape is quick, waiting costs nothing, and a
terminal that stands still holds nobody up.

Textual's own input thread takes escape sequences in a paste for keys, ends the application at the first byte that is
not UTF-8, looks ten times a second whether there is something to do, and takes up to a tenth of a second to notice a
lone Escape. Its output thread makes the application wait for a terminal that takes nothing (ctrl+s, a slow line), and
with it everybody who uses the engine of this window.
"""

from __future__ import annotations

import os
import selectors
from codecs import getincrementaldecoder
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass

from textual._parser import ParseError
from textual._time import get_time
from textual._xterm_parser import XTermParser
from textual.drivers._writer_thread import MAX_QUEUED_WRITES, WriterThread
from textual.drivers.linux_driver import LinuxDriver
from textual.events import Paste

READ_BYTES = 1 << 16
ESCAPE_DELAY_S = 0.025
"""After so long without a next byte Escape is a key and no beginning of a sequence, unless ESCDELAY says otherwise."""
ESCAPE_LOOK_S = 0.005
"""While a sequence is not complete, this often is looked whether the time for the rest of it is over."""
MOST_WAITING = MAX_QUEUED_WRITES - 6
"""With so many pieces waiting for the terminal no paint is added. Textual's own limit, where it blocks, is near."""
CATCH_UP_S = 0.05
"""This often is looked whether a terminal that stood still has taken everything."""
PASTE_START = "\x1b[200~"
PASTE_END = "\x1b[201~"
PASTE_HELD_FROM = 2
"""Characters of PASTE_START that are held back at the end of a read: ESC alone is a key and must not wait."""

_NEEDED: tuple[tuple[type, tuple[str, ...]], ...] = (
    (LinuxDriver, ("_app", "_debug", "_key_thread", "_loop", "_writer_thread")),
    (WriterThread, ("_queue",)),
    (XTermParser, ("_timeout_time",)),
)
"""What the driver reads and sets that Textual promises to nobody, beside the private modules imported here."""


def missing_names() -> list[str]:
    """The private attributes that are needed and that the constructors of this Textual do not set."""
    return [
        f"{kind.__name__}.{name}" for kind, names in _NEEDED for name in names if name not in _set_by_constructor(kind)
    ]


def _set_by_constructor(kind: type) -> set[str]:
    constructors = [vars(base)["__init__"] for base in kind.__mro__ if "__init__" in vars(base)]
    return {name for one in constructors if hasattr(one, "__code__") for name in one.__code__.co_names}


@dataclass(frozen=True, slots=True)
class Pasted:
    """The text between the two marks of a bracketed paste, as it came."""

    text: str


class Pastes:
    """Splits a stream into keys (str) and pastes.

    A parser of keys must not see a paste: an escape sequence in it would be obeyed as a key, or end it early.
    """

    def __init__(self) -> None:
        self._held = ""
        self._paste: str | None = None

    @property
    def waiting(self) -> bool:
        """Whether a beginning is held back that a time-out shall let go."""
        return bool(self._held)

    def feed(self, text: str) -> Iterator[str | Pasted]:
        """What the next read brings, in order."""
        text, self._held = self._held + text, ""
        while text:
            if self._paste is None:
                keys, start, text = text.partition(PASTE_START)
                if start:
                    self._paste = ""
                else:
                    keys = self._hold(keys)
                if keys:
                    yield keys
            else:
                looked = max(0, len(self._paste) - len(PASTE_END))
                self._paste += text
                at = self._paste.find(PASTE_END, looked)
                if at < 0:
                    return
                pasted, text = self._paste[:at], self._paste[at + len(PASTE_END) :]
                self._paste = None
                yield Pasted(pasted)

    def release(self) -> str:
        """What was held back, once nothing came after it: it was keys."""
        held, self._held = self._held, ""
        return held

    def _hold(self, keys: str) -> str:
        for length in range(len(PASTE_START) - 1, PASTE_HELD_FROM - 1, -1):
            if keys.endswith(PASTE_START[:length]):
                self._held = PASTE_START[:length]
                return keys[:-length]
        return keys


class TaleDriver(LinuxDriver):
    """Textual's driver for Linux and macOS with another input thread, and output that never blocks."""

    _paints_left_out = False
    """Whether paints were left out, so that the whole screen is to be painted again."""
    _leaving = True
    """Whether what is written belongs to the state of the terminal, of which nothing may be left out."""

    def start_application_mode(self) -> None:
        """Start reading and writing."""
        self._woken, self._wake = os.pipe()
        super().start_application_mode()  # type: ignore[no-untyped-call] # Textual leaves it without a type
        self._leaving = False

    def stop_application_mode(self) -> None:
        """Give the terminal back as it was."""
        self._leaving = True
        super().stop_application_mode()

    def write(self, data: str) -> None:
        """Write to the terminal; while it takes nothing paints are left out, and made good when it does again."""
        if self._leaving or not self._is_blocked():
            super().write(data)

    def _is_blocked(self) -> bool:
        if not self._paints_left_out and self._waiting() >= MOST_WAITING:
            self._paints_left_out = True
            self._loop.call_soon_threadsafe(self._catch_up)
        return self._paints_left_out

    def _waiting(self) -> int:
        return self._writer_thread._queue.qsize() if self._writer_thread is not None else 0

    def _catch_up(self) -> None:
        if self._waiting():
            self._loop.call_later(CATCH_UP_S, self._catch_up)
        else:
            self._paints_left_out = False
            self._app.refresh(layout=True)

    def disable_input(self) -> None:
        """Stop reading: the thread that reads is woken and ends."""
        if self._key_thread is not None and self._key_thread.is_alive():
            os.write(self._wake, b"\n")
        super().disable_input()

    def close(self) -> None:
        """Give back what was taken."""
        super().close()
        for descriptor in (self._woken, self._wake):
            os.close(descriptor)

    def run_input_thread(self) -> None:
        """Read until the input ends or is disabled, and pass on what the bytes mean."""
        decode = getincrementaldecoder("utf-8")(errors="replace").decode
        pastes = Pastes()
        parser = XTermParser(self._debug)
        hurried = "ESCDELAY" not in os.environ

        def keys(text: str) -> None:
            for event in parser.feed(text):
                self.process_message(event)
            if hurried and parser._timeout_time is not None:
                parser._timeout_time = min(parser._timeout_time, get_time() + ESCAPE_DELAY_S)

        with selectors.SelectSelector() as selector:
            selector.register(self.fileno, selectors.EVENT_READ)
            selector.register(self._woken, selectors.EVENT_READ)
            while not self.exit_event.is_set():
                incomplete = pastes.waiting or parser._timeout_time
                ready = {key.fd for key, _ in selector.select(ESCAPE_LOOK_S if incomplete else None)}
                if self._woken in ready:
                    os.read(self._woken, READ_BYTES)
                    break
                if self.fileno in ready:
                    data = os.read(self.fileno, READ_BYTES)
                    if not data:
                        break
                    for part in pastes.feed(decode(data)):
                        if isinstance(part, Pasted):
                            self.process_message(Paste(part.text))
                        else:
                            keys(part)
                elif pastes.waiting:
                    keys(pastes.release())
                for event in parser.tick():
                    self.process_message(event)
        with suppress(EOFError, ParseError):
            keys("")
