"""How turns begin: what a message is judged to be, and what is stored of it before anything else happens."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Protocol

from tale_tui.domain.conversation import Author, Message, MessageState
from tale_tui.domain.errors import BadInput, NoModel, NoSuchMessage, WrongState
from tale_tui.domain.models import ModelRef, Role
from tale_tui.domain.tasks import Task
from tale_tui.domain.text import clean
from tale_tui.engine.chat.classify import Decision, MessageClassifier
from tale_tui.engine.chat.generate import ChatServices
from tale_tui.engine.chat.question_patterns import Question
from tale_tui.engine.chat.task_questions import KnownTasks, TaskQuestion, answer, describe_cancelled, newest, to_cancel
from tale_tui.engine.store.tasks import NewTask
from tale_tui.engine.store.turns import StoredTurn
from tale_tui.formatting.tasks import describe

LONG_TEXT = 1000
"""Characters: a shorter message fits any window, so that nobody needs to know the window before it is stored."""
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
        ref: ModelRef | None = None,
        why: str = "",
    ) -> NewTask:
        """Check a task and choose its model; nothing is stored."""
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


class TurnStarter:
    """Opens turns.

    Args:
        tools: what turns work with.
        judging: says what a message is.
        desk: carries out tasks.
        corrected: told when the user said what a message is.
    """

    def __init__(
        self, tools: ChatServices, judging: MessageClassifier, desk: TaskSubmitter, corrected: Callable[[], None]
    ) -> None:
        self._tools = tools
        self._judging = judging
        self._desk = desk
        self._corrected = corrected

    async def send(
        self, session_id: str, text: str, key: str, ref: ModelRef | None, as_task: bool | None
    ) -> StartedTurn:
        """A new message of the user at the end of the conversation."""
        store = self._tools.store
        if await store.has_message(key):
            return await self._again(await store.begin_turn(session_id, user_id=key, text=text))
        verdict = await self._judging.verdict(session_id, text, ref, as_task)
        reply_ref, task = await self._replier(session_id, text, ref, verdict, as_task)
        turn = await store.begin_turn(session_id, user_id=key, text=text, reply_ref=reply_ref, p=verdict.p, task=task)
        opened = self._opened(turn, verdict)
        await self._learn(turn.user, verdict)
        return opened

    async def edit(self, session_id: str, message_id: str, text: str, key: str) -> StartedTurn:
        """Another version of a message of the user, judged anew."""
        store = self._tools.store
        if await store.has_message(key):
            return await self._again(await store.begin_edit(session_id, message_id, key, text))
        verdict = await self._judging.verdict(session_id, text, None, None)
        reply_ref, task = await self._replier(session_id, text, None, verdict, None)
        turn = await store.begin_edit(session_id, message_id, key, text, reply_ref, verdict.p, task)
        return self._opened(turn, verdict)

    async def regenerate(self, session_id: str, message_id: str) -> StartedTurn:
        """Another version of a reply that a model wrote."""
        store = self._tools.store
        message = await store.message(message_id)
        asked = message.id if message.author is Author.USER else message.parent_id
        if asked is None:
            raise NoSuchMessage("There is no message before this one that could be answered again.")
        shown = await store.shown_reply(asked) if message.author is Author.USER else message
        if shown is not None and shown.task_id is not None:
            raise BadInput(IS_A_TASK)
        return StartedTurn(None, await store.begin_reply(session_id, asked, self._likely(None)))

    async def resume(self, session_id: str, message_id: str) -> StartedTurn:
        """The rest of the last reply."""
        end = await self._tools.store.session_tail(session_id)
        if end.last is None or end.last.id != message_id:
            raise NoSuchMessage("Only the last reply of a conversation can be continued.")
        if end.last.task_id is not None:
            raise BadInput(IS_A_TASK)
        return StartedTurn(None, await self._tools.store.reopen_reply(message_id))

    async def reclassify(self, session_id: str, message_id: str, as_task: bool) -> StartedTurn:
        """The other kind of reply to a message of the user."""
        store = self._tools.store
        user = await store.message(message_id)
        shown = await store.shown_reply(message_id)
        if user.author is not Author.USER or user.session_id != session_id:
            raise NoSuchMessage("Only a message of yours can be made a task or talk. Choose the one above the reply.")
        task_id = shown.task_id if shown is not None else None
        if as_task is (task_id is not None):
            raise NoSuchMessage("That message is a task already." if as_task else "That message is talk already.")
        if as_task:
            new = await self._desk.new_task(user.text, key=self._tools.world.new_id(), session_id=session_id)
            card, task = await store.begin_card(session_id, message_id, new)
            self._desk.accept(task)
            opened = StartedTurn(None, card, task=task)
        else:
            await self._cancelled(task_id or "")
            opened = StartedTurn(None, await store.begin_reply(session_id, message_id, self._likely(None)))
        await self._learn(user, Decision(user.p, as_task, overruled=True))
        return opened

    # parts of these

    async def _again(self, turn: StoredTurn) -> StartedTurn:
        """A turn that is asked for again: a reply that was cut off goes on, any other has ended."""
        user, reply, _ = turn
        if reply.task_id is not None:
            return StartedTurn(user, reply, over=True, task=await self._tools.store.task(reply.task_id))
        if reply.state is MessageState.INTERRUPTED:
            reply = await self._tools.store.reopen_reply(reply.id)
        return StartedTurn(user, reply, over=reply.state is not MessageState.STREAMING)

    async def _replier(
        self, session_id: str, text: str, ref: ModelRef | None, verdict: Decision, as_task: bool | None
    ) -> tuple[ModelRef | None, NewTask | None]:
        """Who replies to a message that is not stored yet: a model, as far as it is known, or a task.

        Raises:
            MessageTooLong: it is longer than the window of the model.
        """
        if verdict.is_task:
            detected = verdict.p if as_task is None else None
            key = self._tools.world.new_id()
            return None, await self._desk.new_task(text, key=key, session_id=session_id, p=detected)
        await self._check(session_id, text, ref, verdict)
        return None if verdict.asked else self._likely(ref), None

    def _opened(self, turn: StoredTurn, verdict: Decision) -> StartedTurn:
        if turn.task is not None:
            self._desk.accept(turn.task)
            return StartedTurn(turn.user, turn.reply, task=turn.task)
        return StartedTurn(turn.user, turn.reply, answer=self._answer(verdict))

    async def _learn(self, user: Message, verdict: Decision) -> None:
        if verdict.overruled:
            await self._tools.store.add_label(user.text, verdict.is_task, verdict.p)
            self._corrected()

    async def _check(self, session_id: str, text: str, ref: ModelRef | None, verdict: Decision) -> None:
        """Refuse a message that is longer than the window.

        Raises:
            MessageTooLong: with the numbers.
            NoSuchSession: its session is not there.
        """
        if len(text) < LONG_TEXT or verdict.asked:
            return
        session = await self._tools.store.session(session_id)
        with suppress(NoModel):  # then nobody knows a window, and the message is stored whatever its length
            ref = ref or await self._tools.roles.serving(Role.UX)
            await self._tools.prompter.check(clean(text), session.system, ref)

    def _likely(self, ref: ModelRef | None) -> ModelRef | None:
        """The model that will be asked, as far as it is known without asking anybody."""
        return ref or self._tools.roles.status(Role.UX).ref

    # questions about tasks

    def _answer(self, verdict: Decision) -> Callable[[], Awaitable[str]] | None:
        return None if verdict.asked is None else partial(self._say, verdict.asked, verdict.rows)

    async def _say(self, asked: TaskQuestion, rows: KnownTasks) -> str:
        if asked.question not in (Question.CANCEL, Question.CANCEL_ALL):
            return answer(asked, rows)
        wanted = to_cancel(asked, rows)
        if not wanted:
            return f"No task of this conversation is open. {describe(newest(rows.tasks), rows.now)}"
        cancelled = [task for task in [await self._cancelled(each.id) for each in wanted] if task is not None]
        return describe_cancelled(cancelled) if cancelled else f"It had ended already. {await self._tell(wanted[0].id)}"

    async def _cancelled(self, task_id: str) -> Task | None:
        try:
            return await self._desk.cancel(task_id)
        except WrongState:
            return None  # it ended by itself meanwhile

    async def _tell(self, task_id: str) -> str:
        return describe(await self._tools.store.task(task_id), self._tools.world.now())
