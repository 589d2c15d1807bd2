"""Says what a model would be shown of a conversation if the next message were sent now."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial

from tale_tui.config.settings import Settings
from tale_tui.domain.clock import Clock
from tale_tui.domain.context import ContextPart, ContextReport, PartName
from tale_tui.domain.models import Role
from tale_tui.engine.chat.context_budget import DIGEST_SHARE, TokenBudget
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
            parts=tuple(replace(part, limit=self._limit(part, room)) for part in prompt.parts),
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
