"""Waiting for what happens by itself, so that a hang ends as a failure."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable
from typing import Any

PATIENCE_S = 20.0
"""After so long a condition is not going to come true any more."""
LOOK_S = 0.002
"""Between two looks whether it has."""


async def until(condition: Callable[[], Any], what: Callable[[], str] | str, *, limit_s: float = PATIENCE_S) -> None:
    """Wait for a condition.

    Args:
        condition: asked again and again; may be a coroutine function.
        what: names it where it does not come true.
        limit_s: the longest that it may take.
    """
    try:
        async with asyncio.timeout(limit_s):
            while not await _answer(condition):
                await asyncio.sleep(LOOK_S)
    except TimeoutError:
        raise AssertionError(f"never: {what if isinstance(what, str) else what()}") from None


async def _answer(condition: Callable[[], Any]) -> Any:
    answer = condition()
    return await answer if inspect.isawaitable(answer) else answer
