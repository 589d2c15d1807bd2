"""Sessions: made, listed, found, renamed, forked, shown, deleted; and the messages that wait in them."""

# ruff: noqa: S608  # the SQL is put together of texts of this package; values are always bound

from __future__ import annotations

import sqlite3
from functools import partial

from tale_tui.domain.clock import ID_SHOWN, Clock
from tale_tui.domain.constants import CANDIDATES_NAMED_MAX, TITLE_CHARACTERS
from tale_tui.domain.conversation import MessageState, QueuedMessage, Session, Transcript, View
from tale_tui.domain.errors import BadInput, NoSuchSession
from tale_tui.domain.text import clean, clean_line
from tale_tui.engine.store.conversations.digests import copy_digest
from tale_tui.engine.store.conversations.message_tree import ANCESTORS, node_of, shown_branch, update_tip
from tale_tui.engine.store.database import Database
from tale_tui.engine.store.rows import (
    SESSION,
    forget_draft,
    fresh_id,
    message_text,
    no_such_session,
    session_n,
    session_of,
)

# Everything of a message but its place and its task; a reply that streams does not go on streaming in the copy.
_COPY = f"""
    INSERT INTO message (id, session_n, parent_n, author, state, created, backend, model, finish, error, thinking, text,
        p, why)
    SELECT :id, :session_n, :parent_n, author,
        CASE state WHEN '{MessageState.STREAMING}' THEN '{MessageState.INTERRUPTED}' ELSE state END,
        created, backend, model, finish, error, thinking, text, p, why
    FROM message WHERE n = :source RETURNING n
"""  # nosec B608 # states of this package; values are bound
_COPY_USAGE = """
    INSERT INTO usage
    SELECT :n, prompt_tokens, completion_tokens, cached_tokens, ttft_ms, load_ms, total_ms, tokens_per_second
    FROM usage WHERE message_n = :source
"""


class Sessions(Database):
    """Sessions. One that has no message yet is neither listed nor found by the beginning of its id."""

    async def add_session(self, title: str = "", system: str = "", forked_from: str | None = None) -> Session:
        """A new, empty session. It is not listed before it has a message."""

        def job(connection: sqlite3.Connection) -> Session:
            now = self._clock.now()
            id_ = fresh_id(connection, self._clock)
            connection.execute(
                """
                INSERT INTO session (id, title, system, created, updated, forked_from) VALUES (?, ?, ?, ?, ?, ?)
                """,
                (id_, clean_line(title, TITLE_CHARACTERS), clean(system), now, now, forked_from),
            )
            return session_by_id(connection, id_)

        return await self._write(job)

    async def session(self, session_id: str) -> Session:
        """The session with this whole id.

        Raises:
            NoSuchSession: it is not there.
        """
        return await self._read(partial(session_by_id, session_id=session_id))

    async def sessions(self, limit: int = 1000) -> tuple[Session, ...]:
        """The sessions that have a message, the one last used first."""

        def job(connection: sqlite3.Connection) -> tuple[Session, ...]:
            rows = connection.execute(
                SESSION + "WHERE s.shown_root IS NOT NULL ORDER BY s.updated DESC, s.n DESC LIMIT ?", (limit,)
            )
            return tuple(map(session_of, rows))

        return await self._read(job)

    async def find_session(self, prefix: str) -> Session:
        """The session with this id, or the only one that has a message and an id that begins so.

        Raises:
            NoSuchSession: none, or several; the sentence names them.
        """
        return await self._read(lambda connection: session_by_prefix(connection, clean_line(prefix).lower()))

    async def rename_session(self, session_id: str, title: str) -> Session:
        """Give it another title; an empty one goes back to the first words."""
        return await self._set(session_id, "title = ?", clean_line(title, TITLE_CHARACTERS))

    async def set_system(self, session_id: str, system: str) -> Session:
        """Set the system prompt; empty for the default of the settings."""
        return await self._set(session_id, "system = ?", clean(system))

    async def keep_view(self, session_id: str, view: View) -> None:
        """Remember where the reader is and what stands in the prompt."""
        await self._set(
            session_id,
            "view_message = ?, view_line = ?, draft = ?",
            view.message_id,
            view.line,
            clean(view.draft),
        )

    async def set_view_from(self, session_id: str, message_id: str | None) -> None:
        """Remember the first message that the model was shown; None when it was shown all."""
        await self._set(session_id, "view_from = ?", message_id)

    async def _set(self, session_id: str, columns: str, *values: str | int | None) -> Session:
        """Set columns (text of this module, never of a user).

        Raises:
            NoSuchSession: it is not there.
        """

        def job(connection: sqlite3.Connection) -> Session:
            statement = f"UPDATE session SET {columns} WHERE id = ?"  # nosec B608 # the columns are of this module
            connection.execute(statement, (*values, session_id))
            return session_by_id(connection, session_id)

        return await self._write(job)

    async def delete_session(self, session_id: str) -> None:
        """Delete a session and all that belongs to it, for ever: its words leave the index and the file as well.

        Raises:
            NoSuchSession: it is not there.
        """
        await self._write(lambda connection: remove_session(connection, session_id))
        for index in ("message_fts", "recall_fts"):
            await self._forget_words(index)

    async def fork_session(self, session_id: str, message_id: str) -> Session:
        """A new session with a copy of the branch that ends in `message_id`.

        Raises:
            NoSuchSession, NoSuchMessage: it is not there.
        """

        def job(connection: sqlite3.Connection) -> Session:
            source = session_n(connection, session_id)
            return session_by_id(connection, copy_branch(connection, self._clock, source, message_id))

        return await self._write(job)

    async def transcript(self, session_id: str) -> Transcript:
        """A session with the messages of its shown branch, what waits, and where the reader was.

        Raises:
            NoSuchSession: it is not there.
        """
        return await self._read(lambda connection: transcript_of(connection, session_id))


class MessageQueue(Database):
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
                (key, n, safe, self._clock.now()),
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


def session_by_id(connection: sqlite3.Connection, session_id: str) -> Session:
    """The session with this whole id.

    Raises:
        NoSuchSession: it is not there.
    """
    row = connection.execute(SESSION + "WHERE s.id = ?", (session_id,)).fetchone()
    if row is None:
        raise no_such_session()
    return session_of(row)


def session_by_prefix(connection: sqlite3.Connection, prefix: str) -> Session:
    """The session with this id, or the only listed one whose id begins so.

    Raises:
        NoSuchSession: none, or several.
    """
    exact = connection.execute(SESSION + "WHERE s.id = ?", (prefix,)).fetchone()
    if exact is not None:
        return session_of(exact)
    if not prefix:
        raise NoSuchSession("Which session? `tale-tui sessions` lists all of them.")
    found = connection.execute(
        SESSION
        + """
        WHERE s.shown_root IS NOT NULL AND substr(s.id, 1, :length) = :prefix
        ORDER BY s.updated DESC, s.n DESC LIMIT :limit
        """,
        {"prefix": prefix, "length": len(prefix), "limit": CANDIDATES_NAMED_MAX + 1},
    ).fetchall()
    if not found:
        raise NoSuchSession(f"No session begins with {prefix}. `tale-tui sessions` lists all of them.")
    if len(found) > 1:
        raise NoSuchSession(_several(prefix, [session_of(row) for row in found]))
    return session_of(found[0])


def _several(prefix: str, sessions: list[Session]) -> str:
    named = sessions[:CANDIDATES_NAMED_MAX]
    length = max(ID_SHOWN, len(prefix) + 1)
    while len({session.id[:length] for session in named}) < len(named):
        length += 1
    names = ", ".join(f"{session.id[:length]} ({session.title})" for session in named)
    more = " and more" if len(sessions) > len(named) else ""
    return f"Several sessions begin with {prefix}: {names}{more}. Give more of the id."


def remove_session(connection: sqlite3.Connection, session_id: str) -> None:
    """Delete a session with its messages, their usage and index, and what waits.

    Raises:
        NoSuchSession: it is not there.
    """
    n = session_n(connection, session_id)
    connection.execute("DELETE FROM queued WHERE session_n = ?", (n,))
    connection.execute("DELETE FROM message WHERE session_n = ?", (n,))
    connection.execute("DELETE FROM session WHERE n = ?", (n,))


def queued_of(connection: sqlite3.Connection, n: int) -> tuple[QueuedMessage, ...]:
    """What waits in the session with the inner number `n`."""
    rows = connection.execute("SELECT id, text, created FROM queued WHERE session_n = ? ORDER BY n", (n,))
    return tuple(QueuedMessage(id_, clean(text), created) for id_, text, created in rows)


def copy_branch(connection: sqlite3.Connection, clock: Clock, source_n: int, message_id: str) -> str:
    """Copy what leads to a message, and the message, into a new session; return the id of that.

    Raises:
        NoSuchMessage: the message is not in that session.
    """
    last = node_of(connection, message_id, source_n)
    ancestors = ANCESTORS + "SELECT depth, n FROM above"  # nosec B608 # both parts are of this package
    path = connection.execute(ancestors, {"last": last.n}).fetchall()
    id_, now = fresh_id(connection, clock), clock.now()
    session_n: int = connection.execute(
        """
        INSERT INTO session (id, title, first_words, system, created, updated, forked_from)
        SELECT :id, title, first_words, system, :now, :now, id FROM session WHERE n = :source RETURNING n
        """,
        {"id": id_, "now": now, "source": source_n},
    ).fetchone()[0]
    parent_n: int | None = None
    for _, n in sorted(path, reverse=True):
        copy_n: int = connection.execute(
            _COPY,
            {"id": fresh_id(connection, clock), "session_n": session_n, "parent_n": parent_n, "source": n},
        ).fetchone()[0]
        connection.execute(_COPY_USAGE, {"n": copy_n, "source": n})
        copy_digest(connection, n, copy_n, session_n)
        if parent_n is None:
            connection.execute("UPDATE session SET shown_root = ? WHERE n = ?", (copy_n, session_n))
        else:
            connection.execute("UPDATE message SET shown_child = ? WHERE n = ?", (copy_n, parent_n))
        parent_n = copy_n
    update_tip(connection, session_n)
    return id_


def transcript_of(connection: sqlite3.Connection, session_id: str) -> Transcript:
    """A session with the messages of its shown branch, what waits, and where the reader was.

    Raises:
        NoSuchSession: it is not there.
    """
    row = connection.execute(
        SESSION.replace("FROM", ", s.n, s.shown_root, s.view_message, s.view_line, s.draft, s.view_from FROM")
        + "WHERE s.id = ?",
        (session_id,),
    ).fetchone()
    if row is None:
        raise no_such_session()
    n, shown_root, view_message, view_line, draft, view_from = row[-6:]
    return Transcript(
        session_of(row[:-6]),
        shown_branch(connection, session_id, n, shown_root),
        queued_of(connection, n),
        View(view_message, view_line, clean(draft)),
        view_from,
    )
