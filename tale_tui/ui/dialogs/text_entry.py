"""Something to write: a title, an address, the name of a model, a system prompt."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from textual import events, on
from textual.binding import Binding, BindingType
from textual.types import CSSPathType
from textual.widget import Widget
from textual.widgets import Input, TextArea

from tale_tui.domain.text import clean, clean_line
from tale_tui.ui.dialogs.dialog import FITTED, Dialog
from tale_tui.ui.text import NoMarkup
from tale_tui.ui.widgets.line_input import INPUT_LIMIT, LineInput


class TextDialog(Dialog[str]):
    """Asks for one line, or for several. The result is the clean text (it may be empty), None for escape."""

    CSS_PATH: ClassVar[CSSPathType | None] = ["dialog.tcss", "text_entry.tcss"]
    EXTRA_LINES: ClassVar[int] = 3
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+s", "keep", "keep", id="text.keep", tooltip="Take what is written"),
    ]

    def __init__(
        self, title: str, value: str = "", *, hint: str = "", placeholder: str = "", lines: bool = False
    ) -> None:
        """Take the words.

        Args:
            title: what is asked for.
            value: what stands there already; foreign text.
            hint: a sentence about what is right here, shown quietly; may hold foreign text.
            placeholder: our own words, shown while nothing is written.
            lines: whether it may have several lines; enter is a new line then and ctrl+s takes it.
        """
        super().__init__(title, enter="" if lines else "keep")
        self._value = value
        self._hint = hint
        self._placeholder = placeholder
        self._lines = lines

    def body(self) -> Iterable[Widget]:
        """The hint and what is written."""
        if self._hint:
            yield NoMarkup(self._hint, id="text", classes="quiet")
        if self._lines:
            yield LinesInput(clean(self._value), placeholder=self._placeholder, id="focus-first")
        else:
            yield LineInput(self._value, placeholder=self._placeholder, id="focus-first")

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Where enter takes what is written no other key is needed for it."""
        return self._lines if action == "keep" else super().check_action(action, parameters)

    def action_keep(self) -> None:
        self._take()

    @on(Input.Submitted)
    def _take(self) -> None:
        if self._lines:
            self.dismiss(clean(self.query_one(TextArea).text).strip())
        else:
            self.dismiss(clean_line(self.query_one(LineInput).value, INPUT_LIMIT))


class LinesInput(TextArea):
    """A TextArea into which anything can be pasted safely."""

    DEFAULT_CLASSES = FITTED

    def __init__(self, text: str, *, placeholder: str, id: str) -> None:  # noqa: A002  (Textual's own name for it)
        super().__init__(text, placeholder=placeholder, id=id, soft_wrap=True, tab_behavior="focus", compact=True)
        self.cursor_blink = False

    def on_paste(self, event: events.Paste) -> None:
        """The clipboard may hold anything: what comes in has passed the border."""
        event.prevent_default()
        event.stop()
        self.replace(clean(event.text), *self.selection)
