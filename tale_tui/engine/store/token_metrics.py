"""The calls of models: one row each, in the transaction of what came of it, and the sums over them."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace

from tale_tui.domain.constants import CLOCK_STEP_S
from tale_tui.domain.metrics import (
    EVERY_CALL,
    CallDimension,
    CallFilter,
    CallKind,
    CallLabels,
    CallOutcome,
    CallRecord,
    TokenSums,
)
from tale_tui.domain.models import ModelRef, Role
from tale_tui.domain.text import clean, clean_line
from tale_tui.engine.store.database import Database
from tale_tui.engine.store.rows import Row, ref_columns, ref_of

_INSERT = """
    INSERT INTO token_metrics (
        timestamp, role, backend, model_name, digest, kind, task_type, complexity, task_id, step, session_id,
        message_id, turn_id, why, outcome, error, prompt_tokens, cached_tokens, completion_tokens, thinking_tokens,
        total_tokens, ttft_ms, load_ms, waiting_ms, total_ms, tokens_per_second, own_prompt_tokens,
        estimated_prompt_tokens, estimated_completion_tokens, estimated_tokens_per_second
    )
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""
_SELECT = """
    SELECT timestamp, backend, model_name, role, kind, task_type, complexity, task_id, step, session_id, message_id,
        turn_id, why, outcome, error, digest, prompt_tokens, cached_tokens, completion_tokens, thinking_tokens,
        ttft_ms, load_ms, waiting_ms, total_ms, tokens_per_second, own_prompt_tokens, estimated_prompt_tokens,
        estimated_completion_tokens, estimated_tokens_per_second
    FROM token_metrics
"""
_MODEL = "backend || '/' || model_name"
_COLUMNS = {
    CallDimension.MODEL: _MODEL,
    CallDimension.ROLE: "role",
    CallDimension.KIND: "kind",
    CallDimension.TYPE: "task_type",
    CallDimension.COMPLEXITY: "complexity",
    CallDimension.SESSION: "session_id",
    CallDimension.TASK: "task_id",
}
"""What a dimension is in the table; days and hours follow from the steps of the clock."""
_ADDENDS = (
    "calls", "failed", "prompt_tokens", "cached_tokens", "completion_tokens", "thinking_tokens", "total_tokens",
    "uncounted", "estimated_tokens", "timed_tokens", "generation_us", "ttft_ms_sum", "ttft_calls",
)  # fmt: skip
"""The columns of `call_addend` and `token_quarter` that are summed, in the order of the fields of `TokenSums`."""
_SUMS = ", ".join(f"sum({name})" for name in _ADDENDS)
_SHARED = ", ".join(
    (
        "quarter",
        "backend",
        "model_name",
        "role",
        "kind",
        "task_type",
        "complexity",
        *_ADDENDS,
        "busy_ms",
        "answers",
        "answer_tokens",
        "answer_tokens_alone",
    )
)
"""What a call and the sum of a quarter of an hour both have."""
_IN_NO_QUARTER = frozenset({CallDimension.SESSION, CallDimension.TASK})
"""Dimensions that only the calls themselves know."""
# A reply that streams was being written. Of its text, what earlier calls wrote is in their rows.
_CUT_REPLIES = """
    INSERT INTO token_metrics (
        timestamp, role, backend, model_name, kind, task_type, session_id, message_id, turn_id, why, outcome,
        estimated_completion_tokens
    )
    SELECT m.created, 'ux', m.backend, m.model, 'chat', CASE WHEN p.p >= 0.5 THEN 'task' ELSE 'chat' END, s.id, m.id,
        p.id, m.why, 'interrupted',
        nullif(max(0, (length(m.text) + length(m.thinking)) / :characters - coalesce((
            SELECT sum(coalesce(completion_tokens, estimated_completion_tokens)) FROM token_metrics
            WHERE message_id = m.id AND kind = 'chat'
        ), 0)), 0)
    FROM message AS m JOIN session AS s ON s.n = m.session_n LEFT JOIN message AS p ON p.n = m.parent_n
    WHERE m.state = 'streaming' AND m.backend IS NOT NULL AND m.model IS NOT NULL
"""
_CUT_STEPS = """
    INSERT INTO token_metrics (
        timestamp, role, backend, model_name, kind, task_type, task_id, step, session_id, message_id, why, outcome,
        estimated_completion_tokens
    )
    SELECT coalesce(t.running_since, step.started, t.updated), 'task', step.backend, step.model, 'step',
        CASE WHEN t.p < 0.5 THEN 'chat' ELSE 'task' END, t.id, step.key, t.session_id, t.message_id, t.why,
        'interrupted', step.completion_tokens
    FROM task_step AS step JOIN task AS t ON t.n = step.task_n
    WHERE t.state = 'running' AND step.state = 'running' AND step.backend IS NOT NULL AND step.model IS NOT NULL
"""
_TITLES = {
    CallDimension.SESSION: "SELECT coalesce(nullif(title, ''), first_words) FROM session WHERE id = ?",
    CallDimension.TASK: "SELECT title FROM task WHERE id = ?",
}
# Turns that were answered by one model and, later, by another one.
_MISSES = """
    SELECT count(DISTINCT turn_id), count(DISTINCT turn_id) FILTER (WHERE EXISTS (
        SELECT 1 FROM token_metrics AS again
        WHERE again.session_id = first.session_id AND again.turn_id = first.turn_id AND again.n > first.n
            AND again.kind = 'chat' AND again.outcome = 'done'
            AND (again.backend <> first.backend OR again.model_name <> first.model_name)
    ))
    FROM token_metrics AS first
    WHERE kind = 'chat' AND outcome = 'done' AND turn_id IS NOT NULL AND backend = :backend AND model_name = :model
        AND timestamp >= :since AND timestamp < :until
"""


@dataclass(frozen=True, slots=True)
class SumRow:
    """The calls of one model that are alike in what was asked for."""

    key: tuple[str, ...]
    """A value for each dimension that is a column; empty where it has none."""
    clock_step: int | None
    """The step of the clock, where days or hours were asked for."""
    model: str
    sums: TokenSums


@dataclass(frozen=True, slots=True)
class AnswerRow:
    """The tokens of the replies, or of the steps, of one model."""

    model: str
    kind: CallKind
    total: int | None
    """As counted, where both numbers were said."""
    alone: int | None
    """The same with each prompt alone, where that is known."""


@dataclass(frozen=True, slots=True)
class CallTotals:
    """Sums of calls, by group and model."""

    rows: tuple[SumRow, ...]
    first: float | None
    """When the first of them began."""


class TokenMetrics(Database):
    """The calls of a store."""

    async def add_calls(self, calls: Sequence[CallRecord]) -> None:
        """Keep calls that are stored with nothing else."""
        await self._write(lambda connection: insert_calls(connection, calls))

    async def calls(
        self, which: CallFilter = EVERY_CALL, *, task_id: str = "", message_id: str = "", limit: int = 1000
    ) -> tuple[CallRecord, ...]:
        """The last calls, the oldest of them first.

        Args:
            which: the calls that are meant.
            task_id: only those of a task.
            message_id: only those of a reply, or of the task whose card it is.
            limit: at most so many.
        """
        where = {"task_id": task_id, "message_id": message_id}
        conditions, values = _conditions(which)
        conditions += [f"{name} = ?" for name, value in where.items() if value]
        values += filter(None, where.values())
        sql = f"{_SELECT} {_where(conditions)} ORDER BY n DESC LIMIT ?"  # our words; values are bound

        def job(connection: sqlite3.Connection) -> tuple[CallRecord, ...]:
            found = [_record_of(row) for row in connection.execute(sql, (*values, limit))]
            return tuple(call for call in reversed(found) if call is not None)

        return await self._read(job)

    async def call_totals(self, which: CallFilter, by: Sequence[CallDimension] = ()) -> CallTotals:
        """The sums of calls by model and group; days and hours are left to who knows the user's clock."""
        columns = [_COLUMNS[dimension] for dimension in by if dimension in _COLUMNS]
        clock = "quarter" if {CallDimension.DAY, CallDimension.HOUR} & {*by} else "NULL"
        keys = ", ".join((*columns, clock, _MODEL))
        places = ", ".join(str(place + 1) for place in range(len(columns) + 2))
        source, bound = addends(which, singly=bool(_IN_NO_QUARTER & {*by}))
        conditions, values = _conditions(which)
        where = _where(conditions)
        sql = f"SELECT {keys}, {_SUMS} FROM ({source}) GROUP BY {places}"  # noqa: S608 # nosec B608 # our words; values are bound
        first = f"SELECT min(timestamp) FROM token_metrics {where}"  # noqa: S608 # nosec B608 # our words; values are bound

        def job(connection: sqlite3.Connection) -> CallTotals:
            rows = tuple(_sum_row(row, len(columns)) for row in connection.execute(sql, bound))
            return CallTotals(rows, connection.execute(first, values).fetchone()[0])

        return await self._read(job)

    async def call_titles(self, keys: Collection[tuple[CallDimension, str]]) -> dict[tuple[CallDimension, str], str]:
        """What sessions and tasks are called, by their dimension and whole id; those that are gone have no title."""

        def job(connection: sqlite3.Connection) -> dict[tuple[CallDimension, str], str]:
            return {
                (dimension, id_): _title(connection, dimension, id_)
                for dimension, id_ in keys
                if dimension in _TITLES and id_
            }

        return await self._read(job)

    async def call_times(self, which: CallFilter, step_s: int) -> tuple[tuple[str, int, int], ...]:
        """Tokens of calls by model and step of the clock: model, number of the step since the epoch, tokens."""
        conditions, values = _conditions(which)
        sql = f"""
            SELECT {_MODEL}, CAST(timestamp / {step_s:d} AS INTEGER), sum(total_tokens)
            FROM token_metrics {_where([*conditions, "total_tokens IS NOT NULL"])} GROUP BY 1, 2
        """  # noqa: S608 # nosec B608 # our words; values are bound
        return await self._read(
            lambda connection: tuple(
                (clean_line(model), step, tokens) for model, step, tokens in connection.execute(sql, values)
            )
        )

    async def called_models(self) -> tuple[ModelRef, ...]:
        """Every model that was ever called."""

        def job(connection: sqlite3.Connection) -> tuple[ModelRef, ...]:
            rows = connection.execute("SELECT DISTINCT backend, model_name FROM token_metrics ORDER BY 1, 2")
            return tuple(ref for row in rows if (ref := ref_of(*row)) is not None)

        return await self._read(job)

    async def answer_totals(self, which: CallFilter) -> tuple[AnswerRow, ...]:
        """The tokens of replies and steps that were written to their end, by model and kind."""
        source, values = addends(which)
        sql = f"""
            SELECT {_MODEL}, kind, sum(answer_tokens), sum(answer_tokens_alone)
            FROM ({source}) WHERE answers > 0 GROUP BY 1, 2
        """  # noqa: S608 # nosec B608 # our words; values are bound
        return await self._read(
            lambda connection: tuple(
                AnswerRow(clean(model), CallKind(kind), total, alone)
                for model, kind, total, alone in connection.execute(sql, values)
            )
        )

    async def misses(self, ref: ModelRef, which: CallFilter) -> tuple[int, int]:
        """Turns that a model answered, and how many of them another one was asked for afterwards."""
        backend, model = ref_columns(ref)
        values = {"backend": backend, "model": model, "since": which.since or 0.0}
        values["until"] = float("inf") if which.until is None else which.until

        def job(connection: sqlite3.Connection) -> tuple[int, int]:
            turns, missed = connection.execute(_MISSES, values).fetchone()
            return turns, missed

        return await self._read(job)


def addends(which: CallFilter, *, singly: bool = False) -> tuple[str, list[str | float]]:
    """What makes the sums of calls: those of whole quarters of an hour, and the single calls at both ends of the range.

    Args:
        which: the calls that are meant.
        singly: whether all are single calls, as their sessions or tasks are asked for.
    Returns:
        A query with the columns of `token_quarter` (and, singly, those of `call_addend`), and what is bound to it.
    """
    first = 0 if which.since is None else -int(-which.since // CLOCK_STEP_S)
    last = None if which.until is None else int(which.until // CLOCK_STEP_S)
    singly = singly or bool(which.session_id) or any(dimension in _IN_NO_QUARTER for dimension, _ in which.where)
    if singly or (last is not None and last <= first):
        conditions, values = _conditions(which)
        return f"SELECT * FROM call_addend {_where(conditions)}", values  # noqa: S608 # nosec B608 # our words; values are bound
    parts: list[str] = []
    bound: list[str | float] = []
    edges: list[tuple[float, float]] = []
    if which.since is not None:
        edges.append((which.since, first * CLOCK_STEP_S))
    if last is not None and which.until is not None:
        edges.append((last * CLOCK_STEP_S, which.until))
    for since, until in edges:
        conditions, values = _conditions(replace(which, since=since, until=until))
        parts.append(f"SELECT {_SHARED} FROM call_addend {_where(conditions)}")  # noqa: S608 # nosec B608 # our words; values are bound
        bound += values
    conditions, values = _conditions(replace(which, since=None, until=None))
    if which.since is not None:
        conditions, values = [*conditions, "quarter >= ?"], [*values, first]
    if last is not None:
        conditions, values = [*conditions, "quarter < ?"], [*values, last]
    parts.append(f"SELECT {_SHARED} FROM token_quarter {_where(conditions)}")  # noqa: S608 # nosec B608 # our words; values are bound
    return " UNION ALL ".join(parts), [*bound, *values]


def insert_calls(connection: sqlite3.Connection, calls: Iterable[CallRecord]) -> None:
    """Store calls, in the transaction of what came of them where that is one."""
    connection.executemany(_INSERT, [_values_of(call) for call in calls])


def insert_cut_calls(connection: sqlite3.Connection, characters_per_token: int) -> None:
    """Store what the end of the process cut, before the replies and tasks are said to be interrupted.

    Args:
        connection: inside a transaction.
        characters_per_token: how many of a reply are about a token: nobody counted them.
    """
    connection.execute(_CUT_REPLIES, {"characters": characters_per_token})
    connection.execute(_CUT_STEPS)


def _values_of(call: CallRecord) -> tuple[object, ...]:
    labels = call.labels
    return (
        *(call.timestamp, call.role, *ref_columns(call.ref), clean_line(call.digest) or None, labels.kind),
        *(labels.task_type or None, labels.complexity or None, labels.task_id or None),
        *(clean_line(labels.step) or None, labels.session_id or None, labels.message_id or None),
        *(labels.turn_id or None, clean_line(labels.why), call.outcome, call.error),
        *(call.prompt_tokens, call.cached_tokens, call.completion_tokens, call.thinking_tokens, call.total_tokens),
        *(call.ttft_ms, call.load_ms, call.waiting_ms, call.total_ms, call.tokens_per_second, call.own_prompt_tokens),
        *(call.estimated_prompt_tokens, call.estimated_completion_tokens, call.estimated_tokens_per_second),
    )


def _record_of(row: Row) -> CallRecord | None:
    timestamp, backend, model, role, kind, *texts = row[:13]  # the labels in their order
    ref = ref_of(backend, model)
    if ref is None:  # of a backend that this version does not have
        return None
    task_type, complexity, task_id, step, session_id, message_id, turn_id, why = (
        clean_line(text or "") for text in texts
    )
    labels = CallLabels(CallKind(kind), task_type, complexity, task_id, step, session_id, message_id, turn_id, why)
    outcome, error, digest = row[13:16]
    return CallRecord(
        timestamp,
        ref,
        Role(role) if role else None,
        labels,
        CallOutcome(outcome),
        error,
        clean_line(digest or ""),
        *row[16:],
    )


def _conditions(which: CallFilter) -> tuple[list[str], list[str | float]]:
    parts: list[tuple[str, str | float | None]] = [
        ("timestamp >= ?", which.since),
        ("timestamp < ?", which.until),
        ("session_id = ?", which.session_id or None),
    ]
    if which.model:
        parts.append(("? IN (model_name, backend || '/' || model_name)", which.model))
    parts += [(f"coalesce({_COLUMNS[dimension]}, '') = ?", value) for dimension, value in which.where]
    given = [(condition, value) for condition, value in parts if value is not None]
    return [condition for condition, _ in given], [value for _, value in given]


def _where(conditions: Sequence[str]) -> str:
    return f"WHERE {' AND '.join(conditions)}" if conditions else ""


def _sum_row(row: Row, columns: int) -> SumRow:
    key = tuple(clean_line(value or "") for value in row[:columns])
    return SumRow(key, row[columns], clean_line(row[columns + 1]), TokenSums(*row[columns + 2 :]))


def _title(connection: sqlite3.Connection, dimension: CallDimension, id_: str) -> str:
    row = connection.execute(_TITLES[dimension], (id_,)).fetchone()
    return clean_line(row[0]) if row else ""
