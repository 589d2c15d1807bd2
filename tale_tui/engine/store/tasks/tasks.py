"""Tasks: handed in, listed, found, counted, put in another order."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass

from tale_tui.domain.constants import LATELY_TASKS, TASK_TITLE_WORDS, TASK_TITLE_WORDS_MIN, TITLE_CHARACTERS
from tale_tui.domain.errors import BadInput
from tale_tui.domain.models import ModelRef, Role
from tale_tui.domain.tasks import (
    ENDED,
    Plan,
    Priority,
    Reason,
    StepKind,
    StepSpec,
    Task,
    TaskCounts,
    TaskDetail,
    TaskState,
)
from tale_tui.domain.text import clean, clean_line
from tale_tui.engine.store.database import Database
from tale_tui.engine.store.rows import first_words, message_text, plan_text, ref_columns, safe_plan, session_n
from tale_tui.engine.store.tasks.state_changes import add_history_entry, wrong_state
from tale_tui.engine.store.tasks.task_rows import (
    PRIORITIES,
    TASK,
    detail_at,
    listed_tasks,
    task_at,
    task_n,
    task_n_by_prefix,
    tasks_of,
)

_QUEUE = TASK + "WHERE t.state = 'queued' ORDER BY t.priority, t.place, t.n"
_LAST_MOMENTS = """
    SELECT DISTINCT created FROM (SELECT created FROM task ORDER BY n DESC LIMIT ?) ORDER BY created DESC LIMIT ?
"""
_LAST_PLACE = "SELECT max(place) FROM task WHERE n <> ?"
_PLACE_BEFORE = "SELECT max(place) FROM task WHERE place < ? AND n <> ?"
_SPREAD = """
    UPDATE task SET place = spread.place
    FROM (SELECT n, row_number() OVER (ORDER BY place, n) AS place FROM task) AS spread WHERE spread.n = task.n
"""

_ADD = """
    INSERT INTO task (id, state, reason, priority, place, title, session_id, message_id, created, updated,
        time_limit_s, backend, model, why, p, p_simple, given, asks, steps_total, step_title)
    VALUES (:id, :state, :reason, :priority, (SELECT coalesce(max(place), 0) + 1 FROM task), :title, :session_id,
        :message_id, :now, :now, :time_limit_s, :backend, :model, :why, :p, :p_simple, :given, :asks,
        :steps_total, :step_title)
    RETURNING n
"""

_YOU = r"(?:(?:can|could|would|will) you|i(?: would|'d|\u2019d)? (?:like|need|want) you to)\b"
_ASKING = re.compile(
    rf"(?:(?:hi|hey|hello|ok|okay)\b[\s,.!:-]*)?(?:please\b[\s,]*{_YOU}|please\b|{_YOU})(?:\s*(?:please|kindly)\b)?[\s,]+",
    re.IGNORECASE,
)
"""A greeting, and the words that ask for something."""


@dataclass(frozen=True, slots=True)
class NewTask:
    """A task that is to be stored. Its texts pass the border on the way in."""

    id: str
    text: str
    """What was asked."""
    plan: Plan
    title: str = ""
    """Empty for the first words of the text."""
    priority: Priority = Priority.NORMAL
    state: TaskState = TaskState.QUEUED
    """Where it begins; a queued task whose plan wants approval begins as waiting instead."""
    reason: Reason = Reason.NONE
    session_id: str | None = None
    ref: ModelRef | None = None
    """The model that would do it, as far as it is known."""
    why: str = ""
    p: float | None = None
    """The probability with which it was detected; None where somebody said that it is a task."""
    p_simple: float | None = None
    """The probability that it is simple; None where no rule is to look at that."""
    given: Role | None = None
    """The role whose model the user gave it to."""
    after: tuple[str, ...] = ()
    """Whole ids of the tasks that must be done before it."""
    time_limit_s: float | None = None


class Tasks(Database):
    """Tasks, but for how they run."""

    async def add_task(self, new: NewTask) -> Task:
        """Store a task. A repeated call stores nothing and returns what is there.

        Raises:
            EmptyMessage, NoSuchSession, BadInput: nothing was stored.
            NoSuchTask: one of those that must be done before it is not there; nothing was stored.
        """
        (task,) = await self.add_tasks((new,))
        return task

    async def add_tasks(self, new: Sequence[NewTask]) -> tuple[Task, ...]:
        """Store tasks, all of them or none, as `add_task` does; they came at the same moment."""

        def job(connection: sqlite3.Connection) -> tuple[Task, ...]:
            now, numbers = self._clock.now(), []
            for one in new:
                n = stored_task_n(connection, one.id)
                numbers.append(insert_task(connection, one, now) if n is None else n)
            return tuple(task_at(connection, n) for n in numbers)

        return await self._write(job)

    async def task_ages(self, limit: int) -> tuple[float, ...]:
        """How long ago tasks were handed in lately, in seconds, the longest first; those that came together count once.

        Args:
            limit: at most so many.
        """
        now = self._clock.now()

        def job(connection: sqlite3.Connection) -> tuple[float, ...]:
            rows = connection.execute(_LAST_MOMENTS, (LATELY_TASKS, limit)).fetchall()
            return tuple(now - created for (created,) in reversed(rows))

        return await self._read(job)

    async def task(self, task_id: str) -> Task:
        """The task with this whole id.

        Raises:
            NoSuchTask: it is not there.
        """
        return await self._read(lambda connection: task_at(connection, task_n(connection, task_id)))

    async def task_detail(self, task_id: str) -> TaskDetail:
        """Everything about the task with this whole id.

        Raises:
            NoSuchTask: it is not there.
        """
        return await self._read(lambda connection: detail_at(connection, task_n(connection, task_id)))

    async def tasks(
        self, states: tuple[TaskState, ...] = (), session_id: str = "", limit: int = 10_000
    ) -> tuple[Task, ...]:
        """The open tasks (running, waiting, paused, queued in their order), then those that ended, the newest first.

        Args:
            states: only these; empty for all.
            session_id: only those of a conversation; empty for all.
            limit: at most so many.
        """
        return await self._read(lambda connection: listed_tasks(connection, states, session_id, limit))

    async def find_task(self, prefix: str) -> Task:
        """The task with this id, or the only one whose id begins so.

        Raises:
            NoSuchTask: none; the sentence suggests the nearest, or says that it is a conversation.
            AmbiguousTask: several; the sentence names them.
        """
        wanted = clean_line(prefix).lower()
        return await self._read(lambda connection: task_at(connection, task_n_by_prefix(connection, wanted)))

    async def task_counts(self) -> TaskCounts:
        """How many tasks there are in each state."""

        def job(connection: sqlite3.Connection) -> TaskCounts:
            counts: dict[str, int] = {}
            for state, reason, count in connection.execute(
                "SELECT state, reason, count(*) FROM task WHERE state <> 'draft' GROUP BY state, reason"
            ):
                counts[state] = counts.get(state, 0) + count
                if state == TaskState.PAUSED and reason == Reason.INTERRUPTED:
                    counts["interrupted"] = count
            return TaskCounts(**counts)

        return await self._read(job)

    async def queue(self) -> tuple[Task, ...]:
        """All tasks that are queued, in the order in which they are to run: by priority, then by place."""
        return await self._read(lambda connection: tasks_of(connection, connection.execute(_QUEUE).fetchall()))

    async def expected_s(self, ref: ModelRef) -> float | None:
        """How long a task of this model took lately (the median); None while too few are done."""

        def job(connection: sqlite3.Connection) -> float | None:
            row = connection.execute(
                "SELECT expected_s FROM task_pace WHERE backend = ? AND model = ?", ref_columns(ref)
            ).fetchone()
            return row[0] if row else None

        return await self._read(job)

    async def set_priority(self, task_id: str, priority: Priority) -> Task:
        """Give an open task another priority; its place stays, so that among its new neighbours the older go first.

        Raises:
            NoSuchTask, WrongState: nothing was changed.
        """

        def job(connection: sqlite3.Connection) -> Task:
            n, rank, now = task_n(connection, task_id), PRIORITIES.index(priority), self._clock.now()
            task = task_at(connection, n)
            if task.state in ENDED:
                raise wrong_state(connection, n, "given another priority")
            if task.priority is priority:
                return task
            connection.execute("UPDATE task SET priority = ?, updated = ? WHERE n = ?", (rank, now, n))
            add_history_entry(connection, n, now, f"priority {priority}")
            return task_at(connection, n)

        return await self._write(job)

    async def move(self, task_id: str, before: str | None) -> Task:
        """Put a queued task before another one, whose priority it gets; None puts it last of its priority.

        Raises:
            NoSuchTask, WrongState: one of them is not there or not queued; nothing was changed.
        """

        def job(connection: sqlite3.Connection) -> Task:
            n, now = _queued_n(connection, task_id), self._clock.now()
            other = None if before is None else _queued_n(connection, before)
            if other != n:
                place = _place_before(connection, n, other)
                connection.execute("UPDATE task SET place = ?, updated = ? WHERE n = ?", (place, now, n))
                connection.execute(
                    "UPDATE task SET priority = other.priority FROM task AS other WHERE task.n = ? AND other.n = ?",
                    (n, other),
                )
            return task_at(connection, n)

        return await self._write(job)


def _queued_n(connection: sqlite3.Connection, task_id: str) -> int:
    n = task_n(connection, task_id)
    if connection.execute("SELECT 1 FROM task WHERE n = ? AND state = 'queued'", (n,)).fetchone() is None:
        raise wrong_state(connection, n, "moved in the queue")
    return n


def _place_before(connection: sqlite3.Connection, n: int, other: int | None) -> float:
    """A place for task `n`: between `other` and whatever stands before that; without `other`, after all."""
    if other is None:
        return float(connection.execute(_LAST_PLACE, (n,)).fetchone()[0] or 0) + 1
    place: float = _place_of(connection, other)
    (above,) = connection.execute(_PLACE_BEFORE, (place, n)).fetchone()
    if above is not None and not above < (above + place) / 2 < place:
        connection.execute(_SPREAD)  # halved so often that no number is left between the two
        return _place_before(connection, n, other)
    return place - 1 if above is None else (above + place) / 2


def _place_of(connection: sqlite3.Connection, n: int) -> float:
    return float(connection.execute("SELECT place FROM task WHERE n = ?", (n,)).fetchone()[0])


def stored_task_n(connection: sqlite3.Connection, task_id: str) -> int | None:
    """The inner number of the task that has this id already."""
    row = connection.execute("SELECT n FROM task WHERE id = ?", (task_id,)).fetchone()
    return int(row[0]) if row else None


def insert_task(connection: sqlite3.Connection, new: NewTask, now: float, message_id: str | None = None) -> int:
    """Store a task whose id is not there yet; return its inner number.

    Args:
        connection: inside a transaction.
        new: the task; its texts pass the border here.
        now: seconds since the epoch.
        message_id: the message that is its card.
    Raises:
        EmptyMessage, NoSuchSession, NoSuchTask, BadInput: nothing may be kept of what was stored.
    """
    if not new.id or clean_line(new.id) != new.id:
        raise BadInput("That cannot be the id of a task. Give letters and digits.")
    text, plan = message_text(new.text), safe_plan(new.plan)
    if new.session_id is not None:
        session_n(connection, new.session_id)
    after = [task_n(connection, id_) for id_ in dict.fromkeys(new.after)]
    state, reason = _beginning(new)
    n = int(
        connection.execute(
            _ADD,
            {
                "id": new.id,
                "state": state,
                "reason": reason,
                "priority": PRIORITIES.index(new.priority),
                "title": clean_line(new.title, TITLE_CHARACTERS) or task_title(text),
                "session_id": new.session_id,
                "message_id": message_id,
                "now": now,
                "time_limit_s": new.time_limit_s,
                "backend": new.ref.backend if new.ref else None,
                "model": clean(new.ref.model) if new.ref else None,
                "why": clean_line(new.why),
                "p": new.p,
                "p_simple": new.p_simple,
                "given": new.given,
                "asks": "" if state is TaskState.WAITING else None,
                "steps_total": sum(spec.kind != StepKind.PLAN for spec in plan.steps),
                "step_title": plan.steps[0].title if plan.steps else "",
            },
        ).fetchone()[0]
    )
    connection.execute("INSERT INTO task_body (task_n, plan, text) VALUES (?, ?, ?)", (n, plan_text(plan), text))
    connection.executemany(
        "INSERT INTO task_step (task_n, place, key, title, allowed, plans) VALUES (?, ?, ?, ?, ?, ?)",
        [
            (n, place, spec.key, spec.title, _is_allowed(plan, spec), spec.kind == StepKind.PLAN)
            for place, spec in enumerate(plan.steps)
        ],
    )
    if after:
        rows = [(n, place, after_n) for place, after_n in enumerate(after)]
        connection.executemany("INSERT INTO task_after (task_n, place, after_n) VALUES (?, ?, ?)", rows)
    add_history_entry(connection, n, now, "waits for a yes to its plan" if state is TaskState.WAITING else state.value)
    return n


def _is_allowed(plan: Plan, spec: StepSpec) -> bool:
    """Whether a step of a plan that was handed in may run without another yes; what copies has its own question."""
    return not plan.approval and spec.kind != StepKind.COPY


def _beginning(new: NewTask) -> tuple[TaskState, Reason]:
    """Where a task begins, and why there."""
    if new.state is TaskState.QUEUED and new.plan.approval:
        return TaskState.WAITING, Reason.APPROVAL
    return new.state, new.reason


def task_title(text: str) -> str:
    """The title of a task.

    Args:
        text: the request, safe.
    Returns:
        The first words of what is to be done, one line: `Write a letter` of "Could you please write a letter?"
    """
    asking = _ASKING.match(text)
    rest = text[asking.end() :] if asking else ""
    if len(rest.split()) < TASK_TITLE_WORDS_MIN:
        return first_words(text, TASK_TITLE_WORDS)
    return first_words(rest[0].upper() + rest[1:], TASK_TITLE_WORDS).rstrip("?.! ")
