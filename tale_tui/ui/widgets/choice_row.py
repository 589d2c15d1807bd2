"""A way to go on: a key, what it does, and what that means."""

from __future__ import annotations

from dataclasses import dataclass

from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.message import Message

from tale_tui.ui.text import NoMarkup


class ChoiceRow(Horizontal):
    """Its key is bound by the screen; a click on it does the same."""

    ALLOW_SELECT = False
    DEFAULT_CSS = """
    ChoiceRow {
        height: auto;
        pointer: pointer;
        .choice-row--key { width: 8; color: $accent; text-style: bold; }
        .choice-row--title { text-style: bold; }
        .choice-row--detail { color: $muted; }
        &:hover .choice-row--title { color: $accent; }
        Vertical { height: auto; }
    }
    """

    @dataclass
    class Taken(Message):
        """It was clicked."""

        key: str

    def __init__(self, key: str, title: str, detail: str) -> None:
        """Take the words.

        Args:
            key: as it is shown, and as `Taken` tells it.
            title: what it does, in a few words.
            detail: what that means, in a sentence or two; what is to be typed stands between backquotes.
        """
        super().__init__()
        self._key = key
        self._texts = (title, detail)

    def compose(self) -> ComposeResult:
        """The key at the left, the words at the right."""
        title, detail = self._texts
        yield NoMarkup(self._key, classes="choice-row--key")
        with Vertical():
            yield NoMarkup(title, classes="choice-row--title")
            yield NoMarkup(_typed(detail), classes="choice-row--detail")

    def on_click(self) -> None:
        self.post_message(self.Taken(self._key))


def _typed(text: str) -> Content:
    """Our own sentence with what is to be typed standing out."""
    parts = text.split("`")
    return Content.assemble(*((part, "$foreground") if index % 2 else part for index, part in enumerate(parts)))
