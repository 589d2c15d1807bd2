"""A new task: its row, its texts, its steps and what it waits for."""

from __future__ import annotations

import sqlite3

from tale_tui.engine.errors import BadInput
from tale_tui.engine.store.plans import plan_text, safe_plan
from tale_tui.engine.store.rows import message_text, session_n
from tale_tui.engine.store.sessions import TITLE_LIMIT
from tale_tui.engine.store.task_changes import note
from tale_tui.engine.store.task_forms import NewTask
from tale_tui.engine.store.task_rows import PRIORITIES, task_n
from tale_tui.engine.store.task_titles import task_title
from tale_tui.engine.task_types import Reason, TaskState
from tale_tui.engine.text import clean, clean_line

_ADD = """
    INSERT INTO task (id, state, reason, priority, place, title, session_id, message_id, created, updated,
        time_limit_s, backend, model, why, p, asks, steps_total, step_title)
    VALUES (:id, :state, :reason, :priority, (SELECT coalesce(max(place), 0) + 1 FROM task), :title, :session_id,
        :message_id, :now, :now, :time_limit_s, :backend, :model, :why, :p, :asks, :steps_total, :step_title)
    RETURNING n
"""


def stored_n(connection: sqlite3.Connection, task_id: str) -> int | None:
    """The inner number of the task that has this id already."""
    row = connection.execute("SELECT n FROM task WHERE id = ?", (task_id,)).fetchone()
    return int(row[0]) if row else None


def add(connection: sqlite3.Connection, new: NewTask, now: float, message_id: str | None = None) -> int:
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
                "title": clean_line(new.title, TITLE_LIMIT) or task_title(text),
                "session_id": new.session_id,
                "message_id": message_id,
                "now": now,
                "time_limit_s": new.time_limit_s,
                "backend": new.ref.backend if new.ref else None,
                "model": clean(new.ref.model) if new.ref else None,
                "why": clean_line(new.why),
                "p": new.p,
                "asks": "" if state is TaskState.WAITING else None,
                "steps_total": len(plan.steps),
                "step_title": plan.steps[0].title if plan.steps else "",
            },
        ).fetchone()[0]
    )
    connection.execute("INSERT INTO task_body (task_n, plan, text) VALUES (?, ?, ?)", (n, plan_text(plan), text))
    connection.executemany(
        "INSERT INTO task_step (task_n, place, key, title) VALUES (?, ?, ?, ?)",
        [(n, place, spec.key, spec.title) for place, spec in enumerate(plan.steps)],
    )
    if after:
        rows = [(n, place, after_n) for place, after_n in enumerate(after)]
        connection.executemany("INSERT INTO task_after (task_n, place, after_n) VALUES (?, ?, ?)", rows)
    note(connection, n, now, "waits for a yes to its plan" if state is TaskState.WAITING else state.value)
    return n


def _beginning(new: NewTask) -> tuple[TaskState, Reason]:
    """Where a task begins, and why there."""
    if new.state is TaskState.QUEUED and new.plan.approval:
        return TaskState.WAITING, Reason.APPROVAL
    return new.state, new.reason
