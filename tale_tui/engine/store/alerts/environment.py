"""What calls depend on besides their model, and when it changed: versions, servers and settings."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass

from tale_tui.domain.text import clean_line
from tale_tui.engine.store.database import Database


@dataclass(frozen=True, slots=True)
class EnvironmentChange:
    """Something that is otherwise than before."""

    at: float
    """When that was seen, in seconds since the epoch."""
    name: str
    before: str
    after: str


class Environments(Database):
    """What was seen of it."""

    async def note_environment(self, found: Mapping[str, str]) -> float:
        """Keep what is otherwise than it was seen last; what is seen for the first time is no change.

        Args:
            found: name -> value, as it is now.
        Returns:
            When anything was seen first, in seconds since the epoch: from then on alerts are watched for.
        """
        now = self._clock.now()

        def read(connection: sqlite3.Connection) -> tuple[float | None, dict[str, str]]:
            (first,) = connection.execute("SELECT min(at) FROM environment").fetchone()
            query = "SELECT name, value FROM environment WHERE n IN (SELECT max(n) FROM environment GROUP BY name)"
            return first, dict(connection.execute(query))

        first, known = await self._read(read)
        new = [(now, name, value) for name, value in found.items() if known.get(name) != value]
        if new:
            query = "INSERT INTO environment (at, name, value) VALUES (?, ?, ?)"
            await self._write(lambda connection: connection.executemany(query, new))
        return now if first is None else first

    async def environment_changes(self, begin: float, end: float) -> tuple[EnvironmentChange, ...]:
        """What was seen to change in this time, the oldest first; both in seconds since the epoch."""

        def job(connection: sqlite3.Connection) -> tuple[EnvironmentChange, ...]:
            rows = connection.execute(
                """
                SELECT at, name, (SELECT e.value FROM environment AS e WHERE e.name = environment.name
                    AND e.n < environment.n ORDER BY e.n DESC LIMIT 1) AS before, value
                FROM environment WHERE at BETWEEN ? AND ? ORDER BY n
                """,
                (begin, end),
            ).fetchall()
            return tuple(
                EnvironmentChange(at, clean_line(name), clean_line(before), clean_line(after))
                for at, name, before, after in rows
                if before is not None
            )

        return await self._read(job)
