"""What the tasks screen consists of, and moving about in it: all that needs no engine."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from typing import ClassVar

from textual import events, on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical
from textual.message import Message
from textual.screen import Screen
from textual.types import CSSPathType
from textual.widgets import Input
from textual.worker import Worker

from tale_tui.ui.screens.task_book import Order, Tab
from tale_tui.ui.screens.task_follow import TaskFollower
from tale_tui.ui.screens.task_shelf import TaskShelf
from tale_tui.ui.screens.tasks_keys import TASKS_KEYS, Situation
from tale_tui.ui.screens.tasks_lines import TasksLines
from tale_tui.ui.signs import ASCII, signs
from tale_tui.ui.widgets.entry import Entry
from tale_tui.ui.widgets.key_bar import KeyBar
from tale_tui.ui.widgets.notice_bar import Severity
from tale_tui.ui.widgets.task_list import TaskList
from tale_tui.ui.widgets.task_pane import TaskPane
from tale_tui.ui.widgets.task_passages import TaskView
from tale_tui.ui.widgets.task_text import TaskText
from tale_tui.ui.widgets.title_bar import TitleBar
from tale_tui.ui.widgets.word_tabs import WordTabs
from tale_tui.ui.workers import Args, Work

NARROW = 100
"""Cells below which the task is shown over the list."""


class TasksFrame(Screen[None]):
    """The list of tasks, the chosen one, and the lines around them.

    Args:
        clock: seconds since the epoch.
        monotonic: seconds of a clock that only goes forward.
    """

    CSS_PATH: ClassVar[CSSPathType | None] = "tasks.tcss"
    AUTO_FOCUS = "TaskList"
    BINDING_GROUP_TITLE = "Tasks"
    BINDINGS: ClassVar[list[BindingType]] = TASKS_KEYS
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (NARROW, "-wide")]  # noqa: RUF012  (declared so by Textual)
    VERTICAL_BREAKPOINTS = [(0, "-tiny"), (8, "-low"), (18, "-high")]  # noqa: RUF012  (likewise)

    class Left(Message, namespace="tasks_screen"):
        """The user wants to go back to the chat."""

    def __init__(self, clock: Callable[[], float], monotonic: Callable[[], float]) -> None:
        super().__init__(id="tasks", classes="-ascii" if signs() is ASCII else "")
        self.title_bar = TitleBar()
        self.filter = Entry(placeholder="/ filter", id="filter")
        self.tabs = WordTabs(tuple(Tab), "screen.tab")
        self.list = TaskList(clock=clock)
        self.pane = TaskPane(clock=clock, monotonic=monotonic)
        self.bar = KeyBar()
        self.lines = TasksLines(self, self.title_bar, self.bar)
        self.shelf = TaskShelf(self.list, self.tabs)
        self.follower = TaskFollower(self, self.pane, self.spawn)

    def compose(self) -> ComposeResult:
        """From top to bottom."""
        self.title_bar.current = "Tasks"
        self.tabs.current = Tab.ALL
        yield self.title_bar
        with Horizontal(id="body"):
            with Vertical(id="left"):
                with Horizontal(id="top"):
                    yield self.filter
                    yield self.tabs
                yield self.list
            yield self.pane
        yield self.bar

    @property
    @abstractmethod
    def is_away(self) -> bool:
        """Whether there is no engine, and none is being opened."""

    @abstractmethod
    def spawn(self, function: Work[*Args], *args: *Args, group: str) -> Worker[None]:
        """Do `function(*args)` in a worker, in the place of the one of its group before; what goes wrong is told."""

    def say(self, sentence: str, *, title: str = "", severity: Severity = "information") -> None:
        """Tell the user something that goes by itself. Safe text."""
        self.app.notify(sentence, title=title, severity=severity, markup=False)

    # what is chosen

    def refresh_lines(self) -> None:
        """Look at the first and the last line again."""
        situation = Situation(
            task=self.shelf.task,
            filtering=self.filter.has_focus,
            reading=self.pane.text.has_focus,
            covered=self.has_class("-reading") and self.has_class("-narrow"),
            empty=not len(self.shelf.book),
            away=self.is_away,
        )
        self.set_class(situation.empty and (self.shelf.loaded or bool(self.shelf.complaint)), "-empty")
        self.lines.refresh(situation, self.shelf.book.tally)

    @on(TaskList.Moved)
    def _choose(self, event: TaskList.Moved) -> None:
        self.follower.look_at(event.task)
        self.refresh_lines()

    @on(TaskList.Opened)
    def read(self) -> None:
        """Go to the text of the chosen task; where there is little room it is shown over the list."""
        self.add_class("-reading")
        self.pane.text.focus()

    @on(events.DescendantFocus)
    def _focus_moved(self) -> None:
        if not self.pane.text.has_focus:
            self.remove_class("-reading")
        self.refresh_lines()

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        event.stop()
        self.shelf.show(words=event.value)
        self.refresh_lines()

    @on(Input.Submitted)
    def _keep_filter(self, event: Input.Submitted) -> None:
        event.stop()
        self.list.focus()

    @on(TaskText.CopyWanted)
    def _copy_code(self, event: TaskText.CopyWanted) -> None:
        self.app.copy_to_clipboard(event.code)
        self.say("The code was copied.")

    # keys

    def action_back(self) -> None:
        """Close one thing at a time; with nothing left to close, back to the chat."""
        if self.filter.has_focus or (self.list.has_focus and self.shelf.book.words):
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
        self.shelf.show(tab=Tab(name))
        self.refresh_lines()

    def action_step_tab(self, step: int) -> None:
        """Show the kind beside the one that is shown."""
        tabs = tuple(Tab)
        self.action_tab(tabs[(tabs.index(self.shelf.book.tab) + step) % len(tabs)])

    def action_sort(self) -> None:
        """Sort otherwise, and say how."""
        orders = tuple(Order)
        order = orders[(orders.index(self.shelf.book.order) + 1) % len(orders)]
        self.shelf.show(order=order)
        self.say(f"Sorted: {order.value}.")

    def action_view(self, name: str) -> None:
        """Read another view of the task."""
        self.pane.view = TaskView(name)

    def action_step_view(self) -> None:
        """Read the next view of the task."""
        views = tuple(TaskView)
        self.pane.view = views[(views.index(self.pane.view) + 1) % len(views)]
