"""The figures that alerts are judged by: what the rows of calls, models and tasks say."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

from tale_tui.domain.text import clean_line
from tale_tui.engine.store.database import Database


@dataclass(frozen=True, slots=True)
class WatchedFigures:
    """What happened last, newest first."""

    first_text_ms: tuple[float, ...]
    """Of replies."""
    simple_task_ms: tuple[float, ...]
    """Of the steps of simple tasks."""
    switch_ms: tuple[float, ...]
    failed_tasks: int
    """Tasks that failed since the last one that was done."""
    day_tokens: int
    month_tokens: int


@dataclass(frozen=True, slots=True)
class TrendCall:
    """What a trend is found in: one call of a model for a reply or a step."""

    timestamp: float
    digest: str
    ttft_ms: float | None
    tokens_per_second: float | None
    completion_tokens: int | None
    failed: bool


class AlertFigures(Database):
    """What is watched."""

    async def watched_figures(self, last: int, day: float, month: float) -> WatchedFigures:
        """What limits are held against.

        Args:
            last: so many calls of each kind.
            day: when the user's day began.
            month: the same of the month.
        """

        def job(connection: sqlite3.Connection) -> WatchedFigures:
            def newest(query: str) -> tuple[float, ...]:
                return tuple(value for (value,) in connection.execute(f"{query} ORDER BY n DESC LIMIT ?", (last,)))

            def spent(since: float) -> int:
                query = "SELECT coalesce(sum(total_tokens), 0) FROM token_metrics WHERE timestamp >= ?"
                return int(connection.execute(query, (since,)).fetchone()[0])

            failed = connection.execute(
                """
                SELECT count(*) FROM task WHERE state = 'failed' AND finished > coalesce(
                    (SELECT max(finished) FROM task WHERE state = 'done'), 0)
                """
            ).fetchone()[0]
            calls = "SELECT {} FROM token_metrics WHERE outcome = 'done' AND {} IS NOT NULL AND {}"
            return WatchedFigures(
                newest(calls.format("ttft_ms", "ttft_ms", "kind = 'chat'")),
                newest(calls.format("total_ms", "total_ms", "kind = 'step' AND complexity = 'simple'")),
                newest("SELECT ms FROM residency WHERE what = 'switch' AND ms IS NOT NULL"),
                failed,
                spent(day),
                spent(month),
            )

        return await self._read(job)

    async def trend_calls(self, last: int) -> dict[str, tuple[TrendCall, ...]]:
        """The last calls of each model for replies and steps, oldest first, by `backend/model`; without those that
        loaded it first, whose times say nothing of its speed."""

        def job(connection: sqlite3.Connection) -> dict[str, tuple[TrendCall, ...]]:
            models = connection.execute("SELECT DISTINCT backend, model_name FROM token_metrics").fetchall()
            query = """
                SELECT timestamp, coalesce(digest, ''), ttft_ms, tokens_per_second, completion_tokens,
                    outcome = 'failed'
                FROM token_metrics WHERE backend = ? AND model_name = ? AND kind IN ('chat', 'step')
                    AND outcome IN ('done', 'failed') AND coalesce(load_ms, 0) = 0
                ORDER BY n DESC LIMIT ?
            """
            found = {}
            for backend, model in models:
                rows = connection.execute(query, (backend, model, last)).fetchall()
                calls = [
                    TrendCall(at, clean_line(digest), first_text, rate, written, bool(bad))
                    for at, digest, first_text, rate, written, bad in rows
                ]
                found[clean_line(f"{backend}/{model}")] = tuple(calls)[::-1]
            return found

        return await self._read(job)
