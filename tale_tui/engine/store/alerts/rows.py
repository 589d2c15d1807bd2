"""Alerts as rows; one that is open is the memory of what was told already."""

# ruff: noqa: S608  # the SQL is put together of texts of this package; values are always bound

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from tale_tui.domain.alerts import Alert, AlertKind, LimitReading
from tale_tui.engine.store.database import Database

_COLUMNS = "n, kind, subject, raised, seen, limit_value, sentence, ended, acknowledged"
_LAST = "SELECT " + _COLUMNS + " FROM alert WHERE acknowledged IS NULL OR NOT ? ORDER BY n DESC LIMIT ?"
_RAISE = (
    "INSERT INTO alert (kind, subject, raised, seen, limit_value, sentence) VALUES (?, ?, ?, ?, ?, ?) "
    "ON CONFLICT DO NOTHING RETURNING " + _COLUMNS
)
_ACKNOWLEDGE = (
    "UPDATE alert SET acknowledged = ? WHERE acknowledged IS NULL AND n = coalesce(?, n) RETURNING " + _COLUMNS
)


class Alerts(Database):
    """What was told."""

    async def alerts(self, *, waiting: bool = False, limit: int = 100) -> tuple[Alert, ...]:
        """The last alerts, newest first; `waiting`: only those that nobody acknowledged."""

        def job(connection: sqlite3.Connection) -> tuple[Alert, ...]:
            rows = connection.execute(_LAST, (waiting, limit))
            return tuple(Alert(id_, AlertKind(kind), *rest) for id_, kind, *rest in rows)

        return await self._read(job)

    async def judge(self, readings: Sequence[LimitReading]) -> tuple[Alert, ...]:
        """Raise an alert for each figure that passed its limit and has none open, and end those that are well.

        Returns:
            What was raised now.
        """
        now = self._clock.now()

        def job(connection: sqlite3.Connection) -> tuple[Alert, ...]:
            raised = []
            for reading in readings:
                if reading.passed:
                    values = (reading.kind, reading.subject, now, reading.seen, reading.limit, reading.sentence)
                    row = connection.execute(_RAISE, values).fetchone()
                    if row is not None:
                        raised.append(Alert(row[0], AlertKind(row[1]), *row[2:]))
                elif reading.well:
                    connection.execute(
                        "UPDATE alert SET ended = ? WHERE kind = ? AND subject = ? AND ended IS NULL",
                        (now, reading.kind, reading.subject),
                    )
            return tuple(raised)

        return await self._write(job)

    async def acknowledge(self, id_: int | None) -> tuple[Alert, ...] | None:
        """Say that an alert was read; None means all of them.

        Returns:
            What was acknowledged now: nothing where it was already; None where there is no such alert.
        """
        now = self._clock.now()

        def job(connection: sqlite3.Connection) -> tuple[Alert, ...] | None:
            if id_ is not None and connection.execute("SELECT 1 FROM alert WHERE n = ?", (id_,)).fetchone() is None:
                return None
            rows = connection.execute(_ACKNOWLEDGE, (now, id_)).fetchall()
            return tuple(Alert(row[0], AlertKind(row[1]), *row[2:]) for row in sorted(rows))

        return await self._write(job)
