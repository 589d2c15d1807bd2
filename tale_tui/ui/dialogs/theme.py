"""Choosing a theme: the whole screen shows the one that is looked at."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from textual import on
from textual.app import App
from textual.theme import BUILTIN_THEMES
from textual.types import CSSPathType

from tale_tui.formatting.symbols import signs
from tale_tui.formatting.units import count
from tale_tui.ui.dialogs.filter_dialog import FilterDialog
from tale_tui.ui.preferences import keep_setting
from tale_tui.ui.theming import ThemeError, load_theme, load_themes, theme_folders
from tale_tui.ui.widgets.pick_list import PickList, PickRow

if TYPE_CHECKING:
    from textual.theme import Theme
    from textual.timer import Timer

    from tale_tui.config.paths import Paths


PREVIEW_DELAY_S = 0.08
"""Seconds that a row stays chosen before its theme is shown: paging through the list stays fluent."""

THEME_SETTING = "look.theme"


class ThemeDialog(FilterDialog[str]):
    """Themes by name; each is shown while it is chosen. The result is a name; escape brings the old one back."""

    CSS_PATH: ClassVar[CSSPathType | None] = ["dialog.tcss", "theme.tcss"]

    def __init__(self, themes: Sequence[Theme], others: Sequence[Theme] = (), *, current: str) -> None:
        """Take the themes; all of them are registered with the application.

        Args:
            themes: ours and the user's.
            others: Textual's.
            current: the name of the theme that is in use.
        """
        self._others = [theme for theme in others if theme.name not in {own.name for own in themes}]
        super().__init__("Themes", count(len(themes) + len(self._others)), enter="use it", placeholder="type to filter")
        self._themes = themes
        self._before = current
        self._timer: Timer | None = None

    def filtered(self, words: str) -> None:
        """The themes whose name or kind has what is typed."""
        rows = self._rows(self._themes, words)
        others = self._rows(self._others, words)
        if others:
            rows += [PickRow("", ""), PickRow("", "From Textual"), *others]
        chosen = self._before if not words else None
        self.picks.show(rows, chosen=chosen, words=words, empty="No theme has such a name.")

    def _rows(self, themes: Sequence[Theme], words: str) -> list[PickRow]:
        wanted = words.lower().split()
        rows = []
        for theme in themes:
            kind = "terminal" if theme.ansi else "dark" if theme.dark else "light"
            if all(word in f"{theme.name} {kind}" for word in wanted):
                sign = signs().resident if theme.name == self._before else " "
                rows.append(PickRow(theme.name, theme.name, (kind,), sign, "accent"))
        return rows

    @on(PickList.Moved)
    def _look(self, event: PickList.Moved) -> None:
        if self._timer is not None:
            self._timer.stop()
        self._timer = self.set_timer(PREVIEW_DELAY_S, lambda: self._show(event.key))

    @on(PickList.Chosen)
    def _use(self, event: PickList.Chosen) -> None:
        self._close(event.key)

    def action_leave(self) -> None:
        """Bring the theme back that was there before."""
        self._close(None)

    def _close(self, name: str | None) -> None:
        if self._timer is not None:
            self._timer.stop()
        self._show(name or self._before)
        self.dismiss(name)

    def _show(self, name: str) -> None:
        if self.app.theme != name:
            self.app.theme = name


async def choose_theme(app: App[Any], paths: Paths, name: str = "") -> None:
    """Use the theme `name`, or the one that is chosen from the list; from a worker only.

    Args:
        app: uses it.
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
