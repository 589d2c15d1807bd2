"""The terminal, read a little better: no paste does harm, Escape is quick, waiting costs nothing.

Textual's own input thread takes escape sequences in a paste for keys, ends the application at the first byte that is
not UTF-8, looks ten times a second whether there is something to do, and takes up to a tenth of a second to notice a
lone Escape.
"""

from __future__ import annotations

import os
import selectors
from codecs import getincrementaldecoder
from contextlib import suppress

from textual._parser import ParseError
from textual._time import get_time
from textual._xterm_parser import XTermParser
from textual.drivers.linux_driver import LinuxDriver
from textual.events import Paste

from tale_tui.ui.pastes import Pasted, Pastes

READ_BYTES = 1 << 16
ESCAPE_DELAY_S = 0.025
"""After so long without a next byte Escape is a key and no beginning of a sequence, unless ESCDELAY says otherwise."""
ESCAPE_LOOK_S = 0.005
"""While a sequence is not complete, this often is looked whether the time for the rest of it is over."""


class TaleDriver(LinuxDriver):
    """Textual's driver for Linux and macOS with another input thread."""

    def start_application_mode(self) -> None:
        """Start reading and writing."""
        self._woken, self._wake = os.pipe()
        super().start_application_mode()  # type: ignore[no-untyped-call] # Textual leaves it without a type

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
                    keys(pastes.let_go())
                for event in parser.tick():
                    self.process_message(event)
        with suppress(EOFError, ParseError):
            keys("")
