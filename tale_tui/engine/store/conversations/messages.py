"""Messages read, and replies as they are written: what is stored while a model answers and when it ends."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from tale_tui.domain.constants import ERROR_CHARACTERS
from tale_tui.domain.conversation import Author, Message, MessageState, Transcript
from tale_tui.domain.errors import NoSuchMessage
from tale_tui.domain.metrics import CallRecord
from tale_tui.domain.models import FinishReason, ModelRef, Usage
from tale_tui.domain.text import clean, clean_line
from tale_tui.engine.store.conversations.message_tree import (
    message_at,
    node_of,
    put_usage,
    show_message,
    siblings,
    touch_session,
)
from tale_tui.engine.store.conversations.sessions import transcript_of
from tale_tui.engine.store.database import Database
from tale_tui.engine.store.recall import note_recall
from tale_tui.engine.store.rows import ref_columns, session_n
from tale_tui.engine.store.token_metrics import insert_calls

_FINISH = """
    UPDATE message SET state = ?, text = ?, thinking = ?, backend = coalesce(?, backend), model = coalesce(?, model),
        finish = ?, error = ?, why = coalesce(nullif(?, ''), why)
    WHERE n = ?
"""


class Messages(Database):
    """The messages of a store, and the versions beside each other."""

    async def message(self, message_id: str) -> Message:
        """One message.

        Raises:
            NoSuchMessage: it is not there.
        """
        return await self._read(lambda connection: message_at(connection, node_of(connection, message_id).n))

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


class Replies(Database):
    """Replies, from their first piece of text on."""

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
            touch_session(connection, node.session_n, self._clock.now())
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
        calls: Sequence[CallRecord] = (),
        remembered: Sequence[str] = (),
    ) -> Message:
        """Store how a reply ended, with what it cost and the calls that are not stored yet, at once.

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
            calls: of models, for it.
            remembered: the ids of the remembered items that it was offered, the nearest first.
        Raises:
            NoSuchMessage: it is not there any more.
        """

        def job(connection: sqlite3.Connection) -> Message:
            node = node_of(connection, message_id)
            written = (clean(text), clean(thinking), *ref_columns(ref))
            said = (clean_line(error, ERROR_CHARACTERS), clean_line(why))
            connection.execute(_FINISH, (state, *written, finish, *said, node.n))
            if usage is not None:
                put_usage(connection, node.n, usage)
            insert_calls(connection, calls)
            if remembered:
                note_recall(connection, message_id, remembered, self._clock.now())
            touch_session(connection, node.session_n, self._clock.now())
            return message_at(connection, node.n)

        return await self._write(job)
