"""One task as a line of a list: sign, id, title, where it is, how long. Pure functions."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style

from tale_tui.engine.text import clean_line
from tale_tui.ui.markdown.wrap import wrap
from tale_tui.ui.signs import signs
from tale_tui.ui.task_words import clock, elapsed_s, left_s, model_name, short_state, sign, state_words, tone
from tale_tui.ui.widgets.line import fitted
from tale_tui.ui.words import when

if TYPE_CHECKING:
    from tale_tui.engine.task_types import Task

_LEFT = 2
"""The bar of the chosen row and a blank."""
_GAP = 2
"""Cells between two columns."""
_PLACE, _PLACE_WIDE = 5, 24
"""Where it is."""
_ELAPSED = 7
_WHEN = 8
"""How long still, or when it ended."""
_MODEL = 18
_WIDE, _WIDEST, _NARROW, _NARROWEST = 76, 100, 44, 34
"""Cells of a list from which on there are more columns, or fewer."""
_TITLE_LIMIT = 200
_EMPTY_LEFT, _EMPTY_MOST = 3, 70
"""Cells at the left of the sentence that stands in the place of rows, and of a line of it."""
_LEFT_STEP_S = 5

StyleOf = Callable[[str], Style]
"""The style of a name: `muted`, `bar`, `id`, `model` or a tone of `task_words.tone`."""


@dataclass(frozen=True, slots=True)
class Columns:
    """What stands where in a list of a width. A column of 0 cells is not there."""

    id: int
    title: int
    model: int
    place: int
    elapsed: int
    when: int

    @classmethod
    def of(cls, width: int, id_cells: int) -> Columns:
        """Divide `width` cells; words go before numbers.

        Args:
            width: of the list.
            id_cells: of the longest id.
        """
        place = _PLACE_WIDE if width >= _WIDE else _PLACE
        elapsed, ending, model = _ELAPSED, _WHEN, _MODEL if width >= _WIDEST else 0
        if width < _NARROW:
            ending = 0
        if width < _NARROWEST:
            place = elapsed = 0
        fixed = _LEFT + 2 + id_cells + _GAP + 1
        right = sum(part for part in (model, place, elapsed, ending)) + (_GAP if place else 0)
        return cls(id_cells, max(width - fixed - right, 0), model, place, elapsed, ending)


def task_segments(task: Task, columns: Columns, now: float, style: StyleOf, *, chosen: bool) -> Iterator[Segment]:
    """The line of a task.

    Args:
        task: which.
        columns: of the list.
        now: the present, in seconds since the epoch.
        style: gives styles.
        chosen: whether it has the bar.
    """
    loud = tone(task)
    words = clean_line(_place_words(task, columns, now)) if columns.place else ""
    # Where there is nothing to say of its place, the title has the room.
    room = columns.title + (columns.place + _GAP if columns.place and not words and not columns.model else 0)
    yield Segment(signs().bar + " ", style("bar")) if chosen else Segment(" " * _LEFT)
    yield Segment(f"{sign(task)} ", style(loud))
    yield Segment(task.shown.ljust(columns.id + _GAP), style("muted"))
    title = fitted(clean_line(task.title, _TITLE_LIMIT), room)
    quiet = "muted" if task.state == "cancelled" else ""
    yield Segment(title + " " * (room - cell_len(title)), style(quiet))
    if columns.model:
        name = fitted(clean_line(model_name(task)), columns.model - _GAP)
        yield Segment(" " * _GAP + name + " " * (columns.model - _GAP - cell_len(name)), style("model"))
    if columns.place:
        yield from _right(task, words, columns, now, style, gap=room == columns.title)
    yield Segment(" ")


def empty_line(text: str, y: int, width: int, height: int | None) -> str:
    """A line of what stands in the place of rows.

    Args:
        text: a sentence, or lines; safe text.
        y: which line.
        width: of the list.
        height: of the list where the text stands in the middle; None puts it where rows would begin.
    """
    lines = [text[start:end] for start, end in wrap(text, max(min(width - 2 * _EMPTY_LEFT, _EMPTY_MOST), 1))]
    above, left = 1, _EMPTY_LEFT
    if height is not None:
        above = max((height - len(lines)) // 2, 0)
        left = max((width - max(map(cell_len, lines))) // 2, 0)
    return " " * left + lines[y - above] if 0 <= y - above < len(lines) else ""


def _right(task: Task, words: str, columns: Columns, now: float, style: StyleOf, *, gap: bool) -> Iterator[Segment]:
    """Where it is, how long so far, how long still or when it ended; long words take the place of what they need."""
    elapsed = _elapsed(task, now).rjust(columns.elapsed)
    numbers = [elapsed, _ending(task, now).rjust(columns.when)] if columns.when else [elapsed]
    if gap:
        place = columns.place
        while numbers and cell_len(words) > place:
            place += len(numbers[0])
            numbers = numbers[1:]
        words = fitted(words, place)
        loud = tone(task)
        yield Segment(" " * _GAP)
        yield Segment(words + " " * (place - cell_len(words)), style(loud if loud in ("look", "bad") else "muted"))
    for text in numbers:
        yield Segment(text, style("work" if task.state == "running" and text is elapsed else "muted"))


def _place_words(task: Task, columns: Columns, now: float) -> str:
    if columns.place >= _PLACE_WIDE:
        return "" if task.state == "done" else state_words(task, now)
    if task.state == "running":
        return f"{min(task.steps_done + 1, task.steps_total)}/{task.steps_total}" if task.steps_total > 1 else ""
    return "" if task.state == "done" else short_state(task, now)


def _elapsed(task: Task, now: float) -> str:
    seconds = elapsed_s(task, now)
    return clock(seconds) if seconds or task.state == "running" else ""


def _ending(task: Task, now: float) -> str:
    if task.state == "running":
        left = left_s(task, now)
        return "" if left is None else f"~{clock(max(round(left / _LEFT_STEP_S), 1) * _LEFT_STEP_S)}"
    return "" if task.finished is None else when(task.finished, now)
