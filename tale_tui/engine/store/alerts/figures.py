"""The figures that alerts are judged by: what the rows of calls, models and tasks say."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

from tale_tui.domain.text import clean_line
from tale_tui.engine.store.database import Database
from tale_tui.engine.store.tasks.task_rows import shown_ids

LOOKED_BACK_ROWS = 10_000
"""What is not among so many calls is not looked for: a look costs the same however many there are."""


@dataclass(frozen=True, slots=True)
class RunningTask:
    """A task that runs."""

    id: str
    shown: str
    title: str
    ran_s: float
    """In all."""
    time_limit_s: float | None


@dataclass(frozen=True, slots=True)
class WatchedFigures:
    """What happened last, newest first."""

    first_text_ms: tuple[float, ...] = ()
    """Of replies."""
    simple_task_ms: tuple[float, ...] = ()
    """Of the steps of simple tasks."""
    switch_ms: tuple[float, ...] = ()
    failed_tasks: int = 0
    """Tasks that failed since the last one that was done."""
    queued_tasks: int = 0
    running_tasks: tuple[RunningTask, ...] = ()


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

    async def spent_tokens(self, since: float) -> dict[str, int]:
        """What the models read and wrote since then, by `backend/model`."""

        def job(connection: sqlite3.Connection) -> dict[str, int]:
            query = """
                SELECT backend || '/' || model_name, sum(total_tokens) FROM token_metrics
                WHERE timestamp >= ? AND total_tokens IS NOT NULL GROUP BY backend, model_name
            """
            return dict(connection.execute(query, (since,)).fetchall())

        return await self._read(job)

    async def watched_figures(self, last: int, since: float, now: float) -> WatchedFigures:
        """What limits are held against.

        Args:
            last: so many calls of each kind.
            since: what was before is not looked at.
            now: the present; both in seconds since the epoch.
        """

        def job(connection: sqlite3.Connection) -> WatchedFigures:
            def newest(query: str) -> tuple[float, ...]:
                return tuple(value for (value,) in connection.execute(query, (since, last)))

            calls = """
                SELECT {0} FROM token_metrics WHERE n > (SELECT max(n) FROM token_metrics) - {1}
                    AND outcome = 'done' AND {0} IS NOT NULL AND {2} AND timestamp >= ? ORDER BY n DESC LIMIT ?
            """
            failed, queued = connection.execute(
                """
                SELECT (SELECT count(*) FROM task WHERE state = 'failed' AND finished > max(:since, coalesce(
                    (SELECT max(finished) FROM task WHERE state = 'done'), 0))),
                    (SELECT count(*) FROM task WHERE state = 'queued')
                """,
                {"since": since},
            ).fetchone()
            return WatchedFigures(
                newest(calls.format("ttft_ms", LOOKED_BACK_ROWS, "kind = 'chat'")),
                newest(calls.format("total_ms", LOOKED_BACK_ROWS, "kind = 'step' AND complexity = 'simple'")),
                newest("SELECT ms FROM residency WHERE what = 'switch' AND ms > 0 AND at >= ? ORDER BY n DESC LIMIT ?"),
                failed,
                queued,
                _running_tasks(connection, now),
            )

        return await self._read(job)

    async def trend_calls(self, last: int, newest: int) -> dict[str, tuple[TrendCall, ...]]:
        """The last calls of models for replies and steps, oldest first, by `backend/model`; without those that loaded
        it first, whose times say nothing of its speed.

        Args:
            last: so many of each model.
            newest: only models that have one of so many newest calls.
        """

        def job(connection: sqlite3.Connection) -> dict[str, tuple[TrendCall, ...]]:
            models = connection.execute(
                """
                SELECT DISTINCT backend, model_name FROM
                    (SELECT backend, model_name FROM token_metrics ORDER BY n DESC LIMIT ?)
                """,
                (newest,),
            ).fetchall()
            query = """
                SELECT timestamp, coalesce(digest, ''), ttft_ms, tokens_per_second, completion_tokens,
                    outcome = 'failed'
                FROM token_metrics WHERE model_name = ? AND backend = ? AND kind IN ('chat', 'step')
                    AND outcome IN ('done', 'failed') AND coalesce(load_ms, 0) = 0
                ORDER BY timestamp DESC, n DESC LIMIT ?
            """
            found = {}
            for backend, model in models:
                rows = connection.execute(query, (model, backend, last)).fetchall()
                calls = [
                    TrendCall(at, clean_line(digest), first_text, rate, written, bool(bad))
                    for at, digest, first_text, rate, written, bad in rows
                ]
                found[clean_line(f"{backend}/{model}")] = tuple(calls)[::-1]
            return found

        return await self._read(job)


def _running_tasks(connection: sqlite3.Connection, now: float) -> tuple[RunningTask, ...]:
    rows = connection.execute(
        "SELECT id, title, worked_s + max(0, ? - running_since), time_limit_s FROM task WHERE state = 'running'", (now,)
    ).fetchall()
    shown = shown_ids(connection, {row[0] for row in rows}) if rows else {}
    return tuple(RunningTask(id_, shown[id_], clean_line(title), ran, limit) for id_, title, ran, limit in rows)
