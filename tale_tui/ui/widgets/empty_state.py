"""What stands where a conversation will be: one sentence, and the keys that lead on."""

from __future__ import annotations

from collections.abc import Sequence

from textual.content import Content
from textual.reactive import reactive
from textual.widget import Widget

from tale_tui.formatting.symbols import ASCII, signs
from tale_tui.formatting.units import key_name
from tale_tui.ui.widgets.status_line import KeyHint

SENTENCE = "Write below; the answer comes here."
_KEY_CELLS = 8
_ROWS_FOR_ALL = 12
"""Rows below which only the sentence is shown."""


def wordmark() -> tuple[str, ...]:
    """The name of the program, in lines of large letters where the terminal has them."""
    return ("tale",) if signs() is ASCII else ("▀█▀ ▄▀█ █   █▀▀", " █  █▀█ █▄▄ ██▄")


class EmptyState(Widget):
    """Shown while a conversation is empty; it takes no focus and no keys."""

    ALLOW_SELECT = False

    keys: reactive[tuple[KeyHint, ...]] = reactive(())
    """What can be done besides writing."""

    def render(self) -> Content:
        """The lines in the middle, as a block."""
        lines = self._lines()
        width = max(line.cell_length for line in lines)
        left = max((self.size.width - width) // 2, 0)
        above = max((self.size.height - len(lines)) // 2, 0)
        shown = [Content(" " * left) + line for line in lines]
        return Content("\n").join([*([Content("")] * above), *shown])

    def _lines(self) -> Sequence[Content]:
        sentence = Content(SENTENCE).stylize("$muted")
        if self.size.height < _ROWS_FOR_ALL:
            return [sentence]
        keys = [
            Content.assemble((key_name(hint.key).ljust(_KEY_CELLS), "$accent"), (hint.label, "$muted"))
            for hint in self.keys
        ]
        return [*(Content(line).stylize("$accent") for line in wordmark()), Content(""), sentence, Content(""), *keys]
