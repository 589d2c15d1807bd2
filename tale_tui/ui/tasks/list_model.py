"""All tasks as the list shows them: which, in which order, and how many of each kind. Pure; knows no widget.

A change of one task costs the place of one row: rows stay sorted by their keys and are found in them by halving.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum

from tale_tui.domain.tasks import ENDED, Priority, Reason, Task, TaskState


class TaskTab(StrEnum):
    """Which tasks are shown."""

    ALL = "all"
    OPEN = "open"
    NEEDS_YOU = "needs you"
    DONE = "done"
    FAILED = "failed"


class TaskOrder(StrEnum):
    """In which order."""

    TURN = "in turn"
    """As they are worked off: what runs, what waits, then the newest end."""
    NEWEST = "newest"
    LONGEST = "longest"
    TITLE = "title"
    MODEL = "model"


Key = tuple[int | float | str, ...]

_RANKS = {
    TaskState.RUNNING: 0,
    TaskState.WAITING: 1,
    TaskState.PAUSED: 2,
    TaskState.QUEUED: 3,
    TaskState.DRAFT: 4,
}

_ENDED_RANK = 5

_PRIORITIES = {priority: rank for rank, priority in enumerate(Priority)}


def needs_you(task: Task) -> bool:
    """Whether it goes no further without the user: a question, or an interruption."""
    return task.state is TaskState.WAITING or (task.state is TaskState.PAUSED and task.reason is Reason.INTERRUPTED)


_SHOWN: dict[TaskTab, Callable[[Task], bool]] = {
    TaskTab.ALL: lambda task: True,
    TaskTab.OPEN: lambda task: task.state not in ENDED,
    TaskTab.NEEDS_YOU: needs_you,
    TaskTab.DONE: lambda task: task.state is TaskState.DONE,
    TaskTab.FAILED: lambda task: task.state is TaskState.FAILED,
}


_EMPTY = {
    TaskTab.ALL: "No tasks yet. Work that you hand over shows up here.\n\n{chat}   write it in the chat\n"
    "     or in a shell: tale-tui submit TEXT",
    TaskTab.OPEN: "Nothing is open: every task has ended.",
    TaskTab.NEEDS_YOU: "No task needs you.",
    TaskTab.DONE: "No task is done yet.",
    TaskTab.FAILED: "No task has failed.",
}
"""What is said where no task is of the kind."""


@dataclass(frozen=True, slots=True)
class TaskTally:
    """How many tasks there are of the kinds that the first line tells."""

    running: int = 0
    queued: int = 0
    paused: int = 0
    needs_you: int = 0
    done: int = 0
    failed: int = 0


class TaskListModel:
    """Tasks, of which some are shown.

    Attributes:
        rows: those that are shown, in order. Another list where rows move; one that only looks otherwise is changed in
            its place.
        tab: which are shown.
        words: what was typed into the filter: all of its words are in the id, the title, the model or the state.
        order: how they are sorted.
        loaded: whether the tasks are known.
        complaint: what is said in the place of tasks: why there is no engine. Safe text.
        chat_key: the key that goes to the chat.
    """

    def __init__(self) -> None:
        self.rows: list[Task] = []
        self.tab = TaskTab.ALL
        self.words = ""
        self.order = TaskOrder.TURN
        self.loaded = False
        self.complaint = ""
        self.chat_key = ""
        self._keys: list[Key] = []
        self._tasks: dict[str, Task] = {}
        self._places: dict[str, int] = {}
        """The place in turn of each task, as far as it was told."""
        self._next_place = 0
        self._counts: Counter[str] = Counter()
        self.id_cells = 4
        """Of the longest id, as it is shown."""

    def __len__(self) -> int:
        return len(self._tasks)

    def get(self, task_id: str) -> Task | None:
        """A task by its id."""
        return self._tasks.get(task_id)

    def find(self, prefix: str) -> list[Task]:
        """The tasks whose id begins with `prefix`; one that is exactly that alone."""
        exact = self._tasks.get(prefix)
        return [exact] if exact else [task for task in self._tasks.values() if task.id.startswith(prefix)]

    @property
    def tally(self) -> TaskTally:
        """How many there are of each kind."""
        counts = self._counts
        return TaskTally(
            counts["running"], counts["queued"], counts["paused"], counts["needs you"], counts["done"], counts["failed"]
        )

    @property
    def empty_sentence(self) -> str:
        """What is said where no task is shown, and why none is."""
        if self.complaint:
            return self.complaint
        if not self.loaded:
            return ""
        if self.words.strip():
            return f'Nothing here has "{self.words.strip()}" in its title, id or model.'
        return _EMPTY[self.tab if self._tasks else TaskTab.ALL].format(chat=self.chat_key)

    # what is so

    def load(self, tasks: Iterable[Task]) -> None:
        """Take all tasks, in the order in which they have their turn."""
        self._tasks = {task.id: task for task in tasks}
        self._places = {task_id: place for place, task_id in enumerate(self._tasks)}
        self._next_place = len(self._tasks)
        self._counts = Counter()
        for task in self._tasks.values():
            self._count(task, 1)
        self.id_cells = max((len(task.shown) for task in self._tasks.values()), default=4)
        self.loaded = True
        self._arrange()

    def put(self, task: Task) -> bool:
        """Take a task as it is now. Returns whether rows moved, came or went by it."""
        before = self._tasks.get(task.id)
        place = self._position(before) if before else None
        self._tasks[task.id] = task
        self.id_cells = max(self.id_cells, len(task.shown))
        if before is not None:
            self._count(before, -1)
        self._count(task, 1)
        if before is None or (before.state, before.priority) != (task.state, task.priority):
            self._places[task.id] = self._next_place
            self._next_place += 1
        shown = self._shows(task)
        if place is not None and shown and self._keys[place] == self._key(task):
            self.rows[place] = task
            return False
        if place is None and not shown:
            return False
        self.rows = self.rows.copy()
        if place is not None:
            del self.rows[place], self._keys[place]
        if shown:
            key = self._key(task)
            at = bisect_left(self._keys, key)
            self.rows.insert(at, task)
            self._keys.insert(at, key)
        return True

    def line_up(self, queued: Iterable[Task]) -> None:
        """Have queued tasks in the order of these; how each of them is was told before."""
        for task in queued:
            self._places[task.id] = self._next_place
            self._next_place += 1
        self._arrange()

    def show(self, *, tab: TaskTab | None = None, words: str | None = None, order: TaskOrder | None = None) -> None:
        """Show others, or in another order; None leaves it as it is."""
        narrower = words is not None and words.startswith(self.words) and tab is None and order is None
        self.tab = self.tab if tab is None else tab
        self.words = self.words if words is None else words
        self.order = self.order if order is None else order
        if not narrower:
            self._arrange()
            return
        kept = [(key, task) for key, task in zip(self._keys, self.rows, strict=True) if self._shows(task)]
        self._keys = [key for key, _ in kept]
        self.rows = [task for _, task in kept]

    def neighbour(self, task: Task, step: int) -> Task | None:
        """The queued task of the same turn before (-1) or behind (1) a queued task; None at an end."""
        queued = sorted((other for other in self._tasks.values() if other.state is TaskState.QUEUED), key=self._in_turn)
        place = next((number for number, other in enumerate(queued) if other.id == task.id), None)
        return queued[place + step] if place is not None and 0 <= place + step < len(queued) else None

    # how it is kept

    def _count(self, task: Task, by: int) -> None:
        self._counts[task.state.value] += by
        if needs_you(task):
            self._counts["needs you"] += by

    def _arrange(self) -> None:
        keyed = sorted(
            ((self._key(task), task) for task in self._tasks.values() if self._shows(task)), key=lambda pair: pair[0]
        )
        self._keys = [key for key, _ in keyed]
        self.rows = [task for _, task in keyed]

    def _position(self, task: Task) -> int | None:
        """Where a task is among the rows, as it was when it came there."""
        key = self._key(task)
        at = bisect_left(self._keys, key)
        return at if at < len(self._keys) and self._keys[at] == key else None

    def _shows(self, task: Task) -> bool:
        if not _SHOWN[self.tab](task):
            return False
        wanted = self.words.lower().split()
        if not wanted:
            return True
        model = task.ref.model if task.ref else ""
        told = f"{task.id} {task.title} {model} {task.state.value} {task.priority.value}".lower()
        return all(word in told for word in wanted)

    def _key(self, task: Task) -> Key:
        match self.order:
            case TaskOrder.NEWEST:
                return (-task.created, task.id)
            case TaskOrder.LONGEST:
                return (-task.worked_s, task.id)
            case TaskOrder.TITLE:
                return (task.title.lower(), task.id)
            case TaskOrder.MODEL:
                return (task.ref.model.lower() if task.ref else "", -task.created, task.id)
        return self._in_turn(task)

    def _in_turn(self, task: Task) -> Key:
        place = self._places.get(task.id, 0)
        if task.state in ENDED:
            return (_ENDED_RANK, 0, -(task.finished or task.updated), task.id)
        priority = _PRIORITIES[task.priority] if task.state is TaskState.QUEUED else 0
        return (_RANKS[task.state], priority, place, task.id)
