"""Waiting that a test lets pass."""

from __future__ import annotations

import asyncio
from collections import deque

from support.waiting import until


class Naps:
    """In the place of `asyncio.sleep`: each nap lasts until the test ends it.

    Attributes:
        lengths: of all that began, in seconds.
    """

    def __init__(self) -> None:
        self.lengths: list[float] = []
        self._open: deque[asyncio.Future[None]] = deque()

    async def sleep(self, seconds: float) -> None:
        """Wait until the test says so."""
        self.lengths.append(seconds)
        nap = asyncio.get_running_loop().create_future()
        self._open.append(nap)
        await nap

    async def end_one(self) -> None:
        """End the nap that began first, and wait until whoever woke has done what it does."""
        await until(lambda: self._open, "somebody naps")
        self._open.popleft().set_result(None)
        for _ in range(20):
            await asyncio.sleep(0)
