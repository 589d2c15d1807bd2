"""Whoever looks at a task while it goes: everything at first, then what is added, never more than they can take in."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import replace

from tale_tui.domain.constants import DELTA_INTERVAL_S
from tale_tui.domain.events import StepDelta, StepReading, TaskEvent, TaskSeen
from tale_tui.domain.tasks import ENDED, Step, StepState, TaskDetail
from tale_tui.engine.streaming import PartialReply

UNREAD_LIMIT = 64_000
"""Characters that wait for one slow reader, at most; beyond that it is shown the whole task again."""


class TaskSubscription:
    """What one reader of a task has not read yet."""

    def __init__(self) -> None:
        self._deltas: list[tuple[str, bool, list[str], int]] = []
        """Runs of one step and kind: its key, is it thinking, pieces, all tokens of the step after them."""
        self._readings: dict[str, StepReading] = {}
        self._unread = 0
        self._something = asyncio.Event()
        self.stale = True
        """Whether the whole is to be shown, before anything else."""
        self.closed = False

    def changed(self) -> None:
        """The task is in another state or step."""
        self.stale = True
        self._something.set()

    def close(self) -> None:
        """Nothing more will come."""
        self.closed = True
        self._something.set()

    def delta(self, key: str, text: str, thinking: bool, tokens: int) -> None:
        """A step has written more."""
        if not self.stale:
            self._unread += len(text)
            if self._unread > UNREAD_LIMIT:
                self.stale = True
                self.forget()
            elif self._deltas and self._deltas[-1][:2] == (key, thinking):
                pieces = self._deltas[-1][2]
                pieces.append(text)
                self._deltas[-1] = (key, thinking, pieces, tokens)
            else:
                self._deltas.append((key, thinking, [text], tokens))
        self._something.set()

    def reading(self, key: str, done: int, total: int) -> None:
        """A model has read more of the prompt."""
        self._readings[key] = StepReading(key, done, total)
        self._something.set()

    def forget(self) -> None:
        """Drop what waits: it is in the whole that is shown next."""
        self._deltas.clear()
        self._unread = 0

    def take(self) -> list[TaskEvent]:
        """What waits, in order."""
        events: list[TaskEvent] = list(self._readings.values())
        events += [StepDelta(key, "".join(pieces), thinking, tokens) for key, thinking, pieces, tokens in self._deltas]
        self._readings.clear()
        self.forget()
        return events

    async def wait(self) -> None:
        """Until there is something to read."""
        while not (self.stale or self.closed or self._deltas or self._readings):
            self._something.clear()
            await self._something.wait()


class TaskSubscriptions:
    """All readers of tasks, and the drafts of the steps that run. Nobody who writes ever waits for a reader.

    Args:
        detail: reads everything about a task from the store.
        wanted: called when somebody begins to follow a task.
    """

    def __init__(self, detail: Callable[[str], Awaitable[TaskDetail]], wanted: Callable[[], None]) -> None:
        self._detail = detail
        self._wanted = wanted
        self._followers: defaultdict[str, list[TaskSubscription]] = defaultdict(list)
        self._drafts: defaultdict[str, dict[str, PartialReply]] = defaultdict(dict)
        """Id of a task -> key of a step that runs -> what it has written."""
        self._closed = False

    @property
    def followed(self) -> frozenset[str]:
        """The ids of the tasks that somebody follows."""
        return frozenset(self._followers)

    async def follow(self, task_id: str) -> AsyncGenerator[TaskEvent, None]:
        """A task as it goes, until it has ended.

        Raises:
            NoSuchTask: it is not there.
        """
        follower = TaskSubscription()
        if self._closed:
            follower.close()
        self._followers[task_id].append(follower)
        try:
            detail = await self._seen(task_id, follower)
            self._wanted()
            yield TaskSeen(detail)
            while detail.task.state not in ENDED or follower.stale:
                await follower.wait()
                if follower.closed:
                    return
                if follower.stale:
                    detail = await self._seen(task_id, follower)
                    yield TaskSeen(detail)
                    continue
                for event in follower.take():
                    yield event
                await asyncio.sleep(DELTA_INTERVAL_S)  # pieces that come meanwhile are joined
        finally:
            self._leave(task_id, follower)

    async def detail(self, task_id: str) -> TaskDetail:
        """Everything about a task, with what its steps have written up to now.

        Raises:
            NoSuchTask: it is not there.
        """
        return self._up_to_now(await self._detail(task_id))

    def begin(self, task_id: str, key: str, draft: PartialReply) -> None:
        """A step begins to write."""
        self._drafts[task_id][key] = draft

    def end(self, task_id: str, key: str) -> None:
        """A step writes no longer: what it wrote is stored."""
        self._drafts[task_id].pop(key, None)
        if not self._drafts[task_id]:
            del self._drafts[task_id]

    def changed(self, task_id: str) -> None:
        """A task is in another state or step, and that is stored."""
        for follower in self._followers.get(task_id, ()):
            follower.changed()

    def delta(self, task_id: str, key: str, text: str, thinking: bool, tokens: int) -> None:
        """A step has written more."""
        for follower in self._followers.get(task_id, ()):
            follower.delta(key, text, thinking, tokens)

    def reading(self, task_id: str, key: str, done: int, total: int) -> None:
        """A model has read more of the prompt of a step; 0 of 0 while it is being loaded."""
        for follower in self._followers.get(task_id, ()):
            follower.reading(key, done, total)

    def close(self) -> None:
        """End all streams: the store is about to close."""
        self._closed = True
        for followers in self._followers.values():
            for follower in followers:
                follower.close()

    async def _seen(self, task_id: str, follower: TaskSubscription) -> TaskDetail:
        """The whole task, with what its steps have written up to now and is not stored yet."""
        follower.stale = False
        detail = await self._detail(task_id)
        follower.forget()  # nothing can come between this and the end: what waited is in the drafts
        return self._up_to_now(detail)

    def _up_to_now(self, detail: TaskDetail) -> TaskDetail:
        drafts = self._drafts.get(detail.task.id)
        if not drafts:
            return detail
        return replace(detail, steps=tuple(_live(step, drafts.get(step.spec.key)) for step in detail.steps))

    def _leave(self, task_id: str, follower: TaskSubscription) -> None:
        self._followers[task_id].remove(follower)
        if not self._followers[task_id]:
            del self._followers[task_id]


def _live(step: Step, draft: PartialReply | None) -> Step:
    if draft is None or step.state is not StepState.RUNNING:
        return step
    return replace(step, text=draft.text, thinking=draft.thinking)
