"""Replies: what is stored while a model answers and when it ends."""

from __future__ import annotations

import sqlite3

from tale_tui.engine.errors import NoSuchMessage
from tale_tui.engine.store import tree
from tale_tui.engine.store.database import Database
from tale_tui.engine.store.rows import ERROR_LIMIT, ref_columns
from tale_tui.engine.store.transcripts import message_at
from tale_tui.engine.text import clean, clean_line
from tale_tui.engine.types import Author, FinishReason, Message, MessageState, ModelRef, Usage


class Replies(Database):
    """The replies of a store, from their first piece on."""

    async def reopen_reply(self, message_id: str) -> Message:
        """Make a reply that broke off streaming again; its text stays, to be gone on with.

        Raises:
            NoSuchMessage: it is not there, whole, or being written.
        """

        def job(connection: sqlite3.Connection) -> Message:
            node = tree.node(connection, message_id)
            reply = message_at(connection, node.n)
            if reply.author is not Author.ASSISTANT or reply.state is MessageState.STREAMING:
                raise NoSuchMessage("Only a reply that has stopped can be continued.")
            if reply.state is MessageState.COMPLETE and reply.finish is not FinishReason.LENGTH:
                raise NoSuchMessage("That reply is complete. Ask again for another one.")
            connection.execute(
                "UPDATE message SET state = ?, finish = NULL, error = '' WHERE n = ?", (MessageState.STREAMING, node.n)
            )
            tree.touch(connection, node.session_n, self._world.now())
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
            node = tree.node(connection, message_id)
            written = (clean(text), clean(thinking), *ref_columns(ref))
            said = (clean_line(error, ERROR_LIMIT), clean_line(why))
            connection.execute(_FINISH, (state, *written, finish, *said, node.n))
            if usage is not None:
                tree.put_usage(connection, node.n, usage)
            tree.touch(connection, node.session_n, self._world.now())
            return message_at(connection, node.n)

        return await self._write(job)


_FINISH = """
    UPDATE message SET state = ?, text = ?, thinking = ?, backend = coalesce(?, backend), model = coalesce(?, model),
        finish = ?, error = ?, why = coalesce(nullif(?, ''), why)
    WHERE n = ?
"""
