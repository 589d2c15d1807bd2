"""The conversation on the screen: which session it is, what of it is shown, and what waits in it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace

from tale_tui.domain.clock import Clock
from tale_tui.domain.conversation import (
    Author,
    Message,
    MessageState,
    QueuedMessage,
    Session,
    Transcript,
    View,
    WindowUse,
)
from tale_tui.domain.errors import TaleError
from tale_tui.domain.tasks import Task
from tale_tui.engine.api import EngineApi
from tale_tui.ui.tasks.reader import TaskReader
from tale_tui.ui.transcript.view import TranscriptView


class SendFailed(Exception):
    """A message could not be stored; nobody has it but the one who catches this.

    Args:
        error: why.
        text: the message.
    """

    def __init__(self, error: TaleError, text: str) -> None:
        super().__init__(error.sentence)
        self.error = error
        self.text = text


@dataclass(frozen=True, slots=True)
class Reading:
    """A session as the engine has it."""

    transcript: Transcript
    tasks: tuple[Task, ...] = ()
    """Those that have cards in it."""


class Conversation:
    """One session at a time, or none yet: it is made by its first message.

    Args:
        view: shows the messages.
        changed: called after each change of what stands outside the transcript.
        clock: the time and the ids.

    Attributes:
        session: the session that is shown; None for a new conversation.
        branch: its messages.
        queued: what waits for the end of a reply, the next to be sent first.
        tasks: those that have cards, by id.
        said: what the user said that a message is, by its key: a task, or talk.
        window: how full the context window was after the last turn, where that was read here.
        own: keys of what this window does and ids of sessions that it made, so that it can tell its own changes from
            those of others.
    """

    def __init__(self, engine: EngineApi, view: TranscriptView, changed: Callable[[], None], clock: Clock) -> None:
        self.engine = engine
        self.clock = clock
        self.changed = changed
        self.branch = ShownBranch(view)
        self.session: Session | None = None
        self.queued: tuple[QueuedMessage, ...] = ()
        self.tasks: dict[str, Task] = {}
        self._task_reader = TaskReader()
        self.said: dict[str, bool] = {}
        self.window: WindowUse | None = None
        self.own: set[str] = set()
        self._system = ""
        self._making = asyncio.Lock()
        self._version = 0
        self._begun = 0

    def show(self, reading: Reading, message_id: str | None = None) -> str:
        """Show a session that was read just now, where it was left or at a message.

        Returns:
            What stood in the prompt when it was left.
        """
        self._take(reading)
        self.window = None
        self.branch.load(reading.transcript)
        self.branch.view.set_tasks(self.tasks.values())
        if message_id is not None:
            self.branch.view.show_message(message_id)
        self.changed()
        return reading.transcript.view.draft

    def begin(self, system: str = "") -> None:
        """Show a new conversation; its session is made by the first message.

        Args:
            system: its system prompt; empty for the default.
        """
        self.session, self.queued, self.window, self._system = None, (), None, system
        self._begun += 1
        self.tasks = {}
        now = self.clock.now()
        self.branch.load(Transcript(Session("", "", now, now)))
        self.branch.view.set_tasks(())
        self.changed()

    async def ensure_session(self) -> Session:
        """The session, made now where there was none; no longer that of the screen where a new one was begun since."""
        async with self._making:
            if self.session is not None:
                return self.session
            begun = self._begun
            session = await self.engine.sessions.create(system=self._system)
            self.own.add(session.id)
            if begun == self._begun and self.session is None:
                self.session = session
            return session

    async def reload(self, writing: Callable[[], bool] = lambda: False) -> None:
        """Read the session again and show what is different, without moving what is being read.

        Args:
            writing: asked afterwards; while a reply is being written the transcript is left alone.
        """
        if self.session is not None:
            reading = await self.read(self.session.id)
            if self._is_shown(reading.transcript.session):
                self._take(reading)
                if not writing():
                    self._sync(reading)
                self.changed()

    def renamed(self, session: Session) -> None:
        """A session has another title; perhaps it is the one on the screen."""
        if self._is_shown(session):
            self.session = session
            self.changed()

    async def save_view(self, draft: str) -> None:
        """Remember where the reader is and what stands in the prompt."""
        if self.session is not None:
            message_id, line = self.branch.view.view()
            await self.engine.sessions.save_view(self.session.id, View(message_id, line, draft))

    @property
    def system(self) -> str:
        """The system prompt; empty for the default."""
        return self.session.system if self.session is not None else self._system

    async def set_system(self, text: str) -> None:
        """Set the system prompt of this conversation, made or not."""
        if self.session is None:
            self._system = text
        else:
            self.session = await self.engine.sessions.set_system(self.session.id, text)
        self.changed()

    async def show_version(self, message_id: str, step: int) -> None:
        """Show the version `step` places beside a message, and what followed it."""
        if self.session is not None:
            transcript = await self.engine.sessions.show_sibling(self.session.id, message_id, step)
            reading = Reading(transcript, await self._tasks_of(transcript))
            self._take(reading)
            self._sync(reading)
            self.changed()

    def show_at_once(self, key: str, text: str) -> None:
        """A message of the user, before anybody has stored it."""
        self.touch()
        tip = self.branch.tip
        session_id = self.session.id if self.session is not None else ""
        self.branch.put(Message(key, session_id, tip.id if tip else None, Author.USER, text, self.clock.now()))

    async def enqueue(self, text: str, key: str = "", *, as_task: bool | None = None) -> None:
        """Keep a message until the reply that streams has ended.

        Args:
            text: the message.
            key: becomes its id; empty makes one.
            as_task: what the user said that it is.
        Raises:
            SendFailed: the message is stored nowhere.
        """
        key = key or self.clock.new_id()
        self.own.add(key)
        if as_task is not None:
            self.said[key] = as_task
        try:
            session = await self.ensure_session()
            waiting = await self.engine.chat.enqueue(session.id, text, key=key)
        except TaleError as error:
            raise SendFailed(error, text) from error
        if all(one.id != key for one in self.queued):
            self.queued = (*self.queued, waiting)
        self.touch()
        self.changed()

    async def take_back(self, key: str = "") -> str | None:
        """Take a waiting message out of the queue, the newest without a key; None where it is gone already."""
        if self.session is None or not self.queued:
            return None
        key = key or self.queued[-1].id
        self.own.add(key)
        taken = await self.engine.chat.dequeue(self.session.id, key)
        self.queued = tuple(one for one in self.queued if one.id != key)
        self.touch()
        self.changed()
        return taken.text if taken else None

    def turn_started(self, session: Session | None, key: str) -> None:
        """The engine has stored what a turn of the conversation begins with.

        Args:
            session: with its title as it is now; None where that is not known.
            key: of the message, which waits no longer.
        """
        self.session = session or self.session
        self.queued = tuple(one for one in self.queued if one.id != key)
        self.touch()
        self.changed()

    def touch(self) -> None:
        """Something changed here that a reading under way may not have seen yet."""
        self._version += 1

    async def read(self, session_id: str) -> Reading:
        """The session as it is, and not as it was before something changed here."""
        while True:
            version = self._version
            transcript = await self.engine.sessions.transcript(session_id)
            tasks = await self._tasks_of(transcript)
            if version == self._version:
                return Reading(transcript, tasks)

    async def _tasks_of(self, transcript: Transcript) -> tuple[Task, ...]:
        if all(message.task_id is None for message in transcript.messages):
            return ()
        return await self.read_tasks(transcript.session.id)

    async def read_tasks(self, session_id: str) -> tuple[Task, ...]:
        """The tasks of a session."""
        return await self._task_reader.read(self.engine.tasks.list(session_id=session_id))

    def put_task(self, task: Task) -> bool:
        """Show a task as it is now; False where it has no card here."""
        task = task.foreseen_as(self.tasks.get(task.id))
        self._task_reader.told(task)
        has_card = self.branch.get(task.message_id) is not None
        if has_card:
            self.tasks[task.id] = task
            self.branch.view.put_task(task)
        return has_card

    def _is_shown(self, session: Session) -> bool:
        """Whether it is still on the screen: another one may have been opened while this one was read."""
        return self.session is not None and self.session.id == session.id

    def _take(self, reading: Reading) -> None:
        self.session, self.queued = reading.transcript.session, reading.transcript.queued
        self.tasks = {task.id: task.foreseen_as(self.tasks.get(task.id)) for task in reading.tasks}

    def _sync(self, reading: Reading) -> None:
        before = self.branch.tip
        self.branch.sync(reading.transcript)
        tip = self.branch.tip
        seen = before is not None and tip is not None and (tip.id, tip.state) == (before.id, before.state)
        if tip is not None and tip.state is MessageState.COMPLETE and not seen:
            self.window = None  # a turn that was not read here; what its reply cost says how full it is
        self.branch.view.set_tasks(reading.tasks)


RESUMABLE = frozenset({MessageState.STOPPED, MessageState.INTERRUPTED, MessageState.FAILED})
"""States of a reply that can be gone on with."""


class ShownBranch:
    """Messages by id, oldest first, always the same as what the widget shows.

    Args:
        view: shows them.
    """

    def __init__(self, view: TranscriptView) -> None:
        self.view = view
        self._messages: dict[str, Message] = {}

    def __contains__(self, message_id: str) -> bool:
        return message_id in self._messages

    def __getitem__(self, message_id: str) -> Message:
        return self._messages[message_id]

    def get(self, message_id: str | None) -> Message | None:
        """The message of this id; None where it is not on the screen."""
        return self._messages.get(message_id) if message_id is not None else None

    @property
    def tip(self) -> Message | None:
        """The newest message."""
        return next(reversed(self._messages.values()), None)

    @property
    def counted(self) -> int | None:
        """Tokens of the newest reply and of its prompt, as the server counted them; None where nobody counted."""
        for one in reversed(self._messages.values()):
            if one.usage is not None and one.usage.prompt_tokens is not None:
                return one.usage.prompt_tokens + (one.usage.completion_tokens or 0)
        return None

    @property
    def resumable(self) -> Message | None:
        """The reply at the end, where it broke off and can be gone on with."""
        tip = self.tip
        return tip if tip is not None and tip.author is Author.ASSISTANT and tip.state in RESUMABLE else None

    @property
    def being_written(self) -> bool:
        """Whether the reply at the end is streaming, in this window or in another one."""
        tip = self.tip
        return tip is not None and tip.state is MessageState.STREAMING

    def load(self, transcript: Transcript) -> None:
        """Show another conversation, or the same one anew, at the place that it was left at."""
        self._messages = {message.id: message for message in transcript.messages}
        self.view.load(transcript)

    def sync(self, transcript: Transcript) -> None:
        """Show the conversation as it is now: only what differs, and without moving what is being read."""
        shown = list(self._messages)
        wanted = [message.id for message in transcript.messages]
        if shown != wanted[: len(shown)]:
            message_id, line = self.view.view()
            number = self.view.turn_selection.number
            self.load(replace(transcript, view=View(message_id, line)))
            if number is not None and self.view.chosen is None and number < len(wanted):
                # Another version of a message stands where it stood.
                self.view.chosen = wanted[number]
            return
        for message in transcript.messages:
            if self._messages.get(message.id) != message:
                self.put(message)
        self.view.set_view_from(transcript.view_from)

    def put(self, message: Message) -> None:
        """Show a message: in its place where it is there, else below its parent, in place of what was there."""
        if message.id in self._messages:
            self._messages[message.id] = message
            self.view.update(message)
            return
        tip = self.tip
        if tip is not None and tip.id != message.parent_id:
            self.cut_below(message.parent_id)
        self._messages[message.id] = message
        self.view.add(message)

    def cut_below(self, message_id: str | None) -> None:
        """Take away everything below a message; None takes away all."""
        kept: dict[str, Message] = {}
        if message_id in self._messages:
            for key, message in self._messages.items():
                kept[key] = message
                if key == message_id:
                    break
        self._messages = kept
        self.view.drop_after(message_id)
