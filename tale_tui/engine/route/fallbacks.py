"""One model after the other is asked, where the first one fails."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import TypeVar

from tale_tui.domain.errors import ModelError
from tale_tui.domain.models import ModelRef, Role
from tale_tui.engine.models.roles.roles import Roles
from tale_tui.engine.route.router import Route, left_after

T = TypeVar("T")

log = logging.getLogger(__name__)


async def with_fallbacks(
    roles: Roles,
    route: Route,
    ask: Callable[[ModelRef, str, ModelError | None], Awaitable[T]],
    *,
    may_replace: Callable[[ModelError], bool],
    reason: Callable[[ModelRef, ModelError], str],
    role: Role = Role.UX,
) -> T:
    """Ask the model of a route, and where it fails those that may stand in for it.

    Args:
        roles: show that a model failed.
        route: the model, why that one, and the others.
        ask: asks a model; gets why this one, and why the one before it failed.
        may_replace: whether another model may be asked after an error: not where something was written already.
        reason: why another model is asked in the place of one that failed.
        role: for whom they are asked.
    Raises:
        ModelError: of the last one that was asked.
    """
    ref, why, others = route.ref, route.why, list(route.fallbacks)
    before: ModelError | None = None
    while True:
        try:
            return await ask(ref, why, before)
        except ModelError as error:
            log.info("%s did not answer: %s: %s", ref, error.code, error)
            await roles.failed(ref, error, role=role)
            others = left_after(error, ref, others)
            if not others or not may_replace(error):
                raise
            why, before = reason(ref, error), error
            ref = others.pop(0)
