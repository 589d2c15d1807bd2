"""A step while it runs: what it has written, and the copy of that in the store."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress

from tale_tui.domain.errors import Fenced, StoreError, TaleError
from tale_tui.domain.events import TaskChanged
from tale_tui.domain.metrics import CallRecord, step_owner
from tale_tui.domain.models import ModelRef, Usage
from tale_tui.domain.tasks import Step, StepSpec
from tale_tui.engine.models.backend import TextPiece
from tale_tui.engine.store.tasks.steps import AttemptFailure
from tale_tui.engine.streaming import AutoSaver, PartialReply
from tale_tui.engine.tasks.run_services import RunServices


def timed_calls(call: CallRecord | None, usage: Usage | None) -> tuple[CallRecord, ...]:
    """The call of a step, where there is one, with the times as the step has them."""
    if call is None:
        return ()
    return (call if usage is None else call.timed(usage),)


class Attempt:
    """A step while it runs: what it has written, and the copy of that in the store.

    Args:
        services: what runs work with.
        task_id: the task.
        epoch: of its run.
        step: as it was when the run began.
        complain: told when what it writes cannot be stored.
        check: raises where a model may not do it.
        count: told how many tokens came; raises where those were too many.
    """

    def __init__(
        self,
        services: RunServices,
        task_id: str,
        epoch: int,
        step: Step,
        complain: Callable[[TaleError], None],
        check: Callable[[StepSpec, ModelRef | None], None],
        count: Callable[[StepSpec, int], None],
    ) -> None:
        self._services = services
        self._id = task_id
        self._epoch = epoch
        self.spec = step.spec
        self._reply = self._new_reply(step.text, step.thinking if step.text else "")
        self._complain = complain
        self._check = check
        self._count = count
        self._saver = AutoSaver(self._save, complain)
        self.begun = False
        self.time: asyncio.Timeout | None = None
        """That it has, while it is carried out."""

    @property
    def text(self) -> str:
        """What is written."""
        return self._reply.text

    @property
    def thinking(self) -> str:
        """What was thought before it."""
        return self._reply.thinking

    @property
    def wrote(self) -> bool:
        """Whether anything came that was not there before."""
        return self._reply.tokens > 0

    @property
    def usage(self) -> Usage:
        """What it cost so far, by our own clock."""
        return self._reply.usage(None)

    async def begin(
        self, ref: ModelRef | None = None, why: str = "", *, fresh: bool = False, after: TaleError | None = None
    ) -> PartialReply:
        """See `step_runner.BeginStep`."""
        self._check(self.spec, ref)
        store, key = self._services.store, self.spec.key
        if self.begun and after is not None:
            with self._services.calls.storing(step_owner(self._id, key)) as call:
                failure = AttemptFailure(
                    after.sentence,
                    after.code,
                    text=self.text,
                    thinking=self.thinking,
                    calls=timed_calls(call, self.usage),
                )
                await store.fail_step(self._id, self._epoch, key, failure)
            self.begun = False
        task = await store.begin_step(self._id, self._epoch, key, ref, why=why, fresh=fresh)
        self.begun = True
        self._reply = self._new_reply("" if fresh else self.text, "" if fresh else self.thinking)
        self._services.subscriptions.begin(self._id, key, self._reply)
        self._services.changed(task)
        return self._reply

    def add(self, piece: TextPiece) -> None:
        """Take a piece of what is written."""
        self._reply.add(piece)
        self._services.subscriptions.delta(self._id, self.spec.key, piece.text, piece.thinking, self._reply.tokens)
        self._saver.touch()
        self._count(self.spec, piece.tokens)

    def correct_thinking(self, thinking: bool) -> None:
        """Take all that was written for thinking, or for the answer; whoever follows is shown the whole again."""
        self._reply.correct_thinking(thinking=thinking)
        self._services.subscriptions.changed(self._id)
        self._saver.touch()

    def discard(self) -> None:
        """Forget what was written; whoever follows is shown so."""
        self._reply.discard()
        self._services.subscriptions.changed(self._id)
        self._saver.touch()

    def reading(self, done: int, total: int) -> None:
        """Tell how much of the prompt was read."""
        self._services.subscriptions.reading(self._id, self.spec.key, done, total)

    async def keep(self) -> None:
        """Store what there is now.

        Raises:
            StoreError: it cannot be stored.
        """
        if self._reply.tokens:
            await self._save()

    def stop(self) -> None:
        """Have it end as if its time were over, where it is being carried out."""
        if self.time is not None and not self.time.expired():
            self.time.reschedule(asyncio.get_running_loop().time())

    async def still(self) -> None:
        """Store nothing more by itself; what is being stored is stored."""
        await self._saver.close()

    async def close(self, *, keep: bool) -> None:
        """Nothing more is written.

        Args:
            keep: store what there is now: it broke off, and nothing else will.
        """
        await self.still()
        if keep:
            try:
                await self.keep()
            except StoreError as error:
                self._complain(error)
        self._services.subscriptions.end(self._id, self.spec.key)

    async def _save(self) -> None:
        with suppress(Fenced):  # the next change of this run is refused as well, and ends it
            reply = self._reply
            task = await self._services.store.save_step(
                self._id, self._epoch, self.spec.key, reply.text, reply.thinking, reply.tokens
            )
            self._services.publish(TaskChanged(task))

    def _new_reply(self, text: str, thinking: str) -> PartialReply:
        monotonic = self._services.clock.monotonic
        return PartialReply(text, thinking, monotonic(), monotonic)
