"""What was foreseen of tasks, what came of them, and the runs that forecasts learn from."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from tale_tui.domain.forecasts import (
    HISTORY_TASKS,
    NEAR_SHARE,
    RUNS_MIN,
    Estimate,
    ForecastOutcome,
    PastForecasts,
    StepEstimate,
    TaskForecast,
)
from tale_tui.domain.models import ModelRef
from tale_tui.domain.tasks import StepSpec
from tale_tui.domain.text import clean, clean_line
from tale_tui.engine.store.database import Database
from tale_tui.engine.store.rows import Row, estimate_of, plan_of, ref_columns, ref_of, step_key
from tale_tui.engine.store.tasks.task_rows import task_n

TEXT_READ = 4_000
"""Characters of a task's text that are read."""
PAST_READ = 500
"""Of the last tasks of a model so many are looked through for those of a kind."""

_RUNS = f"""
    SELECT m.n, m.timestamp, m.backend, m.model_name, m.complexity, m.prompt_tokens, m.completion_tokens, m.total_ms,
        m.load_ms, m.task_id, m.step, substr(b.text, 1, {TEXT_READ}),
        CASE WHEN t.steps_total > 1 THEN b.plan END
    FROM token_metrics AS m JOIN task AS t ON t.id = m.task_id JOIN task_body AS b ON b.task_n = t.n
    WHERE m.kind = 'step' AND m.outcome = 'done'
        AND NOT EXISTS (SELECT 1 FROM task_step AS s WHERE s.task_n = t.n AND s.key = m.step AND s.plans) AND
"""  # noqa: S608 # nosec B608 # our words; values are bound
_NEWEST = f"{_RUNS} m.n < ? ORDER BY m.n DESC LIMIT ?"
_NEXT = f"{_RUNS} m.n > ? ORDER BY m.n LIMIT ?"
_COLUMNS = (
    "prompt_tokens", "prompt_low", "prompt_high", "completion_tokens", "completion_low", "completion_high", "seconds",
    "seconds_low", "seconds_high", "waiting_s", "waiting_low", "waiting_high", "cost", "cost_low", "cost_high",
)  # fmt: skip
_ADD = f"""
    INSERT OR IGNORE INTO task_forecast (task_n, made, kind, complexity, backend, model, runs, why,
        large, past_tasks, past_near, past_kind, {", ".join(_COLUMNS)})
    VALUES ({", ".join("?" * (12 + len(_COLUMNS)))})
"""  # noqa: S608 # nosec B608 # our words; values are bound
_ONE = f"""
    SELECT kind, complexity, backend, model, runs, why, large, past_tasks, past_near, past_kind, {", ".join(_COLUMNS)}
    FROM task_forecast WHERE task_n = ?
"""  # noqa: S608 # nosec B608
_ADD_STEP = """
    UPDATE task_step SET foreseen_tokens = ?, foreseen_tokens_low = ?, foreseen_tokens_high = ?, foreseen_s = ?,
        foreseen_s_low = ?, foreseen_s_high = ?
    WHERE task_n = ? AND key = ? AND foreseen_tokens IS NULL
"""
# Of the tasks of one model that were done last: the kind of each, and whether its forecast was near.
_PAST = """
    SELECT f.kind, abs(f.completion_tokens - t.completion_tokens) <= ? * t.completion_tokens
    FROM task AS t JOIN task_forecast AS f ON f.task_n = t.n
    WHERE t.state = 'done' AND t.backend = ? AND t.model = ? AND t.finished > f.made AND t.finished <= ?
        AND t.completion_tokens > 0
    ORDER BY t.finished DESC LIMIT ?
"""
# A forecast that was made after the end of its task foresaw nothing; an end that is still to come is an error.
_OUTCOMES = """
    SELECT t.id, f.kind, f.completion_tokens, f.completion_low, f.completion_high, t.completion_tokens,
        f.seconds, f.seconds_low, f.seconds_high, t.worked_s, t.finished, t.backend, t.model
    FROM task AS t JOIN task_forecast AS f ON f.task_n = t.n
    WHERE t.state = 'done' AND t.finished > f.made AND t.finished <= ? AND t.completion_tokens > 0
    ORDER BY t.finished DESC, t.n DESC LIMIT ?
"""
_ENDED = f"""
    SELECT substr(b.text, 1, {TEXT_READ}), t.backend, t.model, t.completion_tokens, t.worked_s, t.steps_total,
        t.finished
    FROM task AS t JOIN task_body AS b ON b.task_n = t.n
    WHERE t.state = 'done' AND t.completion_tokens > 0 AND t.finished <= ?
    ORDER BY t.finished DESC, t.n DESC LIMIT ?
"""  # noqa: S608 # nosec B608 # our words; values are bound
_OPEN = """
    SELECT t.id, t.state = 'running', t.priority, t.backend, t.model,
        t.worked_s + CASE WHEN t.running_since IS NULL THEN 0 ELSE max(0, ? - t.running_since) END,
        f.seconds, f.seconds_low, f.seconds_high
    FROM task AS t LEFT JOIN task_forecast AS f ON f.task_n = t.n
    WHERE t.state IN ('running', 'queued') AND t.reason = '' ORDER BY t.state DESC, t.priority, t.place, t.n LIMIT ?
"""
_OPEN_COUNT = """
    SELECT count(*) FROM (
        SELECT 1 FROM task WHERE state IN ('running', 'queued') AND reason = '' AND id <> ? LIMIT ?
    )
"""


@dataclass(frozen=True, slots=True)
class StepRun:
    """One step of a task that a model wrote to its end."""

    n: int
    """Later ones have higher numbers."""
    at: float
    """When it began, in seconds since the epoch."""
    ref: ModelRef | None
    """None for a backend that this version does not know."""
    text: str
    """What was asked, as `step_text` puts it."""
    complexity: str | None
    prompt_tokens: int | None
    completion_tokens: int | None
    seconds: float | None
    """From its beginning, without loading the model."""
    task_id: str


@dataclass(frozen=True, slots=True)
class EndedTask:
    """A task that was done, and what it took."""

    text: str
    ref: ModelRef | None
    completion_tokens: int
    worked_s: float
    steps: int
    finished: float


@dataclass(frozen=True, slots=True)
class OpenTask:
    """A task that runs, or waits for a slot."""

    id: str
    running: bool
    priority: int
    """0 goes first."""
    ref: ModelRef | None
    ran_s: float
    seconds: Estimate | None
    """What was foreseen of it."""


def step_text(spec: StepSpec, text: str) -> str:
    """What is asked in a step, in short.

    Args:
        spec: the step.
        text: of its task.
    """
    return f"{spec.title}\n{spec.prompt}\n{text}" if spec.prompt.strip() else text


class TaskForecasts(Database):
    """Forecasts of tasks, in a store."""

    async def add_forecast(
        self, task_id: str, forecast: TaskForecast, steps: Mapping[str, StepEstimate] = MappingProxyType({})
    ) -> None:
        """Keep what is foreseen of a task; where there is a forecast already, that one stays.

        Args:
            task_id: the whole id.
            forecast: of it.
            steps: of its steps, by their key, where it has several.
        Raises:
            NoSuchTask: it is not there.
        """

        def job(connection: sqlite3.Connection) -> None:
            ref = ref_columns(forecast.ref) if forecast.ref else (None, None)
            estimates = (forecast.prompt_tokens, forecast.completion_tokens, forecast.seconds, forecast.waiting)
            ends: list[float | None] = [end for one in estimates for end in (one.middle, one.low, one.high)]
            cost = forecast.cost
            ends += [None] * 3 if cost is None else [cost.middle, cost.low, cost.high]
            n, past = task_n(connection, task_id), forecast.past
            made = (self._clock.now(), clean_line(forecast.kind), forecast.complexity, *ref, forecast.runs)
            rest = (clean_line(forecast.why), forecast.large, past.tasks, past.near, clean_line(past.kind))
            connection.execute(_ADD, (n, *made, *rest, *ends))
            for key, step in steps.items():
                both = (step.completion_tokens, step.seconds)
                columns = [end for one in both for end in (one.middle, one.low, one.high)]
                connection.execute(_ADD_STEP, (*columns, n, step_key(key)))

        await self._write(job)

    async def task_forecast(self, task_id: str) -> TaskForecast | None:
        """What was foreseen of a task before it ran; None where nothing was.

        Raises:
            NoSuchTask: it is not there.
        """

        def job(connection: sqlite3.Connection) -> TaskForecast | None:
            row = connection.execute(_ONE, (task_n(connection, task_id),)).fetchone()
            return _forecast_of(row) if row else None

        return await self._read(job)

    async def forecast_outcomes(self, limit: int) -> tuple[ForecastOutcome, ...]:
        """The forecasts of the tasks that were done last, the newest first, and what came.

        Args:
            limit: at most so many.
        """
        now = self._clock.now()

        def job(connection: sqlite3.Connection) -> tuple[ForecastOutcome, ...]:
            return tuple(
                ForecastOutcome(
                    id_,
                    clean_line(kind),
                    estimate_of(*numbers[:3]),
                    numbers[3],
                    estimate_of(*numbers[4:7]),
                    numbers[7],
                    numbers[8],
                    clean_line(f"{backend}/{model}"),
                )
                for id_, kind, *numbers, backend, model in connection.execute(_OUTCOMES, (now, limit))
            )

        return await self._read(job)

    async def past_forecasts(self, ref: ModelRef | None, kind: str) -> PastForecasts:
        """How near the forecasts of the last tasks of a model were: of those with answers of a kind, where there are
        enough of them, else of all.
        """
        if ref is None:
            return PastForecasts()
        now = self._clock.now()

        def job(connection: sqlite3.Connection) -> PastForecasts:
            rows = connection.execute(_PAST, (NEAR_SHARE, *ref_columns(ref), now, PAST_READ)).fetchall()
            alike = [row for row in rows if row[0] == kind]
            counted = (alike if len(alike) >= RUNS_MIN else rows)[:HISTORY_TASKS]
            near = sum(is_near for _, is_near in counted)
            return PastForecasts(len(counted), near, clean_line(kind) if len(alike) >= RUNS_MIN else "")

        return await self._read(job)

    async def last_runs(self, before: int, limit: int) -> tuple[StepRun, ...]:
        """Steps that models wrote to their end, the newest first.

        Args:
            before: only those with a lower number.
            limit: at most so many.
        """
        return await self._read(
            lambda connection: tuple(map(_run_of, connection.execute(_NEWEST, (before, limit)).fetchall()))
        )

    async def next_runs(self, after: int, limit: int) -> tuple[StepRun, ...]:
        """The same with higher numbers than `after`, the oldest first."""
        return await self._read(
            lambda connection: tuple(map(_run_of, connection.execute(_NEXT, (after, limit)).fetchall()))
        )

    async def ended_tasks(self, limit: int) -> tuple[EndedTask, ...]:
        """Tasks that were done, the newest first, with what they took; an end that is still to come is an error.

        Args:
            limit: at most so many.
        """
        now = self._clock.now()

        def job(connection: sqlite3.Connection) -> tuple[EndedTask, ...]:
            return tuple(
                EndedTask(clean(text), ref_of(backend, model) if backend else None, *numbers)
                for text, backend, model, *numbers in connection.execute(_ENDED, (now, limit))
            )

        return await self._read(job)

    async def open_tasks(self, limit: int, *, at_least: int = 1, besides: str = "") -> tuple[OpenTask, ...]:
        """Tasks that run, then those that wait for a slot in their order.

        Args:
            limit: at most so many.
            at_least: where there are fewer none is given, and nothing more is read.
            besides: a task that does not count for that, by its whole id.
        """
        now = self._clock.now()

        def job(connection: sqlite3.Connection) -> tuple[OpenTask, ...]:
            (count,) = connection.execute(_OPEN_COUNT, (besides, at_least)).fetchone()
            if count < at_least:
                return ()
            return tuple(
                OpenTask(
                    id=id_,
                    running=bool(running),
                    priority=priority,
                    ref=ref_of(backend, model) if backend else None,
                    ran_s=ran_s,
                    seconds=None if middle is None else estimate_of(middle, low, high),
                )
                for id_, running, priority, backend, model, ran_s, middle, low, high in connection.execute(
                    _OPEN, (now, limit)
                )
            )

        return await self._read(job)


def _run_of(row: Row) -> StepRun:
    n, at, backend, model, complexity, prompt, completion, total_ms, load_ms, task_id, key, text, plan = row
    asked = clean(text)
    if plan is not None:
        spec = next((spec for spec in plan_of(plan).steps if spec.key == key), None)
        asked = step_text(spec, asked) if spec else asked
    seconds = None if total_ms is None else (total_ms - (load_ms or 0)) / 1000
    return StepRun(n, at, ref_of(backend, model), asked, complexity or None, prompt, completion, seconds, task_id)


def _forecast_of(row: Row) -> TaskForecast:
    kind, complexity, backend, model, runs, why, large, tasks, near, past_kind, *ends = row
    prompt, completion, seconds, waiting = (estimate_of(*ends[place : place + 3]) for place in (0, 3, 6, 9))
    return TaskForecast(
        clean_line(kind),
        prompt_tokens=prompt,
        completion_tokens=completion,
        seconds=seconds,
        waiting=waiting,
        runs=runs,
        why=clean_line(why),
        ref=ref_of(backend, model) if backend else None,
        complexity=complexity,
        cost=None if ends[12] is None else estimate_of(*ends[12:15]),
        large=bool(large),
        past=PastForecasts(tasks, near, clean_line(past_kind)),
    )
