"""One turn: a message is stored, a model is asked, its reply streams and is stored.

A task of its own does the work and always ends it, whoever reads along. Who asked reads an async generator, and closing
that stops the model; so a reply is stored as stopped even when that reader is cancelled in the middle of everything.
Any number of others follow, and closing theirs stops nothing.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from contextlib import aclosing, contextmanager, suppress
from dataclasses import dataclass, replace
from functools import partial

from tale_tui.config.logs import SUBJECT
from tale_tui.domain.context import ContextReport
from tale_tui.domain.conversation import Message, MessageState, QueuedMessage, WindowUse
from tale_tui.domain.errors import EngineLost, ModelError, NoSuchSession, StoreError, TaleError, TurnRunning
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
from tale_tui.domain.models import ModelRef, Role, Usage
from tale_tui.domain.tasks import Classification
from tale_tui.engine.chat.classify import MessageClassifier
from tale_tui.engine.chat.context_report import ContextReporter
from tale_tui.engine.chat.generate import ChatServices, Generated, ReplyGenerator
from tale_tui.engine.chat.start import StartedTurn, TurnStarter
from tale_tui.engine.streaming import AutoSaver, PartialReply, TurnEventQueue
from tale_tui.engine.unexpected import error_of

log = logging.getLogger(__name__)

LEFT_BEHIND = "The reply broke off when the application was left."

WENT_WRONG = "The reply broke off because of an error in the application; the log says more."


@dataclass(frozen=True, slots=True)
class _Outcome:
    state: MessageState
    failure: TaleError | None = None
    generated: Generated | None = None


class Turn:
    """One turn.

    Args:
        manager: knows that it is under way.
        session_id: the session that it belongs to.
        start: stores its beginning; what it raises is raised to the reader, and nothing was done.
        source: the key of the user's message, named in `SessionChanged`; empty makes an id.
        ref: the model that is asked; None takes that of the role ux.
    """

    def __init__(
        self,
        manager: TurnManager,
        session_id: str,
        start: Callable[[], Awaitable[StartedTurn]],
        source: str = "",
        ref: ModelRef | None = None,
    ) -> None:
        self.session_id = session_id
        self._manager = manager
        self._services = manager.services
        self._start = start
        self._source = source or manager.services.clock.new_id()
        self._ref = ref
        self._queue = TurnEventQueue()
        self._began = self._services.clock.monotonic()
        self._task: asyncio.Task[None]
        self._asking = False
        self._stop: MessageState | None = None
        self._end: TurnEvent | None = None
        """How it ended, as soon as that is stored."""
        self._error: TaleError | None = None
        """Why it did not begin, or did not end as it should."""
        self._started: TurnStarted | None = None
        self._written: PartialReply | None = None
        self.answers = source
        """The user's message that it answers, as soon as that is known."""

    @property
    def reply_id(self) -> str:
        """Of the reply, as soon as that is stored; empty before."""
        return self._started.reply.id if self._started is not None else ""

    async def events(self) -> AsyncGenerator[TurnEvent, None]:
        """What happens, as it happens. Closing it stops the turn.

        Raises:
            TaleError: it could not begin, and nothing was stored.
        """
        self._task = asyncio.create_task(self._run(), name=f"turn in {self.session_id}")
        self._task.add_done_callback(self._look_at)
        try:
            while events := await self._queue.read():
                for event in events:
                    yield event
            await asyncio.wait([self._task])
            if self._end is None and self._error is not None:
                raise self._error
        finally:
            await self.stop(MessageState.STOPPED)

    async def follow(self) -> AsyncGenerator[TurnEvent, None]:
        """All there is so far, then what happens. Closing it does nothing to the turn."""
        queue = self._queue.follow(self._so_far())
        try:
            while events := await queue.read():
                for event in events:
                    yield event
        finally:
            self._queue.unfollow(queue)

    def _so_far(self) -> TurnStarted | None:
        started, written = self._started, self._written
        if started is None or written is None:
            return started
        reply = replace(started.reply, text=written.text, thinking=written.thinking)
        return replace(started, reply=reply, so_far=written.usage(None))

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
        """What kept the turn from its end is the reader's."""
        self._error = error_of(task, f"The turn in {self.session_id}")

    async def _run(self) -> None:
        """Whoever reads of the end may begin the next turn of the session."""
        try:
            with self._manager.claimed(self):
                self._services.recall.give_up()
                self._services.digests.give_up()
                started = await self._start()
                reply = started.reply
                self.answers = reply.parent_id or ""
                SUBJECT.set(("turn", self.answers, Role.UX, reply.ref))
                log.info("begins in conversation %s", self.session_id)
                session = started.session
                if session is None:
                    with suppress(StoreError, NoSuchSession):  # the turn is stored; its end says what is wrong
                        session = await self._services.store.session(self.session_id)
                self._started = TurnStarted(started.user, reply, session, source=self._source)
                self._queue.put(self._started)
                if started.task is not None:
                    self._queue.put(TaskStarted(started.task))
                if not started.over:
                    self._services.publish(SessionChanged(self.session_id, source=self._source))
                if started.over or started.task is not None:
                    self._end = _end_of(reply, None, None)
                elif started.answer is not None:
                    await self._answer(reply, started.answer, started.why, started.remembered)
                else:
                    await self._generate(reply)
        finally:
            if self._end is not None:
                self._queue.put(self._end)
            self._queue.close()

    async def _answer(
        self, reply: Message, answer: Callable[[], Awaitable[str]], why: str, remembered: tuple[str, ...]
    ) -> None:
        """Fill the reply with a sentence of ours; that takes a moment and is not stopped."""
        try:
            text = await answer()
        except TaleError as error:  # what was asked for cannot be done: that is the answer
            text = error.sentence
        self._queue.piece(text, False, 0)
        await self._finish(replace(reply, text=text, state=MessageState.COMPLETE, why=why), None, None, remembered)

    async def _generate(self, reply: Message) -> None:
        """Fill the reply with what a model writes and end it, whatever happens."""
        # Thinking that broke off before the answer cannot be continued: it is done anew.
        thinking = reply.thinking if reply.text else ""
        self._written = written = PartialReply(reply.text, thinking, self._began, self._services.clock.monotonic)

        async def save() -> None:
            await self._services.store.save_partial(reply.id, written.text, written.thinking, generator.ref)

        saver = AutoSaver(save, self._complain)
        generator = ReplyGenerator(self._services, reply, self._ref, self._queue, written, saver)
        outcome: _Outcome | None = None
        try:
            # It may have been stopped before there was anything to stop.
            outcome = _Outcome(self._stop) if self._stop else await self._attempt(generator, written)
        finally:
            await saver.close()
            if outcome is None:  # an error that nobody expected goes on from here
                outcome = _Outcome(MessageState.INTERRUPTED, TaleError(WENT_WRONG))
            failure, generated = outcome.failure, outcome.generated
            left = LEFT_BEHIND if outcome.state is MessageState.INTERRUPTED else ""
            ended = replace(
                reply,
                text=written.text,
                thinking=written.thinking,
                state=outcome.state,
                ref=generator.ref,
                usage=written.usage(generated.end if generated else None),
                finish=generated.end.reason if generated else None,
                error=failure.sentence if failure else left,
                why=generator.why,
            )
            window_use = partial(generator.window_use, generated) if generated else None
            await self._finish(ended, failure, window_use, generator.remembered)

    async def _attempt(self, generator: ReplyGenerator, written: PartialReply) -> _Outcome:
        """Ask, and say what came of it."""
        self._asking = True
        try:
            return _Outcome(MessageState.COMPLETE, None, await generator.run())
        except asyncio.CancelledError:  # by `stop`, or because the event loop ends
            self._task.uncancel()  # what is cancelled is the asking, not the storing of what came
            return _Outcome(self._stop or MessageState.INTERRUPTED)
        except TaleError as error:
            failure = error
        finally:
            self._asking = False
        log.info("turn in %s with %s: %s: %s", self.session_id, generator.ref, failure.code, failure.sentence)
        return _Outcome(MessageState.INTERRUPTED if written.text else MessageState.FAILED, failure)

    async def _finish(
        self,
        reply: Message,
        failure: TaleError | None,
        window_use: Callable[[], Awaitable[WindowUse]] | None,
        remembered: tuple[str, ...] = (),
    ) -> None:
        """Store the reply as it is, and say so."""
        services = self._services
        try:
            with services.calls.storing(reply.id) as call:
                if call is not None and reply.usage is not None:
                    call = call.timed(reply.usage)
                    reply = replace(reply, usage=call.usage)
                reply = await services.store.finish_reply(
                    reply.id,
                    state=reply.state,
                    text=reply.text,
                    thinking=reply.thinking,
                    ref=reply.ref,
                    usage=reply.usage,
                    finish=reply.finish,
                    error=reply.error,
                    why=reply.why,
                    calls=() if call is None else (call,),
                    remembered=remembered,
                )
        except TaleError as error:  # a full disk, or a session that somebody deleted
            failure = error
            kept = MessageState.INTERRUPTED if reply.text else MessageState.FAILED
            reply = replace(reply, state=kept, error=error.sentence)
        self._end = _end_of(reply, failure, await window_use() if window_use else None)
        log.info("ends: %s%s", reply.state.value, _cost_of(reply.usage))
        self._services.publish(SessionChanged(self.session_id, source=self._source))

    def _complain(self, error: TaleError) -> None:
        sentence = f"What comes is shown but not kept. {error.sentence}"
        self._services.publish(Notice(error.title, sentence, "error"))


def _cost_of(usage: Usage | None) -> str:
    """What a reply cost, for the log."""
    if usage is None:
        return ""
    parts = []
    if usage.completion_tokens is not None:
        parts.append(f"{usage.completion_tokens} tokens")
    if usage.ttft_ms is not None:
        parts.append(f"first after {usage.ttft_ms:.0f} ms")
    if usage.total_ms is not None:
        parts.append(f"{usage.total_ms:.0f} ms in all")
    return f", {', '.join(parts)}" if parts else ""


def _end_of(reply: Message, failure: TaleError | None, window: WindowUse | None) -> TurnEvent:
    if failure is not None:
        return TurnFailed(reply, failure.title, failure.sentence, failure.code)
    if reply.state is MessageState.COMPLETE:
        return TurnDone(reply, window)
    if reply.state is MessageState.FAILED:
        return TurnFailed(reply, ModelError.title, reply.error, ModelError.code)
    return TurnCancelled(reply)


class TurnManager:
    """Begins turns and knows those that are under way. Implements `api.ChatApi`, where each verb is described.

    Args:
        services: what turns work with.
        starter: stores their beginnings.
        classifier: says what a message is.
        contexts: says what a model is shown.
    """

    def __init__(
        self,
        services: ChatServices,
        starter: TurnStarter,
        classifier: MessageClassifier,
        contexts: ContextReporter,
    ) -> None:
        self.services = services
        self._starter = starter
        self._classifier = classifier
        self._contexts = contexts
        self._running: dict[str, Turn] = {}
        self._closed = False
        self.typed = float("-inf")
        """When somebody last wrote a message, or sent one, in seconds of the clock that only goes forward."""

    @property
    def busy(self) -> bool:
        """Whether any turn is under way."""
        return bool(self._running)

    @contextmanager
    def claimed(self, turn: Turn) -> Iterator[None]:
        """Meanwhile a turn is the one of its session.

        Raises:
            EngineLost: no turn begins any more.
            TurnRunning: the session has another one.
        """
        if self._closed:
            raise EngineLost("The engine has been left.")
        if turn.session_id in self._running:
            raise TurnRunning("A reply is still coming in this conversation. Wait for it, or stop it first.")
        self._running[turn.session_id] = turn
        self.typed = self.services.clock.monotonic()
        try:
            yield
        finally:
            del self._running[turn.session_id]

    def send(
        self, session_id: str, text: str, *, key: str, ref: ModelRef | None = None, as_task: bool | None = None
    ) -> AsyncGenerator[TurnEvent, None]:
        start = partial(self._starter.send, session_id, text, key, ref, as_task)
        return Turn(self, session_id, start, key, ref).events()

    def regenerate(self, session_id: str, message_id: str) -> AsyncGenerator[TurnEvent, None]:
        return Turn(self, session_id, partial(self._starter.regenerate, session_id, message_id)).events()

    def edit(self, session_id: str, message_id: str, text: str, *, key: str) -> AsyncGenerator[TurnEvent, None]:
        start = partial(self._starter.send, session_id, text, key, edited=message_id)
        return Turn(self, session_id, start, key).events()

    def resume(self, session_id: str, message_id: str) -> AsyncGenerator[TurnEvent, None]:
        return Turn(self, session_id, partial(self._starter.resume, session_id, message_id)).events()

    async def reclassify(self, session_id: str, message_id: str, *, as_task: bool) -> AsyncGenerator[TurnEvent, None]:
        """A reply to the message that is coming is stopped first."""
        turn = self._running.get(session_id)
        if turn is not None and turn.answers == message_id:
            await turn.stop(MessageState.STOPPED)
        start = partial(self._starter.reclassify, session_id, message_id, as_task)
        async with aclosing(Turn(self, session_id, start).events()) as events:
            async for event in events:
                yield event

    async def follow_turn(self, session_id: str) -> AsyncGenerator[TurnEvent, None]:
        turn = self._running.get(session_id)
        if turn is None:
            await self.services.store.session(session_id)
            return
        async with aclosing(turn.follow()) as events:
            async for event in events:
                yield event

    async def stop_turn(self, session_id: str, *, reply_id: str = "") -> None:
        turn = self._running.get(session_id)
        if turn is not None and reply_id in ("", turn.reply_id):
            await turn.stop(MessageState.STOPPED)

    async def classify(self, text: str, *, session_id: str = "") -> Classification:
        self.typed = self.services.clock.monotonic()
        self.services.digests.give_up()
        return await self._classifier.classify(text, session_id)

    async def context(self, session_id: str) -> ContextReport:
        return await self._contexts.report(session_id)

    async def enqueue(self, session_id: str, text: str, *, key: str) -> QueuedMessage:
        queued = await self.services.store.enqueue(session_id, text, key=key)
        self.services.publish(SessionChanged(session_id, source=key))
        return queued

    async def dequeue(self, session_id: str, key: str) -> QueuedMessage | None:
        queued = await self.services.store.dequeue(session_id, key)
        if queued is not None:
            self.services.publish(SessionChanged(session_id, source=key))
        return queued

    async def close(self) -> None:
        """End all turns, so that they can be continued after the next start, and begin no more."""
        self._closed = True
        await asyncio.gather(*(turn.stop(MessageState.INTERRUPTED) for turn in self._running.values()))
