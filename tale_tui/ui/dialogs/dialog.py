"""What all dialogs have in common: one box over the screen, a title, a body, the keys; escape leaves it as it was."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import ClassVar, TypeVar

from rich.console import RenderableType
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.renderables.background_screen import BackgroundScreen
from textual.screen import ModalScreen
from textual.types import CSSPathType
from textual.widget import Widget

from tale_tui.formatting.symbols import ASCII, signs
from tale_tui.ui.keys import binding
from tale_tui.ui.text import NoMarkup
from tale_tui.ui.widgets.key_bar import KeyLine

LOW = 14
"""Lines of a terminal below which a dialog takes the whole screen and has no frame."""
FRAME_LINES = 8
"""Lines of a dialog besides its body: frame, gaps, title and keys."""
FITTED = "fitted"
"""The class of a widget that may be longer than the screen."""
DIALOG_STYLES = Path(__file__).with_name("dialog.tcss")
"""Comes before the style sheet of a dialog in another room."""
Result = TypeVar("Result")


class Dialog(ModalScreen[Result | None]):
    """A box over the screen below. Its result is None where the user left it.

    Subclasses say what stands in it by `body`; their own style sheet comes after `dialog.tcss`.
    """

    # Dialogs stand in the rooms of their screens too, and a name alone is looked for beside the subclass.
    CSS_PATH: ClassVar[CSSPathType | None] = DIALOG_STYLES
    AUTO_FOCUS = "#focus-first"
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (60, "-normal"), (110, "-wide")]  # noqa: RUF012  (declared so by Textual)
    VERTICAL_BREAKPOINTS = [(0, "-tiny"), (8, "-low"), (LOW, "-high")]  # noqa: RUF012  (likewise)
    KEYS_PLACE: ClassVar[str] = ""
    """Where its keys work, for the help; empty where its line of keys says all there are."""
    EXTRA_LINES: ClassVar[int] = 0
    """Lines of the body besides the widget that may be longer than the screen."""
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "back", id="dialog.leave", tooltip="Leave everything as it is"),
    ]

    def __init__(self, title: str, note: str = "", *, enter: str = "") -> None:
        """Take the words of the first line.

        Args:
            title: what the dialog is about; may hold foreign text.
            note: said quietly at the right end of the first line; may hold foreign text.
            enter: what the enter key does, in a word, where no binding says so.
        """
        super().__init__()
        self._title = title
        self._note = note
        self._enter = enter

    def compose(self) -> ComposeResult:
        if signs() is ASCII:
            self.add_class("-ascii")
        with Vertical(id="box"):
            with Horizontal(id="head"):
                yield NoMarkup(self._title, id="title")
                yield NoMarkup(self._note, id="note")
            yield from self.body()
            yield KeyLine(self._enter, helps=bool(self.KEYS_PLACE))

    def render(self) -> RenderableType:
        """The screen below, dimmed.

        Textual tells a screen what is below it only while it draws the whole terminal, and keeps the picture: drawn at
        another time, the dialog would stand before nothing.
        """
        stack = self.app.screen_stack
        place = stack.index(self) if self in stack else 0
        return BackgroundScreen(stack[place - 1], self.styles.background) if place else super().render()

    def body(self) -> Iterable[Widget]:
        """What stands between the title and the keys."""
        return ()

    def on_mount(self) -> None:
        """Fit from the first frame on."""
        self._fit(self.app.size.height)

    def on_resize(self) -> None:
        """Fit into the terminal as it is now."""
        self._fit(self.size.height)

    def _fit(self, height: int) -> None:
        """Leave room for title and keys in so many lines: what is longer scrolls between them."""
        high = not self.VERTICAL_BREAKPOINTS or height >= self.VERTICAL_BREAKPOINTS[-1][0]
        for widget in self.query(f".{FITTED}"):
            widget.styles.max_height = height - FRAME_LINES - self.EXTRA_LINES if high else None
        if high:
            self.call_after_refresh(self._make_room)

    def _make_room(self) -> None:
        """Take from what scrolls the lines that the keys lack: a title, or what is wrong, may be longer than usual."""
        lacking = self.query_one(KeyLine).region.bottom - self.query_one("#box").content_region.bottom
        for widget in self.query(f".{FITTED}").results():
            if lacking > 0:
                widget.styles.max_height = max(widget.size.height - lacking, 1)

    def set_note(self, note: str) -> None:
        """Say something else at the right end of the first line."""
        self.query_one("#note", NoMarkup).update(note)

    def action_leave(self) -> None:
        """Close the dialog; nothing is changed."""
        self.dismiss(None)


class Reader(VerticalScroll, can_focus=True):
    """Text that is longer than the dialog, moved by the keys that move a list."""

    DEFAULT_CLASSES = FITTED
    BINDINGS: ClassVar[list[BindingType]] = [
        binding("reader.up", "up,k", "scroll_up", "Up", "One line up"),
        binding("reader.down", "down,j", "scroll_down", "Down", "One line down"),
        binding("reader.page", "space", "page_down", "Page down", "One page down"),
    ]
