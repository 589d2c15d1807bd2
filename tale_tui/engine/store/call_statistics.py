"""Sums and histograms of calls as other systems count them: from the first call on, a part at a time."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass, field, fields
from enum import StrEnum
from operator import attrgetter
from typing import Any, NamedTuple

from tale_tui.domain.metrics import CallKind, CallOutcome, add_known
from tale_tui.domain.text import clean_line
from tale_tui.engine.store.database import Database

BOUNDS_S = tuple(round(0.01 * 2**power, 2) for power in range(17))
"""Upper bounds of the buckets of all durations, in seconds: those of OpenTelemetry's conventions for models, to 81.92,
and three more, as a big model on one's own machine writes for minutes."""
MICROSECONDS = 1_000_000


class CallDuration(StrEnum):
    """What is measured of a call, by its column."""

    TOTAL = "total_ms"
    FIRST_TEXT = "ttft_ms"
    WAITING = "waiting_ms"
    LOAD = "load_ms"


class SeriesKey(NamedTuple):
    """What tells series of calls apart."""

    backend: str
    model: str
    role: str
    """Empty where it was not kept."""
    kind: CallKind


class CountKey(NamedTuple):
    """The same, with how the calls ended."""

    series: SeriesKey
    outcome: CallOutcome
    error: str
    """The class of it; empty for none."""


@dataclass(frozen=True, slots=True)
class TokenCounts:
    """Tokens as servers said them: what they did not say is in none of these. None where no server said that number."""

    prompt: int | None = None
    cached: int | None = None
    """Of the prompt."""
    completion: int | None = None
    thinking: int | None = None
    """Of the completion."""
    timed: int | None = None
    """Written in the next time."""
    generation_us: int | None = None
    """How long servers say that they wrote, in microseconds."""
    uncounted: int = 0
    """Calls of which the prompt or the completion was not said; loads left out."""

    def __add__(self, more: TokenCounts) -> TokenCounts:
        """Those of both; what is known of one of them alone is that."""
        added: tuple[Any, ...] = tuple(map(add_known, _numbers(self), _numbers(more)))
        return TokenCounts(*added)


_numbers: Callable[[TokenCounts], tuple[Any, ...]] = attrgetter(*(each.name for each in fields(TokenCounts)))


@dataclass(slots=True)
class DurationHistogram:
    """How many durations lie in each bucket, the last one without a bound, and their sum in microseconds."""

    counts: list[int] = field(default_factory=lambda: [0] * (len(BOUNDS_S) + 1))
    sum_us: int = 0

    def add(self, more: DurationHistogram) -> None:
        """Add the durations of more calls."""
        self.counts = [mine + others for mine, others in zip(self.counts, more.counts, strict=True)]
        self.sum_us += more.sum_us

    @property
    def count(self) -> int:
        """How many durations there are."""
        return sum(self.counts)


@dataclass(slots=True)
class CallStatistics:
    """Everything that is counted of some calls."""

    upto: int = 0
    """The number of the last row that is in it."""
    first: float | None = None
    """When the first of the calls began, in seconds since the epoch."""
    calls: dict[CountKey, int] = field(default_factory=dict)
    tokens: dict[SeriesKey, TokenCounts] = field(default_factory=dict)
    durations: dict[CallDuration, dict[SeriesKey, DurationHistogram]] = field(
        default_factory=lambda: {duration: {} for duration in CallDuration}
    )

    def add(self, more: CallStatistics) -> None:
        """Add those of the calls that came after."""
        self.upto = max(self.upto, more.upto)
        self.first = more.first if self.first is None else self.first
        for key, count in more.calls.items():
            self.calls[key] = self.calls.get(key, 0) + count
        for series, tokens in more.tokens.items():
            self.tokens[series] = self.tokens.get(series, TokenCounts()) + tokens
        for duration, found in more.durations.items():
            for series, histogram in found.items():
                self.durations[duration].setdefault(series, DurationHistogram()).add(histogram)


_SERIES = "backend, model_name, coalesce(role, ''), kind"
_PART = "FROM token_metrics WHERE n > :after AND n <= :upto"
_COUNTS = f"""
    SELECT {_SERIES}, outcome, error, count(*), sum(prompt_tokens), sum(cached_tokens), sum(completion_tokens),
        sum(thinking_tokens), sum(completion_tokens) FILTER (WHERE tokens_per_second > 0),
        sum(CAST(round({MICROSECONDS} * completion_tokens / tokens_per_second) AS INTEGER))
            FILTER (WHERE tokens_per_second > 0),
        count(*) FILTER (WHERE kind <> 'load' AND (prompt_tokens IS NULL OR completion_tokens IS NULL))
    {_PART} GROUP BY 1, 2, 3, 4, 5, 6
"""
_LAST = "SELECT coalesce(max(n), 0) FROM token_metrics"
_FIRST = "SELECT timestamp FROM token_metrics WHERE n > :after AND n <= :upto ORDER BY n LIMIT 1"
_OLDEST_QUEUED = "SELECT min(created) FROM task WHERE state = 'queued'"


def _histogram_sql(duration: CallDuration) -> str:
    column = duration.value
    buckets = " ".join(f"WHEN {column} <= {1000 * bound:.0f} THEN {place}" for place, bound in enumerate(BOUNDS_S))
    # A call that found its model gone has the time of that load too, which is a call of its own.
    which = "AND kind = 'load'" if duration is CallDuration.LOAD else ""
    return f"""
        SELECT {_SERIES}, CASE {buckets} ELSE {len(BOUNDS_S)} END, count(*),
            sum(CAST(round({column} * 1000) AS INTEGER))
        {_PART} AND {column} >= 0 {which} GROUP BY 1, 2, 3, 4, 5
    """


_HISTOGRAMS = {duration: _histogram_sql(duration) for duration in CallDuration}


class CallStatisticsRows(Database):
    """Statistics of the calls of a store."""

    async def call_statistics(self, after: int, rows: int) -> CallStatistics:
        """Those of the calls that follow on a row: rows are added at the end and never changed.

        Args:
            after: the number of that row; 0 begins with the first.
            rows: at most so many; whoever else reads waits for them.
        """

        def job(connection: sqlite3.Connection) -> CallStatistics:
            [last] = connection.execute(_LAST).fetchone()
            upto = min(last, after + rows)
            part = {"after": after, "upto": upto}
            first = connection.execute(_FIRST, part).fetchone()
            found = CallStatistics(upto, first[0] if first else None)
            for backend, model, role, kind, outcome, error, count, *tokens in connection.execute(_COUNTS, part):
                key = _series(backend, model, role, kind)
                found.calls[CountKey(key, CallOutcome(outcome), clean_line(error))] = count
                found.tokens[key] = found.tokens.get(key, TokenCounts()) + TokenCounts(*tokens)
            for duration, sql in _HISTOGRAMS.items():
                for *series, bucket, count, sum_us in connection.execute(sql, part):
                    histogram = found.durations[duration].setdefault(_series(*series), DurationHistogram())
                    histogram.counts[bucket] += count
                    histogram.sum_us += sum_us
            return found

        return await self._read(job)

    async def oldest_queued(self) -> float | None:
        """When the oldest task that is queued was handed in, in seconds since the epoch; None where none is."""

        def job(connection: sqlite3.Connection) -> float | None:
            created: float | None = connection.execute(_OLDEST_QUEUED).fetchone()[0]
            return created

        return await self._read(job)


def _series(backend: str, model: str, role: str, kind: str) -> SeriesKey:
    return SeriesKey(clean_line(backend), clean_line(model), role, CallKind(kind))
