"""Work that a cancellation must not break in the middle."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any, TypeVar

T = TypeVar("T")

log = logging.getLogger(__name__)


async def uncancellable(work: Coroutine[Any, Any, T]) -> T:
    """Do all of it: a cancellation is heeded when it has ended.

    Raises:
        Exception: what `work` raised.
    """
    task = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        while not task.done():
            with suppress(asyncio.CancelledError):  # it is raised below, once
                await asyncio.wait([task])
        if not task.cancelled() and (error := task.exception()):
            log.warning("what was not to be broken off did not work: %s", error)
        raise
