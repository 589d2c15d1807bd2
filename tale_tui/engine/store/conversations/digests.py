"""Digests of the older turns of conversations: each with the last message that is in it."""

from __future__ import annotations

import sqlite3

from tale_tui.domain.context import ConversationDigest
from tale_tui.domain.models import ModelRef
from tale_tui.domain.text import clean
from tale_tui.engine.store.conversations.message_tree import node_of
from tale_tui.engine.store.database import Database
from tale_tui.engine.store.rows import ref_columns, ref_of

_DIGESTS_MAX = 32
"""Of a path, the last ones: older ones are in them."""
# Those on the way up from :last, the nearest first. The way is walked without the texts of its messages.
_ABOVE = """
    WITH RECURSIVE above (n, depth) AS (
        SELECT :last, 1 WHERE :last IS NOT NULL
        UNION ALL
        SELECT m.parent_n, depth + 1 FROM above JOIN message AS m ON m.n = above.n
        WHERE m.parent_n IS NOT NULL AND depth < :limit
    )
    SELECT m.id, d.text, d.turns, d.backend, d.model, d.created
    FROM above CROSS JOIN digest AS d ON d.message_n = above.n JOIN message AS m ON m.n = d.message_n
    ORDER BY above.depth LIMIT :most
"""


class Digests(Database):
    """Digests. They go with their messages."""

    async def add_digest(self, message_id: str, text: str, *, turns: int, ref: ModelRef | None) -> ConversationDigest:
        """Store a digest of all turns up to a message; of two of the same turns the first one stays.

        Args:
            message_id: the last message that is in it.
            text: what was said; passes the border here.
            turns: how many turns are in it.
            ref: the model that wrote it.
        Raises:
            NoSuchMessage: the message is not there any more; nothing was stored.
        """

        def job(connection: sqlite3.Connection) -> ConversationDigest:
            node = node_of(connection, message_id)
            connection.execute(
                """
                INSERT INTO digest (message_n, session_n, turns, backend, model, created, text)
                VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING
                """,
                (node.n, node.session_n, turns, *ref_columns(ref), self._clock.now(), clean(text)),
            )
            return digests_above(connection, node.session_n, node.n, 1)[0]

        return await self._write(job)


def digests_above(
    connection: sqlite3.Connection, session_n: int, last_n: int | None, limit: int
) -> tuple[ConversationDigest, ...]:
    """The digests of the way up from a message, the one that goes furthest first.

    Args:
        connection: inside a transaction.
        session_n: the session.
        last_n: the message, whose own digest is one of them; None for none.
        limit: messages that are looked at.
    """
    if connection.execute("SELECT 1 FROM digest WHERE session_n = ? LIMIT 1", (session_n,)).fetchone() is None:
        return ()
    rows = connection.execute(_ABOVE, {"last": last_n, "limit": limit, "most": _DIGESTS_MAX})
    return tuple(
        ConversationDigest(id_, clean(text), turns, ref_of(backend, model) if backend else None, created)
        for id_, text, turns, backend, model, created in rows
    )


def copy_digest(connection: sqlite3.Connection, source_n: int, copy_n: int, session_n: int) -> None:
    """Have the copy of a message in another session keep the digest that ends with it, where there is one."""
    connection.execute(
        """
        INSERT INTO digest (message_n, session_n, turns, backend, model, created, text)
        SELECT ?, ?, turns, backend, model, created, text FROM digest WHERE message_n = ?
        """,
        (copy_n, session_n, source_n),
    )
