"""The tasks screen: all tasks at the left, what the chosen one means at the right, live."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

from textual import events, on
from textual.message import Message
from textual.screen import ModalScreen
from textual.timer import Timer
from textual.worker import Worker

from tale_tui.engine.api import EngineApi
from tale_tui.engine.errors import TaleError
from tale_tui.engine.events import EngineMoved, RoleChanged, TaskChanged, TasksChanged
from tale_tui.engine.task_types import Task, TaskState
from tale_tui.engine.world import World
from tale_tui.ui.bridge import Bridge
from tale_tui.ui.screens.task_book import Tab
from tale_tui.ui.screens.task_desk import TaskDesk
from tale_tui.ui.screens.tasks_frame import TasksFrame
from tale_tui.ui.words import key_name
from tale_tui.ui.workers import Args, Work, spawn

T = TypeVar("T")

TICK_S = 1.0
PAINT_AFTER_S = 0.02
"""What changes within this time is painted together."""
QUEUE_AGAIN_S = 1.0
"""The order of what is queued is read again so long after something in it changed."""


class TasksScreen(TasksFrame):
    """All tasks.

    Args:
        bridge: brings the engine and what it says.
        engine: the engine; None while there is none.
        world: the clocks; None for the real ones.
    """

    @dataclass
    class Quoted(Message):
        """A text belongs into the prompt of the chat."""

        text: str

    def __init__(self, bridge: Bridge, engine: EngineApi | None, world: World | None = None) -> None:
        self._clock = time.time if world is None else world.now
        super().__init__(self._clock, time.monotonic if world is None else world.monotonic)
        self._bridge = bridge
        self._engine = engine
        self._wanted = ""
        """The beginning of the id of the task to be shown as soon as tasks are known."""
        self._stale = True
        self._queue_moved = False
        self._rows_moved = False
        self._changed: dict[str, Task] = {}
        self._painting: Timer | None = None
        bridge.tell(self)

    def on_mount(self) -> None:
        """Say what is so."""
        self.set_interval(TICK_S, self._tick)
        if self._engine is None and self._bridge.error is not None:
            self._no_engine(self._bridge.error)

    # the engine

    @on(Bridge.Ready)
    def _use_engine(self, event: Bridge.Ready) -> None:
        self._engine = event.engine
        self.shelf.complaint = ""
        self._stale = True
        self._catch_up()

    @on(Bridge.Failed)
    def _lose_engine(self, event: Bridge.Failed) -> None:
        self._no_engine(event.error)

    def _no_engine(self, error: TaleError) -> None:
        self._engine = self.follower.follow = None
        self.shelf.complaint = error.sentence
        self.shelf.load(())
        self.refresh_lines()

    @on(Bridge.Happened)
    def _hear(self, event: Bridge.Happened) -> None:
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
        """See `TasksFrame.is_away`."""
        return self._engine is None and bool(self.shelf.complaint)

    @property
    def is_shown(self) -> bool:
        """Whether this is the screen of the mode that is on, perhaps below a dialog."""
        return self.is_attached and self.app.screen_stack[0] is self

    @on(events.ScreenResume)
    def _catch_up(self) -> None:
        """Show what is so now."""
        if not self.is_shown:
            return
        if self._engine is not None and self._stale:
            self._stale = False
            self.reload()
        else:
            self.shelf.paint()
            self.follower.look_at(self.shelf.task)
        self.refresh_lines()

    @on(events.ScreenSuspend)
    def _rest(self) -> None:
        """Behind another mode nothing is followed; behind a dialog it goes on."""
        if not self.is_shown:
            self.follower.stop()

    def _tick(self) -> None:
        if self.is_current:
            self.list.tick()
            if self.pane.shown is not None and self.pane.shown.state in (TaskState.RUNNING, TaskState.QUEUED):
                self.pane.tick()

    # what the desk may ask for

    async def ask(self, dialog: ModalScreen[T]) -> T | None:
        """See `DeskHost.ask`."""
        return await self.app.push_screen_wait(dialog)

    def quote(self, text: str) -> None:
        """See `DeskHost.quote`."""
        self.post_message(self.Quoted(text))

    def changed(self, task: Task) -> None:
        """See `DeskHost.changed`. Many changes that come together are painted together."""
        self._rows_moved |= self.shelf.put(task)
        if not self.is_shown:
            return
        self._changed[task.id] = task
        if self._painting is None:
            self._painting = self.set_timer(PAINT_AFTER_S, self._paint_changed)

    def _paint_changed(self) -> None:
        changed, self._changed, self._painting = self._changed, {}, None
        if self._rows_moved:
            self.shelf.paint()
        for task in changed.values():
            if not self._rows_moved:
                self.shelf.paint_row(task)
            self.follower.changed(task)
        self._rows_moved = False
        if not self._queue_moved and any(task.state is TaskState.QUEUED for task in changed.values()):
            # Another one may have been put before it, which its row alone does not tell.
            self._queue_moved = True
            self.set_timer(QUEUE_AGAIN_S, self._queue_again)
        self.refresh_lines()

    def _queue_again(self) -> None:
        self._queue_moved = False
        if self.is_shown and self.shelf.book.tally.queued > 1:
            self.line_up()

    def line_up(self) -> None:
        """See `DeskHost.line_up`. The thousands that have ended are not read for it."""
        if self._engine is not None:
            self.spawn(self._read_queue, self._engine, group="queue")

    async def _read_queue(self, engine: EngineApi) -> None:
        self.shelf.line_up(await engine.tasks.list(states=(TaskState.QUEUED,)))

    def reload(self) -> None:
        """Read all tasks, soon."""
        if self._engine is not None:
            self.spawn(self._load, self._engine, group="load")

    async def _load(self, engine: EngineApi) -> None:
        tasks = await engine.tasks.list()
        self.follower.follow = engine.tasks.follow
        self.shelf.chat_key = key_name(self.lines.keys().get("app.chat", ""))
        self.shelf.load(tasks)
        wanted, self._wanted = self._wanted, ""
        if wanted:
            await self._open(engine, wanted)
        self.follower.look_at(self.shelf.task)
        self.refresh_lines()
        for status in await engine.models.roles():
            self.lines.role(status)

    def spawn(self, function: Work[*Args], *args: *Args, group: str) -> Worker[None]:
        """See `TasksFrame.spawn`; what is done to tasks goes on side by side."""
        return spawn(self, self._telling, function, *args, group=group, exclusive=group != "task")

    @contextmanager
    def _telling(self) -> Iterator[None]:
        try:
            yield
        except TaleError as error:
            self.say(error.sentence, title=error.title, severity="error")

    def open_task(self, prefix: str) -> None:
        """Choose a task and show it, now or as soon as tasks are known.

        Args:
            prefix: the beginning of its id; empty leaves the choice as it is.
        """
        if prefix and self._engine is not None and self.shelf.loaded:
            self.spawn(self._open, self._engine, prefix, group="open")
        else:
            self._wanted = prefix

    async def _open(self, engine: EngineApi, prefix: str) -> None:
        task = await engine.tasks.find(prefix)
        self.shelf.book.put(task)
        if not self.list.choose(task.id):
            self.filter.value = ""
            self.shelf.show(tab=Tab.ALL, words="")
        self.shelf.paint(task.id)
        self.read()

    # keys

    def action_do(self, kind: str) -> None:
        """Do something with the chosen task."""
        task = self.shelf.task
        if task is not None and self._engine is not None:
            desk = TaskDesk(self, self._engine, self.shelf.book, self._clock)
            self.spawn(desk.do, kind, task, group="task")

    def action_again(self) -> None:
        """Read the list again; without an engine, try to get one."""
        if self._engine is None:
            self._bridge.open()
        self.reload()
