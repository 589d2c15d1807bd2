"""Messages read from the tree: the shown branch, or one of them."""

# ruff: noqa: S608  # the SQL is put together of texts of this package; values are always bound

from __future__ import annotations

import sqlite3

from tale_tui.engine.store.queue import queued_of
from tale_tui.engine.store.rows import MESSAGE_COLUMNS, SESSION, message_of, no_such_session, session_of
from tale_tui.engine.store.tree import BRANCH, Node, no_such_message, places, siblings
from tale_tui.engine.text import clean
from tale_tui.engine.types import Message, Transcript, View

_BRANCH_ROWS = f"""
    {BRANCH}
    SELECT branch.depth, m.n, {MESSAGE_COLUMNS}
    FROM branch JOIN message AS m ON m.n = branch.n LEFT JOIN usage AS u ON u.message_n = m.n
"""
_ONE_ROW = f"""
    SELECT m.session_n, m.parent_n, m.n, s.id, p.id, {MESSAGE_COLUMNS}
    FROM message AS m JOIN session AS s ON s.n = m.session_n LEFT JOIN message AS p ON p.n = m.parent_n
        LEFT JOIN usage AS u ON u.message_n = m.n
    WHERE m.n = ?
"""
# The nearest :limit messages above :parent, from the nearest on, each with its place among its siblings.
_ABOVE = f"""
    WITH RECURSIVE above (n, depth) AS (
        SELECT :parent, 1 WHERE :parent IS NOT NULL
        UNION ALL
        SELECT m.parent_n, depth + 1 FROM above JOIN message AS m ON m.n = above.n
        WHERE m.parent_n IS NOT NULL AND depth < :limit
    )
    SELECT above.depth, p.id, {MESSAGE_COLUMNS},
        (SELECT count(*) FROM message AS o WHERE o.session_n = m.session_n AND o.parent_n IS m.parent_n AND o.n <= m.n),
        (SELECT count(*) FROM message AS o WHERE o.session_n = m.session_n AND o.parent_n IS m.parent_n),
        s.id
    FROM above JOIN message AS m ON m.n = above.n JOIN session AS s ON s.n = m.session_n
        LEFT JOIN message AS p ON p.n = m.parent_n LEFT JOIN usage AS u ON u.message_n = m.n
"""


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


def shown_branch(
    connection: sqlite3.Connection, session_id: str, session_n: int, shown_root: int | None
) -> tuple[Message, ...]:
    """The messages of the shown branch, oldest first."""
    rows = connection.execute(_BRANCH_ROWS, {"first": shown_root}).fetchall()
    rows.sort()  # by their depth
    place_of = places(connection, session_n)
    only = (1, 1)
    messages: list[Message] = []
    parent_id: str | None = None
    for row in rows:
        messages.append(message_of(row[2:], session_id, parent_id, *place_of.get(row[1], only)))
        parent_id = messages[-1].id
    return tuple(messages)


def message_at(connection: sqlite3.Connection, n: int) -> Message:
    """The message with this inner number.

    Raises:
        NoSuchMessage: it is not there.
    """
    row = connection.execute(_ONE_ROW, (n,)).fetchone()
    if row is None:
        raise no_such_message()
    session_n, parent_n, n, session_id, parent_id = row[:5]
    family = siblings(connection, session_n, parent_n)
    return message_of(row[5:], session_id, parent_id, family.index(n) + 1, len(family))


def branch_above(connection: sqlite3.Connection, node: Node, limit: int) -> tuple[tuple[Message, ...], bool]:
    """The nearest messages above one, oldest first, and whether there are no others."""
    rows = connection.execute(_ABOVE, {"parent": node.parent_n, "limit": limit}).fetchall()
    rows.sort(reverse=True)  # by their depth
    messages = tuple(message_of(row[2:-3], row[-1], row[1], *row[-3:-1]) for row in rows)
    return messages, not messages or messages[0].parent_id is None
