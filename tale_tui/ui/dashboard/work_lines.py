"""What runs now: a task each, as its card and the list tell it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from rich.cells import cell_len
from textual.content import Content
from textual.reactive import reactive
from textual.widget import Widget

from tale_tui.domain.text import clean_line
from tale_tui.formatting.tasks import (
    SHORT_TIMES_WIDTH,
    has_end,
    progress,
    short_state,
    short_times,
    sign,
    steps_place,
    tone,
)
from tale_tui.formatting.units import plural
from tale_tui.ui.text import fitted

if TYPE_CHECKING:
    from tale_tui.domain.tasks import Task

_BESIDE_FROM = 116
"""Cells from which on two tasks stand beside each other."""
_GAUGE_FROM, _GAUGE = 56, 8
"""Cells of a task from which on it has a gauge, and those of the gauge."""
_WORDS_FROM = 70
"""Cells of a task from which on the name of its step is told."""
_TITLE_LIMIT = 200
_GAP = 2
_COLOURS = {"work": "$task", "look": "$warning", "ok": "$success", "bad": "$error", "quiet": "$muted"}


class WorkLines(Widget):
    """Data comes in by attribute; a click leads to the tasks.

    Attributes:
        clock: seconds since the epoch.
    """

    ALLOW_SELECT = False
    auto_links = False

    tasks: reactive[tuple[Task, ...] | None] = reactive(None)
    """Those that run, and no others; None while that is not known."""

    def __init__(self, clock: Callable[[], float]) -> None:
        super().__init__()
        self.clock = clock

    def render(self) -> Content:
        if self.tasks is None:
            return Content("")
        return Content("\n").join(work_lines(self.tasks, self.size.width, self.size.height, self.clock()))


def work_lines(tasks: Sequence[Task], width: int, height: int, now: float) -> list[Content]:
    """The tasks in at most `height` lines; of more than fit it is told how many.

    Args:
        tasks: that run.
        width, height: cells.
        now: the present, in seconds since the epoch.
    """
    if not tasks:
        return [Content.assemble((" " + fitted("No task runs.", width - 1), "$muted"))]
    beside = 2 if width >= _BESIDE_FROM else 1
    cells = (width - 1) // beside
    places = height * beside
    more = len(tasks) - places
    shown = [_task_line(task, cells - _GAP, now) for task in tasks[: places - (more > 0)]]
    if more > 0:
        words = fitted(f"and {plural(more + 1, 'more task')}", cells - _GAP)
        shown.append(Content.assemble((words + " " * (cells - _GAP - cell_len(words)), "$muted")))
    gap = Content(" " * _GAP)
    return [Content(" ") + gap.join(shown[start : start + beside]) for start in range(0, len(shown), beside)]


def _task_line(task: Task, cells: int, now: float) -> Content:
    """A task in exactly so many cells: sign, id and title, and at the right where it is and how long."""
    place = clean_line(short_state(task, now)) if cells >= _WORDS_FROM else steps_place(task)
    gauge = progress(task, now, _GAUGE) if cells >= _GAUGE_FROM else ""
    times = short_times(task, now, interval=False).rjust(SHORT_TIMES_WIDTH if has_end(task) else 0)
    lead = f"{task.shown}  "
    right = [part for part in (fitted(place, cells // 3), gauge, times) if part]
    room = max(cells - 2 - cell_len(lead) - sum(cell_len(part) + _GAP for part in right), 0)
    title = fitted(clean_line(task.title, _TITLE_LIMIT), room)
    line = Content.assemble((sign(task), _COLOURS[tone(task)]), " ", (lead, "$muted"), title)
    line += Content(" " * (room - cell_len(title)))
    for part in right:
        line += Content.assemble(" " * _GAP, (part, "$task" if part == gauge else "$muted"))
    return line.truncate(cells)
