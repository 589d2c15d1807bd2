"""Conversation goes before tasks where both ask one model: a server with one slot would let it wait for their end.

How many calls a server answers at once cannot be asked. So a reply that has no word after a moment, while tasks are
written by the same model, interrupts these; they go on from their text when it has come to its end.
"""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager

from tale_tui.domain.models import ModelRef


class Preempted(Exception):
    """A reply needs the model: what was written until now is gone on with after it."""


class Preemption:
    """Knows which models write tasks and replies.

    Args:
        patience_s: for how many seconds a reply waits for its first word before tasks make way.
    """

    def __init__(self, patience_s: float) -> None:
        self._patience_s = patience_s
        self._tasks: defaultdict[ModelRef, set[asyncio.Timeout]] = defaultdict(set)
        self._replies: Counter[ModelRef] = Counter()
        self._no_replies: defaultdict[ModelRef, asyncio.Event] = defaultdict(asyncio.Event)
        self._left_alone: set[ModelRef] = set()

    def leave_alone(self, ref: ModelRef) -> None:
        """Tasks of this model would have to begin again: none is interrupted any more."""
        self._left_alone.add(ref)

    @asynccontextmanager
    async def task(self, ref: ModelRef) -> AsyncIterator[None]:
        """A step of a task is written by a model meanwhile.

        Raises:
            Preempted: a reply needs the model.
        """
        interruption: asyncio.Timeout | None = None
        try:
            async with asyncio.timeout(None) as interruption:
                self._tasks[ref].add(interruption)
                yield
        except TimeoutError as error:
            if interruption is None or not interruption.expired():
                raise
            raise Preempted from error
        finally:
            if interruption is not None:
                self._tasks[ref].discard(interruption)

    async def replies_ended(self, ref: ModelRef) -> None:
        """Wait until no reply is written by a model."""
        while self._replies[ref]:
            await self._no_replies[ref].wait()

    @contextmanager
    def reply(self, ref: ModelRef, interrupting: Callable[[], None]) -> Iterator[Callable[[], None]]:
        """A reply is written by a model meanwhile.

        Args:
            ref: the model.
            interrupting: called when it has waited and tasks of the same model are made to wait for it.
        Returns:
            What is to be called at its first word.
        """
        patience = asyncio.get_running_loop().call_later(self._patience_s, self._interrupt, ref, interrupting)
        self._replies[ref] += 1
        self._no_replies[ref].clear()
        try:
            yield patience.cancel
        finally:
            patience.cancel()
            self._replies[ref] -= 1
            if not self._replies[ref]:
                self._no_replies[ref].set()

    def _interrupt(self, ref: ModelRef, interrupting: Callable[[], None]) -> None:
        if not self._tasks[ref]:
            return
        interrupting()
        if ref not in self._left_alone:
            for task in self._tasks[ref]:
                task.reschedule(asyncio.get_running_loop().time())
