"""Carries out steps that ask a model: which one, with what prompt, and the other one where that fails."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import aclosing
from dataclasses import dataclass

from tale_tui.config.settings import ChatSettings, TaskSettings
from tale_tui.domain.errors import BrokenStream, ModelError, Refused
from tale_tui.domain.models import FinishReason, ModelRef, Role
from tale_tui.domain.tasks import StepSpec
from tale_tui.engine.models.backend import ChatMessage, ChatRequest, Finished, PromptRead, TextPiece
from tale_tui.engine.models.pool import Pool
from tale_tui.engine.models.roles.roles import Roles
from tale_tui.engine.route.router import Router, left_after
from tale_tui.engine.store.store import Store
from tale_tui.engine.streaming import PartialReply
from tale_tui.engine.tasks.prompts import DIGEST_MESSAGES, digest, prompt_bytes, room_for, step_messages
from tale_tui.engine.tasks.step_runner import StepResult, StepWork

log = logging.getLogger(__name__)

BREATH_PIECES = 64
"""After so many pieces that were there already everybody else has a turn: a burst must not hold the event loop."""


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


class ModelStepRunner:
    """A runner for steps of the kind model.

    Args:
        tools: what asking models takes.
    """

    def __init__(self, tools: TaskServices) -> None:
        self._tools = tools

    async def run(self, work: StepWork) -> StepResult:
        """See `StepRunner.run`. A model that fails before it wrote anything is stood in for by its fallbacks."""
        route = await self._tools.router.route(
            work.spec.role, p=work.detail.task.p, text=work.detail.text if work.spec.role is Role.TASK else ""
        )
        conversation = await self._conversation(work)
        ref, why, after, others = route.ref, route.why, None, list(route.fallbacks)
        while True:
            call = _Call(self._tools, work, ref, why)
            try:
                return await call.answer(conversation, after)
            except ModelError as error:
                log.info("%s of %s with %s: %s: %s", *(work.spec.key, work.detail.task.id, ref, error.code, error))
                await self._tools.roles.failed(ref, error, role=Role.TASK)
                others = left_after(error, ref, others)
                if call.wrote or not others:
                    raise
                why, after = f"in place of {ref.model}, which failed", error
                ref = others.pop(0)

    async def _conversation(self, work: StepWork) -> str:
        """The digest of the conversation that the task came up in; empty where it has no card there."""
        card = work.detail.task.message_id
        if card is None:
            return ""
        branch, _ = await self._tools.store.branch_above(card, DIGEST_MESSAGES + 1)
        return digest(branch, work.detail.text)


class _Call:
    """One model asked for one step.

    Args:
        tools: what asking models takes.
        work: the step.
        ref: the model.
        why: why this one.
    """

    def __init__(self, tools: TaskServices, work: StepWork, ref: ModelRef, why: str) -> None:
        self._tools = tools
        self._work = work
        self._ref = ref
        self._why = why
        self.wrote = False
        """Whether anything came."""

    async def answer(self, conversation: str, after: ModelError | None) -> StepResult:
        """Load the model and have it write.

        Args:
            conversation: the digest.
            after: why another model failed that was asked before.
        Raises:
            ModelError: what happened.
        """
        work, tools = self._work, self._tools
        draft = await work.begin(self._ref, self._why, fresh=not work.text, after=after)
        await self._load(draft)
        end = await self._stream(draft, await self._request(conversation))
        max_tokens = work.spec.max_tokens or tools.settings.max_tokens
        cut = end.reason is FinishReason.LENGTH
        if not draft.text.strip():
            raise _said_nothing(self._ref, max_tokens, cut=cut)
        if work.spec.role is Role.TASK:
            await tools.roles.served(Role.TASK, self._ref)
        why = f"{self._why}; cut off at its limit of tokens" if cut else self._why
        return StepResult(draft.text, draft.thinking, self._ref, draft.usage(end), why)

    async def _load(self, draft: PartialReply) -> None:
        tools, began = self._tools, self._tools.monotonic()
        waited = False

        def waiting() -> None:
            nonlocal waited
            waited = True
            self._work.reading(0, 0)

        await tools.roles.load(self._ref, waiting, role=Role.TASK)
        draft.loaded(tools.monotonic() - began if waited else 0.0)

    async def _request(self, conversation: str) -> ChatRequest:
        work, tools = self._work, self._tools
        window = await tools.pool.window(self._ref)
        served = min(window, tools.pool.known_window(self._ref) or window)
        max_tokens = work.spec.max_tokens or tools.settings.max_tokens
        messages = self._messages(work.spec, conversation, prompt_bytes(served, max_tokens))
        return ChatRequest(
            model=self._ref.model,
            messages=messages,
            window=window,
            max_tokens=room_for(messages, served, max_tokens, work.text),
            temperature=tools.chat.temperature,
            think=tools.chat.think,
            continue_text=work.text,
            role=Role.TASK,
        )

    def _messages(self, spec: StepSpec, conversation: str, room_bytes: int) -> tuple[ChatMessage, ...]:
        detail = self._work.detail
        return step_messages(detail.plan, spec, detail.text, self._work.inputs, conversation, room_bytes=room_bytes)

    async def _stream(self, draft: PartialReply, request: ChatRequest) -> Finished:
        end: Finished | None = None
        pieces = 0
        async with aclosing(self._tools.pool.chat(self._ref, request)) as events:
            async for event in events:
                match event:
                    case TextPiece():
                        self.wrote = True
                        self._work.add(event)
                        pieces += 1
                        if pieces % BREATH_PIECES == 0:
                            await asyncio.sleep(0)
                    case PromptRead(done, total):
                        self._work.reading(done, total)
                    case Finished():
                        end = event
        if end is None:
            raise BrokenStream("The model stopped in the middle. What came is kept.")
        return end


def _said_nothing(ref: ModelRef, max_tokens: int, *, cut: bool) -> ModelError:
    if cut:
        return Refused(
            f"{ref.model} thought for all of its {max_tokens} tokens and wrote nothing. Raise tasks.max_tokens, or set "
            "chat.think to false."
        )
    return BrokenStream(f"{ref.model} ended without a word.")
