"""Messages: what a turn stores before a model answers, and the versions beside each other."""

from __future__ import annotations

import sqlite3

from tale_tui.engine.store import tree
from tale_tui.engine.store.database import Database
from tale_tui.engine.store.rows import fresh_id, message_text, session_n
from tale_tui.engine.store.transcripts import branch_above, message_at, transcript_of
from tale_tui.engine.store.turns import add_reply, add_user, add_version, asked_n, keep_first_words, stored_turn
from tale_tui.engine.text import clean
from tale_tui.engine.types import Author, Message, MessageState, ModelRef, Transcript


class Messages(Database):
    """The messages of a store."""

    async def message(self, message_id: str) -> Message:
        """One message.

        Raises:
            NoSuchMessage: it is not there.
        """
        return await self._read(lambda connection: message_at(connection, tree.node(connection, message_id).n))

    async def begin_turn(
        self, session_id: str, *, user_id: str, text: str, reply_ref: ModelRef | None, p: float | None = None
    ) -> tuple[Message, Message]:
        """Store what the user wrote at the end of the shown branch, and an empty reply below it, at once.

        A message that waited in the queue under `user_id` leaves it in the same transaction. A repeated call stores
        nothing and returns what is there, the reply in the state that it has.

        Args:
            session_id: the whole id.
            user_id: becomes the id of the user's message.
            text: what the user wrote.
            reply_ref: the model that is going to answer, where it is known.
            p: how likely a task it is, as it was judged; None where it was not.
        Returns:
            The user's message and the reply, which is streaming.
        Raises:
            EmptyMessage, NoSuchSession, BadInput: nothing was stored.
        """
        safe = message_text(text)

        def job(connection: sqlite3.Connection) -> tuple[Message, Message]:
            n = session_n(connection, session_id)
            stored = stored_turn(connection, n, user_id)
            if stored is not None:
                connection.execute("DELETE FROM queued WHERE id = ? AND session_n = ?", (user_id, n))
                return stored
            user = tree.NewMessage(user_id, Author.USER, safe, self._world.now(), p=p)
            return self._add_turn(connection, n, add_user(connection, n, user), reply_ref)

        return await self._write(job)

    async def begin_edit(
        self,
        session_id: str,
        message_id: str,
        new_id: str,
        text: str,
        reply_ref: ModelRef | None = None,
        p: float | None = None,
    ) -> tuple[Message, Message]:
        """Store a new version beside a message of the user, and an empty reply below it, at once, and show them.

        A repeated call stores nothing and returns what is there.

        Raises:
            EmptyMessage, NoSuchSession, NoSuchMessage, BadInput: nothing was stored.
        """
        safe = message_text(text)

        def job(connection: sqlite3.Connection) -> tuple[Message, Message]:
            n = session_n(connection, session_id)
            stored = stored_turn(connection, n, new_id)
            if stored is not None:
                return stored
            user = tree.NewMessage(new_id, Author.USER, safe, self._world.now(), p=p)
            return self._add_turn(connection, n, add_version(connection, n, message_id, user), reply_ref)

        return await self._write(job)

    async def begin_reply(self, session_id: str, parent_user_id: str, reply_ref: ModelRef | None = None) -> Message:
        """Store an empty reply to a message of the user, beside those that it has, and show it.

        Raises:
            NoSuchSession, NoSuchMessage: nothing was stored.
        """

        def job(connection: sqlite3.Connection) -> Message:
            n = session_n(connection, session_id)
            asked = asked_n(connection, n, parent_user_id)
            return message_at(connection, self._add_reply(connection, n, asked, reply_ref))

        return await self._write(job)

    async def branch_above(self, message_id: str, limit: int) -> tuple[tuple[Message, ...], bool]:
        """The messages that lead to one, which is not among them: what a model is shown before it writes that one.

        Costs the same in a long session as in a short one.

        Args:
            message_id: a reply, shown or not.
            limit: at most so many, the nearest.
        Returns:
            The messages, oldest first, and whether they are all there are.
        Raises:
            NoSuchMessage: it is not there.
        """

        def job(connection: sqlite3.Connection) -> tuple[tuple[Message, ...], bool]:
            return branch_above(connection, tree.node(connection, message_id), limit)

        return await self._read(job)

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
        keep_first_words(connection, n, user.text)
        return user, message_at(connection, reply_n)

    def _add_reply(self, connection: sqlite3.Connection, n: int, user_n: int, ref: ModelRef | None) -> int:
        """Store an empty reply to a message of the user and show it; return its number."""
        id_, now = fresh_id(connection, self._world), self._world.now()
        reply = tree.NewMessage(id_, Author.ASSISTANT, "", now, MessageState.STREAMING, ref)
        return add_reply(connection, n, user_n, reply)
