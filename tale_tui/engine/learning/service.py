"""What can be asked about what was learned: the verbs of `api.LearningApi`."""

from __future__ import annotations

import asyncio
import logging
from bisect import insort
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from tale_tui.domain.complexity import Complexity
from tale_tui.domain.errors import BadInput, LearnedUnusable, ReadOnly, StoreError, TaleError
from tale_tui.domain.events import Fact, TaskChanged
from tale_tui.domain.forecasts import (
    HISTORY_TASKS,
    ForecastHistory,
    ForecastOutcome,
    LengthBudget,
    TaskForecast,
    is_near,
)
from tale_tui.domain.learning import LearnedPart, LearnedState, LearningEvent, LearningOutcome, LearningPoint, week_of
from tale_tui.domain.models import ModelRef
from tale_tui.domain.plans import PlanForecast
from tale_tui.domain.tasks import TaskDetail, TaskState
from tale_tui.domain.text import clean_line
from tale_tui.engine.fitting.learner import Learner
from tale_tui.engine.fitting.versions import LearnedVersions
from tale_tui.engine.learning.complexity import ComplexityModels
from tale_tui.engine.learning.forecasts import Forecasts
from tale_tui.engine.unexpected import BackgroundTasks

log = logging.getLogger(__name__)

OUTCOMES_READ = 2_000
"""Of the tasks that were done last: so many are looked at to say how good forecasts were over time."""
SETTINGS = {
    LearnedPart.DETECTION: "detect.learn",
    LearnedPart.COMPLEXITY: "learning.complexity",
    LearnedPart.FORECAST: "learning.forecast",
}


@dataclass(frozen=True, slots=True)
class LearningParts:
    """Everything that learns.

    Attributes:
        detection: from corrections.
        complexity: from tasks.
        complexities: hands out what judges how hard tasks are.
        forecasts: from runs.
        forgotten: what of the runs is not learned from.
    """

    detection: Learner
    complexity: Learner
    complexities: ComplexityModels
    forecasts: Forecasts
    forgotten: LearnedVersions


class LearningService:
    """Implements `api.LearningApi`, where each verb is described.

    Args:
        parts: what learns.
        complain: told of what was learned and cannot be used.
        can_write: whether what was learned may be changed.
    """

    def __init__(self, parts: LearningParts, complain: Callable[[TaleError], None], *, can_write: bool) -> None:
        self._parts = parts
        self._complain = complain
        self._background = BackgroundTasks(complain)
        self._can_write = can_write
        self._done = 0
        """Tasks that were done since complexity was last asked whether there is enough to learn from."""

    # verbs

    async def forecast(self, text: str, *, model: str = "") -> TaskForecast:
        return await self._parts.forecasts.forecast(text, model=model)

    async def of_task(self, task_id: str) -> TaskForecast | None:
        return await self._parts.forecasts.of_task(task_id)

    async def of_plan(self, task_id: str) -> PlanForecast | None:
        return await self._parts.forecasts.of_plan(task_id)

    async def foresee_plan(self, detail: TaskDetail) -> PlanForecast:
        """See `Forecasts.foresee_plan`."""
        return await self._parts.forecasts.foresee_plan(detail)

    async def history(self, *, limit: int = HISTORY_TASKS) -> ForecastHistory:
        return await self._parts.forecasts.history(limit=limit)

    async def learned(self) -> tuple[LearnedState, ...]:
        parts = self._parts
        return (
            await _fitted(LearnedPart.DETECTION, parts.detection),
            await _fitted(LearnedPart.COMPLEXITY, parts.complexity),
            await self._forecast_state(),
        )

    async def undo(self, event_id: str) -> LearningEvent:
        name = event_id.strip().rpartition("-")[0]
        if name not in set(LearnedPart):
            raise BadInput(f"Nothing was learned as {clean_line(event_id)}: tale-tui learning lists what was.")
        return await self._change(LearnedPart(name), event_id.strip())

    async def reset(self, part: LearnedPart) -> LearningEvent:
        return await self._change(part)

    async def switch(self, part: LearnedPart, *, on: bool) -> None:
        self._check_can_write()
        match part:
            case LearnedPart.DETECTION:
                self._parts.detection.enabled = on
            case LearnedPart.COMPLEXITY:
                self._parts.complexity.enabled = on
            case LearnedPart.FORECAST:
                await self._parts.forecasts.switch(on=on)
        self.nudge()

    async def length_budget(self, ref: ModelRef, text: str, hard: Complexity) -> LengthBudget:
        """See `Forecasts.length_budget`."""
        return await self._parts.forecasts.length_budget(ref, text, hard.value)

    # what goes on

    def on_fact(self, fact: Fact) -> None:
        """Learn from tasks that are done. Returns at once."""
        self._parts.forecasts.on_fact(fact)
        if isinstance(fact, TaskChanged) and fact.task.state is TaskState.DONE:
            self._done += 1
            if self._done >= self._parts.complexity.subject.enough:
                self._done = 0
                self._parts.complexity.nudge()

    def start(self) -> None:
        """Read in threads what was learned, and learn what is left over from an earlier run of the application. Returns
        at once."""
        self._background.start(self._read(), "Reading what was learned")
        self.nudge()

    def nudge(self) -> None:
        """There may be enough to learn from since an earlier run of the application; returns at once."""
        self._parts.detection.nudge()
        self._parts.complexity.nudge()

    async def close(self) -> None:
        """Learn nothing more."""
        await self._background.close()
        await self._parts.detection.close()
        await self._parts.complexity.close()
        await self._parts.forecasts.close()

    # parts

    async def _read(self) -> None:
        for versions in self._versions().values():
            try:
                if self._can_write:
                    await versions.recover()
            except OSError as error:
                log.warning("what was in use before cannot be put back: %s", error)
            if problem := await asyncio.to_thread(versions.journal.problem):
                self._complain(LearnedUnusable(problem))
        await self._parts.complexities.get()

    async def _change(self, part: LearnedPart, event_id: str = "") -> LearningEvent:
        self._check_can_write()
        versions = self._versions()[part]
        try:
            return await (versions.undo(event_id) if event_id else versions.reset())
        except OSError as error:
            raise StoreError(
                f"What was learned could not be changed: {clean_line(error.strerror or 'no reason')}."
            ) from error

    def _check_can_write(self) -> None:
        if not self._can_write:
            raise ReadOnly("This process only reads. Close the other one, or change there what was learned.")

    def _versions(self) -> Mapping[LearnedPart, LearnedVersions]:
        parts = self._parts
        return {
            LearnedPart.DETECTION: parts.detection.versions,
            LearnedPart.COMPLEXITY: parts.complexity.versions,
            LearnedPart.FORECAST: parts.forgotten,
        }

    async def _forecast_state(self) -> LearnedState:
        outcomes = await self._parts.forecasts.outcomes(OUTCOMES_READ)
        last, before = outcomes[:HISTORY_TASKS], outcomes[HISTORY_TASKS : 2 * HISTORY_TASKS]
        history = await self._parts.forgotten.history()
        return LearnedState(
            part=LearnedPart.FORECAST,
            enabled=self._parts.forecasts.learns,
            setting=SETTINGS[LearnedPart.FORECAST],
            examples=await self._parts.forecasts.runs(),
            new=0,
            kept_apart=len(last),
            now=_near_share(last),
            before=_near_share(before),
            events=history.events[::-1],
            points=by_week(outcomes),
            problem=await asyncio.to_thread(self._parts.forgotten.journal.problem),
        )


async def _fitted(part: LearnedPart, learner: Learner) -> LearnedState:
    """The state of a part that learns by fits."""
    versions = learner.versions
    history = await versions.history()
    examples, new = await learner.subject.examples(history, versions.now())
    used = [event for event in history.events if event.counts]
    last = used[-1] if used and used[-1].outcome is LearningOutcome.LEARNED else None
    fits = [event for event in history.events if event.outcome is LearningOutcome.LEARNED]
    kept_apart, share = await asyncio.to_thread(learner.subject.packaged)
    return LearnedState(
        part=part,
        enabled=learner.enabled,
        setting=SETTINGS[part],
        examples=examples,
        new=new,
        kept_apart=last.report.kept_apart if last else kept_apart,
        now=last.report.after if last else share,
        before=last.report.before if last else None,
        events=history.events[::-1],
        points=tuple(
            LearningPoint(fit.at, fit.report.kept_apart, fit.report.after)
            for fit in fits
            if fit.report.after is not None
        ),
        problem=await asyncio.to_thread(versions.journal.problem),
    )


def by_week(outcomes: Iterable[ForecastOutcome]) -> tuple[LearningPoint, ...]:
    """How many forecasts were near in each week that has any, weeks from Monday on in UTC, the oldest first; beside it
    what the median of what the same model wrote before would have had, where it had written anything."""
    weeks: dict[int, list[bool]] = defaultdict(list)
    plain: dict[int, list[bool]] = defaultdict(list)
    written: dict[str, list[int]] = defaultdict(list)
    for one in sorted(outcomes, key=lambda outcome: outcome.finished):
        week = week_of(one.finished)
        weeks[week].append(one.is_near)
        before = written[one.model]
        if before:
            plain[week].append(is_near(median(before), one.actual_tokens))
        insort(before, one.actual_tokens)
    return tuple(
        LearningPoint(
            week,
            len(near),
            sum(near) / len(near),
            sum(plain[week]) / len(plain[week]) if plain[week] else None,
        )
        for week, near in sorted(weeks.items())
    )


def _near_share(outcomes: Sequence[ForecastOutcome]) -> float | None:
    return sum(one.is_near for one in outcomes) / len(outcomes) if outcomes else None
