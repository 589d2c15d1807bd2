"""The lines above the text of a task, as a widget: as high as what it says."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from textual import on
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.geometry import Size
from textual.message import Message
from textual.reactive import reactive
from textual.widget import Widget

from tale_tui.formatting.plans import numbered
from tale_tui.formatting.symbols import signs
from tale_tui.ui.plans.tree import PlanTree
from tale_tui.ui.tasks.steps import TaskView, head_lines, is_plan, nothing_yet, passage_key, passages
from tale_tui.ui.tasks.text import TaskText, is_ahead
from tale_tui.ui.widgets.tabs import WordTabs

if TYPE_CHECKING:
    from tale_tui.domain.events import StepDelta, StepReading
    from tale_tui.domain.metrics import CallRecord
    from tale_tui.domain.plans import PlanForecast
    from tale_tui.domain.tasks import Step, Task, TaskDetail


_SHARE = 0.5
"""Of the lines of the pane that it takes at most."""


class TaskHead(Widget):
    """Who a task is, and how it goes.

    Args:
        clock: seconds since the epoch.
    """

    ALLOW_SELECT = False
    auto_links = False
    DEFAULT_CSS = """
    TaskHead { height: auto; width: 1fr; }
    """

    def __init__(self, *, clock: Callable[[], float] = time.time) -> None:
        super().__init__()
        self.clock = clock
        self._shown: Task | None = None
        self._steps: Sequence[Step] = ()
        self._doing = ""
        self._tokens = 0
        self._plan: PlanForecast | None = None
        self._height = 0

    def show(
        self,
        task: Task | None,
        steps: Sequence[Step],
        *,
        doing: str = "",
        tokens: int = 0,
        plan: PlanForecast | None = None,
    ) -> None:
        """Show a task as it is now.

        Args:
            task: which; None for none.
            steps: of its plan; empty while they are not known.
            doing: what is going on in the step that runs.
            tokens: of the steps that run.
            plan: what is foreseen of them; None while that is not known.
        """
        self._shown, self._steps, self._doing, self._tokens, self._plan = task, steps, doing, tokens, plan
        self.tick()

    def tick(self) -> None:
        """Tell the times anew; a layout only where there are more lines than before, or fewer."""
        height = len(self._lines(self.size.width or self.container_size.width))
        self.refresh(layout=height != self._height)

    def _lines(self, width: int) -> list[Content]:
        if self._shown is None or width <= 0:
            return []
        parent = self.parent
        room = parent.size.height if isinstance(parent, Widget) else 0
        return head_lines(
            self._shown,
            self._steps,
            self.clock(),
            width,
            max(int(room * _SHARE), 1),
            doing=self._doing,
            tokens=self._tokens,
            plan=self._plan,
        )

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        """As many lines as there are."""
        self._height = len(self._lines(width))
        return self._height

    def render(self) -> Content:
        """All of them."""
        return Content("\n").join(self._lines(self.size.width))


HEAD_INTERVAL_S = 0.25
"""Between two paints of the numbers above a text that grows."""


class TaskPane(Vertical):
    """A task. Data comes in by `show_task`, `show_detail`, `show_forecast`, `stream` and `reading`.

    Args:
        clock: seconds since the epoch.
        monotonic: seconds of a clock that only goes forward.
    """

    DEFAULT_CSS = """
    TaskPane {
        TaskHead { padding: 0 2 1 3; max-width: 105; }
        PlanTree { margin: 0 1 1 1; max-width: 105; max-height: 50%; }
        WordTabs { height: 2; padding: 0 2 1 3; }
    }
    """

    @dataclass
    class PlanForeseen(Message):
        """How long the plan that is shown still takes is another time now."""

        task_id: str
        """Empty where nothing is foreseen of what is shown."""
        left: float
        """Seconds; 0 where that is not said."""

    view: reactive[TaskView] = reactive(TaskView.OUTPUT, init=False)
    """What of the task is read."""

    def __init__(
        self, *, clock: Callable[[], float] = time.time, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        super().__init__()
        self.clock = clock
        self.monotonic = monotonic
        self.task_head = TaskHead(clock=clock)
        self.plan = PlanTree(clock=clock)
        self.plan.display = False
        self.views = WordTabs(tuple(TaskView), "screen.view", gap=3)
        self.text = TaskText(clock=clock, monotonic=monotonic)
        self.shown: Task | None = None
        self.detail: TaskDetail | None = None
        """Of the task that is shown; None while it is not known."""
        self._calls: tuple[CallRecord, ...] = ()
        """Of models for the task that is shown."""
        self._forecast: PlanForecast | None = None
        self._step = ""
        """The key of the step that the user chose; empty where that is nobody's choice."""
        self._doing = ""
        self._tokens: dict[str, int] = {}
        """Of the steps that run, as they were counted."""
        self._written: dict[str, list[str]] = {}
        """Of each passage that grows: all that came of it, also while another view is read."""
        self._painted = float("-inf")

    def compose(self) -> ComposeResult:
        """From top to bottom."""
        self.views.current = self.view
        yield self.task_head
        yield self.plan
        yield self.views
        yield self.text

    def show_task(self, task: Task | None, *, empty: str = "") -> None:
        """Show a task as far as a list knows it; what is known of it besides stays.

        Args:
            task: which; None for none.
            empty: what is said where there is none.
        """
        if task is None or self.shown is None or task.id != self.shown.id:
            self.detail = None
            self._calls, self._forecast, self._step = (), None, ""
            self._forget_pace()
            self._tell_left()
            self._written.clear()
            self.text.empty = empty
            self.text.show((), follow=False, anew=True)
        elif self.detail is not None:
            self.detail = replace(self.detail, task=task)
        if task is not None and task.state != "running":
            self._forget_pace()
        self.shown = task
        self.views.display = task is not None
        self._show_head()

    def show_detail(self, detail: TaskDetail) -> None:
        """Show all of a task, as it is now."""
        fresh = self.detail is None or self.detail.task.id != detail.task.id
        if fresh and (self.shown is None or self.shown.id != detail.task.id):
            self.show_task(detail.task)
        elif self.shown is not None:  # it is told of every change, and this was read a moment ago
            detail = replace(detail, task=self.shown)
        running = {passage_key(step): step for step in detail.steps if step.state == "running"}
        if running.keys() != self._written.keys():
            self._doing = ""
            self._tokens = {step.spec.key: self._tokens.get(step.spec.key, 0) for step in running.values()}
        before, self._written = self._written, {}
        for key, step in running.items():
            came = "".join(before.get(key, []))
            self._written[key] = [came if is_ahead(came, step.text, step.thinking) else step.text]
        self.shown, self.detail = detail.task, detail
        self._show_head()
        self._show_text(anew=fresh)

    def show_forecast(self, forecast: PlanForecast | None) -> None:
        """Show what is foreseen of the steps of the task that is shown."""
        self._forecast = forecast
        self._show_head()
        self._tell_left()

    def _tell_left(self) -> None:
        if self.shown is None or self._forecast is None or not is_plan_of(self.detail):
            self.post_message(self.PlanForeseen("", 0.0))
        else:
            self.post_message(self.PlanForeseen(self.shown.id, self._forecast.left.middle))

    def _forget_pace(self) -> None:
        self._doing, self._tokens = "", {}

    @property
    def step(self) -> str:
        """The key of the step that is read: the one that the user chose, else one that runs; empty for all."""
        steps = numbered(self.detail) if self.detail is not None else ()
        if not is_plan_of(self.detail):
            return ""
        chosen = [step.spec.key for step in steps if step.spec.key == self._step]
        return next(iter([*chosen, *(step.spec.key for step in steps if step.state == "running")]), "")

    @on(PlanTree.Moved)
    def _choose_step(self, event: PlanTree.Moved) -> None:
        """Read what another step writes."""
        event.stop()
        self._step = event.key
        self._show_text(anew=True)

    def show_calls(self, calls: tuple[CallRecord, ...]) -> None:
        """Show the calls of models for the task that is shown."""
        if calls != self._calls:
            self._calls = calls
            if self.view is TaskView.HISTORY:
                self._show_text(anew=False)

    def stream(self, delta: StepDelta) -> None:
        """More of what a step writes."""
        self._doing = "thinking" if delta.thinking else "writing"
        self._tokens[delta.step_key] = delta.tokens
        steps = self.detail.steps if self.detail is not None else ()
        step = next((step for step in steps if step.spec.key == delta.step_key), None)
        key = passage_key(step) if step is not None else ""
        if key in self._written and not delta.thinking:
            self._written[key].append(delta.text)
        if self.view is TaskView.OUTPUT:
            if step is not None and step.spec.kind == "plan" and not delta.thinking:
                self._show_text(anew=False)
            else:
                self.text.stream(key, delta.text, thinking=delta.thinking)
        self._show_head_soon()

    def reading(self, event: StepReading) -> None:
        """How far the model is with what it was asked."""
        self._doing = f"reading {event.done} of {event.total} tokens" if event.total else "loading the model"
        self._show_head_soon()

    def tick(self) -> None:
        """Tell the times anew."""
        self._show_head()

    def watch_view(self) -> None:
        """Show another view."""
        self.views.current = self.view
        self._show_text(anew=True)

    def _show_head_soon(self) -> None:
        if self.monotonic() - self._painted >= HEAD_INTERVAL_S:
            self._show_head()

    def _show_head(self) -> None:
        self._painted = self.monotonic()
        steps = self.detail.steps if self.detail is not None else ()
        tokens = sum(self._tokens.values())
        self.task_head.show(self.shown, steps, doing=self._doing, tokens=tokens, plan=self._forecast)
        self.plan.display = is_plan_of(self.detail)
        if self.plan.display and self.detail is not None:
            now = next((step.spec.key for step in numbered(self.detail) if not step.is_over), None)
            chosen = None if self._step else self.step or now
            self.plan.show(self.detail, self._forecast, chosen=chosen, tokens=self._tokens)

    def _as_written(self, detail: TaskDetail) -> TaskDetail:
        """A task with what came of the steps that run since it was read."""
        steps = (
            replace(step, text="".join(self._written[passage_key(step)]))
            if passage_key(step) in self._written
            else step
            for step in detail.steps
        )
        return replace(detail, steps=tuple(steps))

    def _show_text(self, *, anew: bool) -> None:
        if self.detail is None:
            return
        detail = self._as_written(self.detail)
        found = passages(detail, self.view, self.clock(), self._calls, self.step)
        waits = detail.task.state == "running" and not found
        self.text.empty = signs().ellipsis if waits else nothing_yet(detail.task)
        # What is being written is read at its end, all else from its beginning.
        self.text.show(found, follow=detail.task.state == "running" and self.view is TaskView.OUTPUT, anew=anew)


def is_plan_of(detail: TaskDetail | None) -> bool:
    """Whether a task is known and shown as a tree of steps."""
    return detail is not None and is_plan(detail.task, detail.steps)
