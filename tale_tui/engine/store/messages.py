"""Messages: what a turn stores before a model answers, and the versions beside each other."""

from __future__ import annotations

import sqlite3

from tale_tui.engine.constants import TITLE_WORDS
from tale_tui.engine.errors import BadInput, NoSuchMessage
from tale_tui.engine.store import tree
from tale_tui.engine.store.database import Database
from tale_tui.engine.store.rows import fresh_id, message_text, session_n
from tale_tui.engine.store.transcripts import message_at, transcript_of
from tale_tui.engine.text import clean, clean_line
from tale_tui.engine.types import Author, Message, MessageState, ModelRef, Transcript

FIRST_WORDS_LIMIT = 60
"""Characters of the first words that stand for a title."""


class Messages(Database):
    """The messages of a store."""

    async def message(self, message_id: str) -> Message:
        """One message.

        Raises:
            NoSuchMessage: it is not there.
        """
        return await self._read(lambda connection: message_at(connection, tree.node(connection, message_id).n))

    async def begin_turn(
        self, session_id: str, *, user_id: str, text: str, reply_ref: ModelRef | None
    ) -> tuple[Message, Message]:
        """Store what the user wrote at the end of the shown branch, and an empty reply below it, at once.

        A message that waited in the queue under `user_id` leaves it in the same transaction. A repeated call stores
        nothing and returns what is there, the reply in the state that it has.

        Args:
            session_id: the whole id.
            user_id: becomes the id of the user's message.
            text: what the user wrote.
            reply_ref: the model that is going to answer, where it is known.
        Returns:
            The user's message and the reply, which is streaming.
        Raises:
            EmptyMessage, NoSuchSession, BadInput: nothing was stored.
        """
        safe = message_text(text)

        def job(connection: sqlite3.Connection) -> tuple[Message, Message]:
            n = session_n(connection, session_id)
            connection.execute("DELETE FROM queued WHERE id = ? AND session_n = ?", (user_id, n))
            stored = _stored_turn(connection, n, user_id)
            if stored is not None:
                return stored
            user = tree.NewMessage(user_id, Author.USER, safe, self._world.now())
            (tip,) = connection.execute("SELECT tip FROM session WHERE n = ?", (n,)).fetchone()
            return self._add_turn(connection, n, tree.append(connection, n, tip, user), reply_ref)

        return await self._write(job)

    async def begin_edit(
        self, session_id: str, message_id: str, new_id: str, text: str, reply_ref: ModelRef | None = None
    ) -> tuple[Message, Message]:
        """Store a new version beside a message of the user, and an empty reply below it, at once, and show them.

        A repeated call stores nothing and returns what is there.

        Raises:
            EmptyMessage, NoSuchSession, NoSuchMessage, BadInput: nothing was stored.
        """
        safe = message_text(text)

        def job(connection: sqlite3.Connection) -> tuple[Message, Message]:
            n = session_n(connection, session_id)
            stored = _stored_turn(connection, n, new_id)
            if stored is not None:
                return stored
            old = tree.node(connection, message_id, n)
            if old.author is not Author.USER:
                raise NoSuchMessage("Only your own messages can be edited. Ask again for another reply.")
            new = tree.NewMessage(new_id, Author.USER, safe, self._world.now())
            user_n = tree.insert(connection, n, old.parent_n, new)
            tree.show(connection, n, user_n)
            return self._add_turn(connection, n, user_n, reply_ref)

        return await self._write(job)

    async def begin_reply(self, session_id: str, parent_user_id: str, reply_ref: ModelRef | None = None) -> Message:
        """Store an empty reply to a message of the user, beside those that it has, and show it.

        Raises:
            NoSuchSession, NoSuchMessage: nothing was stored.
        """

        def job(connection: sqlite3.Connection) -> Message:
            n = session_n(connection, session_id)
            asked = tree.node(connection, parent_user_id, n)
            if asked.author is not Author.USER:
                raise NoSuchMessage("Only your own messages can be answered. Choose the message above the reply.")
            return message_at(connection, self._add_reply(connection, n, asked.n, reply_ref))

        return await self._write(job)

    async def show_sibling(self, session_id: str, message_id: str, step: int) -> Transcript:
        """Show the version `step` places beside a message, wrapping round, and what was shown below it.

        Raises:
            NoSuchSession, NoSuchMessage: it is not there.
        """

        def job(connection: sqlite3.Connection) -> Transcript:
            n = session_n(connection, session_id)
            node = tree.node(connection, message_id, n)
            family = tree.siblings(connection, n, node.parent_n)
            tree.show(connection, n, family[(family.index(node.n) + step) % len(family)])
            return transcript_of(connection, session_id)

        return await self._write(job)

    async def prompt_history(self, limit: int = 200) -> tuple[str, ...]:
        """What the user wrote lately, in any session, newest last, without repeats in a row."""

        def job(connection: sqlite3.Connection) -> tuple[str, ...]:
            history: list[str] = []
            rows = connection.execute("SELECT text FROM message WHERE author = 'user' ORDER BY created DESC, n DESC")
            for (text,) in rows:
                if len(history) == limit:
                    break
                if not history or history[-1] != text:
                    history.append(text)
            return tuple(map(clean, reversed(history)))

        return await self._read(job)

    def _add_turn(
        self, connection: sqlite3.Connection, n: int, user_n: int, ref: ModelRef | None
    ) -> tuple[Message, Message]:
        reply_n = self._add_reply(connection, n, user_n, ref)
        user = message_at(connection, user_n)
        connection.execute(
            "UPDATE session SET first_words = ? WHERE n = ? AND first_words = ''", (first_words(user.text), n)
        )
        return user, message_at(connection, reply_n)

    def _add_reply(self, connection: sqlite3.Connection, n: int, user_n: int, ref: ModelRef | None) -> int:
        """Store an empty reply below a message of the user and show it; return its number."""
        now = self._world.now()
        reply = tree.NewMessage(
            fresh_id(connection, self._world), Author.ASSISTANT, "", now, MessageState.STREAMING, ref
        )
        (tip,) = connection.execute("SELECT tip FROM session WHERE n = ?", (n,)).fetchone()
        if tip == user_n:
            reply_n = tree.append(connection, n, user_n, reply)
        else:
            reply_n = tree.insert(connection, n, user_n, reply)
            tree.show(connection, n, reply_n)
        tree.touch(connection, n, now)
        return reply_n


def first_words(text: str) -> str:
    """The beginning of a message, as a title."""
    words = text.split(maxsplit=TITLE_WORDS)
    more = " …" if len(words) > TITLE_WORDS else ""
    return clean_line(" ".join(words[:TITLE_WORDS]) + more, FIRST_WORDS_LIMIT)


def _stored_turn(connection: sqlite3.Connection, n: int, user_id: str) -> tuple[Message, Message] | None:
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
    if owner != n or author != Author.USER or reply_n is None:
        raise BadInput("Another message has this key already. Send it again.")
    return message_at(connection, user_n), message_at(connection, reply_n)
