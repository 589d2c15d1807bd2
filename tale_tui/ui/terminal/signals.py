"""Signals to a process that has the terminal: which end it in peace, which at once, and which stop it for a while.

What whoever started the process lets it ignore (`nohup` does so with SIGHUP) stays ignored.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

from textual.message import Message

LEAVE = (signal.SIGTERM, signal.SIGHUP, signal.SIGINT)
"""The window is left as by a key, and everything is stored."""
_FATAL_NAMES = (
    *("SIGQUIT", "SIGABRT", "SIGALRM", "SIGUSR1", "SIGUSR2", "SIGVTALRM", "SIGPROF", "SIGXCPU"),
    *("SIGIO", "SIGPWR", "SIGSTKFLT", "SIGSYS", "SIGTRAP"),
)
"""Not SIGSEGV and its like, see `FAULTS`."""
FATAL = tuple(getattr(signal, name) for name in _FATAL_NAMES if hasattr(signal, name))
"""They end the process at once, but the terminal is given back first. Which there are is a matter of the system."""

FAULTS = tuple(
    getattr(signal, name) for name in ("SIGSEGV", "SIGBUS", "SIGFPE", "SIGILL", "SIGABRT") if hasattr(signal, name)
)
"""What native code raises when it fails. A handler of Python runs later, in peace, and that never comes."""
FAULT_LIMIT_S = 2
"""Seconds that giving the terminal back may take after a fault, which may have left anything behind."""

Handler = Callable[[int, FrameType | None], Any] | int | signal.Handlers | None


class LeaveWanted(Message, bubble=False):
    """A signal wants the window to end, or the terminal is gone: nobody can be asked anything."""


def is_ignored(number: signal.Signals) -> bool:
    """Whether whoever started this process, or this process itself, wants nothing to come of a signal."""
    return signal.getsignal(number) is signal.SIG_IGN


class SignalHandlers:
    """Does what signals ask for.

    Args:
        loop: the event loop of the window; it is in the main thread.
        leave: leaves the window; called in the loop, perhaps more than once.
        suspend: stops the process until it is continued; called in the loop.
        resumed: the process was stopped from outside and goes on; called in the loop.
        restore: gives the terminal back, now; called wherever the main thread is.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        *,
        leave: Callable[[], None],
        suspend: Callable[[], None],
        resumed: Callable[[], None],
        restore: Callable[[], None],
    ) -> None:
        self._loop = loop
        self._in_loop: dict[signal.Signals, Callable[[], None]] = {
            **dict.fromkeys(LEAVE, leave),
            signal.SIGTSTP: suspend,
            signal.SIGCONT: resumed,
        }
        self._restore = restore
        self._before: dict[signal.Signals, Handler] = {}
        self._faults: FaultHandler | None = None

    def listen(self, ignored: frozenset[signal.Signals] = frozenset()) -> None:
        """Handle what the loop can handle in peace, until it is closed.

        Args:
            ignored: nothing is to come of these.
        """
        for number, act in self._in_loop.items():
            if number in ignored:
                signal.signal(number, signal.SIG_IGN)
            elif not is_ignored(number):
                self._loop.add_signal_handler(number, act)

    def guard(self) -> None:
        """From now on the terminal is given back before a signal ends the process."""
        for number in FATAL:
            if number not in self._before and not is_ignored(number):
                self._before[number] = signal.signal(number, self._end)
        if self._faults is not None:
            self._faults.listen()

    def guard_faults(self) -> None:
        """The same before a fault ends the process. It takes some milliseconds, once."""
        if self._faults is None:
            self._faults = FaultHandler(self._restore)
            self._faults.listen()

    def release(self) -> None:
        """The terminal is given back: signals do what they did before `guard`."""
        while self._before:
            number, handler = self._before.popitem()
            signal.signal(number, signal.SIG_DFL if handler is None else handler)

    @contextmanager
    def unheard(self) -> Iterator[None]:
        """Leave stopping and continuing to the kernel as long as the block lasts: nothing is told of it."""
        heard = [number for number in (signal.SIGTSTP, signal.SIGCONT) if self._loop.remove_signal_handler(number)]
        try:
            yield
        finally:
            for number in heard:
                self._loop.add_signal_handler(number, self._in_loop[number])

    def _end(self, number: int, _frame: FrameType | None) -> None:
        self._restore()
        signal.signal(number, signal.SIG_DFL)
        signal.raise_signal(number)


class FaultHandler:
    """Gives the terminal back before a fault of native code ends the process, which it does all the same.

    The C library calls into Python within the signal, as nothing else of this process runs afterwards. Should that
    hang, an alarm ends it. Only where somebody sends such a signal just as the thread waits for the interpreter, as
    native code that fails never does, Python is not reached and the process has to be killed.

    Args:
        restore: gives the terminal back, now.
    """

    def __init__(self, restore: Callable[[], None]) -> None:
        import ctypes

        self._restore = restore
        self._libc = ctypes.CDLL(None)
        self._libc.signal.argtypes, self._libc.signal.restype = (ctypes.c_int, ctypes.c_void_p), ctypes.c_void_p
        self._called = ctypes.CFUNCTYPE(None, ctypes.c_int)(self._end)
        """Held here, as the C library does not."""
        self._address = ctypes.cast(self._called, ctypes.c_void_p)

    def listen(self) -> None:
        """Be called at every fault from now on."""
        for number in FAULTS:
            if not is_ignored(number):
                self._libc.signal(number, self._address)

    def _end(self, number: int) -> None:
        for one in (number, signal.SIGALRM):
            self._libc.signal(one, None)
        self._libc.alarm(FAULT_LIMIT_S)
        self._restore()
        # It is blocked as long as this runs, and ends the process right after; the fault itself would come again too.
        getattr(self._libc, "raise")(number)
