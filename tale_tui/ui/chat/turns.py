"""The turns of this window: in each conversation one at a time, and what waits behind them. Those that another window
or command asked for are followed and can be stopped like its own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing, suppress
from dataclasses import dataclass, field
from functools import partial

from textual.worker import Worker, get_current_worker

from tale_tui.domain.conversation import QueuedMessage
from tale_tui.domain.errors import EngineLost, NoSuchSession, TaleError, TurnRunning
from tale_tui.domain.events import TaskStarted, TurnEvent, TurnStarted
from tale_tui.domain.tasks import Task
from tale_tui.ui.base_screen import BaseScreen
from tale_tui.ui.chat.conversation import RESUMABLE, Conversation, SendFailed
from tale_tui.ui.chat.turn_presenter import TurnPresenter


@dataclass(frozen=True, slots=True)
class TurnRequest:
    """A turn that is wanted."""

    key: str
    """The id of the message that it begins with."""
    ask: Callable[[str], AsyncGenerator[TurnEvent, None]]
    """Begins it in the session of this id."""
    text: str | None = None
    """What is lost where it cannot be stored; None where it is stored already."""
    queues: bool = False
    """Whether the message waits where another window is faster."""
    elsewhere: bool = False
    """Whether another window or command asked for it: it is only followed here."""


@dataclass(eq=False, slots=True)
class SessionTurns:
    """The turns of one conversation. When another one is shown, the turn that is under way goes on unseen."""

    session_id: str | None = None
    """None before the first of them has a session."""
    shown: bool = True
    """Whether their conversation is the one on the screen."""
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    workers: list[Worker[None]] = field(default_factory=list)
    turn: TurnPresenter | None = None
    task: asyncio.Task[object] | None = None
    followed: bool = False
    """Whether the turn that is under way was asked for elsewhere."""
    stale: bool = False
    """Whether the conversation was changed elsewhere while a turn was shown, which then was left alone."""

    @property
    def wanted(self) -> bool:
        """Whether a turn is under way or waits for another one."""
        # A worker that is cancelled before its first step just disappears.
        return any(worker in worker.node.workers for worker in self.workers)

    @property
    def writing(self) -> bool:
        """Whether a turn is under way that was not stopped."""
        return self.wanted and not (self.turn is not None and self.turn.stopped)

    def show(self, shown: bool) -> None:
        """Their conversation comes to the screen, as it was stored last, or leaves it."""
        self.shown = shown
        if self.turn is not None:
            self.turn.here = shown
            if shown:
                self.turn.come_back()


class TurnQueue:
    """Runs the turns. Each that is asked for waits in a worker of its own; those of a conversation take their turn by a
    lock. What is asked for belongs to the conversation on the screen.

    Args:
        screen: has the workers.
        conversation: what is on the screen.
        on_turn: told before a turn of this window that is on the screen begins.
        on_task: told of each message that became a task.
        on_lost: takes back a message that is stored nowhere. Everything else that goes wrong is told here.
    """

    def __init__(
        self,
        screen: BaseScreen,
        conversation: Conversation,
        on_turn: Callable[[], None],
        on_task: Callable[[Task], None],
        on_lost: Callable[[SendFailed], None],
    ) -> None:
        self._screen = screen
        self._conversation = conversation
        self._on_turn = on_turn
        self._on_task = on_task
        self._on_lost = on_lost
        self._chat = conversation.engine.chat
        self._sessions = conversation.engine.sessions
        self._shown = SessionTurns()
        self._unseen: list[SessionTurns] = []
        self._elsewhere = TurnRequest("", self._chat.follow_turn, elsewhere=True)

    # which conversation

    def switch_to(self, session_id: str | None) -> None:
        """Another conversation is about to be shown; None for a new one."""
        left = self._shown
        left.show(False)
        if left.followed and left.task is not None:
            left.task.cancel()  # nobody reads it: when its conversation is shown again it is followed again
        own = [turns for turns in (*self._unseen, left) if not turns.followed or len(turns.workers) > 1]
        writing = [turns for turns in own if turns.writing]
        known = [turns for turns in writing if turns.session_id == session_id is not None]
        self._shown = known[0] if known else SessionTurns()
        self._unseen = [turns for turns in writing if turns is not self._shown]

    def come_back(self) -> None:
        """The conversation is on the screen as it was stored last: show what came of its reply since."""
        self._shown.show(True)
        self.catch_up()

    async def reload(self) -> None:
        """Another window or command changed the conversation: read it again, and catch up."""
        await self._conversation.reload(lambda: self.writing)
        self.catch_up()

    def catch_up(self) -> None:
        """The conversation was read: follow the reply that is written elsewhere, or send what waited for its end."""
        turns, conversation = self._shown, self._conversation
        if turns.wanted:
            turns.stale = True
        elif conversation.branch.being_written and conversation.session is not None:
            turns.session_id = conversation.session.id
            self._queue(self._elsewhere)
        elif self.own_wait():
            self.send_waiting()

    @property
    def writing(self) -> bool:
        """Whether a reply comes in the conversation, asked for here or followed, that was not stopped."""
        return self._shown.writing

    @property
    def busy(self) -> bool:
        """Whether a reply is on its way in the conversation, in this window or in another one."""
        return self._shown.writing or (not self._shown.wanted and self._conversation.branch.being_written)

    # what is asked for

    def send(self, text: str, *, as_task: bool | None = None) -> None:
        """Queue one turn with a new message, then those that wait. The message is shown at once.

        Args:
            text: the message.
            as_task: what the user said that it is; None lets it be judged.
        """
        key = self._conversation.clock.new_id()
        if not self.busy:
            self._conversation.show_at_once(key, text)
        if as_task is not None:
            self._conversation.said[key] = as_task
        ask = partial(self._chat.send, text=text, key=key, as_task=as_task)
        self._queue(TurnRequest(key, ask, text, queues=True))

    def edit(self, message_id: str, text: str) -> None:
        """Queue another version of a message of the user, and a reply to it."""
        key = self._conversation.clock.new_id()
        self._queue(TurnRequest(key, partial(self._chat.edit, message_id=message_id, text=text, key=key), text))

    def regenerate(self, message_id: str) -> None:
        """Queue another reply beside `message_id`, or the first one to a message of the user."""
        self._queue(TurnRequest(message_id, partial(self._chat.regenerate, message_id=message_id)))

    def resume(self, message_id: str) -> None:
        """Queue going on with a reply that broke off."""
        self._queue(TurnRequest(message_id, partial(self._chat.resume, message_id=message_id)))

    def reclassify(self, message_id: str, *, as_task: bool) -> None:
        """Queue making a message of the user a task after all, or talk."""
        self._conversation.said[message_id] = as_task
        self._queue(TurnRequest(message_id, partial(self._chat.reclassify, message_id=message_id, as_task=as_task)))

    def send_waiting(self) -> None:
        """Queue what waits, one after the other, as long as each reply comes to its end."""
        self._queue(None)

    def stop(self) -> None:
        """Stop the reply that is being written; what came of it stays, and what waits goes on waiting."""
        turns = self._shown
        if turns.turn is not None and turns.task is not None:
            if turns.followed:
                reply = turns.turn.reply
                reply_id = reply.id if reply is not None else ""
                self._screen.spawn(self._stop_elsewhere, turns.session_id or "", reply_id, group="stop")
            else:
                turns.task.cancel()
            turns.turn.stop()
            self._conversation.changed()

    async def _stop_elsewhere(self, session_id: str, reply_id: str) -> None:
        await self._chat.stop_turn(session_id, reply_id=reply_id)

    def own_wait(self) -> bool:
        """Whether messages of this window wait and nothing keeps them."""
        return not self.busy and self._own_waits

    @property
    def _own_waits(self) -> bool:
        conversation = self._conversation
        return self._went_well and any(one.id in conversation.own for one in conversation.queued)

    # how it is done

    def _queue(self, request: TurnRequest | None) -> None:
        """Wait for the turns before it, then do it; None is what waits."""
        turns = self._shown
        turns.workers = [worker for worker in turns.workers if worker in worker.node.workers]
        turns.workers.append(
            self._screen.run_worker(partial(self._run_in_order, turns, request), name="turn", group="turn")
        )

    async def _run_in_order(self, turns: SessionTurns, request: TurnRequest | None) -> None:
        try:
            await asyncio.sleep(0)  # where tasks begin at once, this one is not among the workers yet
            async with turns.lock:
                elsewhere = request is not None and request.elsewhere
                try:
                    if request is not None and not elsewhere:
                        await self._run_turn(turns, request)
                except TaleError as error:
                    await self._keep(turns, request, error)
                    elsewhere = True
                if elsewhere:
                    await self._follow(turns)
                if not elsewhere or (turns.shown and self._own_waits):
                    await self._send_what_waits(turns, anyway=request is None)
        except SendFailed as lost:
            self._on_lost(lost)
        except TaleError as error:
            self._screen.say_error(error)
        finally:
            turns.workers.remove(get_current_worker())
            self._conversation.changed()
        if turns.stale and turns.shown and not turns.wanted:
            turns.stale = False
            self._screen.spawn(self.reload, group="session")

    async def _follow(self, turns: SessionTurns) -> None:
        """Show what is written elsewhere, turn after turn, until nothing is, or another conversation is shown."""
        conversation, goes_on = self._conversation, True
        while goes_on and turns.shown:
            goes_on = False
            with suppress(EngineLost, NoSuchSession):  # those who watch are told that it moved, or was deleted
                goes_on = await self._run_turn(turns, self._elsewhere)
            if len(turns.workers) == 1:  # else a message of the user stands below it already, which is not stored yet
                await conversation.reload()
            goes_on = goes_on and conversation.branch.being_written

    async def _run_turn(self, turns: SessionTurns, request: TurnRequest) -> bool:
        """Have a turn done, or follow it, and show what comes of it; whether there was one."""
        conversation = self._conversation
        if turns.session_id is None:
            turns.session_id = (await conversation.ensure_session()).id
        if not request.elsewhere:
            conversation.own.add(request.key)
            if turns.shown:
                self._on_turn()
        turns.followed = request.elsewhere
        turns.turn = turn = TurnPresenter(conversation.branch, conversation.clock.monotonic)
        turn.here = turns.shown
        turns.task = asyncio.current_task()
        conversation.touch()
        conversation.changed()
        try:
            async with aclosing(request.ask(turns.session_id)) as events:
                async for event in events:
                    if isinstance(event, TurnStarted):
                        if not request.elsewhere:
                            conversation.own.add(event.source or request.key)
                        elif turns.shown and event.reply.id not in conversation.branch:
                            await conversation.reload()  # it began since that was read
                    turn.take(event)
                    if isinstance(event, TurnStarted) and turns.shown:
                        session = None if request.elsewhere else event.session  # it was read since
                        conversation.turn_started(session, event.user.id if event.user else request.key)
                    elif isinstance(event, TaskStarted) and turns.shown:
                        self._on_task(event.task)
        except asyncio.CancelledError:
            # The engine may have stored a word more than was shown, or may be gone by now.
            if not request.elsewhere:
                with suppress(TaleError):
                    await conversation.reload()
            raise
        finally:
            turns.turn = turns.task = None
            turns.followed = False
            conversation.touch()
            if turns.shown:
                conversation.window = turn.window or conversation.window
            conversation.changed()
        return turn.reply is not None

    async def _send_what_waits(self, turns: SessionTurns, *, anyway: bool) -> None:
        while (waiting := await self._next_waiting(turns, anyway=anyway)) is not None:
            anyway = False
            if turns.shown:
                self._conversation.show_at_once(waiting.id, waiting.text)
            as_task = self._conversation.said.get(waiting.id)
            ask = partial(self._chat.send, text=waiting.text, key=waiting.id, as_task=as_task)
            try:
                await self._run_turn(turns, TurnRequest(waiting.id, ask))
            except TurnRunning:  # another window was faster, perhaps with this very message
                if not turns.shown:
                    return
                await self._follow(turns)

    async def _next_waiting(self, turns: SessionTurns, *, anyway: bool) -> QueuedMessage | None:
        """What is sent next; None where nothing waits, or where it waits for the user, as the last reply broke off."""
        if turns.shown:
            goes = anyway or self._went_well
            return next(iter(self._conversation.queued), None) if goes else None
        if turns.session_id is None:
            return None
        try:
            transcript = await self._sessions.transcript(turns.session_id)
        except NoSuchSession:
            return None  # it was deleted meanwhile, and what waited with it
        goes = transcript.messages[-1].state not in RESUMABLE
        return next(iter(transcript.queued), None) if goes else None

    @property
    def _went_well(self) -> bool:
        branch = self._conversation.branch
        return branch.tip is not None and branch.resumable is None

    async def _keep(self, turns: SessionTurns, request: TurnRequest | None, error: TaleError) -> None:
        """See to it that a message whose turn failed is somewhere.

        Raises:
            SendFailed: it is not stored, as far as can be told.
            TaleError: the error, where there is nothing to keep.
        """
        if request is None or request.text is None:
            raise error
        if not (request.queues and isinstance(error, TurnRunning)):
            if not await self._is_stored(turns, request.key):
                raise SendFailed(error, request.text) from error
            raise error
        # Another window was faster: the message goes when that reply has ended.
        if turns.shown:
            await self._conversation.reload()
            as_task = self._conversation.said.get(request.key)
            await self._conversation.enqueue(request.text, request.key, as_task=as_task)
        elif turns.session_id is not None:
            await self._chat.enqueue(turns.session_id, request.text, key=request.key)

    async def _is_stored(self, turns: SessionTurns, key: str) -> bool:
        """Show what the engine has, where it is on the screen; whether a message is in it."""
        conversation = self._conversation
        try:
            if turns.shown:
                await conversation.reload()
                if conversation.session is None:
                    conversation.begin(conversation.system)
                return key in conversation.branch
            if turns.session_id is None:
                return False
            transcript = await self._sessions.transcript(turns.session_id)
        except TaleError:
            return False
        return key in {*(one.id for one in transcript.messages), *(one.id for one in transcript.queued)}
