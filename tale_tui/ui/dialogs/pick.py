"""One of a few things, chosen from a list."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from textual import on
from textual.widget import Widget

from tale_tui.ui.dialogs.dialog import FITTED, Dialog
from tale_tui.ui.widgets.pick_list import PickList, PickRow


class PickDialog(Dialog[str]):
    """The result is the key of the chosen row."""

    def __init__(self, title: str, rows: Sequence[PickRow], *, chosen: str = "", verb: str = "choose") -> None:
        """Take the rows.

        Args:
            title: what is asked; may hold foreign text.
            rows: at least one; their texts may be foreign.
            chosen: the key of the row that is chosen first; empty takes the first one.
            verb: what will be done with the chosen one, in a word or two.
        """
        super().__init__(title, enter=verb)
        self._rows = rows
        self._chosen = chosen

    def body(self) -> Iterable[Widget]:
        """The list."""
        picks = PickList(self._rows, chosen=self._chosen, id="focus-first")
        picks.add_class(FITTED)
        yield picks

    @on(PickList.Chosen)
    def _take(self, event: PickList.Chosen) -> None:
        self.dismiss(event.key)
