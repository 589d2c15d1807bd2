"""One task as a line of a list: sign, id, title, where it is, how long. Pure functions."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Region, Size
from textual.message import Message
from textual.reactive import reactive
from textual.scroll_view import ScrollView
from textual.strip import Strip

from tale_tui.domain.text import clean_line
from tale_tui.formatting.symbols import signs
from tale_tui.formatting.tasks import elapsed_s, left_s, model_name, short_state, sign, state_words, step_number, tone
from tale_tui.formatting.units import clock, rough_clock, when
from tale_tui.ui.markdown.wrap import wrap
from tale_tui.ui.widgets.line import fitted

if TYPE_CHECKING:
    from tale_tui.domain.tasks import Task


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

StyleOf = Callable[[str], Style]
"""The style of a name: `muted`, `bar`, `id`, `model` or a tone of `formatting.tasks.tone`."""


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
        return f"{step_number(task)}/{task.steps_total}" if task.steps_total > 1 else ""
    return "" if task.state == "done" else short_state(task, now)


def _elapsed(task: Task, now: float) -> str:
    seconds = elapsed_s(task, now)
    return clock(seconds) if seconds or task.state == "running" else ""


def _ending(task: Task, now: float) -> str:
    if task.state == "running":
        left = left_s(task, now)
        return "" if left is None else f"~{rough_clock(left)}"
    return "" if task.finished is None else when(task.finished, now)


_WHEN_S = 20
"""The words for a moment that is over (`now`, `14:02`) are looked at again so often."""

_ROWS_KEPT = 600
"""Lines that are kept as they were painted."""

_CSS = """
TaskList {
    height: 1fr;
    width: 1fr;
    overflow-x: hidden;
    scrollbar-size-vertical: 1;
    scrollbar-gutter: stable;
    pointer: pointer;
    background: transparent;
    .task-list--cursor { background: $surface; }
    .task-list--focused { background: $panel; }
    .task-list--hover { background: $block-hover-background; }
    .task-list--bar { color: $accent; }
    .task-list--muted { color: $muted; }
    .task-list--model { color: $task; }
    .task-list--work { color: $task; }
    .task-list--look { color: $warning; }
    .task-list--ok { color: $success; }
    .task-list--bad { color: $error; }
    &:ansi .task-list--focused { text-style: reverse; }
}
"""


def _key(name: str, keys: str, action: str, description: str, tooltip: str) -> Binding:
    return Binding(keys, action, description, show=False, tooltip=tooltip, id=f"tasks.{name}")


class TaskList(ScrollView, can_focus=True):
    """Rows of tasks, one of them chosen. Rows come in by `show` and `put`; `Moved` and `StartedTurn` go out.

    Args:
        clock: seconds since the epoch.
    """

    ALLOW_SELECT = False
    NAMES: ClassVar[tuple[str, ...]] = (
        "cursor", "focused", "hover", "bar", "muted", "model", "work", "look", "ok", "bad"
    )  # fmt: skip
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "task-list--cursor", "task-list--focused", "task-list--hover", "task-list--bar", "task-list--muted",
        "task-list--model", "task-list--work", "task-list--look", "task-list--ok", "task-list--bad",
    }  # fmt: skip
    DEFAULT_CSS = _CSS
    BINDING_GROUP_TITLE = "In the list"
    BINDINGS: ClassVar[list[BindingType]] = [
        _key("up", "up,k", "move(-1)", "Up", "Choose the task above"),
        _key("down", "down,j", "move(1)", "Down", "Choose the task below"),
        _key("page_up", "pageup", "page(-1)", "Page up", "One page up"),
        _key("page_down", "pagedown", "page(1)", "Page down", "One page down"),
        _key("first", "home,g", "end(-1)", "First", "Choose the first task"),
        _key("last", "end,G", "end(1)", "Last", "Choose the last task"),
        _key("open", "enter", "open", "Open", "Read the chosen task"),
    ]

    hovered: reactive[int] = reactive(-1)
    """The index of the row under the pointer; -1 where there is none."""

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
        self.empty = ""
        """What is said where there are no rows: what would be here and the key that makes it. Safe text."""
        self.alone = False
        """Whether that is all there is to see, so that it stands in the middle."""
        self.clock = clock
        self._rows: Sequence[Task] = ()
        self._chosen = -1
        self._id_cells = 4
        self._styles: dict[str, Style] = {}
        self._painted: dict[str, tuple[Task, str, int, Strip]] = {}
        """By id: the task as it was painted, how, when, and the line."""
        self._painted_for: tuple[int, Style, int] = (0, Style.null(), 0)

    @property
    def chosen(self) -> Task | None:
        """The chosen one."""
        return self._rows[self._chosen] if 0 <= self._chosen < len(self._rows) else None

    # what is shown

    def show(self, rows: Sequence[Task], id_cells: int = 4, *, chosen: str = "") -> None:
        """Show these rows; the chosen task stays chosen, and what is read stays where it is on the screen.

        Args:
            rows: in order; the list keeps them and does not change them.
            id_cells: of the longest id.
            chosen: the id of the task to choose; empty for the one that is.
        """
        before, top = self.chosen, self.scroll_offset.y
        top_id = self._rows[top].id if 0 < top < len(self._rows) else ""
        wanted = chosen or (before.id if before else "")
        self._rows, self._id_cells = rows, id_cells
        self.virtual_size = Size(self.size.width, max(len(rows), 1))
        place = self._place(wanted, self._chosen)
        self._chosen = min(max(self._chosen, 0), len(rows) - 1) if place is None else place
        if chosen or not top_id:
            self._reach()
        elif (place := self._place(top_id, top)) is not None:
            self.scroll_to(y=place, animate=False, force=True, immediate=True)
        self.refresh()
        after = self.chosen
        if chosen or (after.id if after else "") != (before.id if before else ""):
            self.post_message(self.Moved(after))

    def _place(self, task_id: str, near: int) -> int | None:
        """Where a task is among the rows; looked for first where it was."""
        if 0 <= near < len(self._rows) and self._rows[near].id == task_id:
            return near
        return next((index for index, task in enumerate(self._rows) if task.id == task_id), None)

    def put(self, task: Task) -> None:
        """A task of a row looks otherwise now; paint its line if it is seen."""
        first = self.scroll_offset.y
        for index in range(first, min(first + self.size.height, len(self._rows))):
            if self._rows[index].id == task.id:
                self.refresh(Region(0, index - first, self.size.width, 1))

    def choose(self, task_id: str) -> bool:
        """Choose a task and bring it into sight; whether it is among the rows."""
        place = self._place(task_id, self._chosen)
        if place is not None:
            self._choose(place)
        return place is not None

    def tick(self) -> bool:
        """Paint the times of what runs anew; whether there is anything on the screen that does."""
        first = self.scroll_offset.y
        running = False
        for index in range(first, min(first + self.size.height, len(self._rows))):
            task = self._rows[index]
            if task.state == "running" or task.next_try is not None:
                running = True
                self.refresh(Region(0, index - first, self.size.width, 1))
        return running

    # keys and mouse

    def _choose(self, index: int) -> None:
        if not self._rows:
            return
        index = min(max(index, 0), len(self._rows) - 1)
        if index == self._chosen:
            return
        self._refresh_row(self._chosen)
        self._chosen = index
        self._reach()
        self._refresh_row(index)
        self.post_message(self.Moved(self.chosen))

    def _refresh_row(self, index: int) -> None:
        line = index - self.scroll_offset.y
        if 0 <= line < self.size.height:
            self.refresh(Region(0, line, self.size.width, 1))

    def _reach(self) -> None:
        if self._chosen >= 0 and self.size.height:
            region = Region(0, self._chosen, max(self.size.width, 1), 1)
            self.scroll_to_region(region, animate=False, force=True, immediate=True)

    def action_move(self, step: int) -> None:
        """Choose the next task in a direction."""
        self._choose(self._chosen + step)

    def action_page(self, direction: int) -> None:
        """Choose a task a page away."""
        self._choose(self._chosen + direction * max(self.size.height - 1, 1))

    def action_end(self, direction: int) -> None:
        """Choose the first or the last task."""
        self._choose(0 if direction < 0 else len(self._rows) - 1)

    def action_open(self) -> None:
        """Ask for the chosen task to be read."""
        if (task := self.chosen) is not None:
            self.post_message(self.Opened(task))

    def _row_at(self, event: events.MouseEvent) -> int:
        offset = event.get_content_offset(self)
        index = -1 if offset is None else offset.y + self.scroll_offset.y
        return index if 0 <= index < len(self._rows) else -1

    def on_click(self, event: events.Click) -> None:
        """Choose the row under the pointer; a click on the chosen one opens it."""
        index = self._row_at(event)
        if index >= 0 and index == self._chosen:
            self.action_open()
        elif index >= 0:
            self._choose(index)

    def on_mouse_move(self, event: events.MouseMove) -> None:
        """Show which row a click would take."""
        self.hovered = self._row_at(event)

    def on_leave(self) -> None:
        """The pointer is elsewhere."""
        self.hovered = -1

    # painting

    def on_resize(self, event: events.Resize) -> None:
        """Keep the chosen row in sight."""
        self.virtual_size = Size(event.size.width, max(len(self._rows), 1))
        self._reach()

    def notify_style_update(self) -> None:
        """Other colours."""
        super().notify_style_update()
        self._styles.clear()
        self._painted.clear()

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
        if not self._rows:
            strips = [self._say_empty(y, width) for y in crop.line_range]
        else:
            columns, blank = Columns.of(width, self._id_cells), Strip.blank(width, base)
            strips = [
                self._row(first + y, columns, now, base) if first + y < len(self._rows) else blank
                for y in crop.line_range
            ]
        background = self.background_colors[1]
        for line_filter in self.get_line_filters():
            strips = [strip.apply_filter(line_filter, background) for strip in strips]
        if crop.column_span != (0, width):
            strips = [strip.crop(*crop.column_span) for strip in strips]
        return strips

    def _row(self, index: int, columns: Columns, now: float, base: Style) -> Strip:
        task = self._rows[index]
        look = ""
        if index == self._chosen:
            look = "focused" if self.has_focus else "cursor"
        elif index == self.hovered:
            look = "hover"
        moves = task.state == "running" or task.next_try is not None
        moment = int(now if moves else now / _WHEN_S)
        known = self._painted.get(task.id)
        if known is not None and known[0] is task and known[1:3] == (look, moment):
            return known[3]
        base += self._style(look)
        # Where the cursor is the reverse of the text, colours inside it would be patches.
        style = _no_style if base.reverse else self._style
        segments = task_segments(task, columns, now, style, chosen=index == self._chosen)
        strip = Strip(Segment.apply_style(segments, base)).adjust_cell_length(self.size.width, base)
        if len(self._painted) >= _ROWS_KEPT:
            self._painted.clear()
        self._painted[task.id] = (task, look, moment, strip)
        return strip

    def _say_empty(self, y: int, width: int) -> Strip:
        words = empty_line(self.empty, y, width, self.size.height if self.alone else None)
        return Strip([Segment(words, self.rich_style + self._style("muted"))]).adjust_cell_length(
            width, self.rich_style
        )

    def _style(self, name: str) -> Style:
        if not name or name not in self.NAMES:
            return Style.null() if name != "quiet" else self._style("muted")
        found = self._styles.get(name)
        if found is None:
            found = self._styles[name] = self.get_component_rich_style(f"task-list--{name}", partial=True)
        return found


def _no_style(name: str) -> Style:
    return Style.null()
