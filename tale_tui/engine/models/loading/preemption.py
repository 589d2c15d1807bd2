"""Conversation goes before tasks where both ask one model, or models of which a server holds one at a time: it would
let the reply wait for their end.

How many calls a server answers at once cannot be asked. So a reply that has no word after a moment, while tasks are
written that it may be waiting for, interrupts these; they go on from their text when it has come to its end.
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

    Attributes:
        contend: whether calls of two models wait for each other; those of one model may.
    """

    def __init__(self, patience_s: float) -> None:
        self.contend: Callable[[ModelRef, ModelRef], bool] = ModelRef.__eq__
        self._patience_s = patience_s
        self._tasks: defaultdict[ModelRef, set[asyncio.Timeout]] = defaultdict(set)
        self._replies: Counter[ModelRef] = Counter()
        self._reply_ended = asyncio.Event()
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
        """Wait until no reply is written for which a task of this model had to make way."""
        while any(self.contend(reply, ref) for reply in self._replies.elements()):
            self._reply_ended.clear()
            await self._reply_ended.wait()

    @contextmanager
    def reply(self, ref: ModelRef, interrupting: Callable[[ModelRef], None]) -> Iterator[Callable[[], None]]:
        """A reply is written by a model meanwhile, which may have to be loaded first.

        Args:
            ref: the model.
            interrupting: called when it has waited and tasks are made to wait for it, with the model that writes them.
        Returns:
            What is to be called at its first word.
        """
        patience = asyncio.get_running_loop().call_later(self._patience_s, self._interrupt, ref, interrupting)
        self._replies[ref] += 1
        try:
            yield patience.cancel
        finally:
            patience.cancel()
            self._replies[ref] -= 1
            self._reply_ended.set()

    def _interrupt(self, ref: ModelRef, interrupting: Callable[[ModelRef], None]) -> None:
        for writer, tasks in self._tasks.items():
            if not tasks or not self.contend(ref, writer):
                continue
            interrupting(writer)
            if writer not in self._left_alone:
                for task in tasks:
                    task.reschedule(asyncio.get_running_loop().time())
