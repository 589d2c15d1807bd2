"""Choosing a theme: the whole screen shows the one that is looked at."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.types import CSSPathType

from tale_tui.ui.screens.filter_dialog import FilterDialog
from tale_tui.ui.signs import signs
from tale_tui.ui.widgets.pick_list import PickList
from tale_tui.ui.widgets.pick_rows import Pick
from tale_tui.ui.words import count

if TYPE_CHECKING:
    from textual.theme import Theme
    from textual.timer import Timer

PREVIEW_DELAY_S = 0.08
"""Seconds that a row stays chosen before its theme is shown: paging through the list stays fluent."""


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
            rows += [Pick("", ""), Pick("", "From Textual"), *others]
        chosen = self._before if not words else None
        self.picks.show(rows, chosen=chosen, words=words, empty="No theme has such a name.")

    def _rows(self, themes: Sequence[Theme], words: str) -> list[Pick]:
        wanted = words.lower().split()
        rows = []
        for theme in themes:
            kind = "terminal" if theme.ansi else "dark" if theme.dark else "light"
            if all(word in f"{theme.name} {kind}" for word in wanted):
                sign = signs().resident if theme.name == self._before else " "
                rows.append(Pick(theme.name, theme.name, (kind,), sign, "accent"))
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
