"""Values of minutes, hours and days rather than single ones: with them months are read as quickly as an hour."""

from __future__ import annotations

import json
import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial

from tale_tui.domain.constants import ROLLED_AT_ONCE
from tale_tui.domain.distribution import Distribution, merged
from tale_tui.domain.samples import Figure
from tale_tui.domain.text import clean_line
from tale_tui.engine.store.database import Database
from tale_tui.engine.store.rows import Row

STEPS_S = (60, 3_600, 86_400)
"""The lengths of what is summed up, in seconds: a minute, an hour, a day. Samples and calls are the step below."""
_VALUES = "count, total, smallest, largest, sketch"
_GET = """
    SELECT count, total, smallest, largest, sketch FROM rollup
    WHERE step = ? AND start = ? AND figure = ? AND model = ?
"""
_PUT = """
    INSERT OR REPLACE INTO rollup (step, start, figure, model, count, total, smallest, largest, sketch)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
"""
_CALLS = """
    SELECT n, timestamp, backend || '/' || model_name, tokens_per_second, waiting_ms,
        CASE WHEN kind = 'chat' AND outcome = 'done' THEN ttft_ms END,
        CASE WHEN kind = 'step' AND outcome = 'done' AND complexity = 'simple' THEN total_ms END
    FROM token_metrics
"""
_CALL_COLUMNS = (Figure.RATE, Figure.WAITING, Figure.FIRST_TEXT, Figure.SIMPLE_TASK)
_SWITCHES = "SELECT n, at, backend || '/' || model, ms FROM residency"
_SWITCH_ROWS = "what = 'switch' AND ms IS NOT NULL"
_SOURCES = (
    ("token_metrics", _CALLS, "", _CALL_COLUMNS),
    ("residency", _SWITCHES, f" AND {_SWITCH_ROWS}", (Figure.SWITCH,)),
)
"""Tables whose rows have values: their name, what is read of a row, which rows, and what its columns are."""


@dataclass(frozen=True, slots=True)
class Rolled:
    """A value that goes into the roll-ups."""

    figure: Figure
    model: str
    """`backend/model`; empty where it is of none."""
    at: float
    value: float


@dataclass(frozen=True, slots=True)
class RollupRow:
    """The values of a time."""

    figure: Figure
    start: float
    values: Distribution


class Rollups(Database):
    """The roll-ups of a store."""

    async def roll_up(self, minutes_from: float = 0.0) -> None:
        """Add to the roll-ups what came since: rows of calls and of models that were loaded.

        Args:
            minutes_from: minutes that lie before this moment are kept no longer.
        """
        while await self._unrolled() and await self._write(partial(_roll_some, minutes_from)):
            pass

    async def _unrolled(self) -> bool:
        """Whether there are rows that are in no roll-up."""

        def job(connection: sqlite3.Connection) -> bool:
            return any(
                connection.execute(f"SELECT coalesce(max(n), 0) FROM {table}").fetchone()[0]  # noqa: S608 # nosec B608 # our words
                > _rolled_to(connection, table)
                for table, *_ in _SOURCES
            )

        return await self._read(job)

    async def rollups(
        self, step_s: int, figures: Sequence[Figure], since: float, until: float, model: str = ""
    ) -> tuple[RollupRow, ...]:
        """Values of a range, in the order of time; several rows of one time are those of several models.

        Args:
            step_s: of `STEPS_S`.
            figures: what is wanted.
            since: the steps in which or after which this moment lies.
            until: the steps that begin before it.
            model: `backend/model`, for figures that are of models; empty for all.
        """
        sql = f"SELECT start, {_VALUES} FROM rollup WHERE step = ? AND figure = ? AND start >= ? AND start < ?"  # noqa: S608 # nosec B608 # our words; values are bound
        first = since // step_s * step_s

        def job(connection: sqlite3.Connection) -> tuple[RollupRow, ...]:
            return tuple(
                RollupRow(figure, row[0], _distribution_of(row[1:]))
                for figure in figures
                for row in connection.execute(
                    f"{sql} AND (? IN ('', model) OR model = '') ORDER BY start", (step_s, figure, first, until, model)
                )
            )

        return await self._read(job)

    async def plain_rollups(
        self, step_s: int, figures: Sequence[Figure], begin: int, until: int, slot_s: int
    ) -> tuple[tuple[Figure, int, Distribution], ...]:
        """Values of the parts of a range, without their sketches: those are most of what is to be read.

        Args:
            step_s: of `STEPS_S`.
            figures: what is wanted; none that is of models.
            begin: when the first part begins; a multiple of `step_s`.
            until: when the last one ends.
            slot_s: the length of a part; a multiple of `step_s`.
        Returns:
            A figure, the place of a part, and its values.
        """
        sql = """
            SELECT (start - ?) / ?, sum(count), sum(total), min(smallest), max(largest) FROM rollup
            WHERE step = ? AND figure = ? AND start >= ? AND start < ? AND model = '' GROUP BY 1
        """

        def job(connection: sqlite3.Connection) -> tuple[tuple[Figure, int, Distribution], ...]:
            return tuple(
                (figure, place, Distribution(*values))
                for figure in figures
                for place, *values in connection.execute(sql, (begin, slot_s, step_s, figure, begin, until))
            )

        return await self._read(job)

    async def rollups_by_model(
        self, step_s: int, figure: Figure, since: float, until: float
    ) -> dict[str, tuple[Distribution, ...]]:
        """Values of a range by `backend/model`, as `rollups` has them."""
        sql = f"SELECT model, {_VALUES} FROM rollup WHERE step = ? AND figure = ? AND start >= ? AND start < ?"  # noqa: S608 # nosec B608 # our words; values are bound

        def job(connection: sqlite3.Connection) -> dict[str, tuple[Distribution, ...]]:
            found: defaultdict[str, list[Distribution]] = defaultdict(list)
            for model, *values in connection.execute(sql, (step_s, figure, since // step_s * step_s, until)):
                found[clean_line(model)].append(_distribution_of(tuple(values)))
            return {model: tuple(values) for model, values in found.items()}

        return await self._read(job)

    async def call_values(self, since: float, until: float, model: str = "") -> tuple[Rolled, ...]:
        """Every single value of calls, and of models that were loaded, in a range, in the order of their rows."""

        def job(connection: sqlite3.Connection) -> tuple[Rolled, ...]:
            bound = (since, until)
            calls = connection.execute(f"{_CALLS} WHERE timestamp >= ? AND timestamp < ? ORDER BY n", bound).fetchall()
            switches = connection.execute(
                f"{_SWITCHES} WHERE at >= ? AND at < ? AND {_SWITCH_ROWS} ORDER BY n", bound
            ).fetchall()
            found = (*_values_of(calls, _CALL_COLUMNS), *_values_of(switches, (Figure.SWITCH,)))
            return tuple(value for value in found if model in ("", value.model))

        return await self._read(job)

    async def thin(self, samples_before: float, steps_before: Sequence[tuple[int, float]]) -> None:
        """Delete what is kept no longer; what it was summed up to stays.

        Args:
            samples_before: samples that ended before this moment.
            steps_before: for each of some steps the moment before which it goes.
        """

        def job(connection: sqlite3.Connection) -> None:
            connection.execute("DELETE FROM sample WHERE ended < ? AND NOT idle", (samples_before,))
            oldest = min((before for _, before in steps_before), default=samples_before)
            connection.execute("DELETE FROM sample WHERE ended < ?", (min(oldest, samples_before),))
            for step_s, before in steps_before:
                connection.execute("DELETE FROM rollup WHERE step = ? AND start + step < ?", (step_s, before))

        await self._write(job)


def add_to_rollups(connection: sqlite3.Connection, values: Iterable[Rolled], minutes_from: float = 0.0) -> None:
    """Add values to the roll-ups of all steps.

    Args:
        connection: inside the transaction in which the rows are stored, or noted as rolled up.
        values: of any moments.
        minutes_from: those that lie before this moment are in no minute.
    """
    new: defaultdict[tuple[int, int, Figure, str], list[float]] = defaultdict(list)
    for value in values:
        for step_s in STEPS_S if value.at >= minutes_from else STEPS_S[1:]:
            new[step_s, int(value.at // step_s * step_s), value.figure, value.model].append(value.value)
    for key, added in new.items():
        known = connection.execute(_GET, key).fetchone()
        whole = Distribution.of(added)
        if known is not None:
            whole = merged((_distribution_of(known), whole))
        row = (whole.count, whole.total, whole.smallest, whole.largest, _sketch_text(whole))
        connection.execute(_PUT, (*key, *row))


def _roll_some(minutes_from: float, connection: sqlite3.Connection) -> bool:
    """Add some of the rows that are in no roll-up; whether there may be more."""
    more = False
    for table, sql, wanted, figures in _SOURCES:
        done = _rolled_to(connection, table)
        last = connection.execute(f"SELECT coalesce(max(n), 0) FROM {table}").fetchone()[0]  # noqa: S608 # nosec B608 # our words
        upto = min(last, done + ROLLED_AT_ONCE)
        if upto <= done:
            continue
        rows = connection.execute(f"{sql} WHERE n > ? AND n <= ?{wanted} ORDER BY n", (done, upto)).fetchall()
        add_to_rollups(connection, _values_of(rows, figures), minutes_from)
        connection.execute("INSERT OR REPLACE INTO rolled_up (source, n) VALUES (?, ?)", (table, upto))
        more = more or upto < last
    return more


def _rolled_to(connection: sqlite3.Connection, table: str) -> int:
    row = connection.execute("SELECT n FROM rolled_up WHERE source = ?", (table,)).fetchone()
    return int(row[0]) if row else 0


def _values_of(rows: Iterable[Row], figures: Sequence[Figure]) -> Iterable[Rolled]:
    for _, at, model, *columns in rows:
        for figure, value in zip(figures, columns, strict=True):
            if value is not None:
                yield Rolled(figure, clean_line(model), at, max(value, 0.0))


def _distribution_of(row: Row) -> Distribution:
    count, total, smallest, largest, sketch = row
    numbers = json.loads(sketch)
    return Distribution(count, total, smallest, largest, dict(zip(numbers[::2], numbers[1::2], strict=True)))


def _sketch_text(values: Distribution) -> str:
    """A sketch as JSON: bucket, number of values, bucket, number of values, ..."""
    return json.dumps([number for pair in sorted(values.buckets.items()) for number in pair], separators=(",", ":"))
