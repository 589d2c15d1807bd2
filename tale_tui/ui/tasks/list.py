"""The list of tasks, one a line: sign, id, title, where it is, how long."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import BindingType
from textual.geometry import Region, Size
from textual.message import Message
from textual.strip import Strip

from tale_tui.domain.text import clean_line
from tale_tui.formatting.symbols import signs
from tale_tui.formatting.tasks import (
    Tone,
    complexity,
    elapsed_s,
    left_s,
    model_name,
    short_state,
    sign,
    state_words,
    steps_place,
    tone,
    written,
)
from tale_tui.formatting.units import clock, count, rough_clock, when
from tale_tui.ui.keys import binding, moving_keys
from tale_tui.ui.markdown.wrap import wrap
from tale_tui.ui.text import fitted
from tale_tui.ui.widgets.line_list import LineList, StyleOf

if TYPE_CHECKING:
    from tale_tui.domain.tasks import Task


_LEFT = 2
"""The bar of the chosen row and a blank."""

_GAP = 2
"""Cells between two columns."""

_PLACE, _PLACE_WIDE = 7, 26
"""Where it is, and the blanks before it."""

_ELAPSED = 7

_WHEN = 8
"""How long still, or when it ended."""

_TOKENS, _HARD = 10, 9
"""What it wrote or is to write, and how hard it is, with the blanks before."""

_MODEL = 18

_WIDE, _WIDER, _WIDEST, _NARROW, _NARROWEST = 76, 88, 106, 44, 34
"""Cells of a list from which on there are more columns, or fewer."""

_TITLE_LIMIT = 200

_TITLE_MIN = 10
"""Cells that a title keeps where the words for a state are long."""

_EMPTY_LEFT, _EMPTY_MOST = 3, 70
"""Cells at the left of the sentence that stands in the place of rows, and of a line of it."""

_STYLES: dict[Tone, str] = {"work": "task", "look": "warning", "ok": "success", "bad": "error", "quiet": "muted"}
_WHEN_S = 20
"""The words for a moment that is over (`now`, `14:02`) are looked at again so often."""

_ROWS_KEPT = 600
"""Lines that are kept as they were painted."""


@dataclass(frozen=True, slots=True)
class Columns:
    """What stands where in a list of a width. A column of 0 cells is not there."""

    id: int
    title: int
    model: int
    place: int
    elapsed: int
    when: int
    tokens: int
    hard: int

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
        tokens, hard = (_TOKENS, _HARD) if width >= _WIDER else (0, 0)
        fixed = _LEFT + 2 + id_cells + _GAP + 1
        right = model + place + elapsed + ending + tokens + hard
        return cls(id_cells, max(width - fixed - right, 0), model, place, elapsed, ending, tokens, hard)

    @property
    def right(self) -> int:
        """Cells of all columns behind the title."""
        return self.model + self.place + self.elapsed + self.when + self.tokens + self.hard


def task_segments(
    task: Task, columns: Columns, now: float, style: StyleOf, *, chosen: bool, left: float | None = None
) -> Iterator[Segment]:
    """The line of a task.

    Args:
        task: which.
        columns: of the list.
        now: the present, in seconds since the epoch.
        style: gives styles.
        chosen: whether it has the bar.
        left: seconds that it still takes by its plan; None where only its own forecast is known.
    """
    right = _right(task, columns, now, left)
    room = columns.title + columns.right - sum(cell_len(text) for text, _ in right)
    yield Segment(signs().bar + " ", style("bar")) if chosen else Segment(" " * _LEFT)
    yield Segment(f"{sign(task)} ", style(_STYLES[tone(task)]))
    yield Segment(task.shown.ljust(columns.id + _GAP), style("muted"))
    title = fitted(clean_line(task.title, _TITLE_LIMIT), room)
    quiet = "muted" if task.state == "cancelled" else ""
    yield Segment(title + " " * (room - cell_len(title)), style(quiet))
    for text, name in right:
        yield Segment(text, style(name))
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


def _right(task: Task, columns: Columns, now: float, left: float | None) -> list[tuple[str, str]]:
    """The columns behind the title, with the names of their styles: model, where it is, how long so far, how long still
    or when it ended, tokens, how hard it is. Each ends at its own edge, whatever stands in it; what one does not need,
    the title has.
    """
    parts: list[tuple[str, str]] = []
    if columns.model:
        name = fitted(clean_line(model_name(task)), columns.model - _GAP)
        parts.append((" " * _GAP + name + " " * (columns.model - _GAP - cell_len(name)), "task"))
    if not columns.place:
        return parts
    words, running = clean_line(_place_words(task, columns, now)), task.state == "running"
    elapsed, ending = _elapsed(task, now), _ending(task, now, left) if columns.when else ""
    cells = columns.place
    if words and not running and columns.place < _PLACE_WIDE:
        # Where a task stands still, that is worth more than how long it ran, and takes its column.
        cells, elapsed = columns.place + columns.elapsed, ""
    most = cells if columns.model else cells + max(columns.title - _TITLE_MIN, 0)
    words = fitted(words, most - _GAP)
    if words or columns.model:
        loud = _STYLES[tone(task)]
        gap = " " * max(cells - cell_len(words), _GAP)
        parts.append((gap + words, loud if loud in ("warning", "error") else "muted"))
    elif elapsed:
        parts.append((" " * _GAP, ""))
    if cells == columns.place and (elapsed or words or columns.model):
        parts.append((elapsed.rjust(columns.elapsed), "task" if running else "muted"))
    if columns.when:
        parts.append((ending.rjust(columns.when), "muted"))
    if columns.tokens:
        hard = complexity(task).ljust(columns.hard - _GAP)
        parts.append((f"{_tokens(task).rjust(columns.tokens)}{' ' * _GAP}{hard}", "muted"))
    return parts


def _place_words(task: Task, columns: Columns, now: float) -> str:
    if columns.place >= _PLACE_WIDE:
        return "" if task.state == "done" else state_words(task, now)
    if task.state == "running":
        return steps_place(task)
    return "" if task.state == "done" else short_state(task, now)


def _elapsed(task: Task, now: float) -> str:
    seconds = elapsed_s(task, now)
    return clock(seconds) if seconds or task.state == "running" else ""


def _tokens(task: Task) -> str:
    """What it has written, else what is foreseen of it."""
    if task.completion_tokens or task.forecast is None:
        return written(task)
    return f"{count(task.forecast.completion_tokens.middle)} tok" if task.is_open else ""


def _ending(task: Task, now: float, left: float | None) -> str:
    if task.state == "running":
        left = left_s(task, now) if left is None else left
        return f"~{rough_clock(left)}" if left else ""
    if task.forecast is not None and task.state == "queued" and not elapsed_s(task, now):
        return f"~{rough_clock(task.forecast.seconds.middle)}"
    return "" if task.finished is None else when(task.finished, now)


class TaskList(LineList["Task"]):
    """Rows of tasks. They come in by `show` and `put`; `Moved` and `Opened` go out.

    Args:
        clock: seconds since the epoch.
    """

    COMPONENT_CLASSES: ClassVar[set[str]] = {"line-list--focused"}
    DEFAULT_CSS = """
    TaskList {
        height: 1fr;
        width: 1fr;
        scrollbar-gutter: stable;
        .line-list--cursor { background: $surface; }
        .line-list--focused { background: $panel; }
        &:ansi .line-list--focused { text-style: reverse; }
    }
    """
    BINDING_GROUP_TITLE = "In the list"
    BINDINGS: ClassVar[list[BindingType]] = [
        *moving_keys("tasks", "task"),
        binding("tasks.open", "enter", "open", "Open", "Read the chosen task"),
    ]

    @dataclass
    class Moved(Message):
        """Another task is the chosen one; None where there is none."""

        task: Task | None

    @dataclass
    class Opened(Message):
        """A task is to be read: enter, or a click on the chosen one."""

        task: Task

    def __init__(self, *, clock: Callable[[], float] = time.time) -> None:
        super().__init__()
        self.alone = False
        """Whether what is said where there are no rows is all there is to see, so that it stands in the middle."""
        self.clock = clock
        self._id_cells = 4
        self._left: tuple[str, float] = ("", 0.0)
        """The id of the task that is shown beside the list as a plan, and the seconds that are left of it there."""
        self._painted: dict[str, tuple[Task, str, int, Strip]] = {}
        """By id: the task as it was painted, the style below it, when, and the line."""
        self._painted_for: tuple[int, Style, int] = (0, Style.null(), 0)

    # what is shown

    def show(self, rows: Sequence[Task], id_cells: int = 4, *, chosen: str = "") -> None:
        """Show these rows; the chosen task stays chosen, and what is read stays where it is on the screen.

        Args:
            rows: in order; the list keeps them and does not change them.
            id_cells: of the longest id.
            chosen: the id of the task to choose; empty for the one that is.
        """
        before, top = self.row, self.scroll_offset.y
        top_id = self.rows[top].id if 0 < top < len(self.rows) else ""
        wanted = chosen or (before.id if before else "")
        self.rows, self._id_cells = rows, id_cells
        self.virtual_size = Size(self.size.width, max(len(rows), 1))
        place = self._place(wanted, self.index)
        # Whether another one is chosen depends on the task here, not on its place.
        self.set_reactive(LineList.index, min(max(self.index, 0), len(rows) - 1) if place is None else place)
        if chosen or not top_id:
            self.reach()
        elif (place := self._place(top_id, top)) is not None:
            self.scroll_to(y=place, animate=False, force=True, immediate=True)
        self.refresh()
        after = self.row
        if chosen or (after.id if after else "") != (before.id if before else ""):
            self.post_moved()

    def _place(self, task_id: str, near: int) -> int | None:
        """Where a task is among the rows; looked for first where it was."""
        if 0 <= near < len(self.rows) and self.rows[near].id == task_id:
            return near
        return next((index for index, task in enumerate(self.rows) if task.id == task_id), None)

    def put(self, task: Task) -> None:
        """A task of a row looks otherwise now; paint its line if it is seen."""
        for index in self._rows_in_sight():
            if self.rows[index].id == task.id:
                self.refresh_row(index)

    def show_left(self, task_id: str, left: float) -> None:
        """Say of a task what is said of its plan: how long it still takes.

        Args:
            task_id: the only one of which that is known; empty for none.
            left: in seconds; 0 for nothing to be said.
        """
        before, self._left = self._left, (task_id, left)
        if before != self._left:
            for index in self._rows_in_sight():
                if self.rows[index].id in (before[0], task_id):
                    self._painted.pop(self.rows[index].id, None)
                    self.refresh_row(index)

    def tick(self) -> bool:
        """Paint the times of what runs anew; whether there is anything on the screen that does."""
        running = False
        for index in self._rows_in_sight():
            if _is_moving(self.rows[index]):
                running = True
                self.refresh_row(index)
        return running

    def _rows_in_sight(self) -> range:
        first = self.scroll_offset.y
        return range(first, min(first + self.size.height, len(self.rows)))

    # keys and mouse

    def choose(self, task_id: str) -> bool:
        """Choose a task and bring it into sight; whether it is among the rows."""
        place = self._place(task_id, self.index)
        if place is not None:
            self.index = place
        return place is not None

    def post_moved(self) -> None:
        self.post_message(self.Moved(self.row))

    def action_open(self) -> None:
        """Ask for the chosen task to be read."""
        if (task := self.row) is not None:
            self.post_message(self.Opened(task))

    def on_resize(self, event: events.Resize) -> None:
        """Keep the chosen row in sight."""
        self.virtual_size = Size(event.size.width, max(len(self.rows), 1))
        self.reach()

    # painting

    def notify_style_update(self) -> None:
        """Other colours."""
        super().notify_style_update()
        self._painted.clear()

    def empty_line(self, y: int) -> str:
        return empty_line(self.empty, y, self.size.width, self.size.height if self.alone else None)

    def styles_below(self) -> dict[int, str]:
        """The cursor stands out more while the list has the focus."""
        styles = super().styles_below()
        if self.has_focus:
            styles[self.index] = "focused"
        return styles

    def render_lines(self, crop: Region) -> list[Strip]:
        """The lines within `crop`.

        They go to the compositor past the cache of `Widget.render_lines`: a line that was painted once is the same
        object when it is scrolled, and so keeps the bytes that it was turned into.
        """
        width, base, now = self.size.width, self.rich_style, self.clock()
        if self._painted_for != (width, base, self._id_cells):
            self._painted.clear()
            self._painted_for = width, base, self._id_cells
        first = self.scroll_offset.y
        if not self.rows:
            strips = [self.paint_empty(y, base) for y in crop.line_range]
        else:
            below, blank = self.styles_below(), Strip.blank(width, base)
            strips = [
                self._line(first + y, now, base, below.get(first + y, "")) if first + y < len(self.rows) else blank
                for y in crop.line_range
            ]
        background = self.background_colors[1]
        for line_filter in self.get_line_filters():
            strips = [strip.apply_filter(line_filter, background) for strip in strips]
        if crop.column_span != (0, width):
            strips = [strip.crop(*crop.column_span) for strip in strips]
        return strips

    def segments(self, line: int, style: StyleOf) -> Iterator[Segment]:
        columns = Columns.of(self.size.width, self._id_cells)
        task, (id_, seconds) = self.rows[line], self._left
        left = seconds if task.id == id_ else None
        return task_segments(task, columns, self.clock(), style, chosen=line == self.index, left=left)

    def _line(self, index: int, now: float, base: Style, below: str) -> Strip:
        task = self.rows[index]
        moment = int(now if _is_moving(task) else now / _WHEN_S)
        known = self._painted.get(task.id)
        if known is not None and known[0] is task and known[1:3] == (below, moment):
            return known[3]
        strip = self.paint(lambda style: self.segments(index, style), base, below)
        if len(self._painted) >= _ROWS_KEPT:
            self._painted.clear()
        self._painted[task.id] = (task, below, moment, strip)
        return strip


def _is_moving(task: Task) -> bool:
    """Whether its times are others a second later."""
    return task.state == "running" or task.next_try is not None
