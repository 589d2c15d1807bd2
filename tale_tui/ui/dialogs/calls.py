"""Calls of models, one a line."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, ClassVar

from rich.cells import cell_len
from textual.content import Content
from textual.types import CSSPathType
from textual.widget import Widget

from tale_tui.formatting.tokens import CALL_COLUMNS, call_cells
from tale_tui.formatting.units import when
from tale_tui.ui.dialogs.dialog import Dialog, Reader
from tale_tui.ui.text import NoMarkup, fitted

if TYPE_CHECKING:
    from tale_tui.domain.metrics import CallRecord

_GAP = 2
_COLUMNS = (*CALL_COLUMNS, "at")
_LEFT_ALIGNED = frozenset({"call", "model", "ended"})
_WANTED = ("call", "completion", "prompt", "ended", "model", "at", "speed", "first")
"""Columns, the most wanted first: the last ones go where there is little room."""
_TEXT_CELLS = 24
"""Of a name, at most."""


class CallTable(Widget):
    """Calls as lines of columns; those that there is no room for are left out.

    Args:
        calls: in the order in which they are shown.
        now: the present, in seconds since the epoch.
    """

    ALLOW_SELECT = False
    DEFAULT_CSS = """
    CallTable { height: auto; width: 1fr; }
    """

    def __init__(self, calls: Sequence[CallRecord], now: float) -> None:
        super().__init__()
        self._rows = [(*call_cells(call), when(call.timestamp, now)) for call in calls]
        self._failed = [call.outcome.value == "failed" for call in calls]

    def get_content_height(self, *_: object) -> int:
        """A line for each call, and the heading."""
        return len(self._rows) + 1

    def render(self) -> Content:
        """All of them: what scrolls is around it."""
        cells = {
            name: min(max(len(name), *(cell_len(row[place]) for row in self._rows), 0), _TEXT_CELLS)
            for place, name in enumerate(_COLUMNS)
        }
        room, kept = self.size.width, set()
        for name in _WANTED:
            if cells[name] + _GAP <= room:
                kept.add(name)
                room -= cells[name] + _GAP
        places = [place for place, name in enumerate(_COLUMNS) if name in kept]

        def line(row: Sequence[str]) -> str:
            parts = []
            for place in places:
                name = _COLUMNS[place]
                text = fitted(row[place], cells[name])
                blank = " " * (cells[name] - cell_len(text))
                parts.append(text + blank if name in _LEFT_ALIGNED else blank + text)
            return (" " * _GAP).join(parts)

        lines = [Content.assemble((line(_COLUMNS), "$muted"))]
        for row, failed in zip(self._rows, self._failed, strict=True):
            lines.append(Content.assemble((line(row), "$error" if failed else "")))
        return Content("\n").join(lines)


class CallsDialog(Dialog[None]):
    """Shows calls; nothing can be changed."""

    CSS_PATH: ClassVar[CSSPathType | None] = ["dialog.tcss", "calls.tcss"]

    def __init__(self, title: str, calls: Sequence[CallRecord], now: float, note: str = "") -> None:
        """Take the calls.

        Args:
            title: whose they are; foreign text.
            calls: in the order in which they are shown.
            now: the present, in seconds since the epoch.
            note: how many there are.
        """
        super().__init__(title, note)
        self._calls = calls
        self._now = now

    def body(self) -> Iterable[Widget]:
        """The table."""
        table = CallTable(self._calls, self._now) if self._calls else NoMarkup("No call.", classes="quiet")
        yield Reader(table, id="focus-first")
