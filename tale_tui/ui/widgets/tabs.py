"""Words in a line of which one is chosen, such as the kinds of tasks that a list can show. Each can be clicked."""

from __future__ import annotations

from textual.content import Content
from textual.reactive import reactive
from textual.style import Style
from textual.widget import Widget


def tab_words(words: tuple[str, ...], current: str, action: str, gap: int = 2) -> Content:
    """Words of which one is chosen, for a line that has other things beside them.

    Args:
        words: from left to right.
        current: the chosen one.
        action: what a click does, with the word as its argument, as in `screen.tab`.
        gap: cells between two of them.
    """
    shown = [
        Content(word)
        .stylize("bold $foreground" if word == current else "$muted")
        .stylize(Style.from_meta({"@click": f"{action}({str(word)!r})"}))
        for word in words
    ]
    return Content(" " * gap).join(shown)


class WordTabs(Widget):
    """Words of our own.

    Args:
        words: from left to right.
        action: what a click does, with the word as its argument, as in `screen.tab`.
    """

    ALLOW_SELECT = False
    auto_links = False
    DEFAULT_CSS = """
    WordTabs { height: 1; width: auto; }
    """

    current: reactive[str] = reactive("")
    """The chosen word."""

    def __init__(self, words: tuple[str, ...], action: str, *, gap: int = 2) -> None:
        super().__init__()
        self._words = words
        self._action = action
        self._gap = gap

    def render(self) -> Content:
        return tab_words(self._words, self.current, self._action, self._gap)
