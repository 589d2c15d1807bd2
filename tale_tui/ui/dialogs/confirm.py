"""One question with two answers, the safe one chosen."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from textual import on
from textual.containers import Horizontal
from textual.types import CSSPathType
from textual.widget import Widget

from tale_tui.ui.dialogs.dialog import Dialog
from tale_tui.ui.text import NoMarkup
from tale_tui.ui.widgets.text_button import TextButton


class ConfirmDialog(Dialog[bool]):
    """Asks one question. The result is True for yes, False for no, None for escape, which is no as well."""

    CSS_PATH: ClassVar[CSSPathType | None] = ["dialog.tcss", "confirm.tcss"]

    def __init__(self, question: str, yes_label: str, no_label: str, *, detail: str = "") -> None:
        """Take the words; all of them may hold foreign text.

        Args:
            question: names the thing: `Delete "Fibonacci and friends"?`
            yes_label: does it: `Delete "Fibonacci and friends"`.
            no_label: leaves it as it is: `Keep`.
            detail: what follows from it, in a sentence.
        """
        super().__init__(question)
        self._detail = detail
        self._yes_label = yes_label
        self._no_label = no_label

    def body(self) -> Iterable[Widget]:
        """The consequence and both buttons, the safe one first."""
        if self._detail:
            yield NoMarkup(self._detail, id="text")
        yield Horizontal(
            TextButton(self._no_label, id="focus-first"), TextButton(self._yes_label, id="yes"), id="buttons"
        )

    @on(TextButton.Pressed)
    def _answer(self, event: TextButton.Pressed) -> None:
        self.dismiss(event.button.id == "yes")
