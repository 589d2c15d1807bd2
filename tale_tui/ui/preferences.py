"""What the settings say about how the window behaves, and settings that are changed in it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from tale_tui.domain.errors import TaleError
from tale_tui.domain.text import clean_line, reason_of

if TYPE_CHECKING:
    from textual.app import App

    from tale_tui.config.paths import Paths
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


async def keep_setting(app: App[Any], paths: Paths, name: str, value: object) -> None:
    """Write a setting into the file; where that does not work it holds until the window is closed, and that is said."""
    from tale_tui.config.load import save_setting

    try:
        await asyncio.to_thread(save_setting, paths, name, value)
    except TaleError as error:
        reason = error.sentence
    except OSError as error:
        reason = f"{clean_line(str(paths.settings_file))} cannot be written: {reason_of(error)}."
    else:
        return
    app.notify(f"{reason} It holds until this window is closed.", title="Not kept", severity="warning", markup=False)
