"""The chat once there is an engine: what the user sends, what the engine says, and which conversation is shown."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar, assert_never

from textual.message import Message
from textual.screen import ModalScreen, Screen
from textual.widget import Widget
from textual.worker import Worker

from tale_tui.config.paths import Paths
from tale_tui.domain.clock import Clock
from tale_tui.domain.conversation import MessageState
from tale_tui.domain.errors import TaleError
from tale_tui.domain.events import EngineMoved, Fact, Notice, RoleChanged, SessionChanged, TaskChanged, TasksChanged
from tale_tui.domain.tasks import OPEN, Task, TaskCounts, TaskState
from tale_tui.engine.api import EngineApi
from tale_tui.formatting.units import key_name
from tale_tui.ui.chat import detection
from tale_tui.ui.chat.autosave import DraftAutosave, Drafts
from tale_tui.ui.chat.commands import ChatCommands
from tale_tui.ui.chat.conversation import Conversation, SendFailed
from tale_tui.ui.chat.detection import OTHER_WAY, DetectionPreview
from tale_tui.ui.chat.input import ChatInput
from tale_tui.ui.chat.message_actions import MessageActions, go_on
from tale_tui.ui.chat.models import ModelActions
from tale_tui.ui.chat.open_tasks import OpenTasks
from tale_tui.ui.chat.sessions import SessionActions
from tale_tui.ui.chat.status import KeyOf
from tale_tui.ui.chat.task_actions import CardActions, ShowTask, TaskResolver
from tale_tui.ui.chat.task_cards import TaskCards
from tale_tui.ui.chat.task_overview import TaskOverview
from tale_tui.ui.chat.turns import TurnQueue, TurnRegistry
from tale_tui.ui.tasks.notifications import Notification, TaskNotifier
from tale_tui.ui.tasks.side import TaskSide
from tale_tui.ui.terminal.notifications import WindowPreferences
from tale_tui.ui.transcript.view import TranscriptView
from tale_tui.ui.widgets.banner import Severity
from tale_tui.ui.widgets.chip import Chip
from tale_tui.ui.widgets.composer import Composer
from tale_tui.ui.widgets.status_line import StatusLine
from tale_tui.ui.widgets.title_bar import TitleBar
from tale_tui.ui.workers import Args, Work, spawn

T = TypeVar("T")

DRAFTS = "drafts"
"""The folder of what was never sent, in the data folder."""


@dataclass(frozen=True, slots=True)
class Parts:
    """The widgets of the chat."""

    screen: Screen[Any]
    title: TitleBar
    page: Widget
    view: TranscriptView
    composer: Composer
    line: StatusLine


@dataclass(frozen=True, slots=True)
class Around:
    """What the screen has to give.

    Attributes:
        key_of: the keys.
        changed: called after each change of what the lines around the transcript say.
        show_task: leads to the screen of tasks.
        manners: how the window behaves.
    """

    key_of: KeyOf
    changed: Callable[[], None]
    show_task: ShowTask
    manners: WindowPreferences


class ChatController:
    """Everything that needs the engine. The screen hands wishes in and is told by `changed` when to look again.

    Args:
        parts: the widgets.
        paths: the folders.
        world: the clock and the ids.
        around: what the screen has to give.
    """

    @dataclass
    class SettingWanted(Message):
        """A setting is to be changed for good, and the engine to begin again with it."""

        name: str
        value: object

    def __init__(self, parts: Parts, engine: EngineApi, paths: Paths, world: Clock, around: Around) -> None:
        screen, key_of = parts.screen, around.key_of
        self.composer = parts.composer
        self.engine = engine
        self.paths = paths
        self.conversation = Conversation(engine, parts.view, self._look_again, world)
        self.tasks = TaskCards(self, screen, parts.view)
        self._sittings = TurnRegistry(lambda: TurnQueue(self.conversation, self.spawn, self._task_started))
        self.models = ModelActions(self, parts.line, key_of)
        self.sending = ChatInput(self, key_of)
        self.wishes = MessageActions(self, parts.view, self.sending)
        self.ids = TaskResolver(self, self.conversation, parts.composer.complete_again)
        self.acts = CardActions(self, self.conversation, self.tasks, self.ids, parts.view, around.show_task)
        self.commands = ChatCommands(self, SessionActions(self), self.models, self.sending, self.acts)
        self._overview = TaskOverview(self, screen, self._show_counts)
        self.whole = OpenTasks(self, self._overview, parts.line, key_of)
        self.whole.asks = around.manners.asks_to_resume
        self.keeping = DraftAutosave(self, self.sending, screen, Drafts(paths.data / DRAFTS, os.getpid()))
        chip = Chip()
        self.chip = DetectionPreview(self, screen, chip, key_of)
        self.news = TaskNotifier(screen, world, self._tell, self.tasks.watched, around.manners)
        self._screen = screen
        self._title = parts.title
        self._view = parts.view
        self._around = around
        parts.composer.hold(chip)
        self._side = TaskSide(world.now)
        parts.page.query(TaskSide).remove()
        parts.page.mount(self._side)
        parts.view.reroute_key = key_name(key_of(OTHER_WAY))

    def _look_again(self) -> None:
        """Something outside the transcript changed."""
        tasks = self.conversation.tasks.values()
        self._side.tasks = tuple(sorted(tasks, key=lambda task: task.created, reverse=True))
        self._view.set_offer(detection.offered(self, self._around.manners))
        self._around.changed()

    # what the host offers to its parts

    @property
    def turns(self) -> TurnQueue:
        """See `ChatHost.turns`."""
        return self._sittings.here

    def say(
        self, sentence: str, *, title: str = "", severity: Severity = "information", timeout_s: float | None = None
    ) -> None:
        """See `ChatHost.say`."""
        self._screen.app.notify(sentence, title=title, severity=severity, timeout=timeout_s, markup=False)

    def _tell(self, news: Notification) -> None:
        self.say(news.sentence, title=news.title, severity=news.severity)

    def spawn(self, function: Work[*Args], *args: *Args, group: str, exclusive: bool = False) -> Worker[None]:
        """See `ChatHost.spawn`."""
        return spawn(self._screen, self._telling, function, *args, group=group, exclusive=exclusive)

    @contextmanager
    def _telling(self) -> Iterator[None]:
        try:
            yield
        except SendFailed as refused:
            self.sending.give_back(refused)
        except TaleError as error:
            self.say(error.sentence, title=error.title, severity="error")

    async def ask(self, dialog: ModalScreen[T]) -> T | None:
        """See `ChatHost.ask`."""
        return await self._screen.app.push_screen_wait(dialog)

    def copy(self, text: str, what: str) -> None:
        """See `ChatHost.copy`."""
        self._screen.app.copy_to_clipboard(text)
        self.say(f"{what} was copied.")

    def use_setting(self, name: str, value: object) -> None:
        """See `ChatHost.use_setting`."""
        self._screen.post_message(self.SettingWanted(name, value))

    # which conversation

    async def begin(self, session_id: str, early: Iterable[str]) -> None:
        """Show the conversation that was asked for, or the one that broke off, or a new one; send what was sent before.

        Args:
            session_id: the beginning of an id; empty for none.
            early: what the user sent before there was an engine.
        """
        self._overview.read_soon()
        early = list(early)
        history = await self.engine.sessions.prompt_history()
        self.composer.prompt.history_of_messages.load(history)
        if session_id:
            await self.open_session((await self.engine.sessions.find(session_id)).id)
        elif not early:
            await self._open_what_broke_off()
            await self.keeping.bring_back()
        await self._overview.read()
        for text in early:
            self.sending.send(text)

    async def _open_what_broke_off(self) -> None:
        for last in await self.engine.sessions.list(limit=1):
            reading = await self.conversation.read(last.id)
            messages = reading.transcript.messages
            cut = bool(messages) and messages[-1].state is MessageState.INTERRUPTED
            broke_off = cut or reading.transcript.queued or any(task.state in OPEN for task in reading.tasks)
            # The user may have begun something meanwhile: that is not taken away.
            if broke_off and self.conversation.session is None and not self.turns.busy:
                draft = self.conversation.show(reading)
                self.tasks.follow_last()
                if not self.composer.prompt.text:
                    self.composer.prompt.fill(draft)

    async def open_session(self, session_id: str, message_id: str | None = None) -> None:
        """See `ChatHost.open_session`."""
        await self.keeping.now()
        self.tasks.leave_all()
        self.sending.leave_editing()
        left = self.conversation.session is not None
        reading = await self.conversation.read(session_id)
        self._sittings.turn_to(session_id)
        draft = self.conversation.show(reading, message_id)
        self.turns.come_back()
        self.tasks.follow_last()
        if left or not self.composer.prompt.text:
            self.composer.prompt.fill(draft)

    async def new_session(self, system: str = "") -> None:
        """See `ChatHost.new_session`."""
        await self.keeping.now()
        self.tasks.leave_all()
        self.sending.leave_editing()
        if self.conversation.session is not None:
            self.composer.prompt.fill("")
        self._sittings.turn_to(None)
        self.conversation.begin(system)
        self.composer.prompt.focus()

    # what breaks off

    def back(self) -> None:
        """What escape does: stop the reply or a download, leave the editing, take a message back that waits."""
        if self.turns.writing:
            self.turns.stop()
        elif self.models.downloading:
            self.models.stop_fetching()
        elif self.sending.leave_editing() or self.sending.forget_length() or self.whole.leave_cut_off():
            return
        elif self.conversation.queued:
            self.spawn(self.sending.take_back, group="queue")

    def go_on(self) -> None:
        """See `ChatHost.go_on`."""
        tip = self.conversation.branch.tip
        task = self.conversation.tasks.get(tip.task_id or "") if tip is not None else None
        if task is not None and task.state is TaskState.PAUSED:
            self.acts.run("resume", task.id)
        else:
            go_on(self, self.models)

    # task or talk

    def show_card(self, task_id: str) -> None:
        """Go to the card of a task."""
        task = self.conversation.tasks.get(task_id)
        if task is not None and task.message_id is not None:
            self._view.focus()
            self._view.show_message(task.message_id)

    def send(self, text: str) -> None:
        """Send a message, as what the user said that it is."""
        self.tasks.goes_on()
        self.sending.send(text, as_task=self.chip.take())

    def other_way(self) -> None:
        """Make the message in the prompt the other thing, or the last turn where the prompt is empty."""
        if self.sending.editing is not None:
            self.say("An edited message is judged by itself. Afterwards the same key makes it the other thing.")
        elif not self.chip.turn() and not detection.turn_last(self):
            self.say("There is nothing yet that could be a task.")

    def turn_other_way(self, message_id: str) -> None:
        """Make the turn of a reply the other thing."""
        detection.turn_last(self, message_id)

    def _task_started(self, task: Task) -> None:
        self.tasks.started(task)
        self.ids.forget()

    # what the engine says

    def heard(self, fact: Fact) -> None:
        """Take in a fact."""
        match fact:
            case RoleChanged(status):
                self.models.heard(status)
                self.tasks.heard_model(status)
            case SessionChanged():
                self._session_changed(fact)
            case TaskChanged(task):
                self.tasks.heard(task)
                self.news.heard(task)
                self._tasks_changed()
            case TasksChanged():
                self.spawn(self.tasks.refresh, group="tasks", exclusive=True)
                self._tasks_changed()
            case Notice(title, sentence, severity):
                known: dict[str, Severity] = {"warning": "warning", "error": "error"}
                self.say(sentence, title=title, severity=known.get(severity, "information"))
            case EngineMoved(here):
                where = "this window" if here else "another window"
                self.say(f"The window that ran the model was closed; {where} runs it now. Nothing was lost.")
                self.whole.asks = self._around.manners.asks_to_resume
                self.spawn(self.conversation.reload, group="session")
                self._tasks_changed()
            case _ as never:
                assert_never(never)

    def _tasks_changed(self) -> None:
        self.ids.forget()
        self._overview.read_soon()

    def _show_counts(self, counts: TaskCounts) -> None:
        self._title.running = counts.running
        self._title.asking = counts.waiting + counts.interrupted
        self.whole.show(counts)

    def _session_changed(self, fact: SessionChanged) -> None:
        session = self.conversation.session
        if session is None or session.id != fact.session_id:
            return
        if fact.deleted:
            self.say("This conversation was deleted in another window.")
            self._sittings.turn_to(None)
            self.conversation.begin()
        elif self.conversation.is_own(fact.source):
            self.spawn(self.conversation.refresh_title, group="session")
        else:
            self.spawn(self._reload, group="session")

    async def _reload(self) -> None:
        await self.conversation.reload(lambda: self.turns.writing)
        if self.turns.own_wait():
            self.sending.send_waiting()
