"""One turn: a message is stored, a model is asked, its reply streams and is stored.

A task of its own does the work and always ends it, whoever reads along: the reader is an async generator, and closing
that stops the model. So a reply is stored as stopped even when the reader is cancelled in the middle of everything.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass, replace
from functools import partial

from tale_tui.domain.conversation import Message, MessageState, QueuedMessage, WindowUse
from tale_tui.domain.errors import EngineLost, ModelError, StoreError, TaleError, TurnRunning
from tale_tui.domain.events import (
    Notice,
    SessionChanged,
    TaskStarted,
    TurnCancelled,
    TurnDone,
    TurnEvent,
    TurnFailed,
    TurnStarted,
)
from tale_tui.domain.models import ModelRef
from tale_tui.domain.tasks import Classification
from tale_tui.engine.chat.classify import MessageClassifier
from tale_tui.engine.chat.generate import ChatServices, Generated, ReplyGenerator
from tale_tui.engine.chat.start import StartedTurn, TurnStarter
from tale_tui.engine.chat.task_questions import WHY
from tale_tui.engine.streaming import AutoSaver, DeltaBuffer, PartialReply

log = logging.getLogger(__name__)

LEFT_BEHIND = "The reply broke off when the application was left."

WENT_WRONG = "The reply broke off because of an error in the application; the log says more."


@dataclass(frozen=True, slots=True)
class _Outcome:
    state: MessageState
    failure: TaleError | None = None
    answered: Generated | None = None


class Turn:
    """One turn.

    Args:
        tools: what turns work with.
        session_id: the session that it belongs to.
        opening: stores its beginning; what it raises is raised to the reader, and nothing was done.
        source: named in `SessionChanged`; empty takes the id of the reply.
        ref: the model that is asked; None takes that of the role ux.
        claim: called before anything is done; raises when the session has a turn already.
        release: called when the next turn of the session may begin, once or more.
    """

    def __init__(
        self,
        tools: ChatServices,
        session_id: str,
        opening: Callable[[], Awaitable[StartedTurn]],
        *,
        source: str,
        ref: ModelRef | None,
        claim: Callable[[Turn], None],
        release: Callable[[Turn], None],
    ) -> None:
        self.session_id = session_id
        self._tools = tools
        self._opening = opening
        self._source = source
        self._chosen = ref
        self._claim = claim
        self._release = release
        self._feed = DeltaBuffer()
        self._began = tools.clock.monotonic()
        self._task: asyncio.Task[None]
        self._asking = False
        self._over = False
        self._stop: MessageState | None = None
        self.answers = source
        """The user's message that it answers, as soon as that is known."""

    async def events(self) -> AsyncGenerator[TurnEvent, None]:
        """What happens, as it happens. Closing it stops the turn.

        Raises:
            TaleError: it could not begin, and nothing was stored.
        """
        self._claim(self)
        self._task = asyncio.create_task(self._run(), name=f"turn in {self.session_id}")
        self._task.add_done_callback(self._look_at)
        try:
            while events := await self._feed.read():
                for event in events:
                    yield event
            await asyncio.wait([self._task])
            if not self._over:
                self._task.result()
        finally:
            await self.stop(MessageState.STOPPED)

    async def stop(self, state: MessageState) -> None:
        """End the turn now, and wait until what came is stored; a turn that has ended stays as it is.

        Args:
            state: how the reply is stored: stopped or interrupted.
        """
        if self._stop is None:
            self._stop = state
            if self._asking:
                self._task.cancel()
        await asyncio.wait([self._task])

    def _look_at(self, task: asyncio.Task[None]) -> None:
        """An error that kept the turn from beginning is the reader's; one after that is ours, and goes to the log."""
        error = None if task.cancelled() else task.exception()
        if error is not None and not isinstance(error, TaleError):
            log.error("a turn in %s went wrong", self.session_id, exc_info=error)

    async def _run(self) -> None:
        try:
            opened = await self._opening()
            self._source = self._source or opened.reply.id
            self.answers = opened.reply.parent_id or ""
            self._feed.put(TurnStarted(opened.user, opened.reply))
            await self._go_on(opened)
        finally:
            self._release(self)
            self._feed.close()

    async def _go_on(self, opened: StartedTurn) -> None:
        """From what is stored to the end of the turn."""
        if opened.task is not None:
            self._feed.put(TaskStarted(opened.task))
        if not opened.over:
            self._say_changed()
        if opened.over or opened.task is not None:
            self._release(self)
            self._say_end(opened.reply, None, None)
        elif opened.answer is not None:
            await self._say(opened.reply, opened.answer)
        else:
            await self._answer(opened.reply)

    async def _say(self, reply: Message, answer: Callable[[], Awaitable[str]]) -> None:
        """Fill the reply with a sentence of ours; that takes a moment and is not stopped."""
        try:
            text = await answer()
        except TaleError as error:  # what was asked for cannot be done: that is the answer
            text = error.sentence
        self._feed.piece(text, False, 0)
        await self._close(replace(reply, text=text, state=MessageState.COMPLETE, why=WHY), None, None)

    async def _answer(self, reply: Message) -> None:
        """Fill the reply and end it, whatever happens."""
        # Thinking that broke off before the answer cannot be continued: it is done anew.
        draft = PartialReply(reply.text, reply.thinking if reply.text else "", self._began, self._tools.clock.monotonic)

        async def save() -> None:
            await self._tools.store.save_partial(reply.id, draft.text, draft.thinking, asking.ref)

        saver = AutoSaver(save, self._complain)
        asking = ReplyGenerator(self._tools, reply, self._chosen, self._feed, draft, saver)
        outcome = _Outcome(MessageState.INTERRUPTED, TaleError(WENT_WRONG))
        try:
            outcome = await self._attempt(asking, draft)
        finally:
            await saver.close()
            await self._end(reply, asking, draft, outcome)

    async def _attempt(self, asking: ReplyGenerator, draft: PartialReply) -> _Outcome:
        """Ask, unless it was stopped already."""
        if self._stop is not None:
            return _Outcome(self._stop)
        self._asking = True
        try:
            return _Outcome(MessageState.COMPLETE, None, await asking.run())
        except asyncio.CancelledError:
            self._task.uncancel()  # what is cancelled is the asking, not the storing of what came
            return _Outcome(self._stopped_as())
        except TaleError as error:
            failure = error
        finally:
            self._asking = False
        log.info("turn in %s with %s: %s: %s", self.session_id, asking.ref, failure.code, failure.sentence)
        if isinstance(failure, ModelError) and asking.ref is not None:
            await self._tools.roles.failed(asking.ref, failure)
        return _Outcome(MessageState.INTERRUPTED if draft.text else MessageState.FAILED, failure)

    def _stopped_as(self) -> MessageState:
        """By `stop`, or because the event loop ends."""
        return self._stop or MessageState.INTERRUPTED

    async def _end(self, reply: Message, asking: ReplyGenerator, draft: PartialReply, outcome: _Outcome) -> None:
        """End the reply as it stands."""
        failure, answered = outcome.failure, outcome.answered
        left = LEFT_BEHIND if outcome.state is MessageState.INTERRUPTED else ""
        written = replace(
            reply,
            text=draft.text,
            thinking=draft.thinking,
            state=outcome.state,
            ref=asking.ref,
            usage=draft.usage(answered.end if answered else None),
            finish=answered.end.reason if answered else None,
            error=failure.sentence if failure else left,
            why=asking.why,
        )
        await self._close(written, failure, partial(asking.weigh, answered) if answered else None)

    async def _close(
        self, written: Message, failure: TaleError | None, weigh: Callable[[], Awaitable[WindowUse]] | None
    ) -> None:
        """Store the reply as it is written, let the next turn begin, say how it ended."""
        try:
            written = await self._store(written)
        except TaleError as error:  # a full disk, or a session that somebody deleted
            failure = error
            kept = MessageState.INTERRUPTED if written.text else MessageState.FAILED
            written = replace(written, state=kept, error=error.sentence)
        window = await weigh() if weigh else None
        self._release(self)
        self._say_changed()
        self._say_end(written, failure, window)

    async def _store(self, reply: Message) -> Message:
        return await self._tools.store.finish_reply(
            reply.id,
            state=reply.state,
            text=reply.text,
            thinking=reply.thinking,
            ref=reply.ref,
            usage=reply.usage,
            finish=reply.finish,
            error=reply.error,
            why=reply.why,
        )

    def _say_end(self, reply: Message, failure: TaleError | None, window: WindowUse | None) -> None:
        self._over = True
        if failure is not None:
            self._feed.put(TurnFailed(reply, failure.title, failure.sentence, failure.code))
        elif reply.state is MessageState.COMPLETE:
            self._feed.put(TurnDone(reply, window))
        elif reply.state is MessageState.FAILED:
            self._feed.put(TurnFailed(reply, ModelError.title, reply.error, ModelError.code))
        else:
            self._feed.put(TurnCancelled(reply))

    def _say_changed(self) -> None:
        self._tools.publish(SessionChanged(self.session_id, source=self._source))

    def _complain(self, error: StoreError) -> None:
        sentence = f"What comes is shown but not kept. {error.sentence}"
        self._tools.publish(Notice(error.title, sentence, "error"))


class TurnManager:
    """Begins turns and knows those that are under way. Implements `api.ChatApi`, where each verb is described.

    Args:
        tools: what turns work with.
        openings: store their beginnings.
        judging: says what a message is.
    """

    def __init__(self, tools: ChatServices, openings: TurnStarter, judging: MessageClassifier) -> None:
        self._tools = tools
        self._openings = openings
        self._judging = judging
        self._running: dict[str, Turn] = {}
        self._closed = False

    @property
    def busy(self) -> bool:
        """Whether any turn is under way."""
        return bool(self._running)

    def send(
        self, session_id: str, text: str, *, key: str, ref: ModelRef | None = None, as_task: bool | None = None
    ) -> AsyncGenerator[TurnEvent, None]:
        return self._begin(session_id, partial(self._openings.send, session_id, text, key, ref, as_task), key, ref)

    def regenerate(self, session_id: str, message_id: str) -> AsyncGenerator[TurnEvent, None]:
        return self._begin(session_id, partial(self._openings.regenerate, session_id, message_id))

    def edit(self, session_id: str, message_id: str, text: str, *, key: str) -> AsyncGenerator[TurnEvent, None]:
        return self._begin(session_id, partial(self._openings.edit, session_id, message_id, text, key), key)

    def resume(self, session_id: str, message_id: str) -> AsyncGenerator[TurnEvent, None]:
        return self._begin(session_id, partial(self._openings.resume, session_id, message_id))

    async def reclassify(self, session_id: str, message_id: str, *, as_task: bool) -> AsyncGenerator[TurnEvent, None]:
        """A reply to the message that is coming is stopped first."""
        turn = self._running.get(session_id)
        if turn is not None and turn.answers == message_id:
            await turn.stop(MessageState.STOPPED)
        opening = partial(self._openings.reclassify, session_id, message_id, as_task)
        async with aclosing(self._begin(session_id, opening)) as events:
            async for event in events:
                yield event

    async def classify(self, text: str, *, session_id: str = "") -> Classification:
        return await self._judging.classify(text, session_id)

    async def enqueue(self, session_id: str, text: str, *, key: str) -> QueuedMessage:
        queued = await self._tools.store.enqueue(session_id, text, key=key)
        self._tools.publish(SessionChanged(session_id, source=key))
        return queued

    async def dequeue(self, session_id: str, key: str) -> QueuedMessage | None:
        queued = await self._tools.store.dequeue(session_id, key)
        if queued is not None:
            self._tools.publish(SessionChanged(session_id, source=key))
        return queued

    async def stop(self, session_id: str) -> None:
        """Stop the turn of a session, if there is one."""
        if turn := self._running.get(session_id):
            await turn.stop(MessageState.STOPPED)

    async def close(self) -> None:
        """End all turns, so that they can be continued after the next start, and begin no more."""
        self._closed = True
        await asyncio.gather(*(turn.stop(MessageState.INTERRUPTED) for turn in self._running.values()))

    def _begin(
        self,
        session_id: str,
        opening: Callable[[], Awaitable[StartedTurn]],
        source: str = "",
        ref: ModelRef | None = None,
    ) -> AsyncGenerator[TurnEvent, None]:
        turn = Turn(self._tools, session_id, opening, source=source, ref=ref, claim=self._claim, release=self._released)
        return turn.events()

    def _claim(self, turn: Turn) -> None:
        if self._closed:
            raise EngineLost("The engine has been left.")
        if turn.session_id in self._running:
            raise TurnRunning("A reply is still coming in this conversation. Wait for it, or stop it first.")
        self._running[turn.session_id] = turn

    def _released(self, turn: Turn) -> None:
        if self._running.get(turn.session_id) is turn:
            del self._running[turn.session_id]
