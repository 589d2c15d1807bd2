"""What the settings say about how the window behaves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from tale_tui.config.settings import Settings


@dataclass(frozen=True, slots=True)
class WindowPreferences:
    """What the settings say about how the window behaves."""

    terminal: bool = True
    """Whether the terminal is asked for a notification."""
    bell: bool = True
    quiet: str = ""
    """Hours without either, as in `22:00-07:00`."""
    asks_to_resume: bool = True
    """Whether the user is asked about tasks that were cut off."""
    leave: Literal["ask", "background", "pause"] = "ask"
    """What becomes of open tasks when the window is left."""
    chat_to: float = 0.3
    task_from: float = 0.7
    """Between the two a message may be a task, and the user is asked."""

    @classmethod
    def of(cls, settings: Settings) -> WindowPreferences:
        """Those of the settings."""
        notify, detect = settings.notify, settings.detect
        return cls(
            notify.terminal,
            notify.bell,
            notify.quiet,
            settings.tasks.resume == "ask",
            settings.tasks.leave,
            detect.chat_to,
            detect.task_from,
        )
