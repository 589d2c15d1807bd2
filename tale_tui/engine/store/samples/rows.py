"""Samples: one row each while something happens, one row in all for a time in which nothing does."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from tale_tui.domain.distribution import Distribution
from tale_tui.domain.models import Role
from tale_tui.domain.samples import SAMPLED_FIGURES, Figure, ModelSample, Sample
from tale_tui.domain.text import clean_line
from tale_tui.engine.store.database import Database
from tale_tui.engine.store.rows import Row, ref_columns, ref_of
from tale_tui.engine.store.samples.rollups import Rolled, add_to_rollups

_FIGURES = ", ".join(SAMPLED_FIGURES)
_INSERT = f"""
    INSERT INTO sample (began, ended, idle, {_FIGURES}) VALUES (?, ?, ?, {", ".join("?" * len(SAMPLED_FIGURES))})
"""  # noqa: S608 # nosec B608 # our words; values are bound
_INSERT_MODEL = """
    INSERT OR REPLACE INTO model_sample (
        sample_n, backend, model, role, memory_bytes, gpu_share, cpu_percent, process_bytes, reason
    )
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
"""
_SELECT = f"SELECT n, began, ended, idle, {_FIGURES} FROM sample"  # noqa: S608 # nosec B608 # our words
_SELECT_MODELS = """
    SELECT backend, model, role, memory_bytes, gpu_share, cpu_percent, process_bytes, reason FROM model_sample
    WHERE sample_n = ? ORDER BY role DESC, backend, model
"""


class Samples(Database):
    """The samples of a store."""

    async def add_sample(self, sample: Sample) -> int:
        """Keep a sample, and add it to the roll-ups.

        Returns:
            The number of its row, for `extend_sample`.
        """
        rolled = [
            Rolled(figure, "", sample.ended, value)
            for figure, value in zip(SAMPLED_FIGURES, sample.figures, strict=True)
            if value is not None
        ]

        def job(connection: sqlite3.Connection) -> int:
            row = (sample.began, sample.ended, sample.idle, *sample.figures)
            n = connection.execute(_INSERT, row).lastrowid or 0
            connection.executemany(_INSERT_MODEL, [(n, *_model_row(model)) for model in sample.models])
            add_to_rollups(connection, rolled)
            return n

        return await self._write(job)

    async def extend_sample(self, n: int, ended: float) -> None:
        """Nothing happened since the sample `n` was taken until the moment `ended`."""
        await self._write(lambda connection: connection.execute("UPDATE sample SET ended = ? WHERE n = ?", (ended, n)))

    async def last_sample(self) -> Sample | None:
        """The sample that was taken last, with its models; None where there is none."""

        def job(connection: sqlite3.Connection) -> Sample | None:
            row = connection.execute(f"{_SELECT} ORDER BY n DESC LIMIT 1").fetchone()
            if row is None:
                return None
            return _sample_of(row, [_model_of(each) for each in connection.execute(_SELECT_MODELS, row[:1])])

        return await self._read(job)

    async def samples(self, since: float, until: float) -> tuple[Sample, ...]:
        """The samples that lie in a range, at least in part, in the order in which they were taken; without models."""

        def job(connection: sqlite3.Connection) -> tuple[Sample, ...]:
            rows = connection.execute(f"{_SELECT} WHERE ended >= ? AND began < ? ORDER BY n", (since, until))
            return tuple(_sample_of(row) for row in rows)

        return await self._read(job)

    async def idle_times(self, since: float, until: float) -> tuple[Sample, ...]:
        """The times of a range in which nothing happened, in their order; without models."""

        def job(connection: sqlite3.Connection) -> tuple[Sample, ...]:
            rows = connection.execute(f"{_SELECT} WHERE idle AND ended >= ? AND began < ? ORDER BY n", (since, until))
            return tuple(_sample_of(row) for row in rows)

        return await self._read(job)

    async def sampled(self, figure: Figure, since: float, until: float) -> Distribution:
        """The values of a figure in the samples of a range."""
        found = [sample[figure] for sample in await self.samples(since, until)]
        return Distribution.of(value for value in found if value is not None)


def _model_row(model: ModelSample) -> tuple[object, ...]:
    return (
        *(*ref_columns(model.ref), model.role or "", model.memory_bytes, model.gpu_share, model.cpu_percent),
        *(model.process_bytes, clean_line(model.reason)),
    )


def _model_of(row: Row) -> ModelSample | None:
    backend, model, role, memory_bytes, gpu_share, cpu_percent, process_bytes, reason = row
    if (ref := ref_of(backend, model)) is None:  # of a backend that this version does not have
        return None
    owner = Role(role) if role else None
    return ModelSample(ref, owner, memory_bytes, gpu_share, cpu_percent, process_bytes, clean_line(reason))


def _sample_of(row: Row, models: Sequence[ModelSample | None] = ()) -> Sample:
    _, began, ended, idle, *figures = row
    return Sample(began, ended, bool(idle), tuple(figures), tuple(model for model in models if model is not None))
