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

_SUMMARY_CELLS = max(len(command.summary) for command in COMMANDS)


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
        """Commands whose title, name or summary has every word."""
        wanted = words.lower().split()
        rows = [
            self._row(command)
            for command in COMMANDS
            if command.title and all(word in _searched(command) for word in wanted)
        ]
        self.picks.show(rows, words=words, empty="No command is called so.")

    def _row(self, command: Command) -> PickRow:
        key = key_name(self._keys[command.binding]) if command.binding in self._keys else ""
        return PickRow(command.name, command.title, (command.summary.ljust(_SUMMARY_CELLS), key))

    def on_pick_list_chosen(self, event: PickList.Chosen) -> None:
        self.dismiss(event.key)


def _searched(command: Command) -> str:
    return f"{command.title} {command.name} {command.summary}".lower()
