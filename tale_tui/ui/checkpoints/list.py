"""The list of checkpoints: those of today a line each, those of earlier days and months folded."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, ClassVar

from rich.segment import Segment
from textual.binding import BindingType
from textual.content import Content
from textual.geometry import Size
from textual.message import Message
from textual.widget import Widget

from tale_tui.domain.clock import ID_SHOWN
from tale_tui.domain.constants import CHECKPOINT_HOURLY_S
from tale_tui.formatting.checkpoints import changes_in_short, what_it_is, whose
from tale_tui.formatting.symbols import signs
from tale_tui.formatting.units import WHEN_WIDTH, count, month, time_of_day, when
from tale_tui.ui.keys import binding, moving_keys
from tale_tui.ui.text import fitted, padded
from tale_tui.ui.widgets.line_list import LineList, StyleOf

if TYPE_CHECKING:
    from tale_tui.domain.checkpoints import Checkpoint

_LEFT, _GAP = 2, 2
_FILES_CELLS, _FILES_FEW = 20, 14
"""Cells of the last column, and those where there is little room."""
_ROOMY = 64
HEADINGS = ("when", "before or after what", "files")


@dataclass(frozen=True, slots=True)
class CheckpointRow:
    """A checkpoint, or a day or month of them that can be opened."""

    key: str
    """Tells it from the others."""
    when: str
    what: str
    files: str
    checkpoint: Checkpoint | None = None
    """None for a fold."""
    task: str = ""
    """The beginning of the id of its task, or that it is of all; empty where that is not told."""


def _fold_of(checkpoint: Checkpoint, now: float) -> str:
    """The day of a checkpoint of the last week, the month of an older one."""
    form = "%Y-%m-%d" if now - checkpoint.at <= CHECKPOINT_HOURLY_S else "%Y-%m"
    return time.strftime(form, time.localtime(checkpoint.at))


def rows_of(
    checkpoints: Sequence[Checkpoint], turned: Collection[str], now: float, *, tasks: bool
) -> list[CheckpointRow]:
    """The rows of the list.

    Args:
        checkpoints: the newest first.
        turned: the keys of days and months that are not as they are at first: the newest one open, others folded.
        now: the present, in seconds since the epoch.
        tasks: whether it is told of which task each is.
    """
    rows: list[CheckpointRow] = []
    today = time.strftime("%Y-%m-%d", time.localtime(now))
    for place, (key, group) in enumerate(groupby(checkpoints, lambda one: _fold_of(one, now))):
        found, is_today = list(group), key == today
        is_open = is_today or (key in turned) != (place == 0)
        of_day = len(key) == len(today)
        if not is_today:
            label = when(found[0].at, now) if of_day else month(found[0].at, now)
            by_day = len({time.localtime(one.at)[:3] for one in found}) == len(found)
            words = "of that day" if of_day else "one a day" if by_day and len(found) > 1 else "of that month"
            joined = f"{count(len(found))}, {words}" if words == "one a day" else f"{count(len(found))} {words}"
            rows.append(CheckpointRow(key, label, joined, f"enter {'closes' if is_open else 'opens'}"))
        if is_open:
            rows += [
                CheckpointRow(
                    one.id,
                    time_of_day(one.at) if of_day else when(one.at, now),
                    what_it_is(one),
                    changes_in_short(one) or signs().dash,
                    one,
                    whose(one)[:ID_SHOWN] if tasks else "",
                )
                for one in found
            ]
    return rows


def _columns(width: int, *, tasks: bool) -> tuple[int, ...]:
    """Cells of when, of the task, of what, of the files."""
    of_task = ID_SHOWN if tasks else 0
    files = _FILES_CELLS if width >= _ROOMY else _FILES_FEW
    gaps = _GAP * (3 if tasks else 2)
    return WHEN_WIDTH, of_task, max(width - _LEFT - WHEN_WIDTH - of_task - files - gaps - 1, 0), files


def _column(text: str, cells: int) -> str:
    return padded(text, cells) + " " * _GAP


class CheckpointHeading(Widget):
    """The names of the columns.

    Attributes:
        tasks: whether it is told of which task each checkpoint is.
    """

    ALLOW_SELECT = False
    DEFAULT_CSS = """
    CheckpointHeading { height: 1; width: 1fr; }
    """

    def __init__(self) -> None:
        super().__init__()
        self.tasks = False

    def render(self) -> Content:
        at, of_task, what, files = _columns(self.size.width, tasks=self.tasks)
        of = _column("task", of_task) if of_task else ""
        words = _column(HEADINGS[0], at) + of + _column(HEADINGS[1], what) + fitted(HEADINGS[2], files)
        return Content(" " * _LEFT + words).stylize("$muted")


class CheckpointRows(LineList[CheckpointRow]):
    """A line for each. `Moved` and `Opened` go out; days and months open and close by themselves."""

    BINDINGS: ClassVar[list[BindingType]] = [
        *moving_keys("checkpoints", "checkpoint"),
        binding("checkpoints.look", "enter", "open", "Look", "What the chosen one changed; a day: its checkpoints"),
    ]

    class Moved(Message):
        """Another row is the chosen one."""

    class Opened(Message):
        """The chosen checkpoint is to be looked at."""

    def __init__(self, clock: Callable[[], float]) -> None:
        super().__init__()
        self._clock = clock
        self._checkpoints: Sequence[Checkpoint] = ()
        self._turned: set[str] = set()
        self.tasks = False
        """Whether it is told of which task each is."""

    @property
    def chosen(self) -> Checkpoint | None:
        """The chosen checkpoint; None where a day is chosen, or nothing."""
        return None if self.row is None else self.row.checkpoint

    def show(self, checkpoints: Sequence[Checkpoint], empty: str = "") -> None:
        """Show these; the chosen row stays the chosen one.

        Args:
            checkpoints: the newest first.
            empty: what is said where there are none.
        """
        self._checkpoints, self.empty = checkpoints, empty
        self._lay_out()

    def _lay_out(self) -> None:
        before = self.row
        self.rows = rows_of(self._checkpoints, self._turned, self._clock(), tasks=self.tasks)
        self.virtual_size = Size(self.size.width, max(len(self.rows), 1))
        places = [place for place, row in enumerate(self.rows) if before is not None and row.key == before.key]
        first = next((place for place, row in enumerate(self.rows) if row.checkpoint is not None), 0)
        self.index = places[0] if places else first if self.rows else -1
        if not places:  # another row may stand where the chosen one stood
            self.post_moved()
        self.refresh()

    def on_resize(self) -> None:
        """As wide as there is room."""
        self.virtual_size = Size(self.size.width, max(len(self.rows), 1))

    def post_moved(self) -> None:
        self.post_message(self.Moved())

    def click_row(self, index: int) -> None:
        """Choose it; the chosen one is opened, and a day at once."""
        again = index == self.index
        self.index = index
        if again or self.chosen is None:
            self.action_open()

    def action_open(self) -> None:
        """Look at the checkpoint; open or close the day."""
        if (row := self.row) is None:
            return
        if row.checkpoint is not None:
            self.post_message(self.Opened())
            return
        self._turned ^= {row.key}
        self._lay_out()

    def empty_line(self, y: int) -> str:
        return "" if y else " " * _LEFT + fitted(self.empty, self.size.width - _LEFT)

    def segments(self, line: int, style: StyleOf) -> Iterator[Segment]:
        row = self.rows[line]
        at, of_task, what, files = _columns(self.size.width, tasks=self.tasks)
        fold = row.checkpoint is None
        yield Segment(f"{signs().bar if line == self.index else '':{_LEFT}}", style("bar"))
        yield Segment(_column(row.when, at), style("muted"))
        if of_task:
            yield Segment(_column(row.task, of_task), style("muted"))
        yield Segment(_column(row.what, what), style("muted" if fold else ""))
        yield Segment(fitted(row.files, files), style("muted" if fold else ""))
