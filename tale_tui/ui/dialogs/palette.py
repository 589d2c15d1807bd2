"""The palette: every command by its title, found by typing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from textual.types import CSSPathType

from tale_tui.formatting.slash import MARK
from tale_tui.formatting.units import key_name
from tale_tui.ui.commands import COMMANDS, Command
from tale_tui.ui.dialogs.filter_dialog import FilterDialog
from tale_tui.ui.widgets.pick_list import PickList, PickRow

NOTHING = "No command is called so."


class PaletteDialog(FilterDialog[str]):
    """The commands with their keys. The result is the name of one."""

    CSS_PATH: ClassVar[CSSPathType | None] = ["dialog.tcss", "palette.tcss"]

    def __init__(self, keys: Mapping[str, str]) -> None:
        """Take the keys.

        Args:
            keys: binding id -> key, as Textual names it.
        """
        super().__init__("Commands", f"also as {MARK}name in the prompt", enter="run", placeholder="type to find one")
        self._keys = keys

    def filtered(self, words: str) -> None:
        """Commands whose title, name or summary has every word, the best match first and chosen."""
        wanted = words.lower().split()
        found = [
            command for command in COMMANDS if command.title and all(word in _searched(command) for word in wanted)
        ]
        found.sort(key=lambda command: _rank(command, words.lower().strip()))
        self.picks.show([self._row(command) for command in found], chosen="", words=words, empty=NOTHING)

    def _row(self, command: Command) -> PickRow:
        key = key_name(self._keys[command.binding]) if command.binding in self._keys else ""
        return PickRow(command.name, command.title, (key,), note=command.summary)

    def on_pick_list_chosen(self, event: PickList.Chosen) -> None:
        self.dismiss(event.key)


def _rank(command: Command, words: str) -> int:
    """How well its title has what was typed: begins with it, has a word that does, has it; then the name."""
    title = command.title.lower()
    matches = (title.startswith(words), f" {words}" in f" {title}", words in title, command.name.startswith(words))
    return next((place for place, match in enumerate(matches) if match), len(matches))


def _searched(command: Command) -> str:
    return f"{command.title} {command.name} {command.summary}".lower()
