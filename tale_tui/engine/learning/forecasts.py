"""What tasks will read, write and take: foreseen before they run, kept, compared with what came, learned from.

Nothing is loaded before the first forecast or the first task: numpy and the last runs of this machine are read then, in
a thread and in pieces, and the start of an engine does not know of them. Where there are many runs the others follow
behind the first forecast.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from tale_tui.config.settings import ModelPrice
from tale_tui.domain.errors import NoSuchTask, StoreError, TaleError
from tale_tui.domain.events import Fact, TaskChanged
from tale_tui.domain.forecasts import (
    HISTORY_TASKS,
    NOTHING,
    Estimate,
    ForecastAccuracy,
    ForecastHistory,
    ForecastOutcome,
    LengthBudget,
    StepEstimate,
    TaskForecast,
    remaining,
    together,
)
from tale_tui.domain.models import ModelRef, Role
from tale_tui.domain.plans import PlanForecast, PlanStepForecast
from tale_tui.domain.tasks import (
    Plan,
    Priority,
    Step,
    StepKind,
    StepSpec,
    StepState,
    Task,
    TaskDetail,
    TaskState,
    check_task_text,
)
from tale_tui.domain.text import clean, clean_line
from tale_tui.engine.fitting.journal import LearningHistory, LearningJournal
from tale_tui.engine.learning.history import LearnedRun, learned_run
from tale_tui.engine.learning.plan_forecast import longest_keys, longest_way, read_in_all
from tale_tui.engine.learning.waiting import waiting_time
from tale_tui.engine.store.store import Store
from tale_tui.engine.store.task_forecasts import OpenTask, StepRun, step_text
from tale_tui.engine.unexpected import BackgroundTasks

if TYPE_CHECKING:
    from tale_tui.engine.learning.forecaster import Forecaster, StepForecast

log = logging.getLogger(__name__)

RUNS_OF_MODEL = 2_000
"""Runs of one model that are learned from when an engine begins to."""
RUNS_READ = 6_000
"""Runs of all models that are looked at for it."""
RUNS_FIRST = 200
"""The last ones of all models, which the first forecast is made from; the others are read behind it."""
RUNS_AT_ONCE = 200
OPEN_TASKS_READ = 1_000
"""Of those that wait before a new task: more of them are waited for as if they were so many."""
NOTED_MAX = 10_000
"""Tasks of which it is remembered that they have a forecast."""
TOKENS_OF_A_PRICE = 1_000_000
USUAL_S = Estimate(60.0, 10.0, 240.0)
"""Of a task before this one that nobody foresaw."""

_PRIORITIES = tuple(Priority)
_ALONE = StepSpec("answer", "Answer")
"""The one step of a text that is only foreseen."""


@dataclass(frozen=True, slots=True)
class ForecastRoute:
    """Who would be asked."""

    role: Role
    ref: ModelRef | None
    why: str


@dataclass(frozen=True, slots=True)
class ForecastServices:
    """What forecasts ask of others.

    Attributes:
        detect: the probability that a text is a task; None where detection is off.
        complexity: of a task, by its text; None where it is not known.
        route: who would be asked, by that probability and the text.
        slots: how many tasks run at once, in all and of a model.
        large: whether a forecast is one that is said before its task runs.
    """

    detect: Callable[[str], Awaitable[float | None]]
    complexity: Callable[[str], Awaitable[str | None]]
    route: Callable[[float | None, str], Awaitable[ForecastRoute]]
    slots: Callable[[ModelRef | None], tuple[int, int]]
    large: Callable[[TaskForecast], bool]


class Forecasts:
    """Does the verbs of `api.LearningApi` that are about forecasts; they are described there.

    Args:
        store: has the runs and keeps the forecasts.
        prices: by `backend/model`.
        text_limit: the most characters of a task.
        services: what is asked of others.
        journal: says what the user had forgotten.
        complain: told where noting or learning broke off for a reason that nobody foresaw.
        tell: told of a task that has a forecast now.
        keeps: whether forecasts of tasks are kept; False where nothing can be written.
        learns: whether runs are learned from; without it there is only what is usual.
        now: the time, in seconds since the epoch.

    Attributes:
        learns: likewise, now.
    """

    def __init__(
        self,
        store: Store,
        prices: Mapping[str, ModelPrice],
        text_limit: int,
        services: ForecastServices,
        journal: LearningJournal,
        complain: Callable[[TaleError], None],
        tell: Callable[[TaskChanged], None],
        *,
        keeps: bool,
        learns: bool = True,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._now = now
        self._store = store
        self._prices = prices
        self._text_limit = text_limit
        self._services = services
        self._journal = journal
        self._keeps = keeps
        self._tell = tell
        self.learns = learns
        self._history = LearningHistory()
        """What is not learned from, as it was when the forecaster was begun."""
        self._background = BackgroundTasks(complain)
        self._turn = asyncio.Lock()
        """Is had while runs are read, so that each is learned from once."""
        self._forecaster: Forecaster | None = None
        self._reading: asyncio.Task[None] | None = None
        """Reads all runs, where the forecaster has only the last ones yet."""
        self._learned = 0
        """The number of the last run that was learned from."""
        self._noted: dict[str, None] = {}
        self._noting: dict[str, asyncio.Task[None]] = {}
        """Forecasts that are being made, by the task."""
        self._unplanned: dict[str, tuple[int, str]] = {}
        """Tasks whose plan is being made -> where they were when that was seen."""
        self._latest: dict[str, Task] = {}
        """How those tasks are now."""

    # verbs

    async def forecast(self, text: str, *, model: str = "") -> TaskForecast:
        text, model = clean(text), clean_line(model)
        check_task_text(text, self._text_limit)
        p = await self._services.detect(text)
        hard = await self._services.complexity(text)
        route = await self._services.route(p, text)
        ref = None if model else route.ref
        steps = await self._foresee(model or str(ref or ""), {_ALONE.key: text}, hard)
        found = self._whole(steps, Plan((_ALONE,)), ref, hard, await self._waiting(ref))
        if model:
            found = replace(found, cost=self._cost(model, found))
        return replace(await self._with_past(found), p=p, route=route.role, route_why=route.why)

    async def of_task(self, task_id: str) -> TaskForecast | None:
        found = await self._noted_of(task_id)
        if found is None and task_id in self._unplanned:  # the plan may be there by now, and nobody has told of it yet
            del self._unplanned[task_id]
            self._noted.pop(task_id, None)
            self.on_fact(TaskChanged(await self._store.task(task_id)))
            found = await self._noted_of(task_id)
        return await self._as_one_step(task_id) if found is None and task_id in self._unplanned else found

    async def of_plan(self, task_id: str) -> PlanForecast | None:
        detail = await self._store.task_detail(task_id)
        return await self.foresee_plan(detail) if any(map(_asks_model, detail.plan.steps)) else None

    async def foresee_plan(self, detail: TaskDetail) -> PlanForecast:
        """What is foreseen of a task with the plan that it has there, step by step.

        Args:
            detail: the task; the states of its steps say what is left.
        """
        states = {step.spec.key: step for step in detail.steps}
        skipped = {key for key, step in states.items() if step.state is StepState.SKIPPED}
        asking = [spec for spec in detail.plan.steps if _asks_model(spec) and spec.key not in skipped]
        hard = await self._services.complexity(detail.text)
        found: dict[str, StepForecast] = {}
        by_model: dict[str, dict[str, str]] = {}
        for spec in asking:
            by_model.setdefault(str(spec.ref or detail.task.ref or ""), {})[spec.key] = step_text(spec, detail.text)
        for model, texts in by_model.items():
            found |= await self._foresee(model, texts, hard)
        steps = tuple(PlanStepForecast(spec.key, *_within(spec.max_tokens, found[spec.key])) for spec in asking)
        seconds = {step.key: step.seconds for step in steps}
        now = self._now()
        left = {key: rest for key, whole in seconds.items() if (rest := _left_of(states.get(key), whole, now))}
        return PlanForecast(
            steps,
            together([step.tokens for step in steps] or [NOTHING]),
            longest_way(detail.plan.steps, seconds),
            longest_way(detail.plan.steps, left),
            longest_keys(detail.plan.steps, seconds),
            min((step.runs for step in found.values()), default=0),
        )

    async def history(self, *, limit: int = HISTORY_TASKS) -> ForecastHistory:
        outcomes = await self._store.forecast_outcomes(limit)
        kinds = Counter(outcome.kind for outcome in outcomes).most_common()
        return ForecastHistory(
            _accuracy("", outcomes),
            tuple(_accuracy(kind, [one for one in outcomes if one.kind == kind]) for kind, _ in kinds),
        )

    async def length_budget(self, ref: ModelRef, text: str, complexity: str | None) -> LengthBudget:
        """What a model may write in a step before somebody is asked.

        Args:
            ref: the model.
            text: what is asked, as `step_text` puts it.
            complexity: of its task.
        Raises:
            StoreError: the runs cannot be read.
        """
        async with self._turn:
            forecaster = await self._loaded()
        return await asyncio.to_thread(forecaster.budget, str(ref), text, complexity)

    async def runs(self) -> int:
        """So many runs of models are learned from."""
        async with self._turn:
            await self._loaded()
        if self._reading is not None:
            await asyncio.wait([self._reading])
        async with self._turn:
            return (await self._loaded()).runs

    async def outcomes(self, limit: int) -> tuple[ForecastOutcome, ...]:
        """The forecasts of the tasks that were done last, the newest first, and what came."""
        return await self._store.forecast_outcomes(limit)

    async def begin_again(self) -> None:
        """Read what is learned from anew, with the next forecast."""
        async with self._turn:
            self._forecaster, self._learned = None, 0

    async def switch(self, *, on: bool) -> None:
        """Learn from runs, or forecast by what is usual alone."""
        if on != self.learns:
            self.learns = on
            await self.begin_again()

    # what goes on

    def on_fact(self, fact: Fact) -> None:
        """Note the forecast of a task that is new, and learn from one that is done. Returns at once."""
        if not (self._keeps and isinstance(fact, TaskChanged)):
            return
        task = fact.task
        if task.id in self._latest:
            self._latest[task.id] = task
        if task.state in (TaskState.QUEUED, TaskState.RUNNING, TaskState.WAITING) and task.id not in self._noted:
            self._noted[task.id] = None
            if len(self._noted) > NOTED_MAX:
                del self._noted[next(iter(self._noted))]
            self._noting[task.id] = self._background.start(self._note(task), "The forecast of a task")
            self._latest[task.id] = task
            self._noting[task.id].add_done_callback(lambda _: self._noted_one(task.id))
        elif self._unplanned.get(task.id, _place_of(task)) != _place_of(task):
            del self._unplanned[task.id]
            self._noted.pop(task.id, None)
            self.on_fact(fact)
        elif task.state is TaskState.DONE and self._forecaster is not None:
            self._background.start(self._catch_up(), "Learning from a task")

    async def close(self) -> None:
        """Note and learn nothing more."""
        self._keeps = False
        await self._background.close()

    async def _noted_of(self, task_id: str) -> TaskForecast | None:
        """What is foreseen of a task, behind what is being noted."""
        if (noting := self._noting.get(task_id)) is not None:
            await asyncio.wait([noting])
        return await self._store.task_forecast(task_id)

    def _noted_one(self, task_id: str) -> None:
        del self._noting[task_id], self._latest[task_id]

    async def _note(self, task: Task) -> None:
        """Keep what is foreseen of a task; a database that cannot be written leaves it without."""
        try:
            detail = await self._store.task_detail(task.id)
            if any(step.spec.kind == StepKind.PLAN and not step.is_over for step in detail.steps):
                self._unplanned[task.id] = _place_of(task)
                return
            parts = {
                spec.key: step_text(spec, detail.text) for spec in detail.plan.steps if spec.kind == StepKind.MODEL
            }
            if not parts:
                return
            hard = await self._services.complexity(detail.text)
            steps = await self._foresee(str(task.ref or ""), parts, hard)
            for spec in detail.plan.steps:
                if spec.key in steps:
                    tokens, seconds = _within(spec.max_tokens, steps[spec.key])
                    steps[spec.key] = replace(steps[spec.key], completion_tokens=tokens, seconds=seconds)
            waiting = await self._waiting(task.ref, task) if task.state is TaskState.QUEUED else NOTHING
            found = await self._with_past(self._whole(steps, detail.plan, task.ref, hard, waiting))
            estimates = {key: StepEstimate(one.completion_tokens, one.seconds) for key, one in steps.items()}
            await self._store.add_forecast(task.id, found, estimates if len(steps) > 1 else {})
            latest = self._latest[task.id]
            if latest.is_open and latest.forecast is None:
                self._tell(TaskChanged(replace(latest, forecast=found.summary)))
        except (NoSuchTask, StoreError) as error:
            log.warning("a task has no forecast: %s", error.sentence)

    async def _catch_up(self) -> None:
        try:
            async with self._turn:
                await self._learn_new(await self._loaded())
        except StoreError as error:
            log.warning("nothing is learned from a task: %s", error.sentence)

    # forecasts

    async def _foresee(self, model: str, texts: Mapping[str, str], complexity: str | None) -> dict[str, StepForecast]:
        """What each of some texts comes to, by the same names."""
        async with self._turn:
            forecaster = await self._loaded()
        found = await asyncio.to_thread(forecaster.foresee, model, tuple(texts.values()), complexity)
        return dict(zip(texts, found, strict=True))

    async def _as_one_step(self, task_id: str) -> TaskForecast:
        """What is foreseen of a task whose plan is still to be made; kept nowhere: it is not what will run."""
        detail = await self._store.task_detail(task_id)
        maker = next(spec for spec in detail.plan.steps if spec.kind == StepKind.PLAN)
        hard, ref = await self._services.complexity(detail.text), detail.task.ref
        steps = await self._foresee(str(ref or ""), {maker.key: detail.text}, hard)
        return await self._with_past(self._whole(steps, detail.plan, ref, hard, NOTHING))

    def _whole(
        self,
        steps: Mapping[str, StepForecast],
        plan: Plan,
        ref: ModelRef | None,
        complexity: str | None,
        waiting: Estimate,
    ) -> TaskForecast:
        """The forecast of a task from those of its steps that ask a model, by their key."""
        first, several = next(iter(steps.values())), len(steps) > 1
        prompts = {key: step.prompt_tokens for key, step in steps.items()}
        written = {key: step.completion_tokens for key, step in steps.items()}
        asking = [spec for spec in plan.steps if spec.key in steps]
        found = TaskForecast(
            first.kind,
            read_in_all(asking, prompts, written),
            together(list(written.values())),
            longest_way(plan.steps, {key: step.seconds for key, step in steps.items()}),
            waiting,
            first.runs,
            f"{len(steps)} steps; {first.why}" if several else first.why,
            ref,
            complexity,
        )
        return replace(found, cost=self._cost(str(ref), found)) if ref else found

    async def _with_past(self, found: TaskForecast) -> TaskForecast:
        """The same with how near earlier ones of its model were, and whether it is said before its task runs."""
        past = await self._store.past_forecasts(found.ref, found.kind)
        return replace(found, past=past, large=self._services.large(found))

    def _cost(self, model: str, forecast: TaskForecast) -> Estimate | None:
        price = self._prices.get(model)
        if price is None:
            return None
        read = forecast.prompt_tokens.scaled(price.prompt / TOKENS_OF_A_PRICE)
        return read.plus(forecast.completion_tokens.scaled(price.completion / TOKENS_OF_A_PRICE))

    async def _waiting(self, ref: ModelRef | None, task: Task | None = None) -> Estimate:
        """How long a task waits for its slot: a stored one, or one that is handed in now."""
        rank = _PRIORITIES.index(task.priority if task else Priority.NORMAL)
        slots, of_model = self._services.slots(ref)
        own = "" if task is None else task.id
        before = []
        # Nobody waits for fewer tasks than there are slots.
        for one in await self._store.open_tasks(OPEN_TASKS_READ, at_least=min(slots, of_model), besides=own):
            if one.id == own:
                break
            if one.running or one.priority <= rank:
                before.append(one)
        return waiting_time(before, ref, slots, of_model, _usual)

    # the forecaster

    async def _loaded(self) -> Forecaster:
        """What was learned; read from the store the first time. The turn is had."""
        if self._forecaster is None:
            self._history = await asyncio.to_thread(self._journal.read)
            self._forecaster, self._learned, read = await self._new_forecaster(RUNS_FIRST)
            if read >= RUNS_FIRST:
                self._reading = self._background.start(self._read_all(self._forecaster), "Reading the runs of models")
        return self._forecaster

    async def _read_all(self, first: Forecaster) -> None:
        """Put a forecaster that knows all runs in the place of one that knows the last ones."""
        try:
            forecaster, learned, _ = await self._new_forecaster(RUNS_READ)
            async with self._turn:
                if self._forecaster is first:
                    self._learned = learned
                    await self._learn_new(forecaster)
                    self._forecaster = forecaster
        except StoreError as error:
            log.warning("forecasts are made from the last %d runs: %s", RUNS_FIRST, error.sentence)

    async def _new_forecaster(self, limit: int) -> tuple[Forecaster, int, int]:
        """A forecaster of the last runs, the number of the last one, and how many were looked at."""
        forecaster = await asyncio.to_thread(_empty_forecaster)
        runs, learned, read = await self._last_runs(limit)
        for place in range(0, len(runs), RUNS_AT_ONCE):
            await asyncio.to_thread(forecaster.learn, runs[place : place + RUNS_AT_ONCE])
        return forecaster, learned, read

    async def _last_runs(self, limit: int) -> tuple[list[LearnedRun], int, int]:
        """The last runs of each model in their order, the number of the last one, and how many were looked at."""
        kept: list[LearnedRun] = []
        counts: Counter[str] = Counter()
        learned, before, read = 0, 2**62, 0
        while read < limit:
            rows = await self._store.last_runs(before, RUNS_AT_ONCE)
            if not rows:
                break
            learned = max(learned, rows[0].n)
            before, read = rows[-1].n, read + len(rows)
            for row in rows:
                run = self._learned_run(row)
                if run is not None and counts[run.model] < RUNS_OF_MODEL:
                    counts[run.model] += 1
                    kept.append(run)
        kept.reverse()
        return kept, learned, read

    def _learned_run(self, row: StepRun) -> LearnedRun | None:
        """What is to be learned from a run; None where it is nothing."""
        return learned_run(row) if self.learns and not self._history.is_left_out(row.at) else None

    async def _learn_new(self, forecaster: Forecaster) -> None:
        while rows := await self._store.next_runs(self._learned, RUNS_AT_ONCE):
            runs = [run for row in rows if (run := self._learned_run(row)) is not None]
            self._learned = rows[-1].n
            await asyncio.to_thread(forecaster.learn, runs)


def _place_of(task: Task) -> tuple[int, str]:
    """What changes when a plan is there."""
    return task.steps_total, task.step_title


def _asks_model(spec: StepSpec) -> bool:
    return spec.kind == StepKind.MODEL


def _within(budget: int | None, step: StepForecast) -> tuple[Estimate, Estimate]:
    """Tokens and seconds of a step that may write only so much."""
    tokens, seconds = step.completion_tokens, step.seconds
    if budget is None or tokens.middle <= budget:
        return tokens, seconds
    capped = Estimate(float(budget), min(tokens.low, budget), float(budget))
    return capped, seconds.scaled(budget / tokens.middle)


def _left_of(step: Step | None, whole: Estimate, now: float) -> Estimate | None:
    """Seconds that are left of a step; None where nothing is."""
    if step is None or step.started is None or step.state is StepState.PENDING:
        return whole
    return None if step.is_over else remaining(whole, max(0.0, now - step.started))


def _empty_forecaster() -> Forecaster:
    from tale_tui.engine.learning.forecaster import Forecaster

    return Forecaster()


def _usual(_: OpenTask) -> Estimate:
    return USUAL_S


def _accuracy(kind: str, outcomes: Iterable[ForecastOutcome]) -> ForecastAccuracy:
    outcomes = tuple(outcomes)
    return ForecastAccuracy(
        kind,
        len(outcomes),
        near=sum(one.is_near for one in outcomes),
        covered=sum(one.completion_tokens.holds(one.actual_tokens) for one in outcomes),
        seconds_covered=sum(one.seconds.holds(one.actual_s) for one in outcomes),
    )
