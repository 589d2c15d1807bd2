"""Turns: what is read and stored before anybody answers: the user's message, the reply, the task where it is one."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass, replace
from typing import NamedTuple

from tale_tui.domain.constants import CLASSIFIED_MESSAGES, CLASSIFIED_TASKS, DIGEST_LOOK_BACK
from tale_tui.domain.context import ConversationDigest
from tale_tui.domain.conversation import Author, Message, MessageState, Session
from tale_tui.domain.errors import BadInput, NoSuchMessage
from tale_tui.domain.models import ModelRef
from tale_tui.domain.tasks import OPEN, Task, TaskState
from tale_tui.domain.text import clean, clean_line
from tale_tui.engine.store.conversations.digests import digests_above
from tale_tui.engine.store.conversations.message_tree import (
    NewMessage,
    append_message,
    insert_message,
    message_at,
    messages_above,
    no_such_message,
    node_of,
    show_message,
    touch_session,
)
from tale_tui.engine.store.database import Database
from tale_tui.engine.store.rows import (
    first_words,
    forget_draft,
    fresh_id,
    message_text,
    no_such_session,
    session_at,
    session_n,
)
from tale_tui.engine.store.tasks.task_rows import listed_tasks, task_at, task_n
from tale_tui.engine.store.tasks.tasks import NewTask, insert_task, stored_task_n

_CARDS = """
    SELECT c.n FROM message AS u JOIN message AS c ON c.parent_n = u.n
    WHERE u.id = ? AND c.task_id IS NOT NULL ORDER BY c.n = u.shown_child DESC, c.n DESC LIMIT 1
"""


_BEGUN = tuple(OPEN - {TaskState.DRAFT})


@dataclass(frozen=True, slots=True)
class TurnContext:
    """What is there when a message is about to be sent, or is being written."""

    is_stored: bool = False
    """Whether a message has its key already."""
    last: Message | None = None
    """The last message of the shown branch; None in an empty conversation."""
    above: tuple[Message, ...] = ()
    """Those above it, oldest first: one, or several where no model wrote the last one."""
    tasks: tuple[Task, ...] = ()
    """Of the conversation: the open ones first, then the newest end first."""
    others: tuple[Task, ...] = ()
    """Open ones of other places, where the conversation has none."""
    elsewhere: tuple[Message, ...] = ()
    """What was said last in any conversation, oldest first, where this one is empty or no model answered last in it."""


@dataclass(frozen=True, slots=True)
class PromptSource:
    """What a prompt is made of."""

    messages: tuple[Message, ...]
    """Those above a reply, oldest first."""
    whole: bool
    """Whether they are all there are."""
    system: str
    """The system prompt of the conversation; empty for the default."""
    view_from: str | None
    """The first message that the model was shown in the last turn; None when it was shown all."""
    digests: tuple[ConversationDigest, ...] = ()
    """Of their older ones and of what is above them, the one that goes furthest first."""


class StoredTurn(NamedTuple):
    """A turn as it is stored."""

    user: Message
    reply: Message
    """Streaming; or complete without a text, where it is the card of a task."""
    task: Task | None
    session: Session
    """As it is with them."""


class StoredTurns(Database):
    """The beginnings of turns. Whatever session a new task names, it gets that of the turn."""

    async def turn_context(self, session_id: str, key: str = "") -> TurnContext:
        """What a message is judged by, on one state of the database.

        Args:
            session_id: the whole id.
            key: of the message, where it has one.
        Raises:
            NoSuchSession: it is not there.
        """

        def job(connection: sqlite3.Connection) -> TurnContext:
            row = connection.execute(
                """
                SELECT s.tip, tip.parent_n, EXISTS (SELECT 1 FROM message WHERE id = ?)
                FROM session AS s LEFT JOIN message AS tip ON tip.n = s.tip WHERE s.id = ?
                """,
                (key, session_id),
            ).fetchone()
            if row is None:
                raise no_such_session()
            tip_n, above_n, is_stored = row
            last = None if tip_n is None else message_at(connection, tip_n)
            by_us = last is not None and last.ref is None and bool(last.why)
            above = messages_above(connection, above_n, CLASSIFIED_MESSAGES if by_us else 1)
            tasks = listed_tasks(connection, (), session_id, CLASSIFIED_TASKS)
            others = () if tasks else listed_tasks(connection, _BEGUN, "", CLASSIFIED_TASKS)
            elsewhere = _last_said(connection) if last is None or by_us else ()
            return TurnContext(bool(is_stored), last, above, tasks, others, elsewhere)

        return await self._read(job)

    async def prompt_source(self, message_id: str, limit: int) -> PromptSource:
        """What a model is shown before it writes a message.

        Costs the same in a long session as in a short one.

        Args:
            message_id: a reply, shown or not.
            limit: at most so many messages, the nearest.
        Raises:
            NoSuchMessage: it is not there.
        """

        def job(connection: sqlite3.Connection) -> PromptSource:
            row = connection.execute(
                """
                SELECT m.parent_n, s.system, s.view_from, s.n
                FROM message AS m JOIN session AS s ON s.n = m.session_n WHERE m.id = ?
                """,
                (message_id,),
            ).fetchone()
            if row is None:
                raise no_such_message()
            return _prompt_source(connection, limit, *row)

        return await self._read(job)

    async def branch_source(self, session_id: str, limit: int) -> PromptSource:
        """What a model is shown before it answers the next message of a conversation.

        Costs the same in a long session as in a short one.

        Args:
            session_id: the whole id.
            limit: at most so many messages, the last ones of the shown branch.
        Raises:
            NoSuchSession: it is not there.
        """

        def job(connection: sqlite3.Connection) -> PromptSource:
            row = connection.execute(
                "SELECT tip, system, view_from, n FROM session WHERE id = ?", (session_id,)
            ).fetchone()
            if row is None:
                raise no_such_session()
            return _prompt_source(connection, limit, *row)

        return await self._read(job)

    async def begin_turn(
        self,
        session_id: str,
        *,
        user_id: str,
        text: str,
        reply_ref: ModelRef | None = None,
        p: float | None = None,
        task: NewTask | None = None,
        beside: str | None = None,
    ) -> StoredTurn:
        """Store what the user wrote, and an empty reply below it, at once.

        A message that waited in the queue under `user_id` leaves it in the same transaction. A repeated call stores
        nothing and returns what is there, the reply in the state that it has; with a task it is the shown one of the
        cards below the message, or the last.

        Args:
            session_id: the whole id.
            user_id: becomes the id of the user's message.
            text: what the user wrote.
            reply_ref: the model that is going to answer, where it is known.
            p: how likely a task it is, as it was detected; None where nobody looked.
            task: what is to be done, where the turn is a task: the reply is its card.
            beside: the user's message of which it is another version, which is shown; None puts it at the end of the
                shown branch.
        Raises:
            EmptyMessage, NoSuchSession, NoSuchMessage, NoSuchTask, BadInput: nothing was stored.
        """
        safe = message_text(text)

        def job(connection: sqlite3.Connection) -> StoredTurn:
            n = session_n(connection, session_id)
            if beside is None:
                connection.execute("DELETE FROM queued WHERE id = ? AND session_n = ?", (user_id, n))
            stored = _stored_turn(connection, n, user_id, with_card=task is not None)
            if stored is not None:
                user, reply, stored_task = stored
                return StoredTurn(user, reply, stored_task, session_at(connection, n))
            tip, has_words = connection.execute(
                "SELECT tip, first_words <> '' FROM session WHERE n = ?", (n,)
            ).fetchone()
            new = NewMessage(user_id, Author.USER, safe, self._clock.now(), p=p)
            if beside is None:
                forget_draft(connection, n, safe)
                user_n = append_message(connection, n, tip, new)
            else:
                user_n = _add_user_version(connection, n, beside, new)
            if task is None:
                reply, stored_task = self._add_reply(connection, n, user_n, reply_ref), None
            else:
                reply, stored_task = self._add_card(connection, session_id, user_n, task)
            user = message_at(connection, user_n)
            if not has_words:  # the first message of a session stands for its title
                connection.execute("UPDATE session SET first_words = ? WHERE n = ?", (first_words(user.text), n))
            return StoredTurn(user, reply, stored_task, session_at(connection, n))

        return await self._write(job)

    async def begin_reply(self, session_id: str, parent_user_id: str, reply_ref: ModelRef | None = None) -> Message:
        """Store an empty reply to a message of the user, beside those that it has, and show it.

        Raises:
            NoSuchSession, NoSuchMessage: nothing was stored.
        """

        def job(connection: sqlite3.Connection) -> Message:
            n = session_n(connection, session_id)
            return self._add_reply(connection, n, _asked_n(connection, n, parent_user_id), reply_ref)

        return await self._write(job)

    async def begin_card(self, session_id: str, user_message_id: str, task: NewTask) -> tuple[Message, Task]:
        """Make a message of the user a task after all: a card beside the replies that it has, shown, and the task.

        A repeated call with the same task stores nothing and returns what is there.

        Raises:
            NoSuchSession, NoSuchMessage, NoSuchTask, BadInput: nothing was stored.
        """

        def job(connection: sqlite3.Connection) -> tuple[Message, Task]:
            n = session_n(connection, session_id)
            user_n = _asked_n(connection, n, user_message_id)
            stored = connection.execute(
                "SELECT n FROM message WHERE parent_n = ? AND task_id = ?", (user_n, task.id)
            ).fetchone()
            if stored is not None:
                return message_at(connection, stored[0]), task_at(connection, task_n(connection, task.id))
            return self._add_card(connection, session_id, user_n, task)

        return await self._write(job)

    def _add_reply(self, connection: sqlite3.Connection, n: int, user_n: int, ref: ModelRef | None) -> Message:
        id_, now = fresh_id(connection, self._clock), self._clock.now()
        reply = NewMessage(id_, Author.ASSISTANT, "", now, MessageState.STREAMING, ref)
        return message_at(connection, _insert_reply(connection, n, user_n, reply))

    def _add_card(
        self, connection: sqlite3.Connection, session_id: str, user_n: int, task: NewTask
    ) -> tuple[Message, Task]:
        if stored_task_n(connection, task.id) is not None:
            raise _key_taken()
        id_, now = fresh_id(connection, self._clock), self._clock.now()
        card = NewMessage(id_, Author.ASSISTANT, "", now, ref=task.ref, task_id=task.id, why=clean_line(task.why))
        card_n = _insert_reply(connection, session_n(connection, session_id), user_n, card)
        n = insert_task(connection, replace(task, session_id=session_id), now, card.id)
        return message_at(connection, card_n), task_at(connection, n)


def _prompt_source(
    connection: sqlite3.Connection, limit: int, last_n: int | None, system: str, view_from: str | None, session_n: int
) -> PromptSource:
    messages = messages_above(connection, last_n, limit)
    whole = not messages or messages[0].parent_id is None
    digests = digests_above(connection, session_n, last_n, limit + DIGEST_LOOK_BACK)
    return PromptSource(messages, whole, clean(system), view_from, digests)


def _last_said(connection: sqlite3.Connection) -> tuple[Message, ...]:
    """The messages that the user wrote last in any conversation, each with its reply, oldest first."""
    rows = connection.execute(
        "SELECT n, shown_child FROM message WHERE author = 'user' ORDER BY created DESC, n DESC LIMIT ?",
        (CLASSIFIED_MESSAGES,),
    ).fetchall()
    return tuple(message_at(connection, n) for row in reversed(rows) for n in row if n is not None)


def _stored_turn(
    connection: sqlite3.Connection, session_n: int, user_id: str, *, with_card: bool
) -> tuple[Message, Message, Task | None] | None:
    """The user's message with this id, with the reply to it that is shown or its card; None where there is none.

    Raises:
        BadInput: the id belongs to something else, or to a turn without a card.
    """
    row = connection.execute(
        "SELECT n, session_n, author, shown_child FROM message WHERE id = ?", (user_id,)
    ).fetchone()
    if row is None:
        return None
    user_n, owner, author, reply_n = row
    if owner != session_n or author != Author.USER or reply_n is None:
        raise _key_taken()
    user = message_at(connection, user_n)
    if not with_card:
        return user, message_at(connection, reply_n), None
    row = connection.execute(_CARDS, (user_id,)).fetchone()
    if row is None:
        raise _key_taken()
    card = message_at(connection, row[0])
    return user, card, task_at(connection, task_n(connection, card.task_id or ""))


def _key_taken() -> BadInput:
    return BadInput("Another message has this key already. Send it again.")


def _add_user_version(connection: sqlite3.Connection, session_n: int, message_id: str, new: NewMessage) -> int:
    """Store a new version beside a message of the user and show it; return its number.

    Raises:
        NoSuchMessage: there is no such message of the user.
    """
    old = node_of(connection, message_id, session_n)
    if old.author is not Author.USER:
        raise NoSuchMessage("Only your own messages can be edited. Ask again for another reply.")
    user_n = insert_message(connection, session_n, old.parent_n, new)
    show_message(connection, session_n, user_n)
    return user_n


def _asked_n(connection: sqlite3.Connection, session_n: int, message_id: str) -> int:
    """The number of a message of the user.

    Raises:
        NoSuchMessage: there is none with this id.
    """
    asked = node_of(connection, message_id, session_n)
    if asked.author is not Author.USER:
        raise NoSuchMessage("Only your own messages can be answered. Choose the message above the reply.")
    return asked.n


def _insert_reply(connection: sqlite3.Connection, session_n: int, user_n: int, new: NewMessage) -> int:
    """Store a reply to a message of the user, beside those that it has, and show it; return its number."""
    (tip,) = connection.execute("SELECT tip FROM session WHERE n = ?", (session_n,)).fetchone()
    if tip == user_n:
        reply_n = append_message(connection, session_n, user_n, new)
    else:
        reply_n = insert_message(connection, session_n, user_n, new)
        show_message(connection, session_n, reply_n)
    touch_session(connection, session_n, new.created)
    return reply_n
