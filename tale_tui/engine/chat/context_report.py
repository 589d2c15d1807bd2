"""Says what a model would be shown of a conversation if the next message were sent now.

How full the window is, is what the newest reply and its prompt were counted, as the gauge of the window shows it, where
the same model wrote it; what that is made of is estimated from the next prompt.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial

from tale_tui.config.settings import Settings
from tale_tui.domain.clock import Clock
from tale_tui.domain.context import ContextPart, ContextReport, PartName, scaled_parts
from tale_tui.domain.models import ModelRef, Role
from tale_tui.engine.chat.context_budget import DIGEST_SHARE, TokenBudget
from tale_tui.engine.chat.context_window import CUT_SHARE, ModelPrompt
from tale_tui.engine.chat.digests import DigestService
from tale_tui.engine.chat.prompt_builder import PromptBranch, PromptBuilder
from tale_tui.engine.models.pool import Pool
from tale_tui.engine.models.roles.roles import Roles
from tale_tui.engine.store.store import Store


@dataclass(frozen=True, slots=True)
class ContextReporter:
    """Makes reports."""

    store: Store
    pool: Pool
    roles: Roles
    prompt_builder: PromptBuilder
    digests: DigestService
    settings: Settings
    clock: Clock

    async def report(self, session_id: str) -> ContextReport:
        """As `api.ChatApi.context` describes it."""
        session = await self.store.session(session_id)
        ref = await self.roles.serving(Role.UX)
        asked = await self.pool.window(ref)
        window = min(asked, self.pool.known_window(ref) or asked)
        branch = PromptBranch(self.store, partial(self.store.branch_source, session_id), session_id, self.clock.now)
        await branch.read()
        prompt = await self.prompt_builder.of_branch(branch, ref, window)
        room = self.prompt_builder.room(ref, window)
        return ContextReport(
            session_id=session_id,
            ref=ref,
            window=window,
            parts=tuple(replace(part, limit=self._limit(part, room)) for part in _counted(branch, prompt, ref)),
            turns=session.turns,
            turns_shown=prompt.turns if branch.asks else prompt.turns - 1,
            digest=prompt.digest or next(iter(branch.digests), None),
            digest_shown=prompt.digest is not None,
            summaries=self.settings.context.summaries,
            why_none=self.digests.why_none(session_id),
        )

    def _limit(self, part: ContextPart, room: TokenBudget) -> int | None:
        match part.name:
            case PartName.RECALL:
                return self.prompt_builder.recall_budget(room, "") if self.settings.recall.enabled else 0
            case PartName.DIGEST:
                return room.limit // DIGEST_SHARE
            case _:
                return None


def _counted(branch: PromptBranch, prompt: ModelPrompt, ref: ModelRef) -> tuple[ContextPart, ...]:
    """The parts of the next prompt, made to add up to what the newest reply and its prompt were counted; as they were
    estimated where another model wrote it, or nobody counted all of it."""
    last = next((message for message in reversed(branch.messages) if message.usage is not None), None)
    if last is None or last.usage is None or last.usage.prompt_tokens is None or last.ref != ref:
        return prompt.parts
    used = last.usage.prompt_tokens + (last.usage.completion_tokens or 0)
    if used < CUT_SHARE * prompt.tokens:  # a server leaves out what it had in its cache
        return prompt.parts
    answer = tuple(part for part in prompt.parts if part.name is PartName.ANSWER)
    return (*scaled_parts([part for part in prompt.parts if part.name is not PartName.ANSWER], used), *answer)
