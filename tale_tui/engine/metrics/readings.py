"""From what the rows say now to the figures that have a limit, with what is to be said of them. Pure functions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from statistics import quantiles

from tale_tui.config.settings import AlertSettings
from tale_tui.domain.alerts import AlertKind, LimitReading
from tale_tui.domain.budgets import BUDGET_WARNING, BudgetUse
from tale_tui.domain.constants import GIGABYTE
from tale_tui.domain.metrics import RunningCall
from tale_tui.engine.store.alerts.figures import WatchedFigures
from tale_tui.formatting.alerts import budget_sentence
from tale_tui.formatting.units import percent, size, span

JUDGED_FROM = 5
"""With fewer times nothing is said."""
QUEUE_GROWTH_MIN = 5
"""A queue that is longer by fewer tasks does not count as one that grows."""


def upper_end(values: Sequence[float]) -> float | None:
    """The value that 95 % stay below (between two values: interpolated); None with fewer than `JUDGED_FROM`."""
    return quantiles(values, n=20, method="inclusive")[-1] if len(values) >= JUDGED_FROM else None


def time_readings(found: WatchedFigures, limits: AlertSettings) -> Iterator[LimitReading]:
    """How long replies, simple tasks and other models take."""
    for kind, what, values, limit_s in (
        (AlertKind.FIRST_TEXT, "The first text of a reply", found.first_text_ms, limits.first_text_s),
        (AlertKind.SIMPLE_TASK, "A simple task", found.simple_task_ms, limits.simple_task_s),
        (AlertKind.SWITCH, "Another model", found.switch_ms, limits.switch_s),
    ):
        seen_ms = upper_end(values)
        if limit_s and seen_ms is not None:
            seen = seen_ms / 1000
            sentence = f"{what} takes {seen:.2f} s (95 % of the last {len(values)}); the limit is {limit_s:g} s."
            yield LimitReading(kind, "", seen, limit_s, sentence)


def failure_readings(found: WatchedFigures, limits: AlertSettings) -> Iterator[LimitReading]:
    """How many tasks failed one after the other."""
    if limits.failures:
        sentence = f"{found.failed_tasks} tasks failed since the last one that was done."
        yield LimitReading(AlertKind.FAILURES, "", found.failed_tasks, limits.failures, sentence)


def budget_readings(uses: Iterable[BudgetUse]) -> Iterator[LimitReading]:
    """What is used of the budgets."""
    for use in uses:
        sentence = budget_sentence(use)
        if not use.is_spent:  # else the same would be told twice
            yield LimitReading(AlertKind.BUDGET, use.subject, use.spent, BUDGET_WARNING * use.limit, sentence)
        yield LimitReading(AlertKind.BUDGET_SPENT, use.subject, use.spent, use.limit, sentence)


def memory_readings(used: int | None, limit_gb: float, limits: AlertSettings) -> Iterator[LimitReading]:
    """What models take of the memory of this machine.

    Args:
        used: bytes; None where nobody looked.
        limit_gb: of the settings.
        limits: whether it is watched.
    """
    if limits.memory and used is not None:
        limit = limit_gb * GIGABYTE
        sentence = f"Models take {size(used)} of memory; the limit is {size(limit)}."
        yield LimitReading(AlertKind.MEMORY, "", used, limit, sentence)


def task_readings(
    found: WatchedFigures, running: Iterable[RunningCall], limits: AlertSettings, time_limit_s: float, now: float
) -> Iterator[LimitReading]:
    """How tasks that run are doing.

    Args:
        found: has them.
        running: the calls that have not ended.
        limits: what is allowed.
        time_limit_s: of a task that has none of its own.
        now: seconds since the epoch.
    """
    silent = {call.task_id: now - call.heard for call in running if call.task_id}
    for task in found.running_tasks:
        if limits.time_limit_share:
            limit_s = task.time_limit_s or time_limit_s
            sentence = (
                f"Task {task.shown} ({task.title}) has run for {span(task.ran_s)}, which is "
                f"{percent(task.ran_s / limit_s)} of its time limit."
            )
            limit = limits.time_limit_share * limit_s
            yield LimitReading(AlertKind.TIME_LIMIT, task.id, task.ran_s, limit, sentence)
        if limits.silent_s and (silent_s := silent.get(task.id)) is not None:
            sentence = f"Task {task.shown} ({task.title}): nothing has come from its model for {span(silent_s)}."
            yield LimitReading(AlertKind.SILENT, task.id, silent_s, limits.silent_s, sentence)


class QueueGrowth:
    """How long the queue has only grown, from its lengths as they are seen."""

    def __init__(self) -> None:
        self._since: float | None = None
        self._first = self._last = 0

    def reading(self, queued: int, limits: AlertSettings, now: float) -> LimitReading | None:
        """Take its length now.

        Args:
            queued: tasks that wait for their turn.
            limits: what is allowed.
            now: seconds of a clock that only goes forward.
        Returns:
            For how long it has only grown, by `QUEUE_GROWTH_MIN` tasks or more; None where that is not watched.
        """
        if self._since is None or queued < self._last or not queued:
            self._since, self._first = now, queued
        self._last = queued
        if not limits.queue_s:
            return None
        grown = queued - self._first
        seen_s = now - self._since if grown >= QUEUE_GROWTH_MIN else 0.0
        sentence = f"The queue has only grown for {span(seen_s)}: by {grown} tasks, to {queued}."
        return LimitReading(AlertKind.QUEUE, "", seen_s, limits.queue_s, sentence)
