"""What an application has of the terminal: our driver where this Textual allows it, its colours or none, and no
traceback at its end.
"""

from __future__ import annotations

import logging
import os
import signal
from typing import TYPE_CHECKING

from textual.app import App
from textual.worker import WorkerFailed

if TYPE_CHECKING:
    from textual.driver import Driver


LINUX = "textual.drivers.linux_driver"
"""The module of Textual's driver for Linux and macOS."""
_LOG = logging.getLogger(__name__)


class TerminalApp(App[int]):
    """An application with our driver, which leaves no traceback on the terminal: it may hold text that is not ours."""

    def __init__(self) -> None:
        super().__init__()
        if self.no_color:
            from tale_tui.ui.terminal.colourless import Colourless

            # Textual's own filter leaves shades of grey, which are colours to a terminal. It is asked for at each line
            # that is painted, so ours is there only where it is wanted.
            filters = (Colourless(),)
            self.get_line_filters = lambda: filters  # type: ignore[method-assign]

    def get_driver_class(self) -> type[Driver]:
        """Ours in place of Textual's for Linux and macOS."""
        return best_driver(super().get_driver_class())

    def action_suspend_process(self) -> None:
        """Stop, and give the terminal to the shell, which continues the window when the user wants it back."""
        if self._driver is not None and self._driver.can_suspend:
            # To the whole group, as a terminal does: the shell waits for whatever started this process, too.
            os.kill(0, signal.SIGTSTP)

    @property
    def crash(self) -> Exception | None:
        """What nobody expected and what ended the application; None where it was left."""
        error = self._exception
        # An error in a worker comes wrapped.
        return getattr(error, "error", error) if isinstance(error, WorkerFailed) else error

    def _fatal_error(self) -> None:
        # Textual would print the traceback. Nothing public stands between it and the terminal.
        self._close_messages_no_wait()


def best_driver(textuals: type[Driver]) -> type[Driver]:
    """The driver to be used.

    Args:
        textuals: the one that Textual would use.
    Returns:
        Ours in the place of the one for Linux and macOS; every other one as it is.
    """
    if textuals.__module__ != LINUX:
        return textuals
    try:
        from tale_tui.ui.terminal.driver import TaleDriver, missing_names
    except ImportError as error:
        _LOG.warning("Textual's own driver is used: %s", error)
        return textuals
    if missing := missing_names():
        _LOG.warning("Textual's own driver is used: this Textual lacks %s", ", ".join(missing))
        return textuals
    return TaleDriver
