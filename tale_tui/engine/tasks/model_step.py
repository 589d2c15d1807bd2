"""Carries out steps that ask a model: which one, with what prompt, and the other one where that fails."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import nullcontext
from dataclasses import dataclass

from tale_tui.config.logs import SUBJECT
from tale_tui.config.settings import ChatSettings, TaskSettings
from tale_tui.domain.complexity import Complexity
from tale_tui.domain.constants import TASK_PROMPT_MESSAGES
from tale_tui.domain.errors import BrokenStream, CannotContinue, ContextFull, ModelError, Refused, TaleError
from tale_tui.domain.forecasts import LengthBudget, TaskForecast
from tale_tui.domain.metrics import CallKind, CallLabels
from tale_tui.domain.models import FinishReason, ModelRef, Role
from tale_tui.domain.tasks import DetectLabel, Reason, StepKind, likelier
from tale_tui.engine.learning.complexity import ComplexityModels
from tale_tui.engine.metrics.budgets import Budgets
from tale_tui.engine.models.backend import ChatMessage, ChatRequest, Finished, TextPiece
from tale_tui.engine.models.loading.preemption import Preempted
from tale_tui.engine.models.pool import Pool
from tale_tui.engine.models.roles.roles import Roles
from tale_tui.engine.route.router import Router, with_fallbacks
from tale_tui.engine.store.store import Store
from tale_tui.engine.store.task_forecasts import step_text
from tale_tui.engine.streaming import PartialReply, load_model, stream_reply
from tale_tui.engine.tasks.interpreter import TaskSuspended
from tale_tui.engine.tasks.prompts import asked_tokens, prompt_bytes, room_for, shortened_conversation, step_messages
from tale_tui.engine.tasks.step_runner import StepResult, StepWork
from tale_tui.formatting.no_answer import no_answer

_SURELY_AT = 0.95
"""The share of a limit from which on an answer that was cut was cut by it: servers count a little otherwise."""

StepPrompt = Callable[[int, int | None], tuple[ChatMessage, ...]]
"""What is asked, by about how long that may be, in bytes, and by how many words its like have at most, as a rule."""


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
    complexities: ComplexityModels
    length_budget: Callable[[ModelRef, str, Complexity], Awaitable[LengthBudget]]
    """What a model may write for a text of a complexity before somebody is asked."""
    forecast_of: Callable[[str], Awaitable[TaskForecast | None]]
    """What is foreseen of a task, by its id."""
    rules: str = ""
    """What the user wants heeded in every task; empty for nothing."""


class ModelStepRunner:
    """A runner for steps of the kind model.

    Args:
        services: what asking models takes.
    """

    def __init__(self, services: TaskServices) -> None:
        self._services = services

    async def run(self, work: StepWork) -> StepResult:
        """See `StepRunner.run`. A model that fails before it wrote anything is stood in for by its fallbacks."""
        services, task, spec = self._services, work.detail.task, work.spec
        if spec.ref is not None:  # what was chosen for a step is never replaced
            route = await services.router.route(spec.role, chosen=spec.ref)
        else:
            route = await services.router.route(
                spec.role,
                p=task.p,
                simple=task.p_simple,
                given=task.given,
                prompt_tokens=asked_tokens(work.detail.text, spec),
            )
        conversation = ""
        if task.message_id is not None:
            source = await services.store.prompt_source(task.message_id, TASK_PROMPT_MESSAGES + 1)
            conversation = shortened_conversation(source.messages, work.detail.text, next(iter(source.digests), None))

        def messages(room_bytes: int, words: int | None) -> tuple[ChatMessage, ...]:
            detail = work.detail
            return step_messages(
                plan=detail.plan,
                spec=spec,
                text=detail.text,
                inputs=work.inputs,
                conversation=conversation,
                room_bytes=room_bytes,
                words=words,
                rules=services.rules,
            )

        hard = await services.complexities.level(work.detail.text)
        call = StepCall(services, work, messages, hard, partial=work.text)
        return await with_fallbacks(
            services.roles,
            route,
            call.answer,
            may_replace=lambda _: not call.wrote,
            reason=lambda ref, _: f"in place of {ref.model}, which failed",
            role=Role.TASK,
        )


class StepCall:
    """A step that a model carries out, and perhaps another one after it: the same text goes on.

    Args:
        services: what asking models takes.
        work: the step.
        messages: what is asked.
        hard: how hard the task is.
        partial: the beginning of the answer, which is gone on with; empty for a step from its beginning.
        schema: the form that the answer has to have, as a JSON schema; empty for none.
    """

    def __init__(
        self,
        services: TaskServices,
        work: StepWork,
        messages: StepPrompt,
        hard: Complexity,
        *,
        partial: str,
        schema: str = "",
    ) -> None:
        self._services = services
        self._work = work
        self._messages = messages
        self._hard = hard
        self._partial = partial
        self._schema = schema
        self._budget: LengthBudget | None = None
        """What may be written before somebody is asked; None for as much as the settings allow."""
        self.wrote = False
        """Whether anything came."""

    async def answer(self, ref: ModelRef, why: str, after: TaleError | None) -> StepResult:
        """Load a model and have it write; from the beginning where it cannot go on with what is there, and without a
        form where its server refuses that.

        Args:
            ref: the model.
            why: why this one.
            after: why another model failed that was asked before, or what it wrote cannot be used.
        Raises:
            ModelError: what happened.
            BudgetSpent: the settings stop tasks whose budget is spent.
            TaskSuspended: they have them ask; or it writes far more than its like, and they have it ask then.
        """
        if not self._work.detail.task.over_budget and await self._is_above_budget(ref):
            raise TaskSuspended(Reason.BUDGET, "")
        try:
            return await self._write(ref, why, after)
        except (CannotContinue, Refused, ContextFull) as error:
            if isinstance(error, CannotContinue):
                self._services.pool.preemption.leave_alone(ref)
            if self.wrote or not (self._partial or self._schema):
                raise
            self._partial = self._schema = ""
            return await self._write(ref, why, error)

    async def _is_above_budget(self, ref: ModelRef) -> bool:
        """Whether a budget is spent, or has less left than is foreseen of a task that has not begun."""
        budgets, detail, foreseen = self._services.budgets, self._work.detail, 0.0
        began = any(step.attempts for step in detail.steps if step.spec.kind == StepKind.MODEL)
        if budgets.has_for(ref) and not began:
            forecast = await self._services.forecast_of(detail.task.id)
            foreseen = forecast.tokens if forecast is not None else 0.0
        return await budgets.check(ref, foreseen) is not None

    async def _write(self, ref: ModelRef, why: str, after: TaleError | None) -> StepResult:
        work, services = self._work, self._services
        SUBJECT.set(("task", work.detail.task.id, "step", work.spec.key, work.spec.role, ref))
        reply = await work.begin(ref, why, fresh=not self._partial, after=after)
        await self._load(ref, reply)
        end = await self._write_to_end(ref, why, reply)
        over = self._is_over(end, reply)
        if over and not reply.text.strip():  # it only thought, so there is nothing to ask about
            self._budget = None
            work.discard()
            end, over = await self._write_to_end(ref, why, reply), False
        if over and services.settings.over_length == "ask":
            raise TaskSuspended(Reason.LENGTH, work.spec.key)
        max_tokens = work.spec.max_tokens or services.settings.max_tokens
        cut = end.reason is FinishReason.LENGTH
        if not reply.text.strip():
            raise _said_nothing(ref, end.reason, reply, max_tokens)
        if work.spec.role is Role.TASK:
            await services.roles.served(Role.TASK, ref)
        why = f"{why}; cut off at its limit of tokens" if cut else why
        return StepResult(reply.text, reply.thinking, ref, reply.usage(end), why)

    async def _load(self, ref: ModelRef, reply: PartialReply) -> None:
        """Have the model in memory, and know meanwhile what it may write."""
        services, work = self._services, self._work
        budget: asyncio.Future[LengthBudget] | None = None
        is_free = work.spec.kind == StepKind.MODEL and work.spec.max_tokens is None and not work.may_go_on
        if services.settings.over_length != "off" and is_free:
            asked = step_text(work.spec, work.detail.text)
            budget = asyncio.ensure_future(services.length_budget(ref, asked, self._hard))
        try:
            await load_model(services.roles, ref, reply, lambda: work.reading(0, 0), role=Role.TASK)
            self._budget = await budget if budget is not None else None
        finally:
            if budget is not None:
                budget.cancel()

    async def _write_to_end(self, ref: ModelRef, why: str, reply: PartialReply) -> Finished:
        """What ended the answer."""
        while (end := await self._stream(ref, why, reply)) is None:  # it made way for a reply
            self._partial = reply.text
            if not self._partial:
                self._work.discard()
            await self._services.pool.preemption.replies_ended(ref)
        return end

    def _is_over(self, end: Finished, reply: PartialReply) -> bool:
        """Whether its budget ended the answer, and not the window of the model or the server itself."""
        if self._budget is None or end.reason is not FinishReason.LENGTH:
            return False
        written = end.completion_tokens if end.completion_tokens is not None else reply.tokens
        return self._max_tokens < self._services.settings.max_tokens and written >= _SURELY_AT * self._budget.limit

    @property
    def _max_tokens(self) -> int:
        """The most that may be written now."""
        most = self._work.spec.max_tokens or self._services.settings.max_tokens
        return most if self._budget is None else min(most, self._budget.limit)

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
        self.wrote = self.wrote or bool(piece.text or piece.thinking)
        self._work.add(piece)

    def correct_thinking(self, *, thinking: bool) -> None:
        """See `ReplyReader`."""
        self._work.correct_thinking(thinking)

    def progress(self, done: int, total: int) -> None:
        """See `ReplyReader`."""
        self._work.reading(done, total)

    async def _request(self, ref: ModelRef, why: str, reply: PartialReply) -> ChatRequest:
        services = self._services
        window = await services.pool.window(ref)
        served = min(window, services.pool.known_window(ref) or window)
        max_tokens = self._max_tokens
        words = self._budget.words if self._budget is not None else None
        messages = self._messages(prompt_bytes(served, max_tokens), words)
        return ChatRequest(
            model=ref.model,
            messages=messages,
            window=window,
            max_tokens=room_for(messages, served, max_tokens, self._partial),
            temperature=services.chat.temperature,
            think=services.chat.think,
            continue_text=self._partial,
            role=Role.TASK,
            schema=self._schema,
            labels=self._labels(why, reply),
        )

    def _labels(self, why: str, reply: PartialReply) -> CallLabels:
        task = self._work.detail.task
        return CallLabels(
            CallKind.STEP,
            task_type=DetectLabel.TASK if task.p is None else likelier(task.p),
            complexity=self._hard,
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
