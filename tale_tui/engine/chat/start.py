"""How turns begin: what a message is classified as, and what is stored of it before anything else happens."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import Protocol

from tale_tui.domain.constants import LONG_MESSAGE_CHARACTERS
from tale_tui.domain.conversation import Author, Message, MessageState, Session
from tale_tui.domain.errors import BadInput, NoModel, NoSuchMessage, WrongState
from tale_tui.domain.models import ModelRef, Role
from tale_tui.domain.tasks import Task
from tale_tui.domain.text import clean
from tale_tui.engine.chat.classify import Decision, MessageClassifier
from tale_tui.engine.chat.generate import ChatServices
from tale_tui.engine.chat.task_questions import (
    ANSWERED_FROM_RECALL,
    ANSWERED_FROM_TASKS,
    KnownTasks,
    Question,
    TaskQuestion,
    answer,
    describe_cancelled,
    newest,
    to_cancel,
)
from tale_tui.engine.recall.service import DecisionsFound
from tale_tui.engine.store.conversations.turns import StoredTurn
from tale_tui.engine.store.tasks.tasks import NewTask
from tale_tui.formatting.recall import said_when
from tale_tui.formatting.sentences import describe

IS_A_TASK = "That message is a task. Retry the task, or make the message a conversation first."


class TaskSubmitter(Protocol):
    """Who carries out tasks."""

    async def new_task(
        self,
        text: str,
        *,
        key: str,
        session_id: str | None = None,
        p: float | None = None,
        given: Role | None = None,
    ) -> NewTask:
        """Check a task and note the model that is likely to do it; nothing is stored."""
        ...

    def accept(self, task: Task) -> None:
        """A task has been stored."""
        ...

    async def cancel(self, task_id: str) -> Task:
        """End a task that is open."""
        ...


@dataclass(frozen=True, slots=True)
class StartedTurn:
    """What a turn begins with, stored."""

    user: Message | None
    reply: Message
    over: bool = False
    """True where the reply has ended already: the call was a repeated one."""
    task: Task | None = None
    """The task of which the reply is the card."""
    answer: Callable[[], Awaitable[str]] | None = None
    """Gives the reply, where no model is asked."""
    why: str = ""
    """Where that comes from."""
    remembered: tuple[str, ...] = ()
    """The ids of the remembered items that it is made of."""
    session: Session | None = None
    """As it was stored with it; None where it was not read."""


class TurnStarter:
    """Stores how turns begin.

    Args:
        services: what turns work with.
        classifier: says what a message is.
        tasks: carries out tasks.
        corrected: told when the user said what a message is.
    """

    def __init__(
        self,
        services: ChatServices,
        classifier: MessageClassifier,
        tasks: TaskSubmitter,
        corrected: Callable[[], None],
    ) -> None:
        self._services = services
        self._classifier = classifier
        self._tasks = tasks
        self._corrected = corrected

    async def send(
        self,
        session_id: str,
        text: str,
        key: str,
        ref: ModelRef | None = None,
        as_task: bool | None = None,
        *,
        edited: str | None = None,
    ) -> StartedTurn:
        """A new message of the user.

        Args:
            session_id: the conversation.
            text: the message.
            key: becomes its id.
            ref: the model that the user chose for it.
            as_task: what the user said that it is.
            edited: the message of which it is another version; None for one at the end of the conversation.
        Raises:
            NoSuchSession: it is not there.
            MessageTooLong: it is longer than the window of the model.
        """
        services = self._services
        begin = partial(services.store.begin_turn, session_id, user_id=key, text=text, beside=edited)
        context = await services.store.turn_context(session_id, key)
        if context.is_stored:
            return await self._again(await begin())
        decision = await self._classifier.decide(context, text, ref, as_task)
        decided = DecisionsFound()
        if decision.asks_decision:
            decided = await services.recall.decisions(clean(text), session_id)
        task, reply_ref = None, None
        if decided.items:
            pass  # it is answered from what is remembered
        elif decision.is_task:
            # What the user says is a task is worth the model that works, however simple it looks.
            detected, given = (decision.p, None) if as_task is None else (None, Role.TASK)
            task = await self._tasks.new_task(
                text, key=services.clock.new_id(), session_id=session_id, p=detected, given=given
            )
        elif decision.asked is None:
            if len(text) >= LONG_MESSAGE_CHARACTERS:
                await self._check(session_id, text, ref)
            reply_ref = ref or services.roles.states.status(Role.UX).ref  # as far as it is known without asking anybody
        turn = await begin(reply_ref=reply_ref, p=decision.p, task=task)
        if turn.task is not None:
            self._tasks.accept(turn.task)
        if decision.overruled:
            await self._learn(turn.user, decision)
        question = decision.asked
        started = StartedTurn(turn.user, turn.reply, task=turn.task, session=turn.session)
        if decided.items:
            answer = partial(self._decided, decided)
            remembered = tuple(item.id for item in decided.items)
            return replace(started, answer=answer, why=ANSWERED_FROM_RECALL, remembered=remembered)
        if question is not None:
            answer = partial(self._answer, question, decision.rows)
            return replace(started, answer=answer, why=ANSWERED_FROM_TASKS)
        return started

    async def regenerate(self, session_id: str, message_id: str) -> StartedTurn:
        """Another version of a reply that a model wrote."""
        store = self._services.store
        message = await store.message(message_id)
        asked = message.id if message.author is Author.USER else message.parent_id
        if asked is None:
            raise NoSuchMessage("There is no message before this one that could be answered again.")
        shown = await store.shown_reply(asked) if message.author is Author.USER else message
        if shown is not None and shown.task_id is not None:
            raise BadInput(IS_A_TASK)
        likely = self._services.roles.states.status(Role.UX).ref
        return StartedTurn(None, await store.begin_reply(session_id, asked, likely))

    async def resume(self, session_id: str, message_id: str) -> StartedTurn:
        """The rest of the last reply."""
        last = (await self._services.store.turn_context(session_id)).last
        if last is None or last.id != message_id:
            raise NoSuchMessage("Only the last reply of a conversation can be continued.")
        if last.task_id is not None:
            raise BadInput(IS_A_TASK)
        return StartedTurn(None, await self._services.store.reopen_reply(message_id))

    async def reclassify(self, session_id: str, message_id: str, as_task: bool) -> StartedTurn:
        """The other kind of reply to a message of the user."""
        store = self._services.store
        user = await store.message(message_id)
        shown = await store.shown_reply(message_id)
        if user.author is not Author.USER or user.session_id != session_id:
            raise NoSuchMessage("Only a message of yours can be made a task or talk. Choose the one above the reply.")
        task_id = shown.task_id if shown is not None else None
        if as_task is (task_id is not None):
            raise NoSuchMessage("That message is a task already." if as_task else "That message is talk already.")
        if as_task:
            key = self._services.clock.new_id()
            new = await self._tasks.new_task(user.text, key=key, session_id=session_id, given=Role.TASK)
            card, task = await store.begin_card(session_id, message_id, new)
            self._tasks.accept(task)
            started = StartedTurn(None, card, task=task)
        else:
            await self._cancelled(task_id or "")
            started = StartedTurn(
                None, await store.begin_reply(session_id, message_id, self._services.roles.states.status(Role.UX).ref)
            )
        await self._learn(user, Decision(user.p, as_task, overruled=True))
        return started

    # parts of these

    async def _again(self, turn: StoredTurn) -> StartedTurn:
        """A turn that is asked for again: a reply that was cut off goes on, any other has ended."""
        user, reply = turn.user, turn.reply
        if reply.task_id is not None:
            return StartedTurn(user, reply, over=True, task=await self._services.store.task(reply.task_id))
        if reply.state is MessageState.INTERRUPTED:
            reply = await self._services.store.reopen_reply(reply.id)
        return StartedTurn(user, reply, over=reply.state is not MessageState.STREAMING)

    async def _learn(self, user: Message, decision: Decision) -> None:
        await self._services.store.add_label(user.text, decision.is_task, decision.p)
        self._corrected()

    async def _check(self, session_id: str, text: str, ref: ModelRef | None) -> None:
        """Refuse a message that is longer than the window.

        Raises:
            MessageTooLong: with the numbers.
            NoSuchSession: its session is not there.
        """
        services = self._services
        session = await services.store.session(session_id)
        with suppress(NoModel):  # then nobody knows a window, and the message is stored whatever its length
            ref = ref or await services.roles.serving(Role.UX)
            await services.prompt_builder.check(clean(text), session.system, ref)

    # questions about what is remembered, and about tasks

    async def _decided(self, found: DecisionsFound) -> str:
        other = ("Of that time no decision is remembered. At other times:",) if found.at_other_times else ()
        return "\n".join((*other, *map(said_when, found.items)))

    async def _answer(self, asked: TaskQuestion, rows: KnownTasks) -> str:
        if asked.question not in (Question.CANCEL, Question.CANCEL_ALL):
            return answer(asked, rows)
        wanted = to_cancel(asked, rows)
        if not wanted:
            return f"No task of this conversation is open. {describe(newest(rows.tasks), rows.now)}"
        cancelled = [task for task in [await self._cancelled(each.id) for each in wanted] if task is not None]
        if cancelled:
            return describe_cancelled(cancelled)
        ended = await self._services.store.task(wanted[0].id)
        return f"It had ended already. {describe(ended, self._services.clock.now())}"

    async def _cancelled(self, task_id: str) -> Task | None:
        try:
            return await self._tasks.cancel(task_id)
        except WrongState:
            return None  # it ended by itself meanwhile
