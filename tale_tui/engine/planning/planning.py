"""Which tasks are broken down, what becomes of the plan that a model made, and whether it wants a yes."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from tale_tui.config.settings import PlanSettings, TaskSettings
from tale_tui.domain.complexity import LEVELS, Complexity
from tale_tui.domain.errors import BadPlan
from tale_tui.domain.models import ModelRef, Role
from tale_tui.domain.plans import JOIN_KEY, PlanForecast, beyond, plan_maker, spliced
from tale_tui.domain.tasks import Plan, Step, StepKind, StepSpec, StepState, TaskDetail
from tale_tui.domain.text import is_blank
from tale_tui.engine.planning.maker import done_specs, limits_of
from tale_tui.engine.planning.reading import read_plan, with_join
from tale_tui.engine.store.rows import plan_of
from tale_tui.engine.store.store import Store
from tale_tui.engine.store.tasks.plans import Approved, PlanRevision
from tale_tui.engine.tasks.plan import ONE_STEP
from tale_tui.engine.tasks.prompts import REVISION
from tale_tui.formatting.units import count, plural

log = logging.getLogger(__name__)

STILL_PLANNED = "It is still being planned."
_NEVER = "never"


@dataclass(frozen=True, slots=True)
class PlanningServices:
    """What planning asks of others."""

    store: Store
    level: Callable[[str], Awaitable[Complexity]]
    """How hard a task is, by its text."""
    foresee: Callable[[TaskDetail], Awaitable[PlanForecast]]
    """What is foreseen of a task with the plan that it has there."""
    serving: Callable[[Role], ModelRef | None]
    """The model of a role now."""


class Planning:
    """Implements `tasks.plan_rules.PlanRules`.

    Args:
        services: what it asks of others.
        settings: which tasks are broken down, and which plans ask.
        tasks: limits of tasks.
    """

    def __init__(self, services: PlanningServices, settings: PlanSettings, tasks: TaskSettings) -> None:
        self._services = services
        self._settings = settings
        self._tasks = tasks

    async def new_plan(self, text: str) -> Plan:
        """See `PlanRules`."""
        wanted = self._settings.break_down
        if wanted == _NEVER or is_blank(text) or len(text) > self._tasks.text_limit:
            return ONE_STEP
        return Plan((plan_maker(),)) if _at_least(await self._services.level(text), wanted) else ONE_STEP

    async def approved(self, detail: TaskDetail) -> Approved:
        """See `PlanRules`. What is written already counts, so that a yes always lets it go on."""
        forecast = await self._services.foresee(detail)
        again = detail.approval is not None and detail.approval.plan is not None
        over = {step.spec.key for step in detail.steps if step.is_over}
        return Approved(round(self._in_all(detail, forecast, over)), self._models(detail, again=again))

    async def foreseen(self, detail: TaskDetail) -> PlanForecast | None:
        """See `PlanRules`."""
        asks = any(spec.kind == StepKind.MODEL for spec in detail.plan.steps)
        return await self._services.foresee(detail) if asks else None

    async def revised(self, detail: TaskDetail, spec: StepSpec, text: str) -> PlanRevision | None:
        """See `PlanRules`."""
        if spec.kind == StepKind.PLAN:
            return await self._planned(detail, spec, plan_of(text))
        if not detail.plan.by_model or (block := REVISION.search(text)) is None:
            return None
        detail = await self._services.store.task_detail(detail.task.id)
        limits = limits_of(detail, replace(spec, prompt=""), self._settings, self._tasks.max_tokens)
        fixed = [step.spec for step in detail.steps if _stays(step) or step.spec.key == spec.key]
        try:
            plan = read_plan(block[1], limits, fixed, mend=True)
        except BadPlan as error:
            log.info("what %s of %s says of the rest of the plan cannot be used: %s", spec.key, detail.task.id, error)
            return None
        return await self._rest(detail, plan, f"planned anew by {spec.title}", keep={one.key for one in fixed})

    async def _planned(self, detail: TaskDetail, maker: StepSpec, made: Plan) -> PlanRevision:
        """A step that makes plans has made one."""
        if not is_blank(maker.prompt):  # it is a step of a plan that was broken down
            plan = with_join(spliced(detail.plan, maker.key, made.steps))
            return await self._judged(detail, plan, {}, {maker.key})
        failed = next((step.spec.title for step in detail.steps if step.state is StepState.FAILED), "")
        why = f"planned anew, because {failed} failed" if failed else "planned anew"
        return await self._rest(detail, made, why, keep={maker.key} | {spec.key for spec in done_specs(detail)})

    async def _rest(self, detail: TaskDetail, made: Plan, why: str, *, keep: set[str]) -> PlanRevision:
        """What is left of a plan is made anew; what is not in the new one is left out."""
        new = {spec.key for spec in made.steps}
        gone = {
            step.spec.key: step.error or why
            for step in detail.steps
            if not (step.is_over or step.spec.key in keep or step.spec.key in new or step.spec.key == JOIN_KEY)
        }
        old = [spec for spec in detail.plan.steps if spec.key not in new]
        whole = Plan((*old, *made.steps), reasoning=made.reasoning or detail.plan.reasoning)
        skipped = {step.spec.key for step in detail.steps if step.state is StepState.SKIPPED}
        return await self._judged(detail, with_join(whole, frozenset(gone.keys() | skipped)), gone, keep)

    async def _judged(
        self, detail: TaskDetail, plan: Plan, gone: Mapping[str, str], keep: Collection[str]
    ) -> PlanRevision:
        """A plan with whether it wants a yes.

        Args:
            detail: the task as it was before.
            plan: as it is to be.
            gone: steps that are left out -> why.
            keep: keys of steps that are over with this, or run.
        """
        over = {step.spec.key for step in detail.steps if step.is_over} | gone.keys() | set(keep)
        left = [spec for spec in plan.steps if spec.key not in over]
        if any(spec.kind == StepKind.PLAN for spec in left):
            return PlanRevision(plan, gone, STILL_PLANNED)
        forecast = await self._services.foresee(replace(detail, plan=plan))
        tokens = self._in_all(detail, forecast, over)
        approval = detail.approval
        if approval is not None and approval.plan is not None:
            return PlanRevision(plan, gone, beyond(approval, left, tokens))
        if approval is not None and approval.refused:
            asks = "You refused the plan before this one."
        else:
            asks = await self._asks(detail.text, left, tokens)
        models = self._models(replace(detail, plan=plan), again=False)
        return PlanRevision(plan, gone, asks, Approved(round(tokens), models))

    async def _asks(self, text: str, left: Sequence[StepSpec], tokens: float) -> str:
        """Why a new plan wants a yes, in a sentence; empty where it wants none."""
        why = []
        wanted, most = self._settings.ask_complexity, self._settings.ask_tokens
        if len(left) > 1 and wanted != _NEVER and _at_least(level := await self._services.level(text), wanted):
            why.append(f"the task is {level.value}")
        if len(left) > 1 and most and tokens > most:
            why.append(f"it is to write more than {count(most)} tokens")
        if outside := sum(spec.goes_outside for spec in left):
            why.append(f"{plural(outside, 'step')} with effects outside")
        return f"It asks because of this: {', '.join(why)}." if why else ""

    def _in_all(self, detail: TaskDetail, forecast: PlanForecast, over: Collection[str]) -> float:
        """Tokens that a task will have written with what is left to do."""
        written = sum(_tokens(step) for step in detail.steps if step.spec.kind != StepKind.PLAN)
        return written + sum(step.tokens.middle for step in forecast.steps if step.key not in over)

    def _models(self, detail: TaskDetail, *, again: bool) -> tuple[ModelRef, ...]:
        """The models that carry a plan out; empty where one is not known yet.

        Args:
            detail: the task.
            again: it was approved before, and something else came up: every model that serves now may do it.
        """
        wanted: list[ModelRef | None] = [
            spec.ref or (detail.task.ref if spec.role is Role.TASK else self._services.serving(spec.role))
            for spec in detail.plan.steps
            if spec.kind == StepKind.MODEL
        ]
        if again:
            wanted += [ref for role in Role if (ref := self._services.serving(role)) is not None]
        found = [ref for ref in wanted if ref is not None]
        return tuple(dict.fromkeys(found)) if len(found) == len(wanted) else ()


def _at_least(level: Complexity, wanted: str) -> bool:
    return LEVELS.index(level) >= LEVELS.index(Complexity(wanted))


def _stays(step: Step) -> bool:
    """Whether a step is not to be planned again: its result is there, or it is being written."""
    return step.state in (StepState.DONE, StepState.RUNNING) and step.spec.kind == StepKind.MODEL


def _tokens(step: Step) -> int:
    return (step.usage.completion_tokens or 0) if step.usage else 0
