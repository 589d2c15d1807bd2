"""Sessions leave as Markdown or JSON, and come back from that JSON."""

# ruff: noqa: S608  # the SQL is put together of texts of this package; values are always bound

from __future__ import annotations

import asyncio
import json
import re
import sqlite3
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from tale_tui.domain.conversation import (
    EXPORT_FORMAT,
    EXPORT_VERSION,
    Author,
    Message,
    MessageState,
    Session,
    Transcript,
)
from tale_tui.engine.store.conversations.message_tree import NewMessage, insert_message, update_tip
from tale_tui.engine.store.conversations.sessions import session_by_id, transcript_of
from tale_tui.engine.store.database import Database
from tale_tui.engine.store.rows import MESSAGE_COLUMNS, fresh_id, message_of, no_such_session

if TYPE_CHECKING:
    from tale_tui.engine.store.conversations.import_check import ExportedMessage, ExportedSession

_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})(.*)")
_MARKS = {
    MessageState.STREAMING: "still being written",
    MessageState.STOPPED: "stopped",
    MessageState.INTERRUPTED: "interrupted",
    MessageState.FAILED: "failed",
}


class ExportImport(Database):
    """The export and import of sessions."""

    async def export_markdown(self, session_id: str) -> str:
        """The shown branch as Markdown, for people.

        Raises:
            NoSuchSession: it is not there.
        """
        return await self._read(lambda connection: markdown_of(transcript_of(connection, session_id)))

    async def export_json(self, session_id: str) -> str:
        """All branches as one line of JSON, which `import_json` takes; the same again as long as nothing was written.

        Raises:
            NoSuchSession: it is not there.
        """
        return await self._read(lambda connection: _json_of(connection, session_id))

    async def export_part(self, session_id: str, offset: int, limit: int) -> tuple[str, tuple[str, ...]]:
        """A piece of `export_json`, so that a long conversation is read without holding anybody up.

        Args:
            session_id: the whole id.
            offset: messages that come before the piece, in the order in which they were written.
            limit: messages of the piece, at most.
        Returns:
            All but the messages, and the messages of the piece, each as one line of JSON.
        Raises:
            NoSuchSession: it is not there.
        """

        def job(connection: sqlite3.Connection) -> tuple[str, tuple[str, ...]]:
            n, head = _head_of(connection, session_id)
            return _line(head), tuple(map(_line, _messages_of(connection, n, session_id, offset, limit)))

        return await self._read(job)

    async def import_json(self, text: str) -> tuple[Session, ...]:
        """Import one export or several, one a line; all of them or none.

        An id that exists already is replaced by a new one, everywhere in its session.

        Raises:
            BadImport: the sentence says where it is wrong.
        """
        # pydantic costs a tenth of a second, which nobody pays who imports nothing.
        from tale_tui.engine.store.conversations.import_check import read_exports

        sessions = await asyncio.to_thread(read_exports, text)

        def job(connection: sqlite3.Connection) -> tuple[Session, ...]:
            renamed: dict[str, str] = {}
            ids = [self._import_session(connection, export, renamed) for export in sessions]
            return tuple(session_by_id(connection, id_) for id_ in ids)

        return await self._write(job)

    def _import_session(self, connection: sqlite3.Connection, export: ExportedSession, renamed: dict[str, str]) -> str:
        """Store one session; return its id. `renamed` holds the new ids of the sessions before it."""
        about = export.session
        id_ = about.id
        if connection.execute("SELECT 1 FROM session WHERE id = ?", (id_,)).fetchone():
            id_ = renamed[about.id] = fresh_id(connection, self._clock)
        forked_from = renamed.get(about.forked_from or "", about.forked_from)
        session_n = connection.execute(
            """
            INSERT INTO session (id, title, first_words, system, created, updated, forked_from)
            VALUES (?, ?, ?, ?, ?, ?, ?) RETURNING n
            """,
            (id_, about.title, about.first_words, about.system, about.created, about.updated, forked_from),
        ).fetchone()[0]
        numbers: dict[str, int] = {}
        for message in export.messages:
            parent_n = numbers[message.parent] if message.parent else None
            numbers[message.id] = insert_message(connection, session_n, parent_n, self._new(connection, message))
        connection.executemany(
            "UPDATE message SET shown_child = ? WHERE n = ?",
            [(numbers[child], numbers[parent]) for parent, child in export.shown_children().items()],
        )
        first = export.shown_first()
        connection.execute(
            "UPDATE session SET shown_root = ? WHERE n = ?", (numbers[first] if first else None, session_n)
        )
        update_tip(connection, session_n)
        return id_

    def _new(self, connection: sqlite3.Connection, message: ExportedMessage) -> NewMessage:
        taken = connection.execute("SELECT 1 FROM message WHERE id = ?", (message.id,)).fetchone()
        return NewMessage(
            id=fresh_id(connection, self._clock) if taken else message.id,
            author=message.author,
            text=message.text,
            created=message.created,
            state=message.state,
            ref=message.ref(),
            thinking=message.thinking,
            finish=message.finish,
            error=message.error,
            usage=message.usage.plain() if message.usage else None,
        )


def _json_of(connection: sqlite3.Connection, session_id: str) -> str:
    n, head = _head_of(connection, session_id)
    return _line(head | {"messages": _messages_of(connection, n, session_id)})


def _head_of(connection: sqlite3.Connection, session_id: str) -> tuple[int, dict[str, Any]]:
    """The inner number of a session, and all of its export but the messages.

    Raises:
        NoSuchSession: it is not there.
    """
    row = connection.execute(
        """
        SELECT n, id, title, first_words, system, created, updated, forked_from,
            (SELECT id FROM message WHERE message.n = shown_root)
        FROM session WHERE id = ?
        """,
        (session_id,),
    ).fetchone()
    if row is None:
        raise no_such_session()
    names = ("id", "title", "first_words", "system", "created", "updated", "forked_from", "shown")
    session = dict(zip(names, row[1:], strict=True))
    return row[0], {"format": EXPORT_FORMAT, "version": EXPORT_VERSION, "session": session}


def _messages_of(
    connection: sqlite3.Connection, n: int, session_id: str, offset: int = 0, limit: int = -1
) -> list[dict[str, Any]]:
    messages = connection.execute(
        f"""
        SELECT p.id, c.id, {MESSAGE_COLUMNS}
        FROM message AS m LEFT JOIN message AS p ON p.n = m.parent_n LEFT JOIN message AS c ON c.n = m.shown_child
            LEFT JOIN usage AS u ON u.message_n = m.n
        WHERE m.session_n = ? ORDER BY m.n LIMIT ? OFFSET ?
        """,  # nosec B608 # columns of this package; values are bound
        (n, limit, offset),
    )
    return [_fields(message_of(row[2:], session_id, parent_id=row[0]), shown=row[1]) for row in messages]


def _line(fields: dict[str, Any]) -> str:
    return json.dumps(fields, ensure_ascii=False, separators=(",", ":"))


def _fields(message: Message, shown: str | None) -> dict[str, Any]:
    """A message as JSON holds it; what is empty is left out."""
    # What streams now is cut off where it stands.
    state = MessageState.INTERRUPTED if message.state is MessageState.STREAMING else message.state
    usage = asdict(message.usage) if message.usage else {}
    fields = {
        "id": message.id,
        "parent": message.parent_id,
        "author": message.author,
        "created": message.created,
        "state": state,
        "model": str(message.ref) if message.ref else None,
        "finish": message.finish,
        "error": message.error,
        "usage": {name: value for name, value in usage.items() if value is not None} or None,
        "thinking": message.thinking,
        "shown": shown,
    }
    return {name: value for name, value in fields.items() if value not in (None, "")} | {"text": message.text}


def markdown_of(transcript: Transcript) -> str:
    """The shown branch: a heading for the session and one for each message, with the text as it was written."""
    parts = [f"# {transcript.session.title or 'Untitled'}"]
    if transcript.session.system:
        parts += ["## System", closed(transcript.session.system)]
    for message in transcript.messages:
        parts.append(_heading(message))
        if message.thinking:
            parts.append("\n".join(f"> {line}".rstrip() for line in ["Thinking:", *message.thinking.split("\n")]))
        if message.text:
            parts.append(closed(message.text))
        if message.error:
            parts.append(f"*{message.error}*")
    return "\n\n".join(part.strip("\n") for part in parts) + "\n"


def closed(text: str) -> str:
    """The text with its last code block closed, so that what follows it is not swallowed."""
    fence = ""
    for line in text.split("\n"):
        found = _FENCE.fullmatch(line)
        if found is None:
            continue
        if not fence:
            fence = found[1]
        elif found[1].startswith(fence) and not found[2].strip():
            fence = ""
    return f"{text}\n{fence}" if fence else text


def _heading(message: Message) -> str:
    when = datetime.fromtimestamp(message.created, UTC).strftime("%Y-%m-%d %H:%M UTC")
    who = "You" if message.author is Author.USER else message.ref.model if message.ref else "Reply"
    if message.author is not Author.USER and message.ref is None and message.why:
        who = "tale"  # a sentence of ours, made without a model
    mark = f", {_MARKS[message.state]}" if message.state in _MARKS else ""
    if message.task_id is not None and not message.text:
        mark = ", a task without a result"
    return f"## {who} · {when}{mark}"
