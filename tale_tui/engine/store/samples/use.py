"""What models did over a range: calls, tokens, time at work, and how often they came into memory."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

from tale_tui.domain.constants import CLOCK_STEP_S
from tale_tui.domain.metrics import CallFilter
from tale_tui.domain.models import ModelRef
from tale_tui.domain.text import clean_line
from tale_tui.engine.store.database import Database
from tale_tui.engine.store.rows import ref_of
from tale_tui.engine.store.token_metrics import addends


@dataclass(frozen=True, slots=True)
class ModelWork:
    """The calls of a model."""

    ref: ModelRef
    calls: int
    failed: int
    total_tokens: int | None
    busy_ms: int
    timed_tokens: int | None
    generation_us: int | None
    answers: int
    """Replies and steps that were written to their end."""

    @property
    def tokens_per_second(self) -> float | None:
        """How fast was written, on the average of all tokens."""
        return 1e6 * self.timed_tokens / self.generation_us if self.timed_tokens and self.generation_us else None


@dataclass(frozen=True, slots=True)
class ModelLoads:
    """How a model came into memory."""

    ref: ModelRef
    since: float | None
    """When it last did; None where it left since, or was there before anybody looked."""
    reloads: int
    """How often in the range, the first time of all left out."""


class ModelUses(Database):
    """What models did, in a store."""

    async def model_work(self, which: CallFilter) -> tuple[ModelWork, ...]:
        """The calls of a range by model."""
        source, bound = addends(which)
        sql = f"""
            SELECT backend, model_name, sum(calls), sum(failed), sum(total_tokens), coalesce(sum(busy_ms), 0),
                sum(timed_tokens), sum(generation_us), sum(answers)
            FROM ({source}) GROUP BY 1, 2
        """  # noqa: S608 # nosec B608 # our words; values are bound

        def job(connection: sqlite3.Connection) -> tuple[ModelWork, ...]:
            rows = connection.execute(sql, bound)
            named = ((ref_of(backend, model), figures) for backend, model, *figures in rows)
            return tuple(ModelWork(ref, *figures) for ref, figures in named if ref is not None)

        return await self._read(job)

    async def token_slots(self, which: CallFilter, begin: float, slot_s: float) -> tuple[tuple[str, int, int], ...]:
        """The tokens of the parts of a range by model: `backend/model`, the place of the part, how many.

        Args:
            which: the calls that are meant.
            begin: when the first part begins.
            slot_s: the length of a part, in seconds; a multiple of `CLOCK_STEP_S`, as is `begin` then, or below it.
        """
        singly = slot_s < CLOCK_STEP_S
        source, bound = addends(which, singly=singly)
        at = "timestamp" if singly else f"quarter * {CLOCK_STEP_S}"
        sql = f"""
            SELECT backend || '/' || model_name, CAST(({at} - ?) / ? AS INTEGER), sum(total_tokens)
            FROM ({source}) WHERE total_tokens IS NOT NULL GROUP BY 1, 2
        """  # noqa: S608 # nosec B608 # our words; values are bound

        def job(connection: sqlite3.Connection) -> tuple[tuple[str, int, int], ...]:
            rows = connection.execute(sql, (begin, slot_s, *bound))
            return tuple((clean_line(model), place, tokens) for model, place, tokens in rows)

        return await self._read(job)

    async def model_loads(self, since: float, until: float) -> tuple[ModelLoads, ...]:
        """How models came into memory, each that ever did."""

        def job(connection: sqlite3.Connection) -> tuple[ModelLoads, ...]:
            rows = connection.execute(
                """
                SELECT backend, model, max(at) FILTER (WHERE what = 'load'),
                    max(n) FILTER (WHERE what = 'load')
                        > coalesce(max(n) FILTER (WHERE what IN ('evicted', 'unload', 'died')), 0),
                    count(*) FILTER (WHERE what = 'load' AND at >= :since AND at < :until),
                    count(*) FILTER (WHERE what = 'load' AND at < :since)
                FROM residency GROUP BY 1, 2
                """,
                {"since": since, "until": until},
            )
            return tuple(
                ModelLoads(ref, at if there else None, max(0, loads - (not before)))
                for backend, model, at, there, loads, before in rows
                if (ref := ref_of(backend, model)) is not None
            )

        return await self._read(job)
