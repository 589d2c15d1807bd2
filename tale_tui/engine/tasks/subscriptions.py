"""Whoever looks at a task while it goes: everything at first, then what is added, never more than they can take in."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from dataclasses import replace

from tale_tui.domain.constants import DELTA_INTERVAL_S, UNREAD_STEP_CHARACTERS
from tale_tui.domain.events import StepDelta, StepReading, TaskEvent, TaskSeen
from tale_tui.domain.tasks import ENDED, Step, StepState, TaskDetail
from tale_tui.engine.streaming import DeltaBuffer, PartialReply


class TaskSubscription:
    """What one reader of a task has not read yet."""

    def __init__(self) -> None:
        self.deltas = DeltaBuffer[tuple[str, bool]](UNREAD_STEP_CHARACTERS)
        """By key of a step, and whether it is thinking."""
        self._readings: dict[str, StepReading] = {}
        self._reads: set[str] = set()
        """Steps of which the reader was last told that their prompt is read, or their model loaded."""
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
        if not self.stale and not self.deltas.add((key, thinking), text, tokens):
            self.stale = True
        self._something.set()

    def reading(self, key: str, done: int, total: int) -> None:
        """A model has read more of the prompt."""
        self._readings[key] = StepReading(key, done, total)
        self._something.set()

    def take(self) -> list[TaskEvent]:
        """What waits, in order."""
        events: list[TaskEvent] = list(self._readings.values())
        self._reads.update(self._readings)
        self._readings.clear()
        for (key, thinking), text, tokens in self.deltas.take():
            self._reads.discard(key)
            events.append(StepDelta(key, text, thinking, tokens))
        return events

    def show_whole(self, replies: Mapping[str, PartialReply]) -> None:
        """All that was written up to now is shown with the whole task, and nothing of it as it came. Who was told that
        a step that has written meanwhile reads its prompt is told that it writes.

        Args:
            replies: of the steps that run, by their key.
        """
        self.deltas.clear()
        for key, reply in replies.items():
            if reply.tokens and (self._readings.pop(key, None) is not None or key in self._reads):
                self.deltas.add((key, not reply.text), "", reply.tokens)

    async def wait(self) -> None:
        """Until there is something to read."""
        while not (self.stale or self.closed or self.deltas.runs or self._readings):
            self._something.clear()
            await self._something.wait()


class TaskSubscriptions:
    """All readers of tasks, and the replies of the steps that run. Nobody who writes ever waits for a reader.

    Args:
        detail: reads everything about a task from the store.

    Attributes:
        on_follow: called when somebody begins to follow a task. Whoever carries out tasks sets it.
    """

    def __init__(self, detail: Callable[[str], Awaitable[TaskDetail]]) -> None:
        self._detail = detail
        self.on_follow: Callable[[], None] = lambda: None
        self._subscriptions: defaultdict[str, list[TaskSubscription]] = defaultdict(list)
        self._replies: defaultdict[str, dict[str, PartialReply]] = defaultdict(dict)
        """Id of a task -> key of a step that runs -> what it has written."""
        self._closed = False

    @property
    def followed(self) -> frozenset[str]:
        """The ids of the tasks that somebody follows."""
        return frozenset(self._subscriptions)

    async def follow(self, task_id: str) -> AsyncGenerator[TaskEvent, None]:
        """A task as it goes, until it has ended.

        Raises:
            NoSuchTask: it is not there.
        """
        subscription = TaskSubscription()
        if self._closed:
            subscription.close()
        self._subscriptions[task_id].append(subscription)
        try:
            detail = await self._seen(task_id, subscription)
            self.on_follow()
            yield TaskSeen(detail)
            while detail.task.state not in ENDED or subscription.stale:
                await subscription.wait()
                if subscription.closed:
                    return
                if subscription.stale:
                    detail = await self._seen(task_id, subscription)
                    yield TaskSeen(detail)
                    continue
                for event in subscription.take():
                    yield event
                await asyncio.sleep(DELTA_INTERVAL_S)  # pieces that come meanwhile are joined
        finally:
            self._leave(task_id, subscription)

    async def detail(self, task_id: str) -> TaskDetail:
        """Everything about a task, with what its steps have written up to now.

        Raises:
            NoSuchTask: it is not there.
        """
        return self._up_to_now(await self._detail(task_id))

    def begin(self, task_id: str, key: str, reply: PartialReply) -> None:
        """A step begins to write."""
        self._replies[task_id][key] = reply

    def end(self, task_id: str, key: str) -> None:
        """A step writes no longer: what it wrote is stored."""
        self._replies[task_id].pop(key, None)
        if not self._replies[task_id]:
            del self._replies[task_id]

    def changed(self, task_id: str) -> None:
        """A task is in another state or step, and that is stored."""
        for subscription in self._subscriptions.get(task_id, ()):
            subscription.changed()

    def delta(self, task_id: str, key: str, text: str, thinking: bool, tokens: int) -> None:
        """A step has written more."""
        for subscription in self._subscriptions.get(task_id, ()):
            subscription.delta(key, text, thinking, tokens)

    def reading(self, task_id: str, key: str, done: int, total: int) -> None:
        """A model has read more of the prompt of a step; 0 of 0 while it is being loaded."""
        for subscription in self._subscriptions.get(task_id, ()):
            subscription.reading(key, done, total)

    def close(self) -> None:
        """End all streams: the store is about to close."""
        self._closed = True
        for subscriptions in self._subscriptions.values():
            for subscription in subscriptions:
                subscription.close()

    async def _seen(self, task_id: str, subscription: TaskSubscription) -> TaskDetail:
        """The whole task, with what its steps have written up to now and is not stored yet."""
        subscription.stale = False
        detail = await self._detail(task_id)
        # Nothing can come between this and the end: what waited is in the replies.
        subscription.show_whole(self._replies.get(task_id, {}))
        return self._up_to_now(detail)

    def _up_to_now(self, detail: TaskDetail) -> TaskDetail:
        replies = self._replies.get(detail.task.id)
        if not replies:
            return detail
        return replace(detail, steps=tuple(_live(step, replies.get(step.spec.key)) for step in detail.steps))

    def _leave(self, task_id: str, subscription: TaskSubscription) -> None:
        self._subscriptions[task_id].remove(subscription)
        if not self._subscriptions[task_id]:
            del self._subscriptions[task_id]


def _live(step: Step, reply: PartialReply | None) -> Step:
    if reply is None or step.state is not StepState.RUNNING:
        return step
    return replace(step, text=reply.text, thinking=reply.thinking)
