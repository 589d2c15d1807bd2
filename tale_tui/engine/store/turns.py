"""What turns of every kind store, each inside the transaction of its caller."""

from __future__ import annotations

import sqlite3

from tale_tui.engine.errors import BadInput, NoSuchMessage
from tale_tui.engine.store import tree
from tale_tui.engine.store.rows import first_words, forget_draft
from tale_tui.engine.store.transcripts import message_at
from tale_tui.engine.types import Author, Message


def stored_turn(connection: sqlite3.Connection, session_n: int, user_id: str) -> tuple[Message, Message] | None:
    """The user's message with this id and the reply to it that is shown; None where there is none.

    Raises:
        BadInput: the id belongs to something else.
    """
    row = connection.execute(
        "SELECT n, session_n, author, shown_child FROM message WHERE id = ?", (user_id,)
    ).fetchone()
    if row is None:
        return None
    user_n, owner, author, reply_n = row
    if owner != session_n or author != Author.USER or reply_n is None:
        raise key_taken()
    return message_at(connection, user_n), message_at(connection, reply_n)


def key_taken() -> BadInput:
    """For a key under which something else is stored."""
    return BadInput("Another message has this key already. Send it again.")


def add_user(connection: sqlite3.Connection, session_n: int, new: tree.NewMessage) -> int:
    """Store what the user wrote at the end of the shown branch; return its number.

    It is a draft no longer, and waits no longer.
    """
    forget_draft(connection, session_n, new.text)
    connection.execute("DELETE FROM queued WHERE id = ? AND session_n = ?", (new.id, session_n))
    (tip,) = connection.execute("SELECT tip FROM session WHERE n = ?", (session_n,)).fetchone()
    return tree.append(connection, session_n, tip, new)


def add_version(connection: sqlite3.Connection, session_n: int, message_id: str, new: tree.NewMessage) -> int:
    """Store a new version beside a message of the user and show it; return its number.

    Raises:
        NoSuchMessage: there is no such message of the user.
    """
    old = tree.node(connection, message_id, session_n)
    if old.author is not Author.USER:
        raise NoSuchMessage("Only your own messages can be edited. Ask again for another reply.")
    user_n = tree.insert(connection, session_n, old.parent_n, new)
    tree.show(connection, session_n, user_n)
    return user_n


def asked_n(connection: sqlite3.Connection, session_n: int, message_id: str) -> int:
    """The number of a message of the user.

    Raises:
        NoSuchMessage: there is none with this id.
    """
    asked = tree.node(connection, message_id, session_n)
    if asked.author is not Author.USER:
        raise NoSuchMessage("Only your own messages can be answered. Choose the message above the reply.")
    return asked.n


def add_reply(connection: sqlite3.Connection, session_n: int, user_n: int, new: tree.NewMessage) -> int:
    """Store a reply to a message of the user, beside those that it has, and show it; return its number."""
    (tip,) = connection.execute("SELECT tip FROM session WHERE n = ?", (session_n,)).fetchone()
    if tip == user_n:
        reply_n = tree.append(connection, session_n, user_n, new)
    else:
        reply_n = tree.insert(connection, session_n, user_n, new)
        tree.show(connection, session_n, reply_n)
    tree.touch(connection, session_n, new.created)
    return reply_n


def keep_first_words(connection: sqlite3.Connection, session_n: int, text: str) -> None:
    """Let the first message of a session stand for its title."""
    connection.execute(
        "UPDATE session SET first_words = ? WHERE n = ? AND first_words = ''", (first_words(text), session_n)
    )
