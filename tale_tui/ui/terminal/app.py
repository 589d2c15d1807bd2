"""The end of an application that nobody expected: kept off the terminal, and told to the one who started it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.app import App
from textual.worker import WorkerFailed

from tale_tui.ui.terminal.driver_choice import best_driver

if TYPE_CHECKING:
    from textual.driver import Driver


class TerminalApp(App[int]):
    """An application with our driver, which leaves no traceback on the terminal: it may hold text that is not ours."""

    def get_driver_class(self) -> type[Driver]:
        """Ours in place of Textual's for Linux and macOS."""
        return best_driver(super().get_driver_class())

    @property
    def crash(self) -> Exception | None:
        """What nobody expected and what ended the application; None where it was left."""
        error = self._exception
        # An error in a worker comes wrapped.
        return getattr(error, "error", error) if isinstance(error, WorkerFailed) else error

    def _fatal_error(self) -> None:
        # Textual would print the traceback. Nothing public stands between it and the terminal.
        self._close_messages_no_wait()
