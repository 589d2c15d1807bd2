"""From the rows of tasks and steps to the classes of `task_types`; restored texts pass the border again."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence

from tale_tui.engine.store.plans import plan_of
from tale_tui.engine.store.rows import Row, ref_of
from tale_tui.engine.store.task_ids import no_such_task, shown_ids
from tale_tui.engine.task_types import Priority, Reason, Step, StepState, Task, TaskDetail, TaskEntry, TaskState
from tale_tui.engine.text import clean
from tale_tui.engine.types import Usage

PRIORITIES = tuple(Priority)
"""By the number that the column holds."""
TASK = """
    SELECT t.n, t.id, t.title, t.state, t.created, t.updated, t.priority, t.reason, t.session_id, t.message_id,
        t.backend, t.model, t.why, t.p, t.started, t.finished, t.running_since, t.worked_s, pace.expected_s,
        t.time_limit_s, t.steps_total, t.steps_done, t.step_title, t.next_try, t.prompt_tokens, t.completion_tokens,
        t.error, t.error_code
    FROM task AS t LEFT JOIN task_pace AS pace ON pace.backend = t.backend AND pace.model = t.model
"""
_AFTER = """
    SELECT a.task_n, d.id, d.state <> 'done'
    FROM task_after AS a JOIN task AS d ON d.n = a.after_n
    {where} ORDER BY a.task_n, a.place
"""
_STEPS = """
    SELECT key, state, attempts, backend, model, text, thinking, started, finished, error, next_try, approved,
        spent_tokens, prompt_tokens, completion_tokens, cached_tokens, ttft_ms, load_ms, total_ms, tokens_per_second
    FROM task_step WHERE task_n = ?
"""
_FEW = 16
"""Tasks whose dependencies are looked up one by one; of more, all are read at once."""

# Looking a member up by its value costs ten times as much through the class.
_STATES = {state.value: state for state in TaskState}
_REASONS = {reason.value: reason for reason in Reason}
_STEP_STATES = {state.value: state for state in StepState}

_Dependencies = Mapping[int, Sequence[tuple[str, bool]]]


def tasks_of(connection: sqlite3.Connection, rows: Sequence[Row]) -> tuple[Task, ...]:
    """The tasks of rows of `TASK`, in their order."""
    after = _dependencies(connection, rows)
    open_ids = {id_ for depended in after.values() for id_, is_open in depended if is_open}
    shown = shown_ids(connection, {row[1] for row in rows} | open_ids)
    return tuple(_task_of(row, shown, after.get(row[0], ())) for row in rows)


def task_at(connection: sqlite3.Connection, n: int) -> Task:
    """The task with this inner number."""
    return tasks_of(connection, connection.execute(TASK + "WHERE t.n = ?", (n,)).fetchall())[0]


def task_n(connection: sqlite3.Connection, task_id: str) -> int:
    """The inner number of a task.

    Raises:
        NoSuchTask: it is not there.
    """
    row = connection.execute("SELECT n FROM task WHERE id = ?", (task_id,)).fetchone()
    if row is None:
        raise no_such_task(connection, task_id)
    return int(row[0])


def detail_at(connection: sqlite3.Connection, n: int) -> TaskDetail:
    """Everything about the task with this inner number."""
    plan_json, text, result = connection.execute(
        "SELECT plan, text, result FROM task_body WHERE task_n = ?", (n,)
    ).fetchone()
    plan = plan_of(plan_json)
    rows = {row[0]: row for row in connection.execute(_STEPS, (n,))}
    steps = tuple(_step_of(rows[spec.key], Step(spec)) for spec in plan.steps)
    entries = connection.execute("SELECT at, what FROM task_entry WHERE task_n = ? ORDER BY n", (n,))
    history = tuple(TaskEntry(at, clean(what)) for at, what in entries)
    return TaskDetail(task_at(connection, n), clean(text), plan, steps, clean(result), history)


def _dependencies(connection: sqlite3.Connection, rows: Sequence[Row]) -> _Dependencies:
    """For each task that has any: the ids of those that must be done before it, and whether they are not."""
    found: dict[int, list[tuple[str, bool]]] = {}
    if len(rows) > _FEW:
        pairs = connection.execute(_AFTER.format(where="")).fetchall()
    else:
        one = _AFTER.format(where="WHERE a.task_n = ?")
        pairs = [pair for row in rows for pair in connection.execute(one, row[:1])]
    for n, id_, is_open in pairs:
        found.setdefault(n, []).append((id_, bool(is_open)))
    return found


def _task_of(row: Row, shown: Mapping[str, str], depended: Sequence[tuple[str, bool]]) -> Task:
    (_, id_, title, state, created, updated, priority, reason, session_id, message_id, backend, model, why) = row[:13]
    (p, started, finished, running_since, worked_s, expected_s, time_limit_s, steps_total, steps_done) = row[13:22]
    (step_title, next_try, prompt_tokens, completion_tokens, error, error_code) = row[22:]
    return Task(
        id_,
        shown[id_],
        clean(title),
        _STATES[state],
        created,
        updated,
        PRIORITIES[priority],
        _REASONS[reason],
        session_id,
        message_id,
        ref_of(backend, model) if backend else None,
        clean(why) if why else "",
        p,
        started,
        finished,
        running_since,
        worked_s,
        expected_s,
        time_limit_s,
        tuple([other for other, _ in depended]) if depended else (),
        tuple([shown[other] for other, is_open in depended if is_open]) if depended else (),
        steps_total,
        steps_done,
        clean(step_title) if step_title else "",
        next_try,
        prompt_tokens,
        completion_tokens,
        clean(error) if error else "",
        error_code,
    )


def _step_of(row: Row, step: Step) -> Step:
    state, attempts, backend, model, text, thinking, started, finished, error, next_try, approved = row[1:12]
    spent, *usage = row[12:]
    if spent is not None:
        usage[1] = spent + (usage[1] or 0)
    return Step(
        step.spec,
        _STEP_STATES[state],
        attempts,
        ref_of(backend, model) if backend else None,
        clean(text),
        clean(thinking),
        Usage(*usage) if any(value is not None for value in usage) else None,
        started,
        finished,
        clean(error),
        next_try,
        bool(approved),
    )
