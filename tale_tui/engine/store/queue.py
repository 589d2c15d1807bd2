"""What the user sent while a reply was streaming, and what waits for its turn."""

from __future__ import annotations

import sqlite3

from tale_tui.engine.errors import BadInput
from tale_tui.engine.store.database import Database
from tale_tui.engine.store.rows import forget_draft, message_text, session_n
from tale_tui.engine.text import clean
from tale_tui.engine.types import QueuedMessage


class Queue(Database):
    """The messages that wait, each session's in the order in which they came."""

    async def enqueue(self, session_id: str, text: str, *, key: str) -> QueuedMessage:
        """Store a message that is to be sent later; `begin_turn` with the same key takes it out.

        A repeated call changes nothing and returns what is there.

        Raises:
            EmptyMessage: nothing is left of it.
            NoSuchSession: it is not there.
            BadInput: the key belongs to a message of another session.
        """
        safe = message_text(text)

        def job(connection: sqlite3.Connection) -> QueuedMessage:
            n = session_n(connection, session_id)
            connection.execute(
                "INSERT INTO queued (id, session_n, text, created) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING",
                (key, n, safe, self._world.now()),
            )
            forget_draft(connection, n, safe)
            waiting = {message.id: message for message in queued_of(connection, n)}
            if key not in waiting:
                raise BadInput("A message of another session waits under this key. Send it again.")
            return waiting[key]

        return await self._write(job)

    async def dequeue(self, session_id: str, key: str) -> QueuedMessage | None:
        """Take a message out; None when it was gone already."""

        def job(connection: sqlite3.Connection) -> QueuedMessage | None:
            n = session_n(connection, session_id)
            waiting = {message.id: message for message in queued_of(connection, n)}
            connection.execute("DELETE FROM queued WHERE id = ? AND session_n = ?", (key, n))
            return waiting.get(key)

        return await self._write(job)

    async def queued(self, session_id: str) -> tuple[QueuedMessage, ...]:
        """What waits in a session, the oldest first."""
        return await self._read(lambda connection: queued_of(connection, session_n(connection, session_id)))


def queued_of(connection: sqlite3.Connection, n: int) -> tuple[QueuedMessage, ...]:
    """What waits in the session with the inner number `n`."""
    rows = connection.execute("SELECT id, text, created FROM queued WHERE session_n = ? ORDER BY n", (n,))
    return tuple(QueuedMessage(id_, clean(text), created) for id_, text, created in rows)
