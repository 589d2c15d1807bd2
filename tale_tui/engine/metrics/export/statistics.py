"""The statistics of all calls, kept in memory so that only new rows are read when somebody asks again."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Protocol

from tale_tui import __version__
from tale_tui.domain.metrics import RunningCall
from tale_tui.domain.tasks import TaskCounts
from tale_tui.engine.metrics.export.prometheus import NowFigures, exposition
from tale_tui.engine.store.call_statistics import CallStatistics

PART_ROWS = 2000
"""Calls that are read in one go: some 20 ms, for which others who read wait. What is read is kept, whoever gives up."""


class StatisticsStore(Protocol):
    """Where rows are kept."""

    async def call_statistics(self, after: int, rows: int) -> CallStatistics:
        """Those of the calls that follow on a row."""
        ...

    async def oldest_queued(self) -> float | None:
        """When the oldest task that is queued was handed in."""
        ...

    async def task_counts(self) -> TaskCounts:
        """How many tasks there are in each state."""
        ...


class CountedCalls:
    """All calls that are stored, as sums that only grow.

    Args:
        store: has the rows.
        running: the calls that have not ended.
        now: seconds since the epoch.
    """

    def __init__(
        self, store: StatisticsStore, running: Callable[[], tuple[RunningCall, ...]], now: Callable[[], float]
    ) -> None:
        self._store = store
        self._running = running
        self._now = now
        self._known = CallStatistics()
        self._reading = asyncio.Lock()

    async def statistics(self) -> CallStatistics:
        """Those of all calls that are stored now; not to be changed.

        Raises:
            StoreError: they cannot be read.
        """
        async with self._reading:
            while True:
                before = self._known.upto
                self._known.add(await self._store.call_statistics(before, PART_ROWS))
                if self._known.upto < before + PART_ROWS:
                    return self._known

    async def exposition(self) -> str:
        """All of it as Prometheus reads it.

        Raises:
            StoreError: it cannot be read.
        """
        created = await self._store.oldest_queued()
        now = NowFigures(
            __version__,
            self._running(),
            await self._store.task_counts(),
            0.0 if created is None else max(self._now() - created, 0.0),
        )
        return exposition(await self.statistics(), now)
