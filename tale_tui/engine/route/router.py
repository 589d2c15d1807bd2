"""Gathers what a choice of model depends on, has it made, and writes it to the log."""

from __future__ import annotations

import logging

from tale_tui.engine.models.pool import Pool
from tale_tui.engine.models.roles.roles import Roles
from tale_tui.engine.route.complexity import Complexity, complexity
from tale_tui.engine.route.rules import Candidate, Route, Rules, Signals, route
from tale_tui.engine.types import ModelRef, Role, RoleState
from tale_tui.settings import RouteSettings

log = logging.getLogger(__name__)


class Router:
    """Chooses models. Everything but a role that has not been looked for yet is read from memory.

    Args:
        roles: who serves, and how that is going.
        pool: what is in memory, and what failed lately.
        settings: the rules.
    """

    def __init__(self, roles: Roles, pool: Pool, settings: RouteSettings) -> None:
        self._roles = roles
        self._pool = pool
        self._rules = Rules(settings.tasks, settings.simple_tasks, settings.fallback)

    async def route(
        self,
        role: Role,
        *,
        p: float | None = None,
        text: str = "",
        prompt_tokens: int = 0,
        chosen: ModelRef | None = None,
    ) -> Route:
        """Choose the model for a reply or a step.

        Args:
            role: UX for a reply in a conversation, TASK for work.
            p: the probability with which it was detected as a task, where it was.
            text: of the task, which is judged for how hard it is; empty where no rule is to look at that.
            prompt_tokens: about how long the prompt is; 0 where it will be cut to fit.
            chosen: the model that the user chose for this.
        Raises:
            NoModel: there is none; the sentence says what to do.
        """
        if chosen is None and self._roles.status(role).ref is None:
            await self._roles.resolve()
        hard = complexity(text) if text.strip() else None
        found = route(self.signals(role, p=p, hard=hard, prompt_tokens=prompt_tokens, chosen=chosen))
        log.info(
            "%s goes to %s: %s%s%s",
            "a reply" if role is Role.UX else "a task",
            found.ref,
            found.why,
            f"; {hard.value}" if hard else "",
            f"; else {', '.join(map(str, found.fallbacks))}" if found.fallbacks else "",
        )
        return found

    def signals(
        self,
        role: Role,
        *,
        p: float | None = None,
        hard: Complexity | None = None,
        prompt_tokens: int = 0,
        chosen: ModelRef | None = None,
    ) -> Signals:
        """What a choice would depend on now; read from memory."""
        ux, task = self._candidate(Role.UX), self._candidate(Role.TASK)
        return Signals(role, ux, task, p, hard, prompt_tokens, chosen, self._rules)

    def preview(self, role: Role) -> ModelRef | None:
        """The model that would be asked now, for a display; None where there is none. Read from memory."""
        signals = self.signals(role)
        return route(signals).ref if signals.ux.ref or signals.task.ref else None

    def _candidate(self, role: Role) -> Candidate:
        status = self._roles.status(role)
        if status.ref is None:
            return Candidate(None, RoleState.UNSET, detail=status.detail)
        return Candidate(
            status.ref,
            status.state,
            resident=status.state is RoleState.READY or self._pool.resident(status.ref, role) is not None,
            given_up=self._pool.given_up(status.ref),
            window=self._pool.known_window(status.ref),
            detail=status.detail,
            demo=status.demo,
        )
