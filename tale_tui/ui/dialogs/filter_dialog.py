"""A list that is filtered by typing: the line keeps the focus, the list follows its keys."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable
from typing import ClassVar

from textual import on
from textual.binding import BindingType
from textual.widget import Widget
from textual.widgets import Input

from tale_tui.ui.dialogs.dialog import Dialog, Result
from tale_tui.ui.keys import binding
from tale_tui.ui.widgets.line_input import LineInput
from tale_tui.ui.widgets.pick_list import PickList


class FilterDialog(Dialog[Result]):
    """A line to type into and a list below it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        binding("filter.up", "up,ctrl+p", "list_move(-1)", "Up", "Choose the row above"),
        binding("filter.down", "down,ctrl+j", "list_move(1)", "Down", "Choose the row below"),
        binding("filter.page_up", "pageup", "list_page(-1)", "Page up", "One page up"),
        binding("filter.page_down", "pagedown", "list_page(1)", "Page down", "One page down"),
        binding("filter.first", "ctrl+home", "list_end(-1)", "First", "The first row"),
        binding("filter.last", "ctrl+end", "list_end(1)", "Last", "The last row"),
    ]

    def __init__(self, title: str, note: str = "", *, enter: str, placeholder: str, value: str = "") -> None:
        """Take the words.

        Args:
            title: as for every dialog.
            note: likewise.
            enter: what the enter key does with the chosen row, in a word.
            placeholder: what may be typed, in a few words.
            value: what is typed already.
        """
        super().__init__(title, note, enter=enter)
        self._placeholder = placeholder
        self._value = value

    def body(self) -> Iterable[Widget]:
        yield LineInput(self._value, placeholder=self._placeholder, id="focus-first")
        picks = PickList(id="picks")
        picks.can_focus = False
        yield picks

    @property
    def picks(self) -> PickList:
        return self.query_one("#picks", PickList)

    @abstractmethod
    def filtered(self, words: str) -> None:
        """Show the rows for what is typed now; called once at the beginning too."""

    def on_mount(self) -> None:
        """Show the first rows."""
        self.filtered(self._value)

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        event.stop()
        if event.value != self._value:
            self._value = event.value
            self.filtered(event.value)

    @on(Input.Submitted)
    def _entered(self, event: Input.Submitted) -> None:
        event.stop()
        self.picks.action_choose()

    def action_list_move(self, step: int) -> None:
        self.picks.action_move(step)

    def action_list_page(self, direction: int) -> None:
        self.picks.action_page(direction)

    def action_list_end(self, direction: int) -> None:
        self.picks.action_end(direction)
