"""Alerts as rows; one that is open is the memory of what was told already."""

# ruff: noqa: S608  # the SQL is put together of texts of this package; values are always bound

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Sequence

from tale_tui.domain.alerts import Alert, AlertKind, LimitReading
from tale_tui.engine.store.database import Database

_COLUMNS = "n, kind, subject, raised, seen, limit_value, sentence, ended, acknowledged"
_LAST = f"SELECT {_COLUMNS} FROM alert WHERE acknowledged IS NULL OR NOT ? ORDER BY n DESC LIMIT ?"  # nosec B608
_RAISE = f"""
    INSERT INTO alert (kind, subject, raised, seen, limit_value, sentence) VALUES (?, ?, ?, ?, ?, ?)
    ON CONFLICT DO NOTHING RETURNING {_COLUMNS}
"""  # nosec B608 # columns of this module; values are bound
_END = "UPDATE alert SET ended = ? WHERE kind = ? AND subject = ? AND ended IS NULL"
_ACKNOWLEDGE = f"""
    UPDATE alert SET acknowledged = ? WHERE acknowledged IS NULL AND n = coalesce(?, n) RETURNING {_COLUMNS}
"""  # nosec B608 # columns of this module; values are bound


class Alerts(Database):
    """What was told."""

    async def alerts(self, *, waiting: bool = False, limit: int = 100) -> tuple[Alert, ...]:
        """The last alerts, newest first; `waiting`: only those that nobody acknowledged."""

        def job(connection: sqlite3.Connection) -> tuple[Alert, ...]:
            rows = connection.execute(_LAST, (waiting, limit))
            return tuple(Alert(id_, AlertKind(kind), *rest) for id_, kind, *rest in rows)

        return await self._read(job)

    async def raise_alerts(
        self, readings: Sequence[LimitReading], over: Collection[AlertKind] = ()
    ) -> tuple[Alert, ...]:
        """Raise an alert for each figure that passed its limit and has none open, and end those that are well.

        Args:
            readings: the figures.
            over: kinds whose alerts end as well where there is no figure of their subject any more.
        Returns:
            What was raised now.
        """
        now = self._clock.now()
        left = {(reading.kind, reading.subject) for reading in readings if reading.kind in over}

        def look(connection: sqlite3.Connection) -> set[tuple[str, str]]:
            return set(connection.execute("SELECT kind, subject FROM alert WHERE ended IS NULL"))

        open_ = await self._read(look)
        gone = [key for key in open_ if key[0] in over and key not in left]
        # Nearly always nothing changes, and nothing has to be written.
        if not gone and not any(reading.passed != ((reading.kind, reading.subject) in open_) for reading in readings):
            return ()

        def job(connection: sqlite3.Connection) -> tuple[Alert, ...]:
            raised = []
            connection.executemany(_END, [(now, *key) for key in gone])
            for reading in readings:
                if reading.passed:
                    if reading.began is not None and _told_since(connection, reading, reading.began):
                        continue
                    values = (reading.kind, reading.subject, now, reading.seen, reading.limit, reading.sentence)
                    row = connection.execute(_RAISE, values).fetchone()
                    if row is not None:
                        raised.append(Alert(row[0], AlertKind(row[1]), *row[2:]))
                elif reading.well:
                    connection.execute(_END, (now, reading.kind, reading.subject))
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


def _told_since(connection: sqlite3.Connection, reading: LimitReading, began: float) -> bool:
    """Whether an alert of the same kind and subject was raised since then."""
    row = connection.execute(
        "SELECT 1 FROM alert WHERE kind = ? AND subject = ? AND raised >= ? LIMIT 1",
        (reading.kind, reading.subject, began),
    ).fetchone()
    return row is not None
