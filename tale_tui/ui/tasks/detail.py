"""The lines above the text of a task, as a widget: as high as what it says."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.geometry import Size
from textual.reactive import reactive
from textual.widget import Widget

from tale_tui.formatting.symbols import signs
from tale_tui.ui.tasks.steps import TaskView, head_lines, nothing_yet, passage_key, passages
from tale_tui.ui.tasks.text import TaskText, is_ahead
from tale_tui.ui.widgets.tabs import WordTabs

if TYPE_CHECKING:
    from tale_tui.domain.events import StepDelta, StepReading
    from tale_tui.domain.metrics import CallRecord
    from tale_tui.domain.tasks import Step, Task, TaskDetail


_SHARE = 0.5
"""Of the lines of the pane that it takes at most."""


class TaskHead(Widget):
    """Who a task is, how it goes, and its plan.

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
        self._height = 0

    def show(self, task: Task | None, steps: Sequence[Step], *, doing: str = "", tokens: int = 0) -> None:
        """Show a task as it is now.

        Args:
            task: which; None for none.
            steps: of its plan; empty while they are not known.
            doing: what is going on in the step that runs.
            tokens: of the step that runs.
        """
        self._shown, self._steps, self._doing, self._tokens = task, steps, doing, tokens
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
    """A task. Data comes in by `show_task`, `show_detail`, `stream` and `reading`.

    Args:
        clock: seconds since the epoch.
        monotonic: seconds of a clock that only goes forward.
    """

    DEFAULT_CSS = """
    TaskPane {
        TaskHead { padding: 0 2 1 3; max-width: 105; }
        WordTabs { height: 2; padding: 0 2 1 3; }
    }
    """

    view: reactive[TaskView] = reactive(TaskView.OUTPUT, init=False)
    """What of the task is read."""

    def __init__(
        self, *, clock: Callable[[], float] = time.time, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        super().__init__()
        self.clock = clock
        self.monotonic = monotonic
        self.task_head = TaskHead(clock=clock)
        self.views = WordTabs(tuple(TaskView), "screen.view", gap=3)
        self.text = TaskText(clock=clock, monotonic=monotonic)
        self.shown: Task | None = None
        self.detail: TaskDetail | None = None
        """Of the task that is shown; None while it is not known."""
        self._calls: tuple[CallRecord, ...] = ()
        """Of models for the task that is shown."""
        self._doing = ""
        self._tokens = 0
        self._written: dict[str, list[str]] = {}
        """Of each passage that grows: all that came of it, also while another view is read."""
        self._painted = float("-inf")

    def compose(self) -> ComposeResult:
        """From top to bottom."""
        self.views.current = self.view
        yield self.task_head
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
            self._calls = ()
            self._doing, self._tokens = "", 0
            self._written.clear()
            self.text.empty = empty
            self.text.show((), follow=False, anew=True)
        elif self.detail is not None:
            self.detail = replace(self.detail, task=task)
        if task is not None and task.state != "running":
            self._doing, self._tokens = "", 0
        self.shown = task
        self.views.display = task is not None
        self._show_head()

    def show_detail(self, detail: TaskDetail) -> None:
        """Show all of a task, as it is now."""
        fresh = self.detail is None or self.detail.task.id != detail.task.id
        if fresh and (self.shown is None or self.shown.id != detail.task.id):
            self.show_task(detail.task)
        running = {passage_key(step): step for step in detail.steps if step.state == "running"}
        if running.keys() != self._written.keys():
            self._doing, self._tokens = "", 0
        before, self._written = self._written, {}
        for key, step in running.items():
            came = "".join(before.get(key, []))
            self._written[key] = [came if is_ahead(came, step.text, step.thinking) else step.text]
        self.shown, self.detail = detail.task, detail
        self._show_head()
        self._show_text(anew=fresh)

    def show_calls(self, calls: tuple[CallRecord, ...]) -> None:
        """Show the calls of models for the task that is shown."""
        if calls != self._calls:
            self._calls = calls
            if self.view is TaskView.HISTORY:
                self._show_text(anew=False)

    def stream(self, delta: StepDelta) -> None:
        """More of what a step writes."""
        self._doing, self._tokens = "thinking" if delta.thinking else "writing", delta.tokens
        steps = self.detail.steps if self.detail is not None else ()
        key = next((passage_key(step) for step in steps if step.spec.key == delta.step_key), "")
        if key in self._written and not delta.thinking:
            self._written[key].append(delta.text)
        if self.view is TaskView.OUTPUT:
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
        self.task_head.show(self.shown, steps, doing=self._doing, tokens=self._tokens)

    def _show_text(self, *, anew: bool) -> None:
        detail = self.detail
        if detail is None:
            return
        found = tuple(
            replace(one, text="".join(self._written[one.key])) if one.key in self._written else one
            for one in passages(detail, self.view, self.clock(), self._calls)
        )
        waits = detail.task.state == "running" and not found
        self.text.empty = signs().ellipsis if waits else nothing_yet(detail.task)
        # What is being written is read at its end, all else from its beginning.
        self.text.show(found, follow=detail.task.state == "running" and self.view is TaskView.OUTPUT, anew=anew)
