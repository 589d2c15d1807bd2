"""Another theme: by its name or from the list, kept in the settings."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from textual.app import App
from textual.theme import BUILTIN_THEMES

from tale_tui.engine.errors import TaleError
from tale_tui.engine.text import clean_line
from tale_tui.ui.screens.theme import ThemeDialog
from tale_tui.ui.theming import ThemeError, load_theme, load_themes, theme_folders

if TYPE_CHECKING:
    from tale_tui.paths import Paths

THEME_SETTING = "look.theme"


async def choose_theme(app: App[Any], paths: Paths, name: str = "") -> None:
    """Wear the theme `name`, or the one that is chosen from the list; from a worker only.

    Args:
        app: wears it.
        paths: where the user's own themes and the settings are.
        name: empty shows the list.
    """
    folders = theme_folders(paths.user_themes)
    if name:
        try:
            theme = await asyncio.to_thread(load_theme, name, folders)
        except ThemeError as error:
            app.notify(error.sentence, title="Theme", severity="warning", markup=False)
            return
        app.register_theme(theme)
        app.theme = theme.name
    else:
        themes, complaints = await asyncio.to_thread(load_themes, folders)
        for theme in themes:
            app.register_theme(theme)
        for complaint in complaints:
            app.notify(complaint, title="Theme", severity="warning", markup=False)
        others = list(BUILTIN_THEMES.values())
        if not await app.push_screen_wait(ThemeDialog(themes, others, current=app.theme)):
            return
    await keep_setting(app, paths, THEME_SETTING, app.theme)


async def keep_setting(app: App[Any], paths: Paths, name: str, value: object) -> None:
    """Write a setting into the file; where that does not work it holds until the window is closed, and that is said."""
    from tale_tui.settings import save_setting

    try:
        await asyncio.to_thread(save_setting, paths, name, value)
    except TaleError as error:
        reason = error.sentence
    except OSError as error:
        why = clean_line(error.strerror or "unknown error")
        reason = f"{clean_line(str(paths.settings_file))} cannot be written: {why}."
    else:
        return
    app.notify(f"{reason} It holds until this window is closed.", title="Not kept", severity="warning", markup=False)
