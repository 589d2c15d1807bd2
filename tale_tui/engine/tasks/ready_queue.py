"""The queue in memory: who is next, without asking the store. Its rows stay the truth: a claim may be refused."""

from __future__ import annotations

import heapq
from bisect import bisect_left, insort
from collections import defaultdict
from collections.abc import Callable, Container, Iterable
from dataclasses import dataclass, field

from tale_tui.domain.models import ModelRef
from tale_tui.domain.tasks import Priority, Reason, Task, TaskState

_RANK = {priority: rank for rank, priority in enumerate(Priority)}


@dataclass(order=True, slots=True)
class QueueEntry:
    """A queued task; the order of entries is the order in which they go."""

    rank: int
    """Of its priority."""
    number: int
    """Within it."""
    task: Task = field(compare=False)
    ref: ModelRef | None = field(compare=False)
    """The model that would do it."""


class ReadyQueue:
    """Queued tasks by model, those that cannot run yet apart.

    Args:
        model_of: the model that would do a task.
    """

    def __init__(self, model_of: Callable[[Task], ModelRef | None]) -> None:
        self._model_of = model_of
        self._entries: dict[str, QueueEntry] = {}
        self._ready: defaultdict[ModelRef | None, list[QueueEntry]] = defaultdict(list)
        self._later: list[tuple[float, int, str]] = []
        """A heap of (when it is tried again, number, id); what has left the queue is passed over."""
        self._dependents: defaultdict[str, set[str]] = defaultdict(set)
        """Id of a task that is not done -> those that wait for it."""
        self._held: set[str] = set()
        """Ids of those that wait for a server."""
        self._numbers = 0

    def __len__(self) -> int:
        return len(self._entries)

    def __contains__(self, task_id: str) -> bool:
        return task_id in self._entries

    def put(self, task: Task, now: float) -> None:
        """Add a task behind the others of its priority, or what is known of one that is there, in its place.

        Args:
            task: queued; any other leaves the queue.
            now: seconds since the epoch.
        """
        known = self._entries.get(task.id)
        self.drop(task.id)
        if task.state is not TaskState.QUEUED:
            return
        rank = _RANK[task.priority]
        if known is not None and known.rank == rank:
            number = known.number
        else:
            self._numbers += 1
            number = self._numbers
        entry = self._entries[task.id] = QueueEntry(rank, number, task, self._model_of(task))
        if task.waits_for:
            for needed in task.after:
                self._dependents[needed].add(task.id)
        elif task.next_try is not None and task.next_try > now:
            heapq.heappush(self._later, (task.next_try, number, task.id))
        else:
            insort(self._ready[entry.ref], entry)
        if task.reason is Reason.SERVER:
            self._held.add(task.id)

    def drop(self, task_id: str) -> None:
        """Take a task out. Nothing happens where it is not there."""
        entry = self._entries.pop(task_id, None)
        if entry is None:
            return
        self._held.discard(task_id)
        ready = self._ready[entry.ref]
        index = bisect_left(ready, entry)
        if index < len(ready) and ready[index] is entry:
            del ready[index]
        if not ready:
            del self._ready[entry.ref]
        for needed in entry.task.after:
            if needed in self._dependents:
                self._dependents[needed].discard(task_id)
                if not self._dependents[needed]:
                    del self._dependents[needed]

    def replace(self, tasks: Iterable[Task], now: float) -> None:
        """Begin anew with these, in their order."""
        for gathered in (self._entries, self._ready, self._dependents, self._later, self._held):
            gathered.clear()
        for task in tasks:
            self.put(task, now)

    def needed(self, task_ids: Iterable[str]) -> frozenset[str]:
        """These tasks and all that they wait for, however far."""
        found = set(task_ids)
        left = list(found)
        while left:
            entry = self._entries.get(left.pop())
            more = set(entry.task.after) - found if entry else set()
            found |= more
            left += more
        return frozenset(found)

    @property
    def held(self) -> tuple[QueueEntry, ...]:
        """Those that wait for a server."""
        return tuple(self._entries[task_id] for task_id in self._held)

    def to_be_held(self, away: Callable[[ModelRef | None], bool]) -> tuple[QueueEntry, ...]:
        """Those that could run but for a server that is away, and do not wait for it yet.

        Args:
            away: whether the server of a model is.
        """
        entries = [entry for ref, ready in self._ready.items() if away(ref) for entry in ready]
        return tuple(entry for entry in entries if entry.task.id not in self._held)

    def waiting_for(self, task_id: str) -> tuple[str, ...]:
        """The ids of those that wait until another task is done."""
        return tuple(self._dependents.get(task_id, ()))

    def next_moment(self) -> float | None:
        """When the next one is tried again, in seconds since the epoch; None where none waits for a moment."""
        while self._later and not self._is_later(self._later[0]):
            heapq.heappop(self._later)
        return self._later[0][0] if self._later else None

    def take(
        self, free: Callable[[ModelRef | None], bool], now: float, wanted: Container[str] | None = None
    ) -> QueueEntry | None:
        """Take out the first task that may run.

        Args:
            free: whether a model has room for one more.
            now: seconds since the epoch.
            wanted: the ids of the tasks that are to be run at all; None for all.
        """
        self._admit(now)
        heads = []
        for ref, entries in self._ready.items():
            if free(ref) and (head := _first(entries, wanted)) is not None:
                heads.append(head)
        if not heads:
            return None
        entry = min(heads)
        self.drop(entry.task.id)
        return entry

    def _admit(self, now: float) -> None:
        """Those whose time has come are ready."""
        while (moment := self.next_moment()) is not None and moment <= now:
            _, _, task_id = heapq.heappop(self._later)
            entry = self._entries[task_id]
            insort(self._ready[entry.ref], entry)

    def _is_later(self, item: tuple[float, int, str]) -> bool:
        moment, number, task_id = item
        entry = self._entries.get(task_id)
        return entry is not None and entry.number == number and entry.task.next_try == moment


def _first(entries: list[QueueEntry], wanted: Container[str] | None) -> QueueEntry | None:
    if wanted is None:
        return entries[0]
    return next((entry for entry in entries if entry.task.id in wanted), None)
