"""Carries out steps that ask a model: which one, with what prompt, and the other one where that fails."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass

from tale_tui.config.logs import SUBJECT
from tale_tui.config.settings import ChatSettings, TaskSettings
from tale_tui.domain.constants import TASK_PROMPT_MESSAGES
from tale_tui.domain.errors import BrokenStream, CannotContinue, ContextFull, ModelError, Refused
from tale_tui.domain.metrics import CallKind, CallLabels
from tale_tui.domain.models import FinishReason, ModelRef, Role
from tale_tui.domain.tasks import DetectLabel, Reason, likelier
from tale_tui.engine.metrics.budgets import Budgets
from tale_tui.engine.models.backend import ChatRequest, Finished, TextPiece
from tale_tui.engine.models.loading.preemption import Preempted
from tale_tui.engine.models.pool import Pool
from tale_tui.engine.models.roles.roles import Roles
from tale_tui.engine.route.complexity import complexity
from tale_tui.engine.route.router import Router, with_fallbacks
from tale_tui.engine.store.store import Store
from tale_tui.engine.streaming import PartialReply, load_model, stream_reply
from tale_tui.engine.tasks.interpreter import TaskSuspended
from tale_tui.engine.tasks.prompts import prompt_bytes, room_for, shortened_conversation, step_messages
from tale_tui.engine.tasks.step_runner import StepResult, StepWork
from tale_tui.formatting.no_answer import no_answer


@dataclass(frozen=True, slots=True)
class TaskServices:
    """What asking models takes."""

    store: Store
    pool: Pool
    roles: Roles
    router: Router
    settings: TaskSettings
    chat: ChatSettings
    monotonic: Callable[[], float]
    budgets: Budgets


class ModelStepRunner:
    """A runner for steps of the kind model.

    Args:
        services: what asking models takes.
    """

    def __init__(self, services: TaskServices) -> None:
        self._services = services

    async def run(self, work: StepWork) -> StepResult:
        """See `StepRunner.run`. A model that fails before it wrote anything is stood in for by its fallbacks."""
        services, task = self._services, work.detail.task
        route = await services.router.route(
            work.spec.role, p=task.p, text=work.detail.text if work.spec.role is Role.TASK else ""
        )
        conversation = ""
        if task.message_id is not None:
            source = await services.store.prompt_source(task.message_id, TASK_PROMPT_MESSAGES + 1)
            conversation = shortened_conversation(source.messages, work.detail.text)
        call = _Call(services, work, conversation)
        return await with_fallbacks(
            services.roles,
            route,
            call.answer,
            may_replace=lambda _: not call.wrote,
            reason=lambda ref, _: f"in place of {ref.model}, which failed",
            role=Role.TASK,
        )


class _Call:
    """Asks models for one step.

    Args:
        services: what asking models takes.
        work: the step.
        conversation: the digest of the one that the task came up in; empty where it has no card there.
    """

    def __init__(self, services: TaskServices, work: StepWork, conversation: str) -> None:
        self._services = services
        self._work = work
        self._conversation = conversation
        self._partial = work.text
        """What is gone on with; empty for a step from its beginning."""
        self.wrote = False
        """Whether anything came."""

    async def answer(self, ref: ModelRef, why: str, after: ModelError | None) -> StepResult:
        """Load a model and have it write; from the beginning where it cannot go on with what is there.

        Args:
            ref: the model.
            why: why this one.
            after: why another model failed that was asked before.
        Raises:
            ModelError: what happened.
            BudgetSpent: the settings stop tasks whose budget is spent.
            TaskSuspended: they have them ask.
        """
        over_budget = self._work.detail.task.over_budget
        if not over_budget and await self._services.budgets.check(ref) is not None:
            raise TaskSuspended(Reason.BUDGET, "")
        try:
            return await self._write(ref, why, after)
        except (CannotContinue, Refused, ContextFull) as error:
            if isinstance(error, CannotContinue):
                self._services.pool.preemption.leave_alone(ref)
            if self.wrote or not self._partial:
                raise
            self._partial = ""
            return await self._write(ref, why, error)

    async def _write(self, ref: ModelRef, why: str, after: ModelError | None) -> StepResult:
        work, services = self._work, self._services
        SUBJECT.set(("task", work.detail.task.id, "step", work.spec.key, work.spec.role, ref))
        reply = await work.begin(ref, why, fresh=not self._partial, after=after)
        await load_model(services.roles, ref, reply, lambda: work.reading(0, 0), role=Role.TASK)
        while (end := await self._stream(ref, why, reply)) is None:  # it made way for a reply
            self._partial = reply.text
            if not self._partial:
                work.discard()
            await services.pool.preemption.replies_ended(ref)
        max_tokens = work.spec.max_tokens or services.settings.max_tokens
        cut = end.reason is FinishReason.LENGTH
        if not reply.text.strip():
            raise _said_nothing(ref, end.reason, reply, max_tokens)
        if work.spec.role is Role.TASK:
            await services.roles.served(Role.TASK, ref)
        why = f"{why}; cut off at its limit of tokens" if cut else why
        return StepResult(reply.text, reply.thinking, ref, reply.usage(end), why)

    async def _stream(self, ref: ModelRef, why: str, reply: PartialReply) -> Finished | None:
        """What ended the answer; None where a reply needed the model."""
        services, request = self._services, await self._request(ref, why, reply)
        own_process = services.pool.separate(ref)
        broken = "The model stopped in the middle. What came is kept."
        try:
            async with nullcontext() if own_process else services.pool.preemption.task(ref):
                return await stream_reply(services.store, services.pool, ref, request, self, broken=broken)
        except Preempted:
            return None

    def piece(self, piece: TextPiece) -> None:
        """See `ReplyReader`."""
        self.wrote = True
        self._work.add(piece)

    def sort_anew(self, *, thinking: bool) -> None:
        """See `ReplyReader`."""
        self._work.sort_anew(thinking)

    def progress(self, done: int, total: int) -> None:
        """See `ReplyReader`."""
        self._work.reading(done, total)

    async def _request(self, ref: ModelRef, why: str, reply: PartialReply) -> ChatRequest:
        work, services, detail = self._work, self._services, self._work.detail
        window = await services.pool.window(ref)
        served = min(window, services.pool.known_window(ref) or window)
        max_tokens = work.spec.max_tokens or services.settings.max_tokens
        messages = step_messages(
            *(detail.plan, work.spec, detail.text, work.inputs, self._conversation),
            room_bytes=prompt_bytes(served, max_tokens),
        )
        return ChatRequest(
            model=ref.model,
            messages=messages,
            window=window,
            max_tokens=room_for(messages, served, max_tokens, self._partial),
            temperature=services.chat.temperature,
            think=services.chat.think,
            continue_text=self._partial,
            role=Role.TASK,
            labels=self._labels(why, reply),
        )

    def _labels(self, why: str, reply: PartialReply) -> CallLabels:
        detail, task = self._work.detail, self._work.detail.task
        return CallLabels(
            CallKind.STEP,
            task_type=DetectLabel.TASK if task.p is None else likelier(task.p),
            complexity=complexity(detail.text),
            task_id=task.id,
            step=self._work.spec.key,
            session_id=task.session_id or "",
            message_id=task.message_id or "",
            why=why,
            asked=reply.began,
            loaded_ms=(reply.load_s or 0.0) * 1000,
        )


def _said_nothing(ref: ModelRef, reason: FinishReason, reply: PartialReply, max_tokens: int) -> ModelError:
    sentence = no_answer(ref.model, reason, thought=bool(reply.thinking), limit=f"its {max_tokens}", setting="tasks")
    # Asked the same again it may answer, unless it was cut off or kept back.
    return Refused(sentence) if reason in (FinishReason.LENGTH, FinishReason.FILTER) else BrokenStream(sentence)
