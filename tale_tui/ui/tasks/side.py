"""The tasks of the conversation beside it, where the terminal is wide enough: two lines each, the newest first."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.cells import cell_len
from textual import events
from textual.content import Content
from textual.message import Message
from textual.reactive import reactive
from textual.widget import Widget

from tale_tui.formatting.tasks import Tone, short_state, short_times, sign, state_words, times, tone
from tale_tui.ui.text import fitted, spread

if TYPE_CHECKING:
    from tale_tui.domain.tasks import Task

HEADING = "Tasks of this conversation"
LINES_EACH = 3
"""A task takes two lines and the empty one below it."""
_ABOVE = 2
"""The heading and the empty line below it."""
_GAP = 2
"""Cells between where a task is and how long it takes."""
_TICK_S = 1.0
_COLOURS: dict[Tone, str] = {"work": "$task", "look": "$warning", "ok": "$success", "bad": "$error", "quiet": "$muted"}


class TaskSide(Widget):
    """It takes no focus: what it shows can be done in the turns and on the screen of tasks."""

    ALLOW_SELECT = False

    tasks: reactive[tuple[Task, ...]] = reactive(())
    """What is shown, the newest first."""

    @dataclass
    class Chosen(Message):
        """A task was clicked."""

        task_id: str

    def __init__(self, now: Callable[[], float] = time.time) -> None:
        super().__init__()
        self._now = now

    def watch_tasks(self, tasks: tuple[Task, ...]) -> None:
        """Count seconds while one of them runs, and only then."""
        self.set_class(bool(tasks), "-some")
        running = self.is_attached and any(task.state == "running" for task in tasks)
        self.auto_refresh = _TICK_S if running else None

    def on_click(self, event: events.Click) -> None:
        """Go to the card of the task under the pointer."""
        index = (event.y - _ABOVE) // LINES_EACH
        if 0 <= index < len(self.tasks):
            self.post_message(self.Chosen(self.tasks[index].id))

    def render(self) -> Content:
        """As many tasks as there is room for, and how many more there are."""
        width, now = self.size.width, self._now()
        lines = [Content(HEADING).stylize("$muted"), Content("")]
        room = max((self.size.height - _ABOVE + 1) // LINES_EACH, 0)
        shown = self.tasks if len(self.tasks) <= room else self.tasks[: max(room - 1, 0)]
        for task in shown:
            head = Content.assemble((sign(task), _COLOURS[tone(task)]), " ", (task.shown, "$muted"), "  ")
            lines.append(head + Content(fitted(task.title, width - head.cell_length)))
            lines += [_where(task, now, head.cell_length, width), Content("")]
        if len(shown) < len(self.tasks):
            lines.append(Content(f"and {len(self.tasks) - len(shown)} more").stylize("$muted"))
        return Content("\n").join(lines)


def _where(task: Task, now: float, indent: int, width: int) -> Content:
    """Where a task is, below its title, and at the right how long it takes; in few words where there is little room."""
    where = ((state_words(task, now), times(task, now)), (short_state(task, now), short_times(task, now)))
    fitting = (pair for pair in where if indent + cell_len(pair[0]) + _GAP + cell_len(pair[1]) <= width)
    state, how_long = next(fitting, where[-1])
    left = fitted(state, max(width - indent - _GAP - cell_len(how_long), 0))
    loud = _COLOURS[tone(task)] if tone(task) in ("look", "bad") else "$muted"
    return spread(Content(" " * indent + left).stylize(loud), Content(how_long).stylize("$muted"), width)
