"""A branch of a session copied into a new one."""

# ruff: noqa: S608  # the SQL is put together of texts of this package; values are always bound

from __future__ import annotations

import sqlite3

from tale_tui.engine.store import tree
from tale_tui.engine.store.rows import fresh_id
from tale_tui.engine.types import MessageState
from tale_tui.engine.world import World

# Everything of a message but its place and its task; a reply that streams does not go on streaming in the copy.
_COPY = f"""
    INSERT INTO message (id, session_n, parent_n, author, state, created, backend, model, finish, error, thinking, text,
        p, why)
    SELECT :id, :session_n, :parent_n, author,
        CASE state WHEN '{MessageState.STREAMING}' THEN '{MessageState.INTERRUPTED}' ELSE state END,
        created, backend, model, finish, error, thinking, text, p, why
    FROM message WHERE n = :source RETURNING n
"""
_COPY_USAGE = """
    INSERT INTO usage
    SELECT :n, prompt_tokens, completion_tokens, cached_tokens, ttft_ms, load_ms, total_ms, tokens_per_second
    FROM usage WHERE message_n = :source
"""


def copy_branch(connection: sqlite3.Connection, world: World, source_n: int, message_id: str) -> str:
    """Copy what leads to a message, and the message, into a new session; return the id of that.

    Raises:
        NoSuchMessage: the message is not in that session.
    """
    last = tree.node(connection, message_id, source_n)
    path = connection.execute(tree.ANCESTORS + "SELECT depth, n FROM above", {"last": last.n}).fetchall()
    id_, now = fresh_id(connection, world), world.now()
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
            {"id": fresh_id(connection, world), "session_n": session_n, "parent_n": parent_n, "source": n},
        ).fetchone()[0]
        connection.execute(_COPY_USAGE, {"n": copy_n, "source": n})
        if parent_n is None:
            connection.execute("UPDATE session SET shown_root = ? WHERE n = ?", (copy_n, session_n))
        else:
            connection.execute("UPDATE message SET shown_child = ? WHERE n = ?", (copy_n, parent_n))
        parent_n = copy_n
    tree.settle(connection, session_n)
    return id_
