"""Turns that become tasks: the user's message, the reply that is the card, and the task, stored at once."""

from __future__ import annotations

import sqlite3
from dataclasses import replace

from tale_tui.engine.store.database import Database
from tale_tui.engine.store.message_tree import (
    NewMessage,
    add_reply,
    add_user_message,
    add_user_version,
    asked_n,
    keep_first_words,
    key_taken,
    message_at,
    stored_turn,
)
from tale_tui.engine.store.rows import fresh_id, message_text, session_n
from tale_tui.engine.store.task_rows import task_at, task_n
from tale_tui.engine.store.tasks import NewTask, insert_task, stored_task_n
from tale_tui.engine.task_types import Task
from tale_tui.engine.text import clean_line
from tale_tui.engine.types import Author, Message

TaskTurn = tuple[Message, Message, Task]

_CARDS = """
    SELECT c.n FROM message AS u JOIN message AS c ON c.parent_n = u.n
    WHERE u.id = ? AND c.task_id IS NOT NULL ORDER BY c.n = u.shown_child DESC, c.n DESC LIMIT 1
"""


class TaskTurns(Database):
    """The turns of a store that became tasks. Whatever session a new task names, it gets that of the turn."""

    async def begin_task_turn(
        self, session_id: str, *, user_id: str, text: str, task: NewTask, p: float | None = None
    ) -> TaskTurn:
        """Store what the user wrote at the end of the shown branch, the card below it, and the task, at once.

        A message that waited in the queue under `user_id` leaves it. A repeated call stores nothing and returns what
        is there (of several cards below the message the one that is shown).

        Args:
            session_id: the whole id.
            user_id: becomes the id of the user's message.
            text: what the user wrote.
            task: what is to be done.
            p: how likely a task it is, as it was judged; None where it was not.
        Returns:
            The user's message, the card, which is complete and has no text yet, and the task.
        Raises:
            EmptyMessage, NoSuchSession, NoSuchTask, BadInput: nothing was stored.
        """
        safe = message_text(text)

        def job(connection: sqlite3.Connection) -> TaskTurn:
            n = session_n(connection, session_id)
            stored = _stored(connection, n, user_id)
            if stored is not None:
                connection.execute("DELETE FROM queued WHERE id = ? AND session_n = ?", (user_id, n))
                return stored
            user = NewMessage(user_id, Author.USER, safe, self._world.now(), p=p)
            return self._add_task_turn(connection, session_id, add_user_message(connection, n, user), task)

        return await self._write(job)

    async def begin_task_edit(
        self, session_id: str, message_id: str, new_id: str, text: str, task: NewTask, p: float | None = None
    ) -> TaskTurn:
        """As `begin_task_turn`, for a new version `new_id` beside the user's message `message_id`.

        Raises:
            EmptyMessage, NoSuchSession, NoSuchMessage, NoSuchTask, BadInput: nothing was stored.
        """
        safe = message_text(text)

        def job(connection: sqlite3.Connection) -> TaskTurn:
            n = session_n(connection, session_id)
            stored = _stored(connection, n, new_id)
            if stored is not None:
                return stored
            user = NewMessage(new_id, Author.USER, safe, self._world.now(), p=p)
            return self._add_task_turn(connection, session_id, add_user_version(connection, n, message_id, user), task)

        return await self._write(job)

    async def begin_card(self, session_id: str, user_message_id: str, task: NewTask) -> tuple[Message, Task]:
        """Make a message of the user a task after all: a card beside the replies that it has, shown, and the task.

        A repeated call with the same task stores nothing and returns what is there.

        Raises:
            NoSuchSession, NoSuchMessage, NoSuchTask, BadInput: nothing was stored.
        """

        def job(connection: sqlite3.Connection) -> tuple[Message, Task]:
            n = session_n(connection, session_id)
            user_n = asked_n(connection, n, user_message_id)
            stored = connection.execute(
                "SELECT n FROM message WHERE parent_n = ? AND task_id = ?", (user_n, task.id)
            ).fetchone()
            if stored is not None:
                return message_at(connection, stored[0]), task_at(connection, task_n(connection, task.id))
            return self._add_card(connection, session_id, user_n, task)

        return await self._write(job)

    def _add_task_turn(self, connection: sqlite3.Connection, session_id: str, user_n: int, task: NewTask) -> TaskTurn:
        card, stored = self._add_card(connection, session_id, user_n, task)
        user = message_at(connection, user_n)
        keep_first_words(connection, session_n(connection, session_id), user.text)
        return user, card, stored

    def _add_card(
        self, connection: sqlite3.Connection, session_id: str, user_n: int, task: NewTask
    ) -> tuple[Message, Task]:
        if stored_task_n(connection, task.id) is not None:
            raise key_taken()
        now = self._world.now()
        card = NewMessage(
            fresh_id(connection, self._world),
            Author.ASSISTANT,
            "",
            now,
            ref=task.ref,
            task_id=task.id,
            why=clean_line(task.why),
        )
        card_n = add_reply(connection, session_n(connection, session_id), user_n, card)
        n = insert_task(connection, replace(task, session_id=session_id), now, card.id)
        return message_at(connection, card_n), task_at(connection, n)


def _stored(connection: sqlite3.Connection, n: int, user_id: str) -> TaskTurn | None:
    """The turn that is stored under this id; None where there is none.

    Raises:
        BadInput: something else is, or a turn without a card.
    """
    turn = stored_turn(connection, n, user_id)
    if turn is None:
        return None
    row = connection.execute(_CARDS, (user_id,)).fetchone()
    if row is None:
        raise key_taken()
    card = message_at(connection, row[0])
    return turn[0], card, task_at(connection, task_n(connection, card.task_id or ""))
