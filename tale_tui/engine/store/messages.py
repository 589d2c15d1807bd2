"""Messages: what a turn reads and stores before a model answers, while it does, and when the reply ends."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

from tale_tui.engine.errors import NoSuchMessage
from tale_tui.engine.store.database import Database
from tale_tui.engine.store.message_tree import (
    NewMessage,
    add_reply,
    add_user_message,
    add_user_version,
    asked_n,
    branch_above,
    keep_first_words,
    message_at,
    node_of,
    put_usage,
    show_message,
    siblings,
    stored_turn,
    touch_session,
)
from tale_tui.engine.store.rows import ERROR_LIMIT, fresh_id, message_text, no_such_session, ref_columns, session_n
from tale_tui.engine.store.sessions import transcript_of
from tale_tui.engine.text import clean, clean_line
from tale_tui.engine.types import Author, FinishReason, Message, MessageState, ModelRef, Transcript, Usage

_FINISH = """
    UPDATE message SET state = ?, text = ?, thinking = ?, backend = coalesce(?, backend), model = coalesce(?, model),
        finish = ?, error = ?, why = coalesce(nullif(?, ''), why)
    WHERE n = ?
"""


class Messages(Database):
    """The messages of a store."""

    async def message(self, message_id: str) -> Message:
        """One message.

        Raises:
            NoSuchMessage: it is not there.
        """
        return await self._read(lambda connection: message_at(connection, node_of(connection, message_id).n))

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
            user = NewMessage(user_id, Author.USER, safe, self._world.now(), p=p)
            return self._add_turn(connection, n, add_user_message(connection, n, user), reply_ref)

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
            user = NewMessage(new_id, Author.USER, safe, self._world.now(), p=p)
            return self._add_turn(connection, n, add_user_version(connection, n, message_id, user), reply_ref)

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
            return branch_above(connection, node_of(connection, message_id), limit)

        return await self._read(job)

    async def show_sibling(self, session_id: str, message_id: str, step: int) -> Transcript:
        """Show the version `step` places beside a message, wrapping round, and what was shown below it.

        Raises:
            NoSuchSession, NoSuchMessage: it is not there.
        """

        def job(connection: sqlite3.Connection) -> Transcript:
            n = session_n(connection, session_id)
            node = node_of(connection, message_id, n)
            family = siblings(connection, n, node.parent_n)
            show_message(connection, n, family[(family.index(node.n) + step) % len(family)])
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
        reply = NewMessage(id_, Author.ASSISTANT, "", now, MessageState.STREAMING, ref)
        return add_reply(connection, n, user_n, reply)


class Replies(Database):
    """The replies of a store, from their first piece on."""

    async def reopen_reply(self, message_id: str) -> Message:
        """Make a reply that broke off streaming again; its text stays, to be gone on with.

        Raises:
            NoSuchMessage: it is not there, whole, or being written.
        """

        def job(connection: sqlite3.Connection) -> Message:
            node = node_of(connection, message_id)
            reply = message_at(connection, node.n)
            if reply.author is not Author.ASSISTANT or reply.state is MessageState.STREAMING:
                raise NoSuchMessage("Only a reply that has stopped can be continued.")
            if reply.state is MessageState.COMPLETE and reply.finish is not FinishReason.LENGTH:
                raise NoSuchMessage("That reply is complete. Ask again for another one.")
            connection.execute(
                "UPDATE message SET state = ?, finish = NULL, error = '' WHERE n = ?", (MessageState.STREAMING, node.n)
            )
            touch_session(connection, node.session_n, self._world.now())
            return message_at(connection, node.n)

        return await self._write(job)

    async def save_partial(self, message_id: str, text: str, thinking: str = "", ref: ModelRef | None = None) -> None:
        """Store what there is of a reply that streams; nothing happens where it does not stream any more.

        Args:
            message_id: the reply.
            text: all of it so far.
            thinking: all of what was thought so far.
            ref: the model that writes it; None keeps what is there.
        """

        def job(connection: sqlite3.Connection) -> None:
            connection.execute(
                """
                UPDATE message SET text = ?, thinking = ?, backend = coalesce(?, backend), model = coalesce(?, model)
                WHERE id = ? AND state = ?
                """,
                (clean(text), clean(thinking), *ref_columns(ref), message_id, MessageState.STREAMING),
            )

        await self._write(job)

    async def finish_reply(
        self,
        message_id: str,
        *,
        state: MessageState,
        text: str,
        thinking: str = "",
        ref: ModelRef | None = None,
        usage: Usage | None = None,
        finish: FinishReason | None = None,
        error: str = "",
        why: str = "",
    ) -> Message:
        """Store how a reply ended, with what it cost, at once.

        Args:
            message_id: the reply.
            state: how it ended.
            text: all of it.
            thinking: all of what was thought.
            ref: the model that wrote it; None keeps what is there.
            usage: what it cost; None keeps what is there.
            finish: why the model stopped by itself.
            error: a sentence for the user, where it was interrupted or failed.
            why: why this model wrote it, in a few words; empty keeps what is there.
        Raises:
            NoSuchMessage: it is not there any more.
        """

        def job(connection: sqlite3.Connection) -> Message:
            node = node_of(connection, message_id)
            written = (clean(text), clean(thinking), *ref_columns(ref))
            said = (clean_line(error, ERROR_LIMIT), clean_line(why))
            connection.execute(_FINISH, (state, *written, finish, *said, node.n))
            if usage is not None:
                put_usage(connection, node.n, usage)
            touch_session(connection, node.session_n, self._world.now())
            return message_at(connection, node.n)

        return await self._write(job)


@dataclass(frozen=True, slots=True)
class SessionTail:
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

    async def session_tail(self, session_id: str) -> SessionTail:
        """How a conversation ends.

        Raises:
            NoSuchSession: it is not there.
        """

        def job(connection: sqlite3.Connection) -> SessionTail:
            row = connection.execute(
                "SELECT system, view_from, tip FROM session WHERE id = ?", (session_id,)
            ).fetchone()
            if row is None:
                raise no_such_session()
            system, view_from, tip = row
            last = None if tip is None else message_at(connection, tip)
            above_n = None if last is None else node_of(connection, last.id).parent_n
            above = None if above_n is None else message_at(connection, above_n)
            return SessionTail(clean(system), view_from, last, above)

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
            n = node_of(connection, message_id).n
            (shown,) = connection.execute("SELECT shown_child FROM message WHERE n = ?", (n,)).fetchone()
            return None if shown is None else message_at(connection, shown)

        return await self._read(job)
