"""Carries out steps that make plans: asks the model, has its answer repaired once, and does with one step otherwise."""

from __future__ import annotations

from dataclasses import dataclass, replace

from tale_tui.config.settings import PlanSettings
from tale_tui.domain.errors import BadPlan, BrokenStream, ContextFull, Refused, TaleError
from tale_tui.domain.models import Role
from tale_tui.domain.tasks import Plan, Step, StepKind, StepSpec, StepState, TaskDetail
from tale_tui.engine.models.backend import ChatMessage
from tale_tui.engine.models.files.starter import is_starter
from tale_tui.engine.planning.prompts import ANSWER_BYTES, PlanQuestion, plan_messages, plan_schema, repair_messages
from tale_tui.engine.planning.reading import PlanLimits, named_places, read_plan, single_step
from tale_tui.engine.planning.sources import PlanSources
from tale_tui.engine.route.router import Route, with_fallbacks
from tale_tui.engine.tasks.model_step import StepCall, StepPrompt, TaskServices
from tale_tui.engine.tasks.prompts import asked_tokens, size_of
from tale_tui.engine.tasks.step_runner import StepResult, StepWork
from tale_tui.formatting.plans import plan_json

_REPAIRED_AT = 2
"""The attempt that repairs an answer: one whose steps are given to another model begins with the first one again."""
WHOLE = "Do all of the task that is not done yet, and give the whole result."
"""The prompt of the one step of a task that could not be broken down."""
RECALL_BYTES = 4_000
"""Of what is remembered, at most."""
TOO_SMALL = "The starter is a demo and makes no plans; a larger model for tasks does."
"""Why it is not asked for one: it writes minutes of JSON that cannot be run."""


@dataclass(frozen=True, slots=True)
class _PlanAnswer:
    """What came of asking once."""

    result: StepResult
    plan: Plan | None = None
    error: TaleError | None = None
    """Why there is no plan."""


class PlanStepRunner:
    """A runner for steps of the kind plan: the result is the plan as JSON, of new steps alone.

    Args:
        services: what asking models takes.
        settings: limits.
        sources: what else a plan is made from.
    """

    def __init__(self, services: TaskServices, settings: PlanSettings, sources: PlanSources) -> None:
        self._services = services
        self._settings = settings
        self._sources = sources

    async def run(self, work: StepWork) -> StepResult:
        """See `StepRunner.run`. It does not fail for what a model wrote: then the plan is one step."""
        limits = limits_of(work.detail, work.spec, self._settings, self._services.settings.max_tokens)
        route = await self._route(work)
        if is_starter(route.ref):
            await work.begin(route.ref, route.why, fresh=True)
            return StepResult(plan_json(self._as_one(work, limits, TOO_SMALL)), ref=route.ref, why=route.why)
        question = await self._question(work)
        limits = replace(limits, places=await self._sources.places(limits.places))

        def asked(room_bytes: int, _: int | None = None) -> tuple[ChatMessage, ...]:
            return plan_messages(question, limit=limits.steps, room_bytes=room_bytes, places=limits.places)

        refused = _answer_before(work, limits)
        answer = refused or await self._ask(work, route, asked, limits, work.text)
        if (wrong := answer.error) is not None:
            said = answer.result.text

            def repaired(room_bytes: int, _: int | None) -> tuple[ChatMessage, ...]:
                return repair_messages(asked(room_bytes - min(size_of(said), ANSWER_BYTES)), said, wrong.sentence)

            answer = await self._ask(work, route, repaired, limits, work.text if refused else "", after=wrong)
        plan = answer.plan
        if plan is None:
            plan = self._as_one(work, limits, answer.error.sentence if answer.error else "")
        return replace(answer.result, text=plan_json(plan))

    def _as_one(self, work: StepWork, limits: PlanLimits, why: str) -> Plan:
        """The plan of what is not broken down, with why not."""
        return single_step(work.spec.prompt or WHOLE, limits, why, done_specs(work.detail))

    async def _route(self, work: StepWork) -> Route:
        task = work.detail.task
        return await self._services.router.route(
            Role.TASK, p=task.p, given=task.given, prompt_tokens=asked_tokens(work.detail.text, work.spec)
        )

    async def _ask(
        self,
        work: StepWork,
        route: Route,
        messages: StepPrompt,
        limits: PlanLimits,
        partial: str,
        after: TaleError | None = None,
    ) -> _PlanAnswer:
        """Ask once.

        Args:
            work: the step.
            route: which model, and why.
            messages: what is asked.
            limits: what a plan may have.
            partial: the beginning of the answer that is there already.
            after: what is wrong with the answer before it, which this one repairs.
        """
        services = self._services
        failed_before = None if partial else after
        hard = await services.complexities.level(work.detail.text)
        call = StepCall(
            services, work, messages, hard, partial=partial, schema=plan_schema(limits.steps, limits.places)
        )
        try:
            result = await with_fallbacks(
                services.roles,
                route,
                lambda ref, why, failed: call.answer(ref, why, failed or failed_before),
                may_replace=lambda _: not call.wrote,
                reason=lambda ref, _: f"in place of {ref.model}, which failed",
                role=Role.TASK,
            )
        except (Refused, ContextFull, BrokenStream) as error:
            if isinstance(error, BrokenStream) and call.wrote:
                raise  # it goes on from there
            return _PlanAnswer(StepResult(""), error=error)
        try:
            plan = read_plan(result.text, limits, done_specs(work.detail), mend=after is not None)
            await self._sources.check_targets(plan)
        except BadPlan as error:
            return _PlanAnswer(result, error=error)
        return _PlanAnswer(result, plan)

    async def _question(self, work: StepWork) -> PlanQuestion:
        detail, spec = work.detail, work.spec
        conversation, shown = "", tuple[str, ...]()
        if detail.task.message_id is not None:
            conversation, shown = await self._sources.conversation(detail.task.message_id, detail.text)
        session_id = detail.task.session_id or ""
        approval = detail.approval
        given = [file for one in done_specs(detail) for file in one.files]
        return PlanQuestion(
            detail.text,
            conversation,
            await self._sources.recalled(detail.text, session_id, shown, RECALL_BYTES),
            tuple(dict.fromkeys((*await self._sources.file_names(detail.task.id), *given))),
            approval.refused if approval is not None else (),
            spec if spec.prompt else None,
            {f"{step.spec.key}, {step.spec.title}": step.text for step in detail.steps if _is_result(step)},
            "\n".join(f"- {step.spec.title}: {step.error}" for step in detail.steps if step.state is StepState.FAILED),
        )


def limits_of(detail: TaskDetail, spec: StepSpec, settings: PlanSettings, max_tokens: int) -> PlanLimits:
    """What the plan of a step may have.

    Args:
        detail: the task.
        spec: the step that makes it.
        settings: limits.
        max_tokens: the most that a step may write.
    """
    if not spec.prompt:
        return PlanLimits(settings.steps, max_tokens, places=named_places(detail.text))
    others = sum(one.kind != StepKind.PLAN for one in detail.plan.steps)
    return PlanLimits(max(1, settings.steps - others), max_tokens, spec.level + 1, spec.key)


def _answer_before(work: StepWork, limits: PlanLimits) -> _PlanAnswer | None:
    """The answer that was being repaired when the run before this one broke off; None where none was."""
    step = next(one for one in work.detail.steps if one.spec.key == work.spec.key)
    if step.attempts < _REPAIRED_AT or not step.earlier:
        return None
    try:
        read_plan(step.earlier[-1], limits, done_specs(work.detail))
    except BadPlan as error:
        return _PlanAnswer(StepResult(step.earlier[-1]), error=error)
    return None


def done_specs(detail: TaskDetail) -> list[StepSpec]:
    """The steps whose results are there."""
    return [step.spec for step in detail.steps if _is_result(step)]


def _is_result(step: Step) -> bool:
    return step.state is StepState.DONE and step.spec.kind in (StepKind.MODEL, StepKind.COPY)
