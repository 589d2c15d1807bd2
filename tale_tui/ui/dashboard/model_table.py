"""A line per model: what it is for, how it is, and what it did in the time that is shown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.cells import cell_len
from textual.content import Content
from textual.reactive import reactive
from textual.widget import Widget

from tale_tui.formatting.symbols import signs
from tale_tui.ui.text import fitted

HEADED_FROM = 100
"""Cells from which on there is room for all figures, under headings."""
_WIDTH_MAX = 126
"""Cells of the widest table: figures that are too far apart cannot be read across."""
_ROLE, _SIGN, _GAP = 5, 2, 2
_NAME_LEAST = 10
_ROWS_EXPECTED = 2
"""Lines that are kept for models as long as nothing is known of them."""

_HEADED = (
    ("since", 6), ("memory", 7), ("cpu", 5), ("gpu", 5), ("busy", 5), ("calls", 6), ("failed", 6), ("reloads", 7),
    ("tok/s", 6), ("first", 6), ("breaker", 8),
)  # fmt: skip
"""The figures and the cells of their columns; a blank is between two of them."""
_SHORT = (("since", 5), ("memory", 7), ("busy", 5), ("calls", 11), ("failed", 9), ("tok/s", 10))
_GIVE_WAY = ("cpu", "breaker", "reloads", "gpu", "first", "busy", "since", "failed", "memory", "tok/s", "calls")
"""The figures that a narrow table does without, the first of them first."""
_WORDS = {"calls": "calls", "failed": "failed", "tok/s": "tok/s"}
"""Behind a figure that has no heading."""


@dataclass(frozen=True, slots=True)
class ModelRow:
    """A model as it is shown; its texts are safe, and a figure that nobody knows is empty."""

    role: str
    name: str
    state: str
    """A sign of `Signs`."""
    colour: str
    figures: dict[str, str]
    """By the headings of the table."""
    loud: frozenset[str] = frozenset()
    """The figures that want a look."""


class ModelTable(Widget):
    """Data comes in by attribute."""

    ALLOW_SELECT = False
    auto_links = False

    rows: reactive[tuple[ModelRow, ...] | None] = reactive(None)
    """None while nothing is known: then their place is empty."""
    notes: reactive[tuple[str, ...]] = reactive(())
    """What is not known of them, and why; safe sentences."""

    def watch_rows(self, old: tuple[ModelRow, ...] | None, new: tuple[ModelRow, ...] | None) -> None:
        """Lay the screen out anew only where there are more lines or fewer: figures change every two seconds."""
        if old is None or new is None or len(old) != len(new):
            self.refresh(layout=True)

    def watch_notes(self, old: tuple[str, ...], new: tuple[str, ...]) -> None:
        """As for the rows."""
        if len(old) != len(new):
            self.refresh(layout=True)

    def get_content_height(self, container: object, viewport: object, width: int) -> int:
        """The rows, the notes, and the headings where there are any."""
        rows = _ROWS_EXPECTED if self.rows is None else max(len(self.rows), 1)
        return rows + len(self.notes) + (width >= HEADED_FROM and self.rows != ())

    def render(self) -> Content:
        if self.rows is None:
            return Content("")
        return Content("\n").join(table_lines(self.rows, self.notes, self.size.width))


def table_lines(rows: Sequence[ModelRow], notes: Sequence[str], width: int) -> list[Content]:
    """The table as lines of text.

    Args:
        rows: one a model.
        notes: below it.
        width: cells.
    """
    if not rows:
        return [Content.assemble((fitted(" No model was asked.", width), "$muted"))]
    wide = width >= HEADED_FROM
    columns: tuple[tuple[str, int], ...] = _HEADED if wide else _SHORT
    room = min(width, _WIDTH_MAX) - 2 - _ROLE - _SIGN - sum(cells + _GAP for _, cells in columns)
    for name in _GIVE_WAY:
        if room < _NAME_LEAST:
            room += sum(cells + _GAP for figure, cells in columns if figure == name)
            columns = tuple(column for column in columns if column[0] != name)
    lines = []
    if wide:
        heads = "".join(" " * _GAP + f"{name:>{cells}}" for name, cells in columns)
        lines.append(Content.assemble((f" {'role':{_ROLE}}{'model':{_SIGN + room}}{heads}", "$muted")))
    for row in rows:
        name = fitted(row.name, room)
        line = Content.assemble(
            (f" {row.role:{_ROLE}}", "$muted"),
            (str(getattr(signs(), row.state)), row.colour),
            " ",
            (name + " " * (room - cell_len(name)), row.colour),
        )
        for figure, cells in columns:
            value = row.figures.get(figure, "") or signs().dash
            if not wide and figure in _WORDS:
                value = f"{value} {_WORDS[figure]}"
            style = "$warning" if figure in row.loud else ""
            line += Content.assemble(" " * _GAP, (f"{fitted(value, cells):>{cells}}", style))
        lines.append(line)
    return lines + [Content.assemble((fitted(f" {note}", width), "$muted")) for note in notes]
