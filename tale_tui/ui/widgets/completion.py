"""The list above the prompt: what the command that is being written may become."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from textual import events
from textual.content import Content
from textual.message import Message
from textual.reactive import reactive
from textual.widget import Widget

from tale_tui.ui.signs import signs

ROWS_MAX = 8
"""Rows that are shown at once; the others scroll past the chosen one."""
_LEFT = 3
"""Cells before the text, so that it stands under what the prompt holds."""
_GAP = 2


@dataclass(frozen=True, slots=True)
class Row:
    """One completion."""

    text: str
    """What stands in the prompt afterwards."""
    label: str
    hint: str = ""


class Completion(Widget):
    """Rows, one of them chosen. It takes no focus: the prompt keeps it and moves the choice."""

    ALLOW_SELECT = False

    rows: reactive[tuple[Row, ...]] = reactive((), layout=True)
    """What is offered; nothing is shown while it is empty."""
    chosen: reactive[int] = reactive(0)
    """The index of the chosen row."""

    @dataclass
    class Picked(Message):
        """A row was clicked."""

        row: Row

    @property
    def row(self) -> Row | None:
        """The chosen row."""
        return self.rows[self.chosen] if self.rows else None

    def offer(self, rows: Sequence[Row]) -> None:
        """Show other rows, the first of them chosen; none at all hides the list."""
        if tuple(rows) != self.rows:
            self.rows = tuple(rows)
            self.chosen = 0
        self.display = bool(rows)

    def move(self, step: int) -> None:
        """Choose another row, round the ends."""
        if self.rows:
            self.chosen = (self.chosen + step) % len(self.rows)

    def on_mount(self) -> None:
        """Nothing is offered at first."""
        self.display = False

    def on_click(self, event: events.Click) -> None:
        """Take the row under the pointer."""
        index = self._first + event.y
        if index < len(self.rows):
            self.post_message(self.Picked(self.rows[index]))

    def get_content_height(self, container: object, viewport: object, width: int) -> int:
        """One line for each row, up to `ROWS_MAX`."""
        return min(len(self.rows), ROWS_MAX)

    @property
    def _first(self) -> int:
        """The index of the row at the top."""
        shown = max(min(self.size.height, ROWS_MAX), 1)
        return min(max(self.chosen - shown + 1, 0), max(len(self.rows) - shown, 0))

    def render(self) -> Content:
        """The rows, their hints in one column."""
        width = self.size.width
        column = max((len(row.label) for row in self.rows), default=0) + _LEFT + _GAP
        first = self._first
        lines = []
        for index, row in enumerate(self.rows[first : first + max(self.size.height, 1)], first):
            mark = signs().prompt if index == self.chosen else " "
            label = f" {mark} {row.label}".ljust(column)
            text = f"{label}{row.hint}"[:width].ljust(width)
            line = Content(text).stylize("$muted", min(len(label), width))
            lines.append(line.stylize("$accent bold", 0, len(label)) if index == self.chosen else line)
        return Content("\n").join(lines)
