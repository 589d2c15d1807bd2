"""Turns: what is stored before anybody answers: the user's message, the reply, and the task where it is one."""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from typing import NamedTuple

from tale_tui.domain.conversation import Author, Message, MessageState
from tale_tui.domain.errors import BadInput, NoSuchMessage
from tale_tui.domain.models import ModelRef
from tale_tui.domain.tasks import Task
from tale_tui.domain.text import clean_line
from tale_tui.engine.store.database import Database
from tale_tui.engine.store.message_tree import (
    NewMessage,
    append_message,
    insert_message,
    message_at,
    node_of,
    show_message,
    touch_session,
)
from tale_tui.engine.store.rows import first_words, forget_draft, fresh_id, message_text, session_n
from tale_tui.engine.store.task_rows import task_at, task_n
from tale_tui.engine.store.tasks import NewTask, insert_task, stored_task_n

_CARDS = """
    SELECT c.n FROM message AS u JOIN message AS c ON c.parent_n = u.n
    WHERE u.id = ? AND c.task_id IS NOT NULL ORDER BY c.n = u.shown_child DESC, c.n DESC LIMIT 1
"""


class StoredTurn(NamedTuple):
    """A turn as it is stored."""

    user: Message
    reply: Message
    """Streaming; or complete without a text, where it is the card of a task."""
    task: Task | None = None


class StoredTurns(Database):
    """The beginnings of turns. Whatever session a new task names, it gets that of the turn."""

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
                return stored
            new = NewMessage(user_id, Author.USER, safe, self._clock.now(), p=p)
            if beside is None:
                user_n = _add_user_message(connection, n, new)
            else:
                user_n = _add_user_version(connection, n, beside, new)
            if task is None:
                reply, stored_task = self._add_reply(connection, n, user_n, reply_ref), None
            else:
                reply, stored_task = self._add_card(connection, session_id, user_n, task)
            user = message_at(connection, user_n)
            _keep_first_words(connection, n, user.text)
            return StoredTurn(user, reply, stored_task)

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


def _stored_turn(connection: sqlite3.Connection, session_n: int, user_id: str, *, with_card: bool) -> StoredTurn | None:
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
        return StoredTurn(user, message_at(connection, reply_n))
    row = connection.execute(_CARDS, (user_id,)).fetchone()
    if row is None:
        raise _key_taken()
    card = message_at(connection, row[0])
    return StoredTurn(user, card, task_at(connection, task_n(connection, card.task_id or "")))


def _key_taken() -> BadInput:
    return BadInput("Another message has this key already. Send it again.")


def _add_user_message(connection: sqlite3.Connection, session_n: int, new: NewMessage) -> int:
    """Store what the user wrote at the end of the shown branch; return its number. It is a draft no longer."""
    forget_draft(connection, session_n, new.text)
    (tip,) = connection.execute("SELECT tip FROM session WHERE n = ?", (session_n,)).fetchone()
    return append_message(connection, session_n, tip, new)


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


def _keep_first_words(connection: sqlite3.Connection, session_n: int, text: str) -> None:
    """Let the first message of a session stand for its title."""
    connection.execute(
        "UPDATE session SET first_words = ? WHERE n = ? AND first_words = ''", (first_words(text), session_n)
    )
