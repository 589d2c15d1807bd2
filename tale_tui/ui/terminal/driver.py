"""The terminal, read and written a little better: no paste does harm, Escape is quick, waiting costs nothing, a
terminal that stands still holds nobody up, and whatever signal comes leaves it as it was.

Textual's own input thread takes escape sequences in a paste for keys, ends the application at the first byte that is
not UTF-8, looks ten times a second whether there is something to do, and takes up to a tenth of a second to notice a
lone Escape. Its output thread makes the application wait for a terminal that takes nothing (ctrl+s, a slow line), and
with it everybody who uses the engine of this window. It knows no signals but SIGTSTP and SIGCONT, takes a stop from
outside for one of its own, and waits for ever for a terminal that was closed.
"""

from __future__ import annotations

import os
import selectors
import signal
import sys
import termios
import threading
from codecs import getincrementaldecoder
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import IO, Any, cast

from textual._parser import ParseError
from textual._time import get_time
from textual._xterm_parser import XTermParser
from textual.drivers._writer_thread import MAX_QUEUED_WRITES, WriterThread
from textual.drivers.linux_driver import LinuxDriver
from textual.events import Paste

from tale_tui.ui.terminal.signals import LeaveWanted, SignalHandlers, is_ignored

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

RESTORE_WITHIN_S = 0.2
"""A signal that ends the process waits so long for a terminal that takes nothing."""
GUARD_FAULTS_AFTER_S = 0.5
"""After the start: what it loads is not waited for by the first frame."""
RESTORED = (
    "\x1b[?2026l"  # a frame that is half painted ends
    "\x1b[?2004l\x1b[?7h\x1b[?2048l"  # bracketed paste, line wrap, reports of the size
    "\x1b[?1000l\x1b[?1003l\x1b[?1015l\x1b[?1006l\x1b[?1016l"  # the mouse
    "\x1b[<u"  # the keyboard protocol; before the screen is left, each screen has its own
    "\x1b[?1049l\x1b[?25h\x1b[?1004l"  # the alternate screen, the cursor, reports of the focus
)
"""Puts back, without asking anybody, every mode that Textual sets."""

_NEEDED: tuple[tuple[type, tuple[str, ...]], ...] = (
    (LinuxDriver, ("_app", "_auto_restart", "_debug", "_file", "_key_thread", "_loop", "_writer_thread")),
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


class TerminalFile:
    """What the output thread writes to: it may go away, and may be taken from the thread at any moment.

    Args:
        file: of the terminal.
    """

    def __init__(self, file: IO[str]) -> None:
        self._file = file
        self._writing = threading.Lock()
        self._gone = False

    def write(self, text: str) -> None:
        """Write; nothing comes of it where the terminal was closed."""
        self._do(lambda: self._file.write(text))

    def flush(self) -> None:
        self._do(self._file.flush)

    def take(self, timeout_s: float) -> int:
        """Take the terminal for good: what the thread writes from now on waits for the end of the process.

        Args:
            timeout_s: so long is waited for what is being written.
        Returns:
            The number of the file.
        """
        self._writing.acquire(timeout=timeout_s)
        return self._file.fileno()

    def _do(self, work: Callable[[], object]) -> None:
        with self._writing:
            if not self._gone:
                try:
                    work()
                except OSError:
                    # Nobody reads any more. The thread must not end: who leaves waits until everything was taken.
                    self._gone = True


class TaleDriver(LinuxDriver):
    """Textual's driver for Linux and macOS with another input thread, output that never blocks, and all signals."""

    _paints_left_out = False
    """Whether paints were left out, so that the whole screen is to be painted again."""
    _leaving = True
    """Whether what is written belongs to the state of the terminal, of which nothing may be left out."""
    _has_terminal = False
    """Whether its modes are those of the window."""
    _signals: SignalHandlers | None = None

    def __init__(self, *args: Any, **options: Any) -> None:
        # Textual sets a handler for it, whether it is wanted or not.
        self._ignored = frozenset(number for number in (signal.SIGTSTP,) if is_ignored(number))
        super().__init__(*args, **options)
        self._terminal = TerminalFile(cast("IO[str]", sys.__stderr__))
        self._file = cast("Any", self._terminal)

    def start_application_mode(self) -> None:
        """Start reading and writing."""
        if self._signals is None:
            self._signals = SignalHandlers(
                self._loop, leave=self._leave, suspend=self._suspend, resumed=self._resumed, restore=self._restore
            )
            self._signals.listen(self._ignored)
        self._signals.guard()
        self._has_terminal = True
        self._woken, self._wake = os.pipe()
        super().start_application_mode()  # type: ignore[no-untyped-call] # Textual leaves it without a type
        self._leaving = False
        self._loop.call_later(GUARD_FAULTS_AFTER_S, self._signals.guard_faults)

    def stop_application_mode(self) -> None:
        """Give the terminal back as it was."""
        if self._has_terminal:
            self._leaving = True
            super().stop_application_mode()
            self._has_terminal = False
            if self._signals is not None:
                self._signals.release()

    def write(self, data: str) -> None:
        """Write to the terminal; while it takes nothing paints are left out, and made good when it does again."""
        if self._writer_thread is not None and (self._leaving or not self._is_blocked()):
            super().write(data)

    # signals

    @property
    def can_suspend(self) -> bool:
        """Whether ctrl+z may stop the process."""
        return not is_ignored(signal.SIGTSTP)

    def _leave(self) -> None:
        self._app.post_message(LeaveWanted())

    def _suspend(self) -> None:
        """Stop the process until it is continued.

        The kernel does not do it where nobody could continue it: without a shell above.
        """
        self._without_terminal(lambda: signal.raise_signal(signal.SIGTSTP))

    def _resumed(self) -> None:
        """Somebody stopped the process without asking it: who had the terminal meanwhile may have changed it."""
        self._without_terminal(lambda: None)

    def _without_terminal(self, work: Callable[[], None]) -> None:
        """Do something with the terminal given back, where the window has it, and take it again."""
        if self._signals is None:
            return
        with self._signals.unheard():
            if not (self._has_terminal and self._auto_restart):
                work()
                return
            self.suspend_application_mode()
            work()
            with suppress(termios.error):  # the terminal is gone
                # In the background the kernel stops the process here, until it is brought to the front.
                termios.tcsetattr(self.fileno, termios.TCSANOW, termios.tcgetattr(self.fileno))
                self.resume_application_mode()
                self._app.refresh(layout=True)

    def _restore(self) -> None:
        """Give the terminal back at once: the process ends here."""
        if not self._has_terminal:
            return
        number = self._terminal.take(RESTORE_WITHIN_S)
        with suppress(termios.error):  # the terminal is gone
            if self.attrs_before is not None:
                termios.tcsetattr(self.fileno, termios.TCSANOW, self.attrs_before)
        with suppress(OSError), selectors.SelectSelector() as selector:
            selector.register(number, selectors.EVENT_WRITE)
            if selector.select(RESTORE_WITHIN_S):
                os.write(number, RESTORED.encode())

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
        """Give back what was taken; again does nothing."""
        if self._writer_thread is not None:
            super().close()
            self._writer_thread = None
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
                    data = self._read()
                    if not data:
                        self._loop.call_soon_threadsafe(self._leave)
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

    def _read(self) -> bytes:
        """What the terminal has; nothing where it was closed."""
        try:
            return os.read(self.fileno, READ_BYTES)
        except OSError:
            return b""
