"""The chat once there is an engine: what the user sends, what the engine says, and which conversation is shown."""

from __future__ import annotations

from collections.abc import Iterable
from typing import assert_never

from tale_tui.config.paths import Paths
from tale_tui.domain.clock import Clock
from tale_tui.domain.context import PartName
from tale_tui.domain.conversation import MessageState
from tale_tui.domain.events import (
    AlertRaised,
    EngineMoved,
    Fact,
    Notice,
    RoleChanged,
    SessionChanged,
    TaskChanged,
    TasksChanged,
)
from tale_tui.domain.tasks import OPEN, Task
from tale_tui.domain.text import clean_line
from tale_tui.engine.api import EngineApi
from tale_tui.formatting.alerts import alert_notice
from tale_tui.formatting.units import key_name
from tale_tui.ui.base_screen import BaseScreen
from tale_tui.ui.chat.alerts import AlertActions
from tale_tui.ui.chat.conversation import Conversation, SendFailed
from tale_tui.ui.chat.detection import RECLASSIFY, task_offer
from tale_tui.ui.chat.first_screen import FirstScreen
from tale_tui.ui.chat.input import ChatInput
from tale_tui.ui.chat.models import ModelActions
from tale_tui.ui.chat.status import ChatState, ChatStatus
from tale_tui.ui.chat.tasks.actions import ShowTask
from tale_tui.ui.chat.tasks.tasks import ChatTasks
from tale_tui.ui.chat.turns import TurnQueue
from tale_tui.ui.preferences import WindowPreferences
from tale_tui.ui.transcript.view import TranscriptView
from tale_tui.ui.widgets.composer import Composer, Waiting
from tale_tui.ui.widgets.empty_state import EmptyState
from tale_tui.ui.widgets.find_bar import FindBar
from tale_tui.ui.widgets.status_line import StatusLine, WindowShown
from tale_tui.ui.widgets.title_bar import TitleBar

NEW_CONVERSATION = "new conversation"


class ChatController:
    """Everything that needs the engine. What the user can do besides writing is above it: `commands`, `sessions`,
    `message_actions`.

    Args:
        screen: has the widgets.
        status: shows what goes on.
        engine: does what is wanted.
        paths: the folders.
        clock: the time and the ids.
        preferences: how the window behaves.
        show_task: leads to the screen of tasks.

    Attributes:
        screen: tells and asks.
        engine: as it was given.
        composer: where the user writes.
        view: the transcript.
        conversation: what is on the screen.
        turns: its turns, and those of conversations that are not.
        models: which one answers.
        input: what the user writes, on its way out.
        tasks: those of the conversation, and how it stands with all.
        first_screen: what an empty conversation tells of the others.
        alerts: what passed a limit.
        reversal: in which conversation something was undone last, or (True) done again; None where nothing was.
    """

    def __init__(
        self,
        screen: BaseScreen,
        status: ChatStatus,
        engine: EngineApi,
        paths: Paths,
        clock: Clock,
        preferences: WindowPreferences,
        show_task: ShowTask,
    ) -> None:
        self.screen = screen
        self.engine = engine
        self.composer = screen.query_one(Composer)
        self.view = screen.query_one(TranscriptView)
        self.conversation = Conversation(engine, self.view, self._conversation_changed, clock)
        self.turns = TurnQueue(screen, self.conversation, self._turn_begins, self._task_started, self._message_lost)
        self._find_bar = screen.query_one(FindBar)
        self._status = status
        self._preferences = preferences
        self._title = screen.query_one(TitleBar)
        self._line = screen.query_one(StatusLine)
        self.models = ModelActions(screen, self.conversation, self.composer, self._line, paths.data)
        self.input = ChatInput(screen, self.composer, self.conversation, self.turns, self.models, paths.data)
        self.tasks = ChatTasks(screen, self.conversation, clock, preferences, show_task)
        self.first_screen = FirstScreen(screen, engine, screen.query_one(EmptyState), clock)
        self.alerts = AlertActions(screen, engine, clock, preferences)
        self.reversal: tuple[str, bool] | None = None
        self.view.reclassify_key = key_name(screen.key_of(RECLASSIFY))

    @property
    def can_take_back(self) -> bool:
        """Whether the last undo, or redo, was one of the conversation on the screen."""
        session = self.conversation.session
        return self.reversal is not None and session is not None and self.reversal[0] == session.id

    # what the lines say

    def _conversation_changed(self) -> None:
        tasks = self.conversation.tasks.values()
        self.tasks.side.tasks = tuple(sorted(tasks, key=lambda task: task.created, reverse=True))
        self.view.set_offer(task_offer(self.conversation, self._preferences))
        tip = self.conversation.branch.tip
        if (error := "" if tip is None else tip.error) != self.models.said:
            self.models.on_reply_error(error)
        self.refresh_lines()

    def refresh_lines(self) -> None:
        """Say around the transcript what is so now."""
        conversation, prompt = self.conversation, self.composer.prompt
        session, branch = conversation.session, conversation.branch
        self._title.title = (clean_line(session.title) if session else "") or NEW_CONVERSATION
        self._title.turns = session.turns if session else 0
        self._line.window = self._window()
        state = ChatState(
            in_prompt=prompt.has_focus,
            busy=self.turns.busy,
            writing=self.turns.writing,
            waiting=bool(conversation.queued),
            resumable=branch.resumable is not None,
            editing=self.input.editing is not None,
            completing=prompt.completing,
            other=self.input.preview.other,
            finding=self._find_bar.display,
            typing_words=self._find_bar.line.has_focus,
            empty=branch.tip is None,
            cut_off=self.tasks.open.cut_off > 0,
        )
        waiting = tuple(Waiting(one.id, clean_line(one.text)) for one in conversation.queued)
        self._status.show(state, waiting)

    def _window(self) -> WindowShown | None:
        use = self.conversation.window
        if use is not None:
            digest = next((part.tokens for part in use.parts if part.name is PartName.DIGEST), 0)
            return WindowShown(use.used, use.window, use.cut, digest, use.left_out)
        status = self.models.status
        if status is None or status.window is None:
            return None
        branch = self.conversation.branch
        return WindowShown(0 if branch.tip is None else branch.counted, status.window)

    # which conversation

    async def begin(self, session_id: str, early: Iterable[str]) -> None:
        """Show the conversation that was asked for, or the one that broke off, or a new one; send what was sent before.

        Args:
            session_id: the beginning of an id; empty for none.
            early: what the user sent before there was an engine.
        """
        self.tasks.open.read_soon()
        self.first_screen.read_now()
        early = list(early)
        history = await self.engine.sessions.prompt_history()
        self.composer.prompt.history_of_messages.load(history)
        if session_id:
            await self.open_session((await self.engine.sessions.find(session_id)).id)
        elif not early:
            await self._open_what_broke_off()
            await self.input.autosave.restore()
        await self.tasks.open.read()
        for text in early:
            self.input.send(text)

    async def _open_what_broke_off(self) -> None:
        for last in await self.engine.sessions.list(limit=1):
            reading = await self.conversation.read(last.id)
            messages = reading.transcript.messages
            cut = bool(messages) and messages[-1].state is MessageState.INTERRUPTED
            broke_off = cut or reading.transcript.queued or any(task.state in OPEN for task in reading.tasks)
            # The user may have begun something meanwhile: that is not taken away.
            if broke_off and self.conversation.session is None and not self.turns.busy:
                draft = self.conversation.show(reading)
                self.turns.catch_up()
                self.tasks.cards.follow_last()
                if not self.composer.prompt.text:
                    self.composer.prompt.fill(draft)

    async def open_session(self, session_id: str, message_id: str | None = None) -> None:
        """Leave the conversation as it is and show another one."""
        await self._leave_session()
        left = self.conversation.session is not None
        reading = await self.conversation.read(session_id)
        self.turns.switch_to(session_id)
        draft = self.conversation.show(reading, message_id)
        self.turns.come_back()
        self.tasks.cards.follow_last()
        self.tasks.open.read_soon()
        if left or not self.composer.prompt.text:
            self.composer.prompt.fill(draft)

    async def new_session(self, system: str = "") -> None:
        """Leave the conversation as it is and begin another one."""
        await self._leave_session()
        if self.conversation.session is not None:
            self.composer.prompt.fill("")
        self.turns.switch_to(None)
        self.conversation.begin(system)
        self.first_screen.read_now()
        self.tasks.open.read_soon()
        self.composer.prompt.focus()

    async def _leave_session(self) -> None:
        await self.input.autosave.save()
        self.tasks.cards.leave_all()
        self.input.leave_editing()

    def back(self) -> None:
        """What escape does: stop the reply or a download, leave the editing, take a message back that waits."""
        if self.turns.writing:
            self.turns.stop()
        elif self.models.downloading:
            self.models.stop_fetching()
        elif self.input.leave_editing() or self.input.forget_length() or self.tasks.open.leave_cut_off():
            return
        elif self.conversation.queued:
            self.screen.spawn(self.input.take_back, group="queue")

    def show_card(self, task_id: str) -> None:
        """Go to the card of a task."""
        task = self.conversation.tasks.get(task_id)
        if task is not None and task.message_id is not None:
            self.view.focus()
            self.view.show_message(task.message_id)

    # what happens

    def _message_lost(self, lost: SendFailed) -> None:
        self.input.give_back(lost)

    def _turn_begins(self) -> None:
        self.tasks.cards.fold()

    def _task_started(self, task: Task) -> None:
        self.tasks.started(task)

    def on_event(self, fact: Fact) -> None:
        """The engine said something."""
        match fact:
            case RoleChanged(status):
                self.models.on_status(status)
                self.tasks.on_event(fact)
            case SessionChanged():
                self._session_changed(fact)
            case TaskChanged() | TasksChanged():
                self.tasks.on_event(fact)
                self.first_screen.read_soon()
                if isinstance(fact, TaskChanged):
                    self.alerts.on_task(fact.task)
            case Notice():
                self.screen.tell(fact)
            case AlertRaised(alert):
                self.alerts.tell(alert_notice(alert))
            case EngineMoved(here):
                where = "this window" if here else "another window"
                self.screen.say(f"The window that ran the model was closed; {where} runs it now. Nothing was lost.")
                self.tasks.engine_moved()
                self.screen.spawn(self._engine_moved, group="session")
                self.first_screen.read_now()
            case _ as never:
                assert_never(never)

    def _session_changed(self, fact: SessionChanged) -> None:
        session = self.conversation.session
        if session is None or session.id != fact.session_id:
            self.first_screen.read_soon()
            return
        if fact.deleted:
            self.screen.say("This conversation was deleted elsewhere.")
            self.turns.switch_to(None)
            self.conversation.begin()
        elif fact.source not in self.conversation.own:
            self.screen.spawn(self._reload, group="session")

    async def _reload(self) -> None:
        await self.turns.reload()
        self.tasks.cards.follow_last()

    async def _engine_moved(self) -> None:
        await self.conversation.reload()
        self.turns.catch_up()
        self.tasks.cards.follow_last()
