"""The tasks screen: the list of tasks, the chosen one, and what the engine says of them."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar

from textual import events, on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical
from textual.message import Message
from textual.timer import Timer
from textual.types import CSSPathType
from textual.widgets import Input

from tale_tui.domain.clock import Clock
from tale_tui.domain.errors import TaleError
from tale_tui.domain.events import EngineMoved, RoleChanged, TaskChanged, TasksChanged
from tale_tui.domain.tasks import Step, Task, TaskState
from tale_tui.engine.api import EngineApi
from tale_tui.formatting.units import key_name
from tale_tui.ui.base_screen import BaseScreen
from tale_tui.ui.engine_bridge import Bridge
from tale_tui.ui.keys import KeyPlace
from tale_tui.ui.plans.tree import PlanTree
from tale_tui.ui.tasks.actions import ListActions
from tale_tui.ui.tasks.detail import TaskPane
from tale_tui.ui.tasks.follow import FORECAST_S, TaskFollower
from tale_tui.ui.tasks.list import TaskList
from tale_tui.ui.tasks.list_model import TaskListModel, TaskOrder, TaskTab
from tale_tui.ui.tasks.reader import TaskReader
from tale_tui.ui.tasks.status import TASKS_KEYS, KeySituation, TasksStatus
from tale_tui.ui.tasks.steps import TaskView
from tale_tui.ui.tasks.text import TaskText
from tale_tui.ui.widgets.key_bar import KeyBar
from tale_tui.ui.widgets.line_input import LineInput
from tale_tui.ui.widgets.tabs import WordTabs

NARROW = 100
"""Cells below which the task is shown over the list."""
TICK_S = 1.0

PAINT_AFTER_S = 0.02
"""What changes within this time is painted together."""

QUEUE_AGAIN_S = 1.0
"""The order of what is queued is read again so long after something in it changed."""


class TasksScreen(BaseScreen):
    """All tasks.

    Args:
        bridge: brings the engine and what it says.
        engine: the engine; None while there is none.
        clock: the time; None for the real one.
    """

    CSS_PATH: ClassVar[CSSPathType | None] = "tasks.tcss"
    AUTO_FOCUS = "TaskList"
    BACK = "tasks.back"
    LISTS_TASKS = True
    BINDING_GROUP_TITLE = "Tasks"
    BINDINGS: ClassVar[list[BindingType]] = TASKS_KEYS
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (NARROW, "-wide")]  # noqa: RUF012  (declared so by Textual)
    VERTICAL_BREAKPOINTS = [(0, "-tiny"), (8, "-low"), (18, "-high")]  # noqa: RUF012  (likewise)

    @dataclass
    class Quoted(Message):
        """A text belongs into the prompt of the chat."""

        text: str

    def __init__(self, bridge: Bridge, engine: EngineApi | None, clock: Clock | None = None) -> None:
        super().__init__(id="tasks")
        self._clock = time.time if clock is None else clock.now
        self.filter = LineInput(placeholder="/ filter", id="filter")
        self.tabs = WordTabs(tuple(TaskTab), "screen.tab")
        self.list = TaskList(clock=self._clock)
        self.pane = TaskPane(clock=self._clock, monotonic=time.monotonic if clock is None else clock.monotonic)
        self.bar = KeyBar()
        self.lines = TasksStatus(self, self.title_bar, self.bar)
        self.model = TaskListModel()
        self.follower = TaskFollower(self, self.pane)
        self._bridge = bridge
        self._engine = engine
        self._reader = TaskReader()
        self._wanted = ""
        """The beginning of the id of the task to be shown as soon as tasks are known."""
        self._stale = True
        self._queue_moved = False
        self._rows_moved = False
        self._changed: dict[str, Task] = {}
        self._painting: Timer | None = None
        bridge.subscribe(self)

    @property
    def key_places(self) -> tuple[KeyPlace, ...]:
        """The screen, the list and the text of a task."""
        return (
            ("In the tasks", self.BINDINGS),
            ("In the list", self.list.BINDINGS),
            ("In a plan", self.pane.plan.BINDINGS),
            ("In a task", self.pane.text.BINDINGS),
        )

    def compose(self) -> ComposeResult:
        """From top to bottom."""
        self.title_bar.current = "Tasks"
        self.tabs.current = TaskTab.ALL
        yield self.title_bar
        with Horizontal(id="body"):
            with Vertical(id="left"):
                with Horizontal(id="top"):
                    yield self.filter
                    yield self.tabs
                yield self.list
            yield self.pane
        yield self.notice_line
        yield self.bar

    def on_mount(self) -> None:
        """Say what is so."""
        self.set_interval(TICK_S, self._tick)
        self.set_interval(FORECAST_S, self._look_ahead)
        if self._engine is None and self._bridge.error is not None:
            self._no_engine(self._bridge.error)

    # the engine

    @on(Bridge.Ready)
    def _use_engine(self, event: Bridge.Ready) -> None:
        self._engine = event.engine
        self.model.complaint = ""
        self._stale = True
        self._catch_up()

    @on(Bridge.Failed)
    def _lose_engine(self, event: Bridge.Failed) -> None:
        self._no_engine(event.error)

    def _no_engine(self, error: TaleError) -> None:
        self._engine = self.follower.follow = self.follower.calls_of = self.follower.forecast_of = None
        self.model.complaint = error.sentence
        self.show_tasks(())
        self.refresh_lines()

    @on(Bridge.Happened)
    def _on_event(self, event: Bridge.Happened) -> None:
        match event.fact:
            case TaskChanged(task):
                self.changed(task)
            case TasksChanged() | EngineMoved():
                self._stale = True
                self._catch_up()
            case RoleChanged(status):
                self.lines.role(status)

    @property
    def is_away(self) -> bool:
        """Whether there is no engine, and none is being opened."""
        return self._engine is None and bool(self.model.complaint)

    @on(events.ScreenResume)
    def _catch_up(self) -> None:
        """Show what is so now."""
        if not self.is_shown:
            return
        if self._engine is not None and self._stale:
            self._stale = False
            self.reload()
        else:
            self.paint()
            self.follower.look_at(self.chosen)
        self.refresh_lines()

    @on(events.ScreenSuspend)
    def _rest(self) -> None:
        """Behind another mode nothing is followed; behind a dialog it goes on."""
        if not self.is_shown:
            self.follower.stop()

    @on(TaskPane.PlanForeseen)
    def _same_left(self, event: TaskPane.PlanForeseen) -> None:
        """The list says the same of it."""
        self.list.show_left(event.task_id, event.left)

    def _tick(self) -> None:
        if self.is_current:
            self.list.tick()
            if self.pane.shown is not None and self.pane.shown.state in (TaskState.RUNNING, TaskState.QUEUED):
                self.pane.tick()

    def _look_ahead(self) -> None:
        if self.is_shown and self.pane.shown is not None and self.pane.shown.state is TaskState.RUNNING:
            self.follower.look_ahead()

    # what the actions may ask for

    def quote(self, text: str) -> None:
        """Put a text into the prompt of the chat."""
        self.post_message(self.Quoted(text))

    def changed(self, task: Task) -> None:
        """Take a task as it is now. Many changes that come together are painted together."""
        task = task.foreseen_as(self.model.get(task.id))
        self._reader.told(task)
        self._rows_moved |= self.model.put(task)
        if not self.is_shown:
            return
        self._changed[task.id] = task
        if self._painting is None:
            self._painting = self.set_timer(PAINT_AFTER_S, self._paint_changed)

    def _paint_changed(self) -> None:
        changed, self._changed, self._painting = self._changed, {}, None
        if self._rows_moved:
            self.paint()
        for task in changed.values():
            if not self._rows_moved:
                self.list.put(task)
            self.follower.changed(task)
        self._rows_moved = False
        if not self._queue_moved and any(task.state is TaskState.QUEUED for task in changed.values()):
            # Another one may have been put before it, which its row alone does not tell.
            self._queue_moved = True
            self.set_timer(QUEUE_AGAIN_S, self._queue_again)
        self.refresh_lines()

    def _queue_again(self) -> None:
        self._queue_moved = False
        if self.is_shown and self.model.tally.queued > 1:
            self.line_up()

    def line_up(self) -> None:
        """Read the order of what is queued again, soon. The thousands that have ended are not read for it."""
        if self._engine is not None:
            self.spawn(self._read_queue, self._engine, group="queue", exclusive=True)

    async def _read_queue(self, engine: EngineApi) -> None:
        self.model.line_up(await engine.tasks.list(states=(TaskState.QUEUED,)))
        self.paint()

    def reload(self) -> None:
        """Read all tasks, soon."""
        if self._engine is not None:
            self.spawn(self._load, self._engine, group="load", exclusive=True)

    async def _load(self, engine: EngineApi) -> None:
        tasks = await self._reader.read(engine.tasks.list())
        self.follower.follow = engine.tasks.follow
        self.follower.forecast_of = engine.learning.of_plan
        self.follower.calls_of = lambda task_id: engine.metrics.calls(task_id=task_id)
        self.model.chat_key = key_name(self.key_of("app.chat"))
        self.show_tasks(tasks)
        wanted, self._wanted = self._wanted, ""
        if wanted:
            await self._open(engine, wanted)
        self.follower.look_at(self.chosen)
        self.refresh_lines()
        for status in await engine.models.roles():
            self.lines.role(status)

    def open_task(self, prefix: str) -> None:
        """Choose a task and show it, now or as soon as tasks are known.

        Args:
            prefix: the beginning of its id; empty leaves the choice as it is.
        """
        if prefix and self._engine is not None and self.model.loaded:
            self.spawn(self._open, self._engine, prefix, group="open", exclusive=True)
        else:
            self._wanted = prefix

    async def _open(self, engine: EngineApi, prefix: str) -> None:
        task = await engine.tasks.find(prefix)
        self.model.put(task)
        if not self.list.choose(task.id):
            self.filter.value = ""
            self.show_as(tab=TaskTab.ALL, words="")
        self.paint(task.id)
        self.read()

    # what is shown and what is chosen

    @property
    def chosen(self) -> Task | None:
        """The chosen task, as it is now."""
        task = self.list.row
        return None if task is None else self.model.get(task.id)

    def show_tasks(self, tasks: Iterable[Task]) -> None:
        """Show these tasks in the place of all before."""
        self.model.load(tasks)
        self.paint()

    def show_as(self, *, tab: TaskTab | None = None, words: str | None = None, order: TaskOrder | None = None) -> None:
        """Show other tasks, or in another order; None leaves it."""
        self.model.show(tab=tab, words=words, order=order)
        self.paint()

    def paint(self, chosen: str = "") -> None:
        """Show the rows as they are now, and choose a task where the id of one is given."""
        self.list.empty, self.list.alone = self.model.empty_sentence, not len(self.model)
        self.tabs.current = self.model.tab
        self.list.show(self.model.rows, self.model.id_cells, chosen=chosen)

    def refresh_lines(self) -> None:
        """Look at the first and the last line again."""
        situation = KeySituation(
            task=self.chosen,
            filtering=self.filter.has_focus,
            reading=self.pane.has_focus_within,
            step=self._chosen_step is not None,
            covered=self.has_class("-reading") and self.has_class("-narrow"),
            empty=not len(self.model),
            away=self.is_away,
        )
        self.set_class(situation.empty and (self.model.loaded or bool(self.model.complaint)), "-empty")
        self.lines.refresh(situation, self.model.tally)

    @on(TaskList.Moved)
    def _choose(self, event: TaskList.Moved) -> None:
        self.follower.look_at(event.task)
        self.refresh_lines()

    @on(TaskList.Opened)
    def read(self) -> None:
        """Go to the steps of the chosen task, else to its text; where there is little room they are shown over the
        list."""
        self.add_class("-reading")
        (self.pane.plan if self.pane.plan.display else self.pane.text).focus()

    @on(PlanTree.Opened)
    def _read_step(self) -> None:
        self.pane.text.focus()

    @on(PlanTree.Moved)
    def _step_chosen(self) -> None:
        self.refresh_lines()

    @property
    def _chosen_step(self) -> Step | None:
        """The step that the keys mean; None where they mean the task."""
        row = self.pane.plan.row
        return row.step if row is not None and self.pane.plan.has_focus else None

    @on(events.DescendantFocus)
    def _focus_moved(self) -> None:
        if not self.pane.has_focus_within:
            self.remove_class("-reading")
        self.refresh_lines()

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        event.stop()
        self.show_as(words=event.value)
        self.refresh_lines()

    @on(Input.Submitted)
    def _keep_filter(self, event: Input.Submitted) -> None:
        event.stop()
        self.list.focus()

    @on(TaskText.CopyWanted)
    def _copy_code(self, event: TaskText.CopyWanted) -> None:
        self.copy(event.code, "The code")

    @on(TaskText.LinkChosen)
    def _follow(self, event: TaskText.LinkChosen) -> None:
        # Not needed for the first frame of the screen.
        from tale_tui.ui.dialogs.link import follow

        self.spawn(follow, self, event.url, group="dialog")

    # keys

    def action_back(self) -> None:
        """Close one thing at a time; with nothing left to close, back to the chat."""
        if self.put_notice_away():
            return
        if self.filter.has_focus or (self.list.has_focus and self.model.words):
            self.filter.value = ""
            self.list.focus()
        elif not self.list.has_focus:
            self.list.focus()
        else:
            self.post_message(self.Left())

    def action_filter(self) -> None:
        """To the line of the filter."""
        self.remove_class("-reading")
        self.filter.focus()

    def action_move(self, step: int) -> None:
        """Move the choice while something is typed into the filter."""
        self.list.action_move(step)

    def action_tab(self, name: str) -> None:
        """Show a kind of tasks."""
        self.show_as(tab=TaskTab(name))
        self.refresh_lines()

    def action_step_tab(self, step: int) -> None:
        """Show the kind beside the one that is shown."""
        tabs = tuple(TaskTab)
        self.action_tab(tabs[(tabs.index(self.model.tab) + step) % len(tabs)])

    def action_sort(self) -> None:
        """Sort otherwise, and say how."""
        orders = tuple(TaskOrder)
        order = orders[(orders.index(self.model.order) + 1) % len(orders)]
        self.show_as(order=order)
        self.say(f"Sorted: {order.value}.")

    def action_view(self, name: str) -> None:
        """Read another view of the task."""
        self.pane.view = TaskView(name)

    def action_step_view(self) -> None:
        """Read the next view of the task."""
        views = tuple(TaskView)
        self.pane.view = views[(views.index(self.pane.view) + 1) % len(views)]

    def action_do(self, kind: str) -> None:
        """Do something with the chosen task."""
        task = self.chosen
        if kind == "cancel" and (step := self._chosen_step) is not None and not step.is_over:
            kind = f"skip {step.spec.key}"
        if task is not None and self._engine is not None:
            actions = ListActions(self, self._engine, self.model, self._clock, self.changed, self.line_up, self.quote)
            self.spawn(actions.do, kind, task, group="task")

    def action_again(self) -> None:
        """Read the list again; without an engine, try to get one."""
        if self._engine is None:
            self._bridge.open()
        self.reload()
