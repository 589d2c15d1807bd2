"""The context of a run on this machine: the rows of the store are the journal, kept by the key of a step."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass

from tale_tui.config.logs import SUBJECT
from tale_tui.config.settings import TaskSettings
from tale_tui.domain.clock import Clock
from tale_tui.domain.errors import BadPlan, Fenced, ModelError, StepTimedOut, StoreError, TaleError
from tale_tui.domain.events import Fact, Notice, TaskChanged
from tale_tui.domain.metrics import CallRecord, step_owner
from tale_tui.domain.models import ModelRef, Usage
from tale_tui.domain.tasks import Reason, Step, StepSpec, StepState, Task
from tale_tui.engine.metrics.recorder import CallRecorder
from tale_tui.engine.models.backend import TextPiece
from tale_tui.engine.store.store import Store
from tale_tui.engine.store.tasks.steps import TaskEnd
from tale_tui.engine.store.tasks.transitions import Claim
from tale_tui.engine.streaming import AutoSaver, PartialReply
from tale_tui.engine.tasks.interpreter import TaskSuspended, result_of
from tale_tui.engine.tasks.step_runner import StepResult, StepRunner, StepWork
from tale_tui.engine.tasks.subscriptions import TaskSubscriptions
from tale_tui.engine.tasks.uncancellable import uncancellable

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class RunServices:
    """What runs work with."""

    store: Store
    runners: Mapping[str, StepRunner]
    """By kind of step."""
    settings: TaskSettings
    clock: Clock
    publish: Callable[[Fact], None]
    subscriptions: TaskSubscriptions
    calls: CallRecorder

    def changed(self, task: Task) -> Task:
        """Announce a task as it is stored now."""
        self.publish(TaskChanged(task))
        self.subscriptions.changed(task.id)
        return task


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
        self._finishing = asyncio.Lock()
        self._complained = False
        self.open: dict[str, Attempt] = {}
        """Steps that run, by key."""
        self.last = claim.detail.task
        """The task as this run stored it last."""

    async def step(self, spec: StepSpec, inputs: Mapping[str, str]) -> str:
        """See `RunContext.step`.

        Raises:
            StepFailed: it did not work.
            TaskSuspended: it has effects outside and broke off: running it again wants a yes.
            Fenced: another run has the task.
        """
        if spec.key in self._results:
            return self._results[spec.key]
        step = self._steps[spec.key]
        if step.attempts and not spec.repeatable and not step.approved:
            raise TaskSuspended(Reason.REPEAT, spec.key)
        attempt = self.open[spec.key] = Attempt(self._services, self._id, self._epoch, step, self._complain)
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
        """See `RunContext.wait`: the yes is kept with the step that asks."""
        if topic not in self._results:
            raise TaskSuspended(Reason.APPROVAL, topic)

    async def fail(self, failed: StepFailed, next_try: float | None) -> Task:
        """Store that a step failed, and with it the task, or when it is tried again.

        Raises:
            Fenced: another run has the task.
            StoreError: nothing was stored.
        """
        store, key = self._services.store, failed.spec.key
        if not (attempt := self.open.get(key)) or not attempt.begun:
            await store.begin_step(self._id, self._epoch, key)
        with self._services.calls.storing(step_owner(self._id, key)) as call:
            ended = call.failed_as(failed.error.code) if call is not None else None
            return await store.fail_step(
                self._id,
                self._epoch,
                key,
                text=failed.text,
                thinking=failed.thinking,
                error=failed.error.sentence,
                error_code=failed.error.code,
                next_try=next_try,
                end=next_try is None,
                calls=timed_calls(ended, attempt.usage if attempt else None),
            )

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
            *(self._id, self._epoch, key),
            text=failed.text,
            thinking=failed.thinking,
            error=error,
            uses_attempt=failed.wrote and not failed.spec.repeatable,
            worked=failed.wrote,
        )

    async def _carry_out(self, attempt: Attempt, inputs: Mapping[str, str]) -> StepResult:
        spec = attempt.spec
        runner = self._services.runners.get(spec.kind)
        if runner is None:
            raise BadPlan(f"This version cannot carry out a step of the kind {spec.kind}.")
        work = StepWork(
            self._detail,
            spec,
            inputs,
            attempt.text,
            attempt.begin,
            attempt.add,
            attempt.sort_anew,
            attempt.discard,
            attempt.reading,
        )
        SUBJECT.set(("task", self._id, "step", spec.key, spec.role, self._detail.task.ref))
        log.info("%s", f"goes on behind {len(attempt.text)} characters" if attempt.text else "begins")
        limit_s = spec.time_limit_s or self._services.settings.step_limit_s
        try:
            async with asyncio.timeout(limit_s) as time:
                return await runner.run(work)
        except TimeoutError as error:
            if not time.expired():
                raise
            raise StepTimedOut(f"The step {spec.title} took longer than its limit of {limit_s:g} s.") from error

    async def _finish(self, attempt: Attempt, outcome: StepResult) -> None:
        """Store a result, and with the last one the end of the task: all of it in one transaction."""
        key = attempt.spec.key
        await attempt.still()
        async with self._finishing:  # whether it is the last one is known when those before it are stored
            results = self._results | {key: outcome.text}
            end = None
            if results.keys() == self._steps.keys():
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
                )
            self._results = results
        del self.open[key]
        self.last = self._services.changed(task)
        log.info("is done: %d characters", len(outcome.text))

    def _complain(self, error: TaleError) -> None:
        if not self._complained:
            self._complained = True
            sentence = f"What {self._detail.task.title} writes is shown but not kept. {error.sentence}"
            self._services.publish(Notice(error.title, sentence, "error"))


def timed_calls(call: CallRecord | None, usage: Usage | None) -> tuple[CallRecord, ...]:
    """The call of a step, where there is one, with the times as the step has them."""
    if call is None:
        return ()
    return (call if usage is None else call.timed(usage),)


class Attempt:
    """A step while it runs: what it has written, and the copy of that in the store.

    Args:
        services: what runs work with.
        task_id: the task.
        epoch: of its run.
        step: as it was when the run began.
        complain: told when what it writes cannot be stored.
    """

    def __init__(
        self, services: RunServices, task_id: str, epoch: int, step: Step, complain: Callable[[TaleError], None]
    ) -> None:
        self._services = services
        self._id = task_id
        self._epoch = epoch
        self.spec = step.spec
        self._reply = self._new_reply(step.text, step.thinking if step.text else "")
        self._complain = complain
        self._saver = AutoSaver(self._save, complain)
        self.begun = False

    @property
    def text(self) -> str:
        """What is written."""
        return self._reply.text

    @property
    def thinking(self) -> str:
        """What was thought before it."""
        return self._reply.thinking

    @property
    def wrote(self) -> bool:
        """Whether anything came that was not there before."""
        return self._reply.tokens > 0

    @property
    def usage(self) -> Usage:
        """What it cost so far, by our own clock."""
        return self._reply.usage(None)

    async def begin(
        self, ref: ModelRef | None = None, why: str = "", *, fresh: bool = False, after: TaleError | None = None
    ) -> PartialReply:
        """See `step_runner.BeginStep`."""
        store, key = self._services.store, self.spec.key
        if self.begun and after is not None:
            with self._services.calls.storing(step_owner(self._id, key)) as call:
                await store.fail_step(
                    *(self._id, self._epoch, key),
                    text=self.text,
                    thinking=self.thinking,
                    error=after.sentence,
                    error_code=after.code,
                    calls=timed_calls(call, self.usage),
                )
            self.begun = False
        task = await store.begin_step(self._id, self._epoch, key, ref, why=why, fresh=fresh)
        self.begun = True
        self._reply = self._new_reply("" if fresh else self.text, "" if fresh else self.thinking)
        self._services.subscriptions.begin(self._id, key, self._reply)
        self._services.changed(task)
        return self._reply

    def add(self, piece: TextPiece) -> None:
        """Take a piece of what is written."""
        self._reply.add(piece)
        self._services.subscriptions.delta(self._id, self.spec.key, piece.text, piece.thinking, self._reply.tokens)
        self._saver.touch()

    def sort_anew(self, thinking: bool) -> None:
        """Take all that was written for thinking, or for the answer; whoever follows is shown the whole again."""
        self._reply.sort_anew(thinking=thinking)
        self._services.subscriptions.changed(self._id)
        self._saver.touch()

    def discard(self) -> None:
        """Forget what was written; whoever follows is shown so."""
        self._reply.discard()
        self._services.subscriptions.changed(self._id)
        self._saver.touch()

    def reading(self, done: int, total: int) -> None:
        """Tell how much of the prompt was read."""
        self._services.subscriptions.reading(self._id, self.spec.key, done, total)

    async def still(self) -> None:
        """Store nothing more by itself; what is being stored is stored."""
        await self._saver.close()

    async def close(self, *, keep: bool) -> None:
        """Nothing more is written.

        Args:
            keep: store what there is now: it broke off, and nothing else will.
        """
        await self.still()
        if keep and self._reply.tokens:
            try:
                await self._save()
            except StoreError as error:
                self._complain(error)
        self._services.subscriptions.end(self._id, self.spec.key)

    async def _save(self) -> None:
        with suppress(Fenced):  # the next change of this run is refused as well, and ends it
            reply = self._reply
            task = await self._services.store.save_step(
                self._id, self._epoch, self.spec.key, reply.text, reply.thinking, reply.tokens
            )
            self._services.publish(TaskChanged(task))

    def _new_reply(self, text: str, thinking: str) -> PartialReply:
        monotonic = self._services.clock.monotonic
        return PartialReply(text, thinking, monotonic(), monotonic)
