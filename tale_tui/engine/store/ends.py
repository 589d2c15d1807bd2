"""Where a conversation stands: what a turn has to know before it begins, at the same cost in one of any length."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

from tale_tui.engine.store import tree
from tale_tui.engine.store.database import Database
from tale_tui.engine.store.rows import no_such_session
from tale_tui.engine.store.transcripts import message_at
from tale_tui.engine.text import clean
from tale_tui.engine.types import Message


@dataclass(frozen=True, slots=True)
class SessionEnd:
    """The end of a conversation's shown branch."""

    system: str
    """Its system prompt; empty for the default."""
    view_from: str | None = None
    """The first message that the model was shown in the last turn; None when it was shown all."""
    last: Message | None = None
    """The last message; None in an empty conversation."""
    above: Message | None = None
    """The one above it."""


class Ends(Database):
    """The ends of conversations."""

    async def session_end(self, session_id: str) -> SessionEnd:
        """How a conversation ends.

        Raises:
            NoSuchSession: it is not there.
        """

        def job(connection: sqlite3.Connection) -> SessionEnd:
            row = connection.execute(
                "SELECT system, view_from, tip FROM session WHERE id = ?", (session_id,)
            ).fetchone()
            if row is None:
                raise no_such_session()
            system, view_from, tip = row
            last = None if tip is None else message_at(connection, tip)
            above_n = None if last is None else tree.node(connection, last.id).parent_n
            above = None if above_n is None else message_at(connection, above_n)
            return SessionEnd(clean(system), view_from, last, above)

        return await self._read(job)

    async def has_message(self, message_id: str) -> bool:
        """Whether there is a message with this id."""
        found = "SELECT 1 FROM message WHERE id = ?"
        return await self._read(lambda connection: connection.execute(found, (message_id,)).fetchone() is not None)

    async def shown_reply(self, message_id: str) -> Message | None:
        """The reply to a message that is shown; None where it has none.

        Raises:
            NoSuchMessage: the message is not there.
        """

        def job(connection: sqlite3.Connection) -> Message | None:
            n = tree.node(connection, message_id).n
            (shown,) = connection.execute("SELECT shown_child FROM message WHERE n = ?", (n,)).fetchone()
            return None if shown is None else message_at(connection, shown)

        return await self._read(job)
