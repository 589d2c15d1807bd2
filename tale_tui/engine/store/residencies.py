"""How models came into memory and left it, and how long that took."""

from __future__ import annotations

import sqlite3
import statistics
from dataclasses import dataclass

from tale_tui.domain.constants import EVICTED_BY_LOAD_S, TYPICAL_LOADS
from tale_tui.domain.models import ModelRef, ResidencyChange
from tale_tui.engine.store.database import Database
from tale_tui.engine.store.rows import ref_columns, ref_of


@dataclass(frozen=True, slots=True)
class ResidencyEntry:
    """One such event."""

    ref: ModelRef
    what: ResidencyChange
    at: float
    ms: float | None = None
    """How long it took."""
    size_bytes: int | None = None


class Residencies(Database):
    """The log of what came into memory and left it."""

    async def add_residency(
        self,
        ref: ModelRef,
        what: ResidencyChange,
        *,
        ms: float | None = None,
        size_bytes: int | None = None,
        at: float | None = None,
    ) -> None:
        """Keep what happened to a model.

        Args:
            ref: the model.
            what: the event.
            ms: how long it took, where it took time.
            size_bytes: how much memory it takes, where it is known.
            at: seconds since the epoch; None for now.
        """
        values = (self._clock.now() if at is None else at, *ref_columns(ref), what, ms, size_bytes)
        await self._write(
            lambda connection: connection.execute(
                "INSERT INTO residency (at, backend, model, what, ms, size_bytes) VALUES (?, ?, ?, ?, ?, ?)", values
            )
        )

    async def residencies(self, limit: int = 100) -> tuple[ResidencyEntry, ...]:
        """The last of these events, the newest first."""

        def job(connection: sqlite3.Connection) -> tuple[ResidencyEntry, ...]:
            rows = connection.execute(
                "SELECT backend, model, what, at, ms, size_bytes FROM residency ORDER BY n DESC LIMIT ?", (limit,)
            )
            named = ((ref_of(backend, model), what, rest) for backend, model, what, *rest in rows)
            return tuple(ResidencyEntry(ref, ResidencyChange(what), *rest) for ref, what, rest in named if ref)

        return await self._read(job)

    async def evicts(self, arriving: ModelRef, other: ModelRef) -> bool:
        """Whether the server made one model leave for another one, when that was last loaded."""

        def job(connection: sqlite3.Connection) -> bool:
            row = connection.execute(
                """
                SELECT EXISTS (
                    SELECT * FROM residency AS gone WHERE gone.n > load.n AND gone.at <= load.at + ?
                    AND gone.backend = ? AND gone.model = ? AND gone.what = 'evicted'
                ) FROM residency AS load WHERE load.backend = ? AND load.model = ? AND load.what = 'load'
                ORDER BY load.n DESC LIMIT 1
                """,
                (EVICTED_BY_LOAD_S, *ref_columns(other), *ref_columns(arriving)),
            ).fetchone()
            return bool(row and row[0])

        return await self._read(job)

    async def typical_ms(self, ref: ModelRef, what: ResidencyChange) -> float | None:
        """How long this took lately for a model (the median), in milliseconds; None where it never happened."""

        def job(connection: sqlite3.Connection) -> float | None:
            rows = connection.execute(
                """
                SELECT ms FROM residency WHERE backend = ? AND model = ? AND what = ? AND ms IS NOT NULL
                ORDER BY n DESC LIMIT ?
                """,
                (*ref_columns(ref), what, TYPICAL_LOADS),
            ).fetchall()
            return statistics.median(ms for (ms,) in rows) if rows else None

        return await self._read(job)
