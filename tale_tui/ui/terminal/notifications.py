"""Notifications of the terminal, for those who look elsewhere: what is written to it, and when it is quiet.

OSC 9 is understood by iTerm2, kitty, WezTerm, Ghostty, Windows Terminal and ConEmu; OSC 777 by urxvt, foot and
terminals made with VTE. A terminal that knows neither shows nothing. tmux passes a sequence on where it is wrapped
(and `allow-passthrough` is on).
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from tale_tui.domain.text import clean_line

if TYPE_CHECKING:
    from textual.app import App

    from tale_tui.ui.preferences import WindowPreferences

TEXT_LIMIT = 160
"""Characters of a notification."""
_BELL = "\a"
_ESCAPE = "\x1b"
_END = f"{_ESCAPE}\\"
_SPEAKS_777 = ("rxvt", "foot")
"""Beginnings of TERM."""


def is_quiet(hours: str, now: float) -> bool:
    """Whether a moment lies within hours that may go over midnight.

    Args:
        hours: as in `22:00-07:00`, in the time zone of the machine; empty for none.
        now: seconds since the epoch.
    """
    if not hours:
        return False
    start, _, end = hours.partition("-")
    then = time.localtime(now)
    clock = f"{then.tm_hour:02}:{then.tm_min:02}"
    return start <= clock < end if start <= end else clock >= start or clock < end


def sequence(title: str, text: str, environ: Mapping[str, str]) -> str:
    """What asks a terminal for a notification.

    Args:
        title: in a few words; may hold foreign text.
        text: a sentence; likewise.
        environ: tells which terminal it is.
    """
    title, text = clean_line(title, TEXT_LIMIT), clean_line(text, TEXT_LIMIT)
    if environ.get("TERM", "").startswith(_SPEAKS_777) or "VTE_VERSION" in environ:
        # A semicolon would end the title.
        asked = f"{_ESCAPE}]777;notify;{title.replace(';', ',')};{text}{_END}"
    else:
        asked = f"{_ESCAPE}]9;{title}: {text}{_END}" if text else f"{_ESCAPE}]9;{title}{_END}"
    if "TMUX" in environ:
        return f"{_ESCAPE}Ptmux;{asked.replace(_ESCAPE, _ESCAPE * 2)}{_END}"
    return asked


def call(title: str, text: str, preferences: WindowPreferences, now: float, environ: Mapping[str, str]) -> str:
    """What is written to the terminal while the window is not looked at; empty for nothing.

    Args:
        title: as for `sequence`.
        text: likewise.
        preferences: what the user wants.
        now: seconds since the epoch.
        environ: as for `sequence`.
    """
    if is_quiet(preferences.quiet, now):
        return ""
    asked = sequence(title, text, environ) if preferences.terminal else ""
    return asked + (_BELL if preferences.bell else "")


def send(app: App[Any], title: str, text: str, preferences: WindowPreferences, now: float) -> None:
    """Ask the terminal of a window for a notification, as far as the user wants one.

    Args:
        app: the window; one without a terminal is left alone.
        title: as for `sequence`.
        text: likewise.
        preferences: what the user wants.
        now: seconds since the epoch.
    """
    asked = call(title, text, preferences, now, os.environ)
    # Textual has no public way to write; its own `copy_to_clipboard` does it so as well.
    driver = app._driver
    if asked and driver is not None and not app.is_headless:
        driver.write(asked)
        driver.flush()
