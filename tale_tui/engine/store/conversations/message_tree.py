"""The tree of a session's messages, and the branch of it that is shown.

Every message remembers which of the messages below it is shown (`shown_child`), the session which first one
(`shown_root`). From these the shown branch follows; its last message (`tip`) and the number of its turns are kept with
the session, so that adding to its end and listing sessions cost the same in a long one. Every function runs inside the
transaction of its caller.
"""

# ruff: noqa: S608  # the SQL is put together of texts of this package; values are always bound

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

from tale_tui.domain.conversation import Author, Message, MessageState
from tale_tui.domain.errors import NoSuchMessage
from tale_tui.domain.models import ModelRef, Usage
from tale_tui.engine.store.rows import MESSAGE_COLUMNS, message_of

# The shown branch below and with :first, from its beginning.
BRANCH = """
    WITH RECURSIVE branch (n, depth) AS (
        SELECT :first, 0 WHERE :first IS NOT NULL
        UNION ALL
        SELECT m.shown_child, depth + 1 FROM branch JOIN message AS m ON m.n = branch.n
        WHERE m.shown_child IS NOT NULL
    )
"""
# :last and everything above it, from the end.
ANCESTORS = """
    WITH RECURSIVE above (n, parent_n, depth) AS (
        SELECT n, parent_n, 0 FROM message WHERE n = :last
        UNION ALL
        SELECT m.n, m.parent_n, depth + 1 FROM above JOIN message AS m ON m.n = above.parent_n
    )
"""

_BRANCH_ROWS = f"""
    {BRANCH}
    SELECT branch.depth, m.n, {MESSAGE_COLUMNS}
    FROM branch JOIN message AS m ON m.n = branch.n LEFT JOIN usage AS u ON u.message_n = m.n
"""  # nosec B608 # columns of this package; values are bound
# Which of how many versions a message is, from 1.
_PLACE = """
    (SELECT count(*) FROM message AS o WHERE o.session_n = m.session_n AND o.parent_n IS m.parent_n AND o.n <= m.n),
    (SELECT count(*) FROM message AS o WHERE o.session_n = m.session_n AND o.parent_n IS m.parent_n)
"""
_ONE_ROW = f"""
    SELECT s.id, p.id, {MESSAGE_COLUMNS}, {_PLACE}
    FROM message AS m JOIN session AS s ON s.n = m.session_n LEFT JOIN message AS p ON p.n = m.parent_n
        LEFT JOIN usage AS u ON u.message_n = m.n
    WHERE m.n = ?
"""  # nosec B608 # columns of this package; values are bound
# The nearest :limit messages above :parent, from the nearest on, each with its place among its siblings.
_ABOVE = f"""
    WITH RECURSIVE above (n, depth) AS (
        SELECT :parent, 1 WHERE :parent IS NOT NULL
        UNION ALL
        SELECT m.parent_n, depth + 1 FROM above JOIN message AS m ON m.n = above.n
        WHERE m.parent_n IS NOT NULL AND depth < :limit
    )
    SELECT above.depth, p.id, {MESSAGE_COLUMNS},
        {_PLACE},
        s.id
    FROM above JOIN message AS m ON m.n = above.n JOIN session AS s ON s.n = m.session_n
        LEFT JOIN message AS p ON p.n = m.parent_n LEFT JOIN usage AS u ON u.message_n = m.n
"""  # nosec B608 # columns of this package; values are bound


@dataclass(frozen=True, slots=True)
class Node:
    """Where a message stands."""

    n: int
    session_n: int
    parent_n: int | None
    author: Author
    state: MessageState


@dataclass(frozen=True, slots=True)
class NewMessage:
    """A message that is to be stored; text is clean."""

    id: str
    author: Author
    text: str
    created: float
    state: MessageState = MessageState.COMPLETE
    ref: ModelRef | None = None
    thinking: str = ""
    finish: str | None = None
    error: str = ""
    usage: Usage | None = None
    task_id: str | None = None
    p: float | None = None
    why: str = ""


def no_such_message() -> NoSuchMessage:
    """For an id that is not there."""
    return NoSuchMessage("That message is not there any more. Open the session again.")


def node_of(connection: sqlite3.Connection, message_id: str, session_n: int | None = None) -> Node:
    """Where the message with this id stands.

    Args:
        connection: inside a transaction.
        message_id: the id.
        session_n: the session in which it must be; None for any.
    Raises:
        NoSuchMessage: it is not there.
    """
    row = connection.execute(
        "SELECT n, session_n, parent_n, author, state FROM message WHERE id = ?", (message_id,)
    ).fetchone()
    if row is None or session_n not in (None, row[1]):
        raise no_such_message()
    return Node(row[0], row[1], row[2], Author(row[3]), MessageState(row[4]))


def insert_message(connection: sqlite3.Connection, session_n: int, parent_n: int | None, new: NewMessage) -> int:
    """Store a message without showing it; return its number."""
    n: int = connection.execute(
        """
        INSERT INTO message
            (id, session_n, parent_n, author, state, created, backend, model, finish, error, thinking, text, task_id,
            p, why)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING n
        """,
        (
            *(new.id, session_n, parent_n, new.author, new.state, new.created),
            *((new.ref.backend, new.ref.model) if new.ref else (None, None)),
            *(new.finish, new.error, new.thinking, new.text, new.task_id, new.p, new.why),
        ),
    ).fetchone()[0]
    if new.usage is not None:
        put_usage(connection, n, new.usage)
    return n


def put_usage(connection: sqlite3.Connection, message_n: int, usage: Usage) -> None:
    """Store what a reply cost, in the place of what was known before."""
    connection.execute(
        "INSERT OR REPLACE INTO usage VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (
            *(message_n, usage.prompt_tokens, usage.completion_tokens, usage.cached_tokens),
            *(usage.ttft_ms, usage.load_ms, usage.total_ms, usage.tokens_per_second),
        ),
    )


def append_message(connection: sqlite3.Connection, session_n: int, parent_n: int | None, new: NewMessage) -> int:
    """Store a message at the tip of the shown branch (`parent_n`, None in an empty session) and show it."""
    n = insert_message(connection, session_n, parent_n, new)
    if parent_n is None:
        connection.execute("UPDATE session SET shown_root = ? WHERE n = ?", (n, session_n))
    else:
        connection.execute("UPDATE message SET shown_child = ? WHERE n = ?", (n, parent_n))
    connection.execute(
        "UPDATE session SET tip = ?, turns = turns + ? WHERE n = ?",
        (n, 1 if new.author is Author.USER else 0, session_n),
    )
    return n


def touch_session(connection: sqlite3.Connection, session_n: int, now: float) -> None:
    """A session was used: it goes to the top of the list."""
    connection.execute("UPDATE session SET updated = ? WHERE n = ?", (now, session_n))


def show_message(connection: sqlite3.Connection, session_n: int, n: int) -> None:
    """Make message `n` a part of the shown branch, with what was shown below it."""
    connection.execute(
        ANCESTORS
        + """
        UPDATE message SET shown_child = above.n FROM above
        WHERE message.n = above.parent_n AND message.shown_child IS NOT above.n
        """,  # nosec B608 # both parts are of this module
        {"last": n},
    )
    connection.execute(
        ANCESTORS
        + """
        UPDATE session SET shown_root = above.n FROM above WHERE session.n = :s AND above.parent_n IS NULL
        """,  # nosec B608 # both parts are of this module
        {"last": n, "s": session_n},
    )
    update_tip(connection, session_n)


def update_tip(connection: sqlite3.Connection, session_n: int) -> None:
    """Find the tip of the shown branch and count its turns."""
    (first,) = connection.execute("SELECT shown_root FROM session WHERE n = ?", (session_n,)).fetchone()
    branch = connection.execute(
        BRANCH + "SELECT depth, n, author FROM branch JOIN message USING (n)",  # nosec B608 # both are of this module
        {"first": first},
    ).fetchall()
    turns = sum(author == Author.USER for _, _, author in branch)
    tip = max(branch)[1] if branch else None
    connection.execute("UPDATE session SET tip = ?, turns = ? WHERE n = ?", (tip, turns, session_n))


def siblings(connection: sqlite3.Connection, session_n: int, parent_n: int | None) -> list[int]:
    """The numbers of all messages with this parent, the oldest first; `parent_n` None for the first messages."""
    rows = connection.execute(
        "SELECT n FROM message WHERE session_n = ? AND parent_n IS ? ORDER BY n", (session_n, parent_n)
    )
    return [n for (n,) in rows]


def sibling_places(connection: sqlite3.Connection, session_n: int) -> dict[int, tuple[int, int]]:
    """For each message that has siblings: which of how many it is, from 1."""
    families: dict[int | None, list[int]] = {}
    for parent_n, n in connection.execute(
        "SELECT parent_n, n FROM message WHERE session_n = ? ORDER BY parent_n, n", (session_n,)
    ):
        families.setdefault(parent_n, []).append(n)
    return {
        n: (place, len(family))
        for family in families.values()
        if len(family) > 1
        for place, n in enumerate(family, start=1)
    }


def shown_branch(
    connection: sqlite3.Connection, session_id: str, session_n: int, shown_root: int | None
) -> tuple[Message, ...]:
    """The messages of the shown branch, oldest first."""
    rows = connection.execute(_BRANCH_ROWS, {"first": shown_root}).fetchall()
    rows.sort()  # by their depth
    place_of = sibling_places(connection, session_n)
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
    return message_of(row[2:-2], *row[:2], *row[-2:])


def messages_above(connection: sqlite3.Connection, parent_n: int | None, limit: int) -> tuple[Message, ...]:
    """The nearest messages from `parent_n` upwards, oldest first."""
    rows = connection.execute(_ABOVE, {"parent": parent_n, "limit": limit}).fetchall()
    rows.sort(reverse=True)  # by their depth
    return tuple(message_of(row[2:-3], row[-1], row[1], *row[-3:-1]) for row in rows)
