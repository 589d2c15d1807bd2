"""The turns of the conversation on the screen: one at a time, and what waits behind them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing, suppress
from functools import partial

from textual.worker import Worker, get_current_worker

from tale_tui.domain.conversation import QueuedMessage
from tale_tui.domain.errors import NoSuchSession, TaleError, TurnRunning
from tale_tui.domain.events import TaskStarted, TurnEvent, TurnStarted
from tale_tui.domain.tasks import Task
from tale_tui.ui.chat.conversation import RESUMABLE, Conversation, SendFailed
from tale_tui.ui.chat.turn_presenter import TurnPresenter
from tale_tui.ui.workers import Args, Spawn, Work


def _lives(worker: Worker[None]) -> bool:
    """Whether a worker has not ended; one that is cancelled before its first step just disappears."""
    return worker in worker.node.workers


class TurnQueue:
    """Runs the turns of one conversation. Each that is asked for waits in a worker of its own; they take their turn by
    a lock. When another conversation is shown, the turn that is under way goes on unseen.

    Args:
        conversation: what is on the screen.
        spawn: does work in a worker; what goes wrong is told.
        on_task: told of each message that became a task.

    Attributes:
        session_id: of the conversation that they belong to; None before the first of them has a session.
    """

    def __init__(self, conversation: Conversation, spawn: Spawn, on_task: Callable[[Task], None]) -> None:
        self._conversation = conversation
        self._spawn = spawn
        self._on_task = on_task
        self._engine = conversation.engine
        self._clock = conversation.clock
        self._lock = asyncio.Lock()
        self._workers: list[Worker[None]] = []
        self._turn: TurnPresenter | None = None
        self._task: asyncio.Task[object] | None = None
        self._here = True
        self.session_id: str | None = None

    def leave(self) -> None:
        """Another conversation is shown."""
        self._here = False
        if self._turn is not None:
            self._turn.here = False

    def come_back(self) -> None:
        """Their conversation is shown again."""
        self._here = True
        if self._turn is not None:
            self._turn.come_back()

    @property
    def writing(self) -> bool:
        """Whether a turn of this window is under way that was not stopped."""
        return self._wanted and not (self._turn is not None and self._turn.stopped)

    @property
    def busy(self) -> bool:
        """Whether a reply is on its way, in this window or in another one."""
        return self.writing or (not self._wanted and self._conversation.branch.being_written)

    def send(self, text: str, *, as_task: bool | None = None) -> None:
        """Queue one turn with a new message, then those that wait. The message is shown at once.

        What goes wrong is told by the worker: `SendFailed` where the message is stored nowhere, another `TaleError`
        where it is stored and no model could be asked.

        Args:
            text: the message.
            as_task: what the user said that it is; None lets it be judged.
        """
        key = self._clock.new_id()
        if not self.busy:
            self._conversation.show_at_once(key, text)
        if as_task is not None:
            self._conversation.said[key] = as_task
        self._queue(self._send, key, text, as_task)

    def edit(self, message_id: str, text: str) -> None:
        """Queue another version of a message of the user, and a reply to it. Fails as `send` does."""
        self._queue(self._edit, message_id, self._clock.new_id(), text)

    def regenerate(self, message_id: str) -> None:
        """Queue another reply beside `message_id`, or the first one to a message of the user."""
        self._queue(self._again, message_id, self._engine.chat.regenerate)

    def resume(self, message_id: str) -> None:
        """Queue going on with a reply that broke off."""
        self._queue(self._again, message_id, self._engine.chat.resume)

    def reclassify(self, message_id: str, *, as_task: bool) -> None:
        """Queue making a message of the user a task after all, or talk."""
        self._conversation.said[message_id] = as_task
        self._queue(self._reclassify, message_id, as_task)

    def send_waiting(self) -> None:
        """Queue what waits, one after the other, as long as each reply comes to its end."""
        self._queue(self._send_all_that_waits)

    def stop(self) -> None:
        """Stop the reply that is being written; what came of it stays, and what waits goes on waiting."""
        if self._turn is not None and self._task is not None:
            self._turn.stop()
            self._task.cancel()
            self._conversation.changed()

    def own_wait(self) -> bool:
        """Whether messages of this window wait and nothing keeps them."""
        conversation = self._conversation
        return not self.busy and self._went_well and any(conversation.is_own(one.id) for one in conversation.queued)

    def _queue(self, work: Work[*Args], *args: *Args) -> None:
        """Work that waits for the turns before it. It is wanted from now on, until it has ended or was dropped."""
        self._workers = [worker for worker in self._workers if _lives(worker)]
        self._workers.append(self._spawn(self._in_turn, partial(work, *args), group="turn"))

    @property
    def _wanted(self) -> bool:
        return any(_lives(worker) for worker in self._workers)

    async def _in_turn(self, work: Work[()]) -> None:
        try:
            async with self._lock:
                await work()
        finally:
            self._workers.remove(get_current_worker())
            self._conversation.changed()

    async def _send(self, key: str, text: str, as_task: bool | None) -> None:
        conversation = self._conversation
        try:
            session_id = await self._made()
            await self._run(self._engine.chat.send(session_id, text, key=key, as_task=as_task), key)
        except TurnRunning:
            # Another window was faster: the message goes when that reply has ended.
            if not self._here:
                await self._engine.chat.enqueue(session_id, text, key=key)
                return
            await conversation.reload()
            await conversation.enqueue(text, key, as_task=as_task)
        except TaleError as error:
            await self._tell_if_lost(error, key, text)
            raise
        else:
            await self._send_what_waits()

    async def _edit(self, message_id: str, key: str, text: str) -> None:
        try:
            session_id = await self._made()
            await self._run(self._engine.chat.edit(session_id, message_id, text, key=key), key)
        except TaleError as error:
            await self._tell_if_lost(error, key, text)
            raise
        await self._send_what_waits()

    async def _again(self, message_id: str, ask: Callable[[str, str], AsyncGenerator[TurnEvent, None]]) -> None:
        session_id = await self._made()
        self._conversation.own.add(message_id)
        await self._run(ask(session_id, message_id), message_id)
        await self._send_what_waits()

    async def _reclassify(self, message_id: str, as_task: bool) -> None:
        session_id = await self._made()
        await self._run(self._engine.chat.reclassify(session_id, message_id, as_task=as_task), message_id)
        await self._send_what_waits()

    async def _tell_if_lost(self, error: TaleError, key: str, text: str) -> None:
        """Show what the engine has.

        Raises:
            NotSent: the message `key` is not there, or nothing could be read.
        """
        conversation = self._conversation
        try:
            if not self._here:
                if await self._is_stored(key):
                    return
                raise SendFailed(error, text) from error
            await conversation.reload()
        except TaleError:
            raise SendFailed(error, text) from error
        if conversation.session is None:
            conversation.begin(conversation.system)
        if key not in conversation.branch:
            raise SendFailed(error, text) from error

    async def _made(self) -> str:
        """The id of the session, made now where there was none."""
        if self.session_id is None:
            self.session_id = (await self._conversation.made()).id
        return self.session_id

    async def _is_stored(self, key: str) -> bool:
        if self.session_id is None:
            return False
        transcript = await self._engine.sessions.transcript(self.session_id)
        return key in {*(one.id for one in transcript.messages), *(one.id for one in transcript.queued)}

    async def _run(self, stream: AsyncGenerator[TurnEvent, None], key: str) -> None:
        conversation = self._conversation
        conversation.own.add(key)
        self._turn = turn = TurnPresenter(conversation.branch, self._clock.monotonic)
        turn.here = self._here
        self._task = asyncio.current_task()
        conversation.touch()
        conversation.changed()
        try:
            async with aclosing(stream) as events:
                async for event in events:
                    turn.take(event)
                    if isinstance(event, TurnStarted):
                        conversation.own.add(event.reply.id)
                        conversation.leaves_queue(key)
                    elif isinstance(event, TaskStarted) and self._here:
                        self._on_task(event.task)
        except asyncio.CancelledError:
            # The engine may have stored a word more than was shown, or may be gone by now.
            with suppress(TaleError):
                await conversation.reload()
            raise
        finally:
            self._turn = self._task = None
            conversation.touch()
            if self._here:
                conversation.window = turn.window or conversation.window
            conversation.changed()

    async def _send_all_that_waits(self) -> None:
        await self._send_what_waits(anyway=True)

    async def _send_what_waits(self, *, anyway: bool = False) -> None:
        while (waiting := await self._next_waiting(anyway=anyway)) is not None:
            anyway = False
            if self._here:
                self._conversation.show_at_once(waiting.id, waiting.text)
            as_task = self._conversation.said.get(waiting.id)
            stream = self._engine.chat.send(await self._made(), waiting.text, key=waiting.id, as_task=as_task)
            await self._run(stream, waiting.id)

    async def _next_waiting(self, *, anyway: bool) -> QueuedMessage | None:
        """What is sent next; None where nothing waits, or where it waits for the user, as the last reply broke off."""
        if self._here:
            goes = anyway or self._went_well
            return next(iter(self._conversation.queued), None) if goes else None
        try:
            transcript = await self._engine.sessions.transcript(await self._made())
        except NoSuchSession:
            return None  # it was deleted meanwhile, and what waited with it
        goes = transcript.messages[-1].state not in RESUMABLE
        return next(iter(transcript.queued), None) if goes else None

    @property
    def _went_well(self) -> bool:
        branch = self._conversation.branch
        return branch.tip is not None and branch.resumable is None


class TurnRegistry:
    """The turns of each conversation in which a reply is being written.

    Args:
        make: gives those of the conversation that is shown next.

    Attributes:
        here: those of the conversation on the screen.
    """

    def __init__(self, make: Callable[[], TurnQueue]) -> None:
        self._make = make
        self._elsewhere: list[TurnQueue] = []
        self.here = make()

    def turn_to(self, session_id: str | None) -> None:
        """Another conversation is about to be shown; None for a new one."""
        self.here.leave()
        writing = [turns for turns in (*self._elsewhere, self.here) if turns.writing]
        there = [turns for turns in writing if turns.session_id == session_id is not None]
        self.here = there[0] if there else self._make()
        self._elsewhere = [turns for turns in writing if turns is not self.here]
