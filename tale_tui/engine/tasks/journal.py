"""The context of a run on this machine: the rows of the store are the journal, kept by the key of a step."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import replace

from tale_tui.config.logs import SUBJECT
from tale_tui.domain.constants import PLAN_REPLANS_MAX
from tale_tui.domain.errors import BadPlan, Fenced, FilesNotGiven, ModelError, StepTimedOut, TaleError
from tale_tui.domain.events import Notice
from tale_tui.domain.metrics import step_owner
from tale_tui.domain.models import ModelRef
from tale_tui.domain.plans import allowed_tokens, beyond, plan_maker
from tale_tui.domain.tasks import AtLimit, Plan, Reason, Step, StepKind, StepSpec, StepState, Task, TaskDetail
from tale_tui.engine.store.tasks.steps import AttemptFailure, TaskEnd
from tale_tui.engine.store.tasks.transitions import Claim
from tale_tui.engine.tasks.attempt import Attempt, timed_calls
from tale_tui.engine.tasks.interpreter import StepSkipped, TaskSuspended, result_of
from tale_tui.engine.tasks.run_services import RunServices
from tale_tui.engine.tasks.step_files import StepDone, WrittenFile
from tale_tui.engine.tasks.step_runner import StepResult, StepWork
from tale_tui.engine.tasks.uncancellable import uncancellable

log = logging.getLogger(__name__)


class StepFailed(Exception):
    """A step did not work.

    Args:
        spec: the step.
        error: why.
        text: what there is of it.
        thinking: what was thought.
        wrote: whether any of it was written by the attempt that failed.
    """

    def __init__(self, spec: StepSpec, error: TaleError, text: str, thinking: str, *, wrote: bool) -> None:
        super().__init__(f"{spec.key}: {error.code}")
        self.spec = spec
        self.error = error
        self.text = text
        self.thinking = thinking
        self.wrote = wrote


class Journal:
    """Implements `interpreter.RunContext` for one run of a task.

    Args:
        services: what runs work with.
        claim: the task, and the right to write for it.
    """

    def __init__(self, services: RunServices, claim: Claim) -> None:
        self._services = services
        self._detail = claim.detail
        self._id = claim.detail.task.id
        self._epoch = claim.epoch
        self._steps = {step.spec.key: step for step in claim.detail.steps}
        self._results = {key: step.text for key, step in self._steps.items() if step.state is StepState.DONE}
        self._written = sum(_tokens(step) for step in claim.detail.steps if step.spec.kind != StepKind.PLAN)
        """Tokens of all steps but those that plan."""
        self._changing = asyncio.Lock()
        """Held while a step is brought to its end, or left out."""
        self._ends = False
        """Whether a step has failed, or asks: nothing more is begun in this run."""
        self._news = asyncio.Event()
        """That the user has changed the plan."""
        self._complained = False
        self.open: dict[str, Attempt] = {}
        """Steps that run, by key."""
        self.last = claim.detail.task
        """The task as this run stored it last."""

    @property
    def at_once(self) -> int:
        """See `RunContext.at_once`."""
        return self._services.settings.steps

    @property
    def skipped(self) -> Collection[str]:
        """See `RunContext.skipped`."""
        return {key for key, step in self._steps.items() if step.state is StepState.SKIPPED}

    def current(self, plan: Plan) -> Plan:
        """See `RunContext.current`."""
        del plan
        return self._detail.plan

    def may(self, spec: StepSpec) -> bool:
        """See `RunContext.may`."""
        return spec.kind == StepKind.PLAN or spec.key in self._results or self._steps[spec.key].allowed

    async def changed(self) -> None:
        """See `RunContext.changed`."""
        await self._news.wait()
        self._news.clear()

    async def step(self, spec: StepSpec, inputs: Mapping[str, str]) -> str:
        """See `RunContext.step`.

        Raises:
            StepSkipped: the user leaves it out.
            StepFailed: it did not work.
            TaskSuspended: it has effects outside and broke off: running it again wants a yes; or its runner asks; or it
                does what was not approved.
            Fenced: another run has the task.
        """
        if spec.key in self._results:
            return self._results[spec.key]
        try:
            return await self._attempt(spec, inputs)
        except (StepFailed, TaskSuspended, Fenced, StepSkipped) as error:
            async with self._changing:  # it may be about to be left out
                if spec.key not in self.skipped:
                    self._ends = True
                    raise
            self.open.pop(spec.key, None)
            self._services.calls.release(step_owner(self._id, spec.key))
            raise StepSkipped(spec.key) from error

    async def _attempt(self, spec: StepSpec, inputs: Mapping[str, str]) -> str:
        """The result of a step that has none yet; see `step`."""
        step = self._steps[spec.key]
        self._check_approved(spec)
        if step.attempts and not spec.repeatable and not step.approved:
            raise TaskSuspended(Reason.REPEAT, spec.key)
        if (
            spec.kind == StepKind.MODEL and spec.files and step.error
        ):  # what failed is no beginning of the files; it stays among the earlier attempts
            step = replace(step, text="", thinking="")
        attempt = Attempt(self._services, self._id, self._epoch, step, self._complain, self._check_model, self._count)
        self.open[spec.key] = attempt
        broke_off = True
        try:
            outcome = await self._carry_out(attempt, inputs)
            broke_off = False
            await uncancellable(self._finish(attempt, outcome))
        except Fenced:
            raise
        except TaleError as error:
            broke_off = False
            raise StepFailed(spec, error, attempt.text, attempt.thinking, wrote=attempt.wrote) from error
        finally:
            await uncancellable(attempt.close(keep=broke_off))
        return outcome.text

    async def wait(self, topic: str) -> None:
        """See `RunContext.wait`: the yes is kept with the step that asks. One that copies asks by itself."""
        if topic in self._results:
            return
        if (spec := self._steps[topic].spec).kind == StepKind.COPY:
            await self.step(spec, {})
            return
        self._ends = True
        asks_alone = self._steps[topic].spec.kind == StepKind.APPROVAL
        if asks_alone or (self._detail.approval is not None and self._detail.approval.stepwise):
            raise TaskSuspended(Reason.APPROVAL, topic)
        raise TaskSuspended(Reason.APPROVAL, "")

    async def skip_step(self, key: str, reason: str) -> Task | None:
        """Do the task without a step, and without those that only it makes possible. Where it runs it is stopped, when
        that is stored; what else runs does not notice.

        Args:
            key: of the step.
            reason: why, in a few words.
        Returns:
            The task; None where this run is about to end, and nothing was changed.
        Raises:
            Fenced: another run has the task.
            BadPlan: it has no such step, or that is over; nothing was changed.
            StoreError: nothing was changed.
        """
        async with self._changing:
            if self._ends:
                return None
            if (attempt := self.open.get(key)) is not None:
                await attempt.keep()
            detail = await self._services.store.skip_running_step(self._id, self._epoch, key, reason)
            self._take(detail)
            if attempt is not None:
                attempt.stop()
        self._news.set()
        return detail.task

    async def change(self, change: Callable[[], Awaitable[Task]]) -> Task | None:
        """Go on with the plan as it is after a change of what may run.

        Args:
            change: makes it in the store, and gives the task as it is then.
        Returns:
            The task; None where this run is about to end, and nothing was changed.
        Raises:
            BadInput, StoreError: as `change`.
        """
        async with self._changing:
            if self._ends:
                return None
            task = await change()
            await self._take_plan()
        self._news.set()
        return task

    @property
    def all_over(self) -> bool:
        """Whether no step is left to run, and some were left out."""
        return bool(self.skipped) and self._results.keys() | set(self.skipped) == self._steps.keys()

    def maker_after(self, failed: StepFailed) -> StepSpec | None:
        """The step that makes the rest of the plan anew, because one failed for good; None where that is the end."""
        approval, plan = self._detail.approval, self._detail.plan
        may_help = isinstance(failed.error, ModelError | StepTimedOut | FilesNotGiven) and failed.spec.repeatable
        if not (plan.by_model and may_help) or failed.spec.kind == StepKind.PLAN:
            return None
        if approval is not None and approval.replans >= PLAN_REPLANS_MAX:
            return None
        return plan_maker(plan)

    async def end(self) -> None:
        """Store the end of a task whose last steps were left out.

        Raises:
            Fenced: another run has the task.
            StoreError: nothing was stored.
        """
        result = result_of(self._detail.plan, self._results)
        self.last = self._services.changed(await self._services.store.end_task(self._id, self._epoch, result))

    def _check_approved(self, spec: StepSpec) -> None:
        """Nothing runs that was not approved, whatever the plan says.

        Raises:
            TaskSuspended: it was not.
        """
        if spec.kind == StepKind.PLAN:
            return
        if spec.kind != StepKind.COPY and not self._steps[spec.key].allowed:
            raise TaskSuspended(Reason.APPROVAL, spec.key)
        approval = self._detail.approval
        if approval is not None and (asks := beyond(approval, (spec,))):
            raise TaskSuspended(Reason.APPROVAL, "", asks)

    def _check_model(self, spec: StepSpec, ref: ModelRef | None) -> None:
        """No other model does what was approved.

        Raises:
            TaskSuspended: one would.
        """
        approval = self._detail.approval
        if ref is None or approval is None or not approval.models or spec.kind == StepKind.PLAN:
            return
        if ref not in approval.models:
            raise TaskSuspended(Reason.APPROVAL, "", f"{spec.title} would be done by {ref}, which was not approved.")

    def _count(self, spec: StepSpec, tokens: int) -> None:
        """A step has written more.

        Raises:
            TaskSuspended: more than was approved is written now.
        """
        if spec.kind == StepKind.PLAN:
            return
        self._written += tokens
        approval = self._detail.approval
        most = None if approval is None else allowed_tokens(approval)
        if approval is not None and most is not None and self._written > most:
            asks = f"It has written {self._written:,} tokens, and {approval.tokens:,} were approved."
            raise TaskSuspended(Reason.APPROVAL, "", asks)

    async def fail(self, failed: StepFailed, next_try: float | None, maker: StepSpec | None = None) -> Task:
        """Store that a step failed, and with it the task, or when it is tried again, or that the rest is planned anew.

        Raises:
            Fenced: another run has the task.
            StoreError: nothing was stored.
        """
        store, key = self._services.store, failed.spec.key
        if not (attempt := self.open.get(key)) or not attempt.begun:
            await store.begin_step(self._id, self._epoch, key)
        with self._services.calls.storing(step_owner(self._id, key)) as call:
            ended = call.failed_as(failed.error.code) if call is not None else None
            failure = AttemptFailure(
                failed.error.sentence,
                failed.error.code,
                text=failed.text,
                thinking=failed.thinking,
                calls=timed_calls(ended, attempt.usage if attempt else None),
            )
            if maker is not None:
                return await store.replan_step(self._id, self._epoch, key, failure, maker)
            if next_try is not None:
                return await store.retry_step(self._id, self._epoch, key, failure, next_try)
            return await store.fail_step(self._id, self._epoch, key, failure, end=True)

    def release_calls(self) -> None:
        """The run is over: calls of steps of which nothing was stored at the end are stored alone."""
        for key in self._steps:
            self._services.calls.release(step_owner(self._id, key))

    async def hold(self, failed: StepFailed, error: ModelError) -> Task:
        """Store that a step waits for its server, which is away, and with it the task.

        No attempt is used, but for one that wrote something and may have had effects outside.

        Args:
            failed: the step.
            error: why.
        Raises:
            Fenced: another run has the task.
            StoreError: nothing was stored.
        """
        key = failed.spec.key
        if not (attempt := self.open.get(key)) or not attempt.begun:
            await self._services.store.begin_step(self._id, self._epoch, key)
        return await self._services.store.hold_step(
            self._id,
            self._epoch,
            key,
            text=failed.text,
            thinking=failed.thinking,
            error=error,
            uses_attempt=failed.wrote and not failed.spec.repeatable,
            worked=failed.wrote,
        )

    async def _carry_out(self, attempt: Attempt, inputs: Mapping[str, str]) -> StepResult:
        spec = attempt.spec
        if (step := self._steps[spec.key]).at_limit is AtLimit.KEEP:
            return StepResult(step.text, step.thinking, step.ref, why="ended by you, far longer than its like")
        runner = self._services.runners.get(spec.kind)
        if runner is None:
            raise BadPlan(f"This version cannot carry out a step of the kind {spec.kind}.")
        work = StepWork(
            self._detail,
            spec,
            inputs,
            attempt.text,
            self._steps[spec.key].at_limit is AtLimit.GO_ON,
            attempt.begin,
            attempt.add,
            attempt.correct_thinking,
            attempt.discard,
            attempt.reading,
        )
        SUBJECT.set(("task", self._id, "step", spec.key, spec.role, self._detail.task.ref))
        log.info("begins behind %d characters", len(attempt.text))
        limit_s = spec.time_limit_s or self._services.settings.step_limit_s
        time = attempt.time = asyncio.timeout(limit_s)
        try:
            async with time:
                return await runner.run(work)
        except TimeoutError as error:
            if not time.expired():
                raise
            raise StepTimedOut(f"The step {spec.title} took longer than its limit of {limit_s:g} s.") from error
        finally:
            attempt.time = None

    async def _finish(self, attempt: Attempt, outcome: StepResult) -> None:
        """Store a result, and with the last one the end of the task: all of it in one transaction."""
        key = attempt.spec.key
        await attempt.still()
        async with self._changing:  # whether it is the last one is known when those before it are stored
            if key in self.skipped:
                raise StepSkipped(key)
            written = await self._write_files(attempt.spec, outcome.text)
            results = self._results | {key: outcome.text}
            revision = await self._services.rules.revised(self._detail, attempt.spec, outcome.text)
            end = None
            if revision is None and results.keys() | set(self.skipped) == self._steps.keys():
                end = TaskEnd(result_of(self._detail.plan, results), outcome.why)
            if not attempt.begun:
                await self._services.store.begin_step(self._id, self._epoch, key)
            with self._services.calls.storing(step_owner(self._id, key)) as call:
                calls = timed_calls(call, outcome.usage)
                task = await self._services.store.finish_step(
                    self._id,
                    self._epoch,
                    key,
                    text=outcome.text,
                    thinking=outcome.thinking,
                    ref=outcome.ref,
                    usage=calls[0].usage if calls else outcome.usage,
                    end=end,
                    calls=calls,
                    revision=revision,
                )
            self._results = results
            self._services.step_watch.step_done(StepDone(self._id, key, written))
            if revision is not None:
                await self._take_plan()
        del self.open[key]
        self.last = self._services.changed(task)
        log.info("is done: %d characters", len(outcome.text))

    async def _take_plan(self) -> None:
        """Go on with the plan as it is stored."""
        self._take(await self._services.store.task_detail(self._id))

    def _take(self, detail: TaskDetail) -> None:
        self._detail = detail
        self._steps = {step.spec.key: step for step in self._detail.steps}

    async def _write_files(self, spec: StepSpec, text: str) -> tuple[WrittenFile, ...]:
        """Write the files of a step when the steps before it are kept as they were without them."""
        if spec.kind != StepKind.MODEL or not spec.files:
            return ()
        await self._services.step_watch.settled()
        return await self._services.folders.write(self._id, spec, text)

    def _complain(self, error: TaleError) -> None:
        if not self._complained:
            self._complained = True
            sentence = f"What {self._detail.task.title} writes is shown but not kept. {error.sentence}"
            self._services.publish(Notice(error.title, sentence, "error"))


def _tokens(step: Step) -> int:
    return (step.usage.completion_tokens or 0) if step.usage else 0
