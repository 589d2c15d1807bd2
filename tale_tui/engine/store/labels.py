"""What the user said that messages are: what the detector learns from."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

from tale_tui.engine.store.database import Database
from tale_tui.engine.store.rows import message_text
from tale_tui.engine.text import clean


@dataclass(frozen=True, slots=True)
class Label:
    """A message, and what it is."""

    text: str
    is_task: bool
    p: float | None = None
    """How likely a task the detector thought it; None where it was not asked."""
    created: float = 0.0


class Labels(Database):
    """The labels of a store."""

    async def add_label(self, text: str, is_task: bool, p: float | None = None) -> Label:
        """Keep what a message is. Said again of the same text, the last word counts.

        Raises:
            EmptyMessage: nothing is left of the text.
        """
        label = Label(message_text(text), is_task, p, self._world.now())

        def job(connection: sqlite3.Connection) -> Label:
            connection.execute(
                "INSERT INTO label (text, is_task, p, created) VALUES (?, ?, ?, ?)",
                (label.text, label.is_task, label.p, label.created),
            )
            return label

        return await self._write(job)

    async def labels(self) -> tuple[Label, ...]:
        """For each text what was said of it last, in the order in which that was said."""

        def job(connection: sqlite3.Connection) -> tuple[Label, ...]:
            rows = connection.execute(
                "SELECT text, is_task, p, created FROM label WHERE n IN (SELECT max(n) FROM label GROUP BY text) "
                "ORDER BY n"
            )
            return tuple(Label(clean(text), bool(is_task), p, created) for text, is_task, p, created in rows)

        return await self._read(job)

    async def label_count(self) -> int:
        """How often something was said; it only grows, so that news can be told from it."""

        def job(connection: sqlite3.Connection) -> int:
            return int(connection.execute("SELECT count(*) FROM label").fetchone()[0])

        return await self._read(job)
