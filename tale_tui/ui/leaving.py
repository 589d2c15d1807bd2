"""Leaving the window while tasks go on without it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING

from tale_tui.background import start_background
from tale_tui.engine.text import clean_line

if TYPE_CHECKING:
    from textual.app import App

    from tale_tui.paths import Paths
    from tale_tui.ui.screens.leave import Leaving


async def go_on_without_window(app: App[int], paths: Paths, overrides: Mapping[str, object]) -> Leaving:
    """Start the engine that takes over when this window is closed.

    Args:
        app: tells where that does not work.
        paths: the folders.
        overrides: dotted key -> value: settings of this window that are stronger than the file.
    Returns:
        `background`, or `stay` where it could not be started: nothing is lost by a surprise.
    """
    try:
        await asyncio.to_thread(start_background, paths, overrides)
    except OSError as error:
        reason = clean_line(error.strerror or "unknown error")
        sentence = f"No process can be started in the background: {reason}. The window stays."
        app.notify(sentence, title="Not in the background", severity="error")
        return "stay"
    return "background"
