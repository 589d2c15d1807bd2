"""Complexity learns from what tasks took."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from tale_tui.domain.constants import TASKS_LEARNED_MAX, TASKS_MIN
from tale_tui.domain.learning import LearnedPart, LearningOutcome, LearningReport
from tale_tui.engine.fitting.journal import LearningHistory, LearningJournal
from tale_tui.engine.fitting.learner import FittedSubject
from tale_tui.engine.fitting.process import run_fit
from tale_tui.engine.learning.complexity import FORMAT, ComplexityWeights, packaged_weights
from tale_tui.engine.learning.task_effort import TaskEffort, efforts, examples_of
from tale_tui.engine.store.task_forecasts import EndedTask


class EndedTasks(Protocol):
    """Where tasks are kept."""

    async def ended_tasks(self, limit: int) -> Sequence[EndedTask]:
        """Those that were done last, the newest first."""
        ...


class TaskLearning(FittedSubject):
    """Implements `LearningSubject` for complexity.

    Args:
        tasks: where they are kept.
        learned: the file of the weights.
    """

    words = ("complexity", "tasks")
    enough = TASKS_MIN

    def __init__(self, tasks: EndedTasks, learned: Path) -> None:
        super().__init__(lambda: packaged_weights().facts, "exact")
        self._tasks = tasks
        self._learned = learned

    async def fit(self, history: LearningHistory, now: float) -> LearningReport:
        """See `LearningSubject.fit`."""
        fits = [event for event in history.events if event.counts and event.outcome is LearningOutcome.LEARNED]
        known = fits[-1].at if fits else 0.0
        arguments = (str(self._learned), "--tasks", "-")
        return await run_fit(
            "tale_tui.engine.learning.training", arguments, examples_of(await self._found(history, now), known)
        )

    async def _found(self, history: LearningHistory, now: float) -> list[TaskEffort]:
        """What is learned from; an end that is still to come is an error of the clock."""
        tasks = await self._tasks.ended_tasks(TASKS_LEARNED_MAX)
        learned_from = [one for one in tasks if one.finished <= now and not history.is_left_out(one.finished)]
        return await asyncio.to_thread(efforts, learned_from)


def complexity_journal(learned: Path) -> LearningJournal:
    """What complexity has learned, beside its weights."""
    return LearningJournal(learned, LearnedPart.COMPLEXITY, FORMAT, ComplexityWeights.parse)
