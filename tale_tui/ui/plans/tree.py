"""A plan as a tree: a line a step, with what is foreseen of each before it runs, and how far each is while it does."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from rich.cells import cell_len
from rich.segment import Segment
from textual import events
from textual.binding import BindingType
from textual.content import Content
from textual.geometry import Size
from textual.message import Message
from textual.reactive import reactive
from textual.widget import Widget

from tale_tui.domain.forecasts import RUNS_MIN, Estimate
from tale_tui.domain.tasks import Step, StepState
from tale_tui.domain.text import clean_line
from tale_tui.formatting.forecasts import clock_interval, step_words
from tale_tui.formatting.plans import PlanRow, plan_rows
from tale_tui.formatting.symbols import signs
from tale_tui.formatting.units import clock, count, rough_clock
from tale_tui.ui.keys import binding, moving_keys
from tale_tui.ui.text import fitted, padded
from tale_tui.ui.widgets.line_list import LineList, StyleOf

if TYPE_CHECKING:
    from tale_tui.domain.plans import PlanForecast
    from tale_tui.domain.tasks import TaskDetail

ROOMY = 96
"""Cells from which on a line says who does a step, what it waits for and what it writes."""
CHANGED = " *"
"""Behind the title of a step that the user changed."""
STEP_COLOURS = {"waiting": "muted", "working": "task", "done": "success", "wrong": "error", "dash": "muted"}
"""Sign of a step -> its style; those that want somebody to look are not among them."""

_LEFT, _GAP = 2, 2
_NUMBER = 3
_AFTER_MAX, _MODEL_MAX, _WRITES_MAX = 8, 14, 22
_TITLE_MIN = 14
_TITLE_SHARE = 0.45
"""Of a line that says how far a step is: what its title may take."""
_TIME, _SECOND = 6, 8
_FIGURES = 2 + len("  2:31   ~1:30   1.6k of ~2.4k")
"""What stands behind a title that is not too long."""
_FORESEEN = 78
"""Cells from which on the line of a step has what was foreseen of it."""
_WITH_SECOND = 40
"""Cells from which on there is a second figure."""
_WITH_REST = 52
"""Cells from which on the files of a step stand behind its figures."""


def step_sign(step: Step, *, asks: bool = False, ended: bool = False) -> tuple[str, str]:
    """The sign of a step, and the name of its style.

    Args:
        step: as it is now.
        asks: whether it is the user's turn to say whether it may run.
        ended: whether its task has ended, so that it does not run any more.
    """
    match step.state:
        case StepState.RUNNING:
            name = "working"
        case StepState.DONE:
            name = "done"
        case StepState.FAILED:
            name = "wrong"
        case StepState.SKIPPED:
            name = "dash"
        case StepState.PENDING if ended:
            name = "dash"
        case StepState.PENDING:
            if step.next_try is not None:
                return signs().again, "warning"
            if asks and (not step.allowed or step.spec.kind == "approval"):
                return signs().asks, "warning"
            name = "waiting"
    return str(getattr(signs(), name)), STEP_COLOURS[name]


@dataclass(frozen=True, slots=True)
class PlanColumns:
    """The cells of the columns of a plan before it runs; 0 for one that is not there."""

    title: int
    after: int
    model: int
    tokens: int
    time: int
    writes: int
    intervals: bool = True
    """Whether the numbers have intervals, so that they begin at the same edge; else they end there."""

    @classmethod
    def of(cls, rows: Sequence[PlanRow], width: int, runs: int) -> PlanColumns:
        """Divide a line of `width` cells; words go before numbers."""
        roomy = width >= ROOMY
        tokens = _widest(["tokens", *(_tokens(row, runs, interval=roomy) for row in rows)])
        seconds = _widest(["time", *(_seconds(row, runs, interval=roomy) for row in rows)])
        after = min(_widest(["after", *(row.after for row in rows)]), _AFTER_MAX) if roomy else 0
        model = min(_widest(["model", *(row.model for row in rows)]), _MODEL_MAX) if roomy else 0
        writes = min(_widest(["writes", *(row.gives for row in rows)]), _WRITES_MAX) if roomy else 0
        behind = sum(cells + _GAP for cells in (after, model, tokens, seconds, writes) if cells)
        title = max(width - _LEFT - 2 - _NUMBER - _GAP - behind - 1, _TITLE_MIN)
        return cls(title, after, model, tokens, seconds, writes, roomy)

    def line(self, words: Sequence[str]) -> str:
        """What stands behind the title: after, model, tokens, time, writes."""
        cells = (self.after, self.model, self.tokens, self.time, self.writes)
        shown = [
            padded(word, room) if self.intervals else f"{word:>{room}}"
            for word, room in zip(words, cells, strict=True)
            if room
        ]
        return "".join(" " * _GAP + word for word in shown)


def _widest(words: Sequence[str]) -> int:
    return max(map(cell_len, words))


def _tokens(row: PlanRow, runs: int, *, interval: bool) -> str:
    """`600 (400–900)`, or what was written of a step that is over."""
    if row.foreseen is None or row.step.is_over:
        return row.tokens.removesuffix(" tok")
    return _estimate(row.foreseen.tokens, count, runs, interval=interval)


def _seconds(row: PlanRow, runs: int, *, interval: bool) -> str:
    if row.foreseen is None or row.step.is_over:
        return row.time
    seconds = row.foreseen.seconds
    middle = rough_clock(seconds.middle)
    return f"{middle} {clock_interval(seconds)}" if interval and runs >= RUNS_MIN else middle


def _estimate(number: Estimate, words: Callable[[float], str], runs: int, *, interval: bool) -> str:
    middle = words(number.middle)
    if not interval or runs < RUNS_MIN:
        return middle
    return f"{middle} ({words(number.low)}{signs().dash}{words(number.high)})"


def plan_segments(
    row: PlanRow, columns: PlanColumns, runs: int, style: StyleOf, *, chosen: bool, changed: bool
) -> Iterator[Segment]:
    """The line of a step before it runs.

    Args:
        row: which.
        columns: of the list.
        runs: from which its forecast is made.
        style: gives styles.
        chosen: whether it has the bar.
        changed: whether the user changed it.
    """
    yield Segment(signs().bar + " ", style("bar")) if chosen else Segment(" " * _LEFT)
    step = row.step
    if step.is_over:
        sign, name = step_sign(step)
    else:
        sign, name = (signs().asks, "warning") if step.spec.goes_outside else (" ", "")
    yield Segment(f"{sign} ", style(name))
    yield Segment(f"{row.number:>{_NUMBER}}" + " " * _GAP, style("muted"))
    mark = CHANGED if changed else ""
    yield from _title(row, columns.title, style, quiet=step.is_over, mark=mark)
    words = (
        row.after,
        row.model,
        _tokens(row, runs, interval=columns.intervals),
        _seconds(row, runs, interval=columns.intervals),
        row.gives or (row.state if step.is_over else ""),
    )
    yield Segment(columns.line([clean_line(word) for word in words]), style("muted"))


def _title(row: PlanRow, cells: int, style: StyleOf, *, quiet: bool, mark: str = "") -> Iterator[Segment]:
    branch = fitted(row.branch, cells)
    yield Segment(branch, style("muted"))
    room = cells - cell_len(branch)
    title = fitted(clean_line(row.step.spec.title or row.step.spec.key), room - len(mark))
    yield Segment(title, style("muted" if quiet else ""))
    yield Segment(mark, style("accent"))
    yield Segment(" " * max(room - cell_len(title) - len(mark), 0))


def progress_segments(
    row: PlanRow, now: float, tokens: int, width: int, style: StyleOf, *, chosen: bool, asks: bool, ended: bool
) -> Iterator[Segment]:
    """The line of a step of a plan that is carried out: its sign, how long, how much, its files; else where it is.

    Args:
        row: which.
        now: the present, in seconds since the epoch.
        tokens: that it has written so far, as they were counted; 0 where that is not known.
        width: cells of the list.
        style: gives styles.
        chosen: whether it has the bar.
        asks: whether the task waits for a yes.
        ended: whether it has ended.
    """
    step = row.step
    yield Segment(signs().bar + " ", style("bar")) if chosen else Segment(" " * _LEFT)
    sign, name = step_sign(step, asks=asks, ended=ended)
    yield Segment(f"{sign} ", style(name))
    yield Segment(f"{row.number:>{_NUMBER}}" + " " * _GAP, style("muted"))
    room = width - _LEFT - 2 - _NUMBER - _GAP - 1
    figures = _figures(row, now, tokens, width)
    title = max(min(int(room * _TITLE_SHARE), max(room - _FIGURES, 0)), min(room, _TITLE_MIN))
    quiet = step.state in (StepState.PENDING, StepState.SKIPPED)
    yield from _title(row, title, style, quiet=quiet)
    loud = "error" if step.state is StepState.FAILED else "warning" if name == "warning" else "muted"
    yield Segment(padded(f"  {figures}", room - title), style(loud))


def _figures(row: PlanRow, now: float, tokens: int, width: int) -> str:
    step, foreseen = row.step, row.foreseen
    written = tokens or (step.usage.completion_tokens if step.usage else 0) or 0
    again = f"try {step.attempts}" if step.attempts > 1 else ""
    match step.state:
        case StepState.DONE:
            figures = f"{row.time:>{_TIME}}"
            if width >= _WITH_SECOND:
                figures += f"{count(written) if written else '':>{_SECOND}}"
            rest = [clean_line(row.gives), again]
            if width >= _FORESEEN and step.foreseen is not None:
                rest.append(step_words(step.foreseen))
            return f"{figures}   {'  '.join(filter(None, rest))}" if width >= _WITH_REST else figures
        case StepState.RUNNING:
            ran = max(now - step.started, 0.0) if step.started is not None else 0.0
            figures = f"{clock(ran):>{_TIME}}"
            left = foreseen.seconds.middle - ran if foreseen is not None else 0.0
            if width >= _WITH_SECOND:
                figures += f"{f'~{rough_clock(left)}' if left > 0 else '':>{_SECOND}}"
            whole = f"{count(written)} of ~{count(foreseen.tokens.middle)}" if foreseen else f"{count(written)} tok"
            return f"{figures}   {whole if written or foreseen else ''}  {again}".rstrip()
        case StepState.PENDING if row.state == "waiting" and foreseen is not None:
            seconds = f"~{rough_clock(foreseen.seconds.middle)}"
            return f"{seconds:>{_TIME}}{f'~{count(foreseen.tokens.middle)}':>{_SECOND}}"
        case StepState.PENDING | StepState.FAILED | StepState.SKIPPED:
            return clean_line(row.state)


class PlanHeading(Widget):
    """The names of the columns of a plan before it runs."""

    ALLOW_SELECT = False
    DEFAULT_CSS = """
    PlanHeading { height: 1; width: 1fr; }
    """

    columns: reactive[PlanColumns] = reactive(PlanColumns(_TITLE_MIN, 0, 0, 0, 0, 0))

    def render(self) -> Content:
        columns = self.columns
        left = " " * (_LEFT + 2) + f"{'#':>{_NUMBER}}" + " " * _GAP + padded("step", columns.title)
        return Content(left + columns.line(("after", "model", "tokens", "time", "writes"))).stylize("$muted")


class PlanTree(LineList[PlanRow]):
    """A line for each step; `Moved` and `Opened` go out.

    Args:
        clock: seconds since the epoch.
    """

    BINDING_GROUP_TITLE = "In a plan"
    DEFAULT_CSS = """
    PlanTree {
        height: auto;
        .line-list--cursor { background: $surface; }
        &:focus .line-list--cursor { background: $panel; }
        &:ansi:focus .line-list--cursor { text-style: reverse; }
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        *moving_keys("plan", "step"),
        binding("plan.open", "enter", "open", "Step", "Read what the chosen step writes"),
    ]

    @dataclass
    class Moved(Message):
        """Another step was chosen by the user."""

        key: str

    @dataclass
    class Opened(Message):
        """What a step writes is to be read."""

        key: str

    def __init__(self, *, clock: Callable[[], float] = time.time) -> None:
        super().__init__()
        self.clock = clock
        self.progress = True
        """Whether it says how far each step is; else what is foreseen of it."""
        self._detail: TaskDetail | None = None
        self._forecast: PlanForecast | None = None
        self._changed: Collection[str] = ()
        self._tokens: Mapping[str, int] = {}
        self._quiet = False
        self.heading = PlanHeading()
        """Who shows the tree shows it above, where it says what is foreseen."""

    # what is shown

    def show(
        self,
        detail: TaskDetail | None,
        forecast: PlanForecast | None,
        *,
        chosen: str | None = None,
        changed: Collection[str] = (),
        tokens: Mapping[str, int] | None = None,
    ) -> None:
        """Show the plan of a task.

        Args:
            detail: the task; None for none.
            forecast: what is foreseen of its steps.
            chosen: the key of the step to choose; None keeps the one that is.
            changed: keys of steps that the user changed.
            tokens: of the steps that run, as they were counted.
        """
        before = self.key
        self._detail, self._forecast, self._changed, self._tokens = detail, forecast, changed, tokens or {}
        self.rows = plan_rows(detail, forecast, self.clock()) if detail is not None else ()
        keys = [row.step.spec.key for row in self.rows]
        wanted = before if chosen is None else chosen
        place = keys.index(wanted) if wanted in keys else min(max(self.index, 0), len(keys) - 1)
        self._quiet = True  # that another plan is shown is no choice of the user
        self.index = place
        self._quiet = False
        height = max(len(self.rows), 1)
        layout = height != self.virtual_size.height
        self.virtual_size = Size(self.size.width, height)
        self._lay_out(self.size.width)
        self.refresh(layout=layout)

    def tick(self, tokens: Mapping[str, int] | None = None) -> None:
        """Tell the times anew."""
        self.show(
            self._detail, self._forecast, changed=self._changed, tokens=self._tokens if tokens is None else tokens
        )

    @property
    def key(self) -> str:
        """Of the chosen step; empty where there is none."""
        return self.row.step.spec.key if self.row is not None else ""

    @property
    def _runs(self) -> int:
        return self._forecast.runs if self._forecast is not None else 0

    def _lay_out(self, width: int) -> None:
        if self.rows:
            self.heading.columns = PlanColumns.of(self.rows, width, self._runs)

    def on_resize(self, event: events.Resize) -> None:
        """Divide the lines anew, and keep the chosen one in sight."""
        self.virtual_size = Size(event.size.width, max(len(self.rows), 1))
        self._lay_out(event.size.width)
        self.reach()

    # keys and the pointer

    def post_moved(self) -> None:
        if not self._quiet:
            self.post_message(self.Moved(self.key))

    def action_open(self) -> None:
        if self.key:
            self.post_message(self.Opened(self.key))

    def segments(self, line: int, style: StyleOf) -> Iterator[Segment]:
        row, width, chosen = self.rows[line], self.size.width, line == self.index
        if self.progress:
            key = row.step.spec.key
            asks = self._detail is not None and self._detail.task.state == "waiting"
            ended = self._detail is not None and not self._detail.task.is_open
            tokens = self._tokens.get(key, 0)
            return progress_segments(row, self.clock(), tokens, width, style, chosen=chosen, asks=asks, ended=ended)
        changed = row.step.spec.key in self._changed
        columns = self.heading.columns
        return plan_segments(row, columns, self._runs, style, chosen=chosen, changed=changed)
