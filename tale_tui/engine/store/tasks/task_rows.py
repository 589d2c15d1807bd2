"""From the rows of tasks and steps to the classes of the domain, and the ids of tasks as people use them."""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from difflib import get_close_matches
from typing import Any

from tale_tui.domain.clock import ID_SHOWN
from tale_tui.domain.constants import CANDIDATES_NAMED_MAX, SUGGESTED_FROM_TASKS
from tale_tui.domain.errors import AmbiguousTask, NoSuchTask
from tale_tui.domain.forecasts import ForecastSummary, PastForecasts, StepEstimate
from tale_tui.domain.models import Role, Usage
from tale_tui.domain.tasks import (
    AtLimit,
    PlanApproval,
    Priority,
    Reason,
    Step,
    StepState,
    Task,
    TaskDetail,
    TaskEntry,
    TaskState,
)
from tale_tui.domain.text import clean, clean_line
from tale_tui.engine.store.rows import Row, estimate_of, model_of, plan_of, ref_of

PRIORITIES = tuple(Priority)
"""By the number that the column holds."""
TASK = """
    SELECT t.n, t.id, t.title, t.state, t.created, t.updated, t.priority, t.reason, t.session_id, t.message_id,
        t.backend, t.model, t.why, t.p, t.p_simple, t.given, t.started, t.finished, t.running_since,
        t.worked_s, pace.expected_s, t.time_limit_s, t.steps_total, t.steps_done, t.step_title, t.next_try,
        t.prompt_tokens, t.completion_tokens, t.error, t.error_code, t.server_since, t.over_budget,
        f.runs, f.complexity, f.large, f.past_tasks, f.past_near, f.past_kind,
        f.completion_tokens, f.completion_low, f.completion_high, f.seconds, f.seconds_low, f.seconds_high,
        f.waiting_s, f.waiting_low, f.waiting_high, f.prompt_tokens, f.prompt_low, f.prompt_high,
        f.cost, f.cost_low, f.cost_high,
        CASE t.state WHEN 'running' THEN (
            SELECT count(*) FROM task_step AS s WHERE s.task_n = t.n AND s.state = 'running'
        ) ELSE 0 END,
        CASE t.state WHEN 'waiting' THEN (
            SELECT count(*) FROM task_step AS s
            WHERE s.task_n = t.n AND NOT s.allowed AND NOT s.plans AND s.state NOT IN ('done', 'skipped')
        ) ELSE 0 END
    FROM task AS t LEFT JOIN task_pace AS pace ON pace.backend = t.backend AND pace.model = t.model
        LEFT JOIN task_forecast AS f ON f.task_n = t.n AND (t.finished IS NULL OR f.made < t.finished)
"""
_AFTER = """
    SELECT a.task_n, d.id, d.state <> 'done'
    FROM task_after AS a JOIN task AS d ON d.n = a.after_n
    {where} ORDER BY a.task_n, a.place
"""
_STEPS = """
    SELECT key, state, attempts, backend, model, text, thinking, started, finished, error, next_try, approved, at_limit,
        foreseen_tokens, foreseen_tokens_low, foreseen_tokens_high, foreseen_s, foreseen_s_low, foreseen_s_high,
        allowed,
        spent_tokens, prompt_tokens, completion_tokens, cached_tokens, ttft_ms, load_ms, total_ms, tokens_per_second
    FROM task_step WHERE task_n = ?
"""
_APPROVAL = "SELECT asks, approved, tokens, models, stepwise, refused, replans FROM task_plan WHERE task_n = ?"
_OPEN_ORDER = """
    ORDER BY CASE t.state WHEN 'running' THEN 0 WHEN 'waiting' THEN 1 WHEN 'paused' THEN 2 WHEN 'queued' THEN 3 ELSE 4
        END, t.priority, t.place, t.n
"""
_ENDED_ORDER = "ORDER BY t.finished DESC, t.n DESC"
_FEW_TASKS = 16
"""Tasks whose dependencies are looked up one by one; of more, all are read at once."""

# Looking a member up by its value costs ten times as much through the class.
_STATES = {state.value: state for state in TaskState}
_REASONS = {reason.value: reason for reason in Reason}
_STEP_STATES = {state.value: state for state in StepState}

_Dependencies = Mapping[int, Sequence[tuple[str, bool]]]

LIKENESS = 0.5
"""How much of a mistyped id must be right for a suggestion, 0 to 1."""
_FEW_IDS = 1000
"""Ids whose neighbours are looked up one by one; of more, all ids are read."""
_LAST = "\U0010ffff"

_NEIGHBOURS = "SELECT (SELECT max(id) FROM task WHERE id < :id), (SELECT min(id) FROM task WHERE id > :id)"


def tasks_of(connection: sqlite3.Connection, rows: Sequence[Row]) -> tuple[Task, ...]:
    """The tasks of rows of `TASK`, in their order."""
    if not rows:
        return ()
    after = _dependencies(connection, rows)
    open_ids = {id_ for depended in after.values() for id_, is_open in depended if is_open}
    shown = shown_ids(connection, {row[1] for row in rows} | open_ids)
    return tuple(_task_of(row, shown, after.get(row[0], ())) for row in rows)


def listed_tasks(
    connection: sqlite3.Connection, states: tuple[TaskState, ...], session_id: str, limit: int
) -> tuple[Task, ...]:
    """The open tasks in their order, then those that ended, the newest first; arguments as of `Tasks.tasks`."""
    only, values = "", list[str]()
    if states:  # the plus keeps SQLite to the index by the end, which gives the order as well
        only += f" AND +t.state IN ({', '.join('?' * len(states))})"
        values += [state.value for state in states]
    if session_id:
        only += " AND t.session_id = ?"
        values.append(session_id)
    unfinished = f"{TASK} WHERE t.finished IS NULL {only} {_OPEN_ORDER} LIMIT ?"
    rows = connection.execute(unfinished, (*values, limit)).fetchall()
    ended = f"{TASK} WHERE t.finished IS NOT NULL {only} {_ENDED_ORDER} LIMIT ?"
    rows += connection.execute(ended, (*values, limit - len(rows))).fetchall()
    return tasks_of(connection, rows)


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
    earlier: dict[str, list[str]] = {}
    for key, written in connection.execute("SELECT key, text FROM task_attempt WHERE task_n = ? ORDER BY n", (n,)):
        earlier.setdefault(key, []).append(clean(written))
    steps = tuple(_step_of(rows[spec.key], Step(spec, earlier=tuple(earlier.get(spec.key, ())))) for spec in plan.steps)
    entries = connection.execute("SELECT at, what FROM task_entry WHERE task_n = ? ORDER BY n", (n,))
    history = tuple(TaskEntry(at, clean(what)) for at, what in entries)
    approval = approval_at(connection, n)
    return TaskDetail(task_at(connection, n), clean(text), plan, steps, clean(result), history, approval)


def approval_at(connection: sqlite3.Connection, n: int) -> PlanApproval | None:
    """What the user was asked about the plan of a task, and said; None where nothing was."""
    row = connection.execute(_APPROVAL, (n,)).fetchone()
    if row is None:
        return None
    asks, approved, tokens, models, stepwise, refused, replans = row
    refs = [model_of(name) for name in json.loads(models)]
    return PlanApproval(
        clean(asks),
        plan_of(approved) if approved else None,
        tokens,
        tuple(ref for ref in refs if ref is not None),
        bool(stepwise),
        tuple(clean(reason) for reason in json.loads(refused)),
        replans,
    )


def _dependencies(connection: sqlite3.Connection, rows: Sequence[Row]) -> _Dependencies:
    """For each task that has any: the ids of those that must be done before it, and whether they are not."""
    found: dict[int, list[tuple[str, bool]]] = {}
    if len(rows) > _FEW_TASKS:
        pairs = connection.execute(_AFTER.format(where="")).fetchall()
    else:
        one = _AFTER.format(where="WHERE a.task_n = ?")
        pairs = [pair for row in rows for pair in connection.execute(one, row[:1])]
    for n, id_, is_open in pairs:
        found.setdefault(n, []).append((id_, bool(is_open)))
    return found


def _task_of(row: Row, shown: Mapping[str, str], depended: Sequence[tuple[str, bool]]) -> Task:
    (_, id_, title, state, created, updated, priority, reason, session_id, message_id, backend, model, why) = row[:13]
    (p, p_simple, given, started, finished, running_since, worked_s, expected_s, time_limit_s) = row[13:22]
    (steps_total, steps_done, step_title, next_try, prompt_tokens, completion_tokens, error, error_code) = row[22:30]
    server_since, over_budget, *foreseen, steps_running, steps_asking = row[30:]
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
        p_simple,
        Role(given) if given else None,
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
        steps_running,
        steps_asking,
        next_try,
        prompt_tokens,
        completion_tokens,
        clean(error) if error else "",
        error_code,
        server_since,
        bool(over_budget),
        None if foreseen[0] is None else _summary_of(foreseen),
    )


def _summary_of(row: Sequence[Any]) -> ForecastSummary:
    runs, complexity, large, past_tasks, past_near, past_kind, *ends = row
    tokens, seconds, waiting, prompt = (estimate_of(*ends[place : place + 3]) for place in (0, 3, 6, 9))
    return ForecastSummary(
        completion_tokens=tokens,
        seconds=seconds,
        waiting=waiting,
        runs=runs,
        complexity=complexity,
        prompt_tokens=prompt,
        cost=None if ends[12] is None else estimate_of(*ends[12:15]),
        large=bool(large),
        past=PastForecasts(past_tasks, past_near, clean_line(past_kind)),
    )


def _step_of(row: Row, step: Step) -> Step:
    state, attempts, backend, model, text, thinking, started, finished, error, next_try, approved, at_limit = row[1:13]
    foreseen, allowed, (spent, *usage) = row[13:19], row[19], row[20:]
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
        step.earlier,
        AtLimit(at_limit),
        None if foreseen[0] is None else StepEstimate(estimate_of(*foreseen[:3]), estimate_of(*foreseen[3:])),
        bool(allowed),
    )


def shown_ids(connection: sqlite3.Connection, ids: Collection[str]) -> dict[str, str]:
    """For each id its shortest beginning, of at least four characters, that no other task has."""
    if len(ids) <= _FEW_IDS:
        return {id_: _shortest(id_, connection.execute(_NEIGHBOURS, {"id": id_}).fetchone()) for id_ in ids}
    every = [id_ for (id_,) in connection.execute("SELECT id FROM task ORDER BY id")]
    short = [id_[:ID_SHOWN] for id_ in every]
    befores, afters = [None, *every], [*every[1:], None]
    return {
        id_: beginning if count == 1 else _shortest(id_, (before, after))
        for id_, beginning, count, before, after in zip(
            every, short, map(Counter(short).__getitem__, short), befores, afters, strict=False
        )
    }


def _shortest(id_: str, neighbours: Sequence[str | None]) -> str:
    """The shortest beginning of an id that those before and after it in the order of all do not have."""
    length = ID_SHOWN
    for other in neighbours:
        while other is not None and length < len(id_) and other[:length] == id_[:length]:
            length += 1
    return id_[:length]


def task_n_by_prefix(connection: sqlite3.Connection, prefix: str) -> int:
    """The inner number of the task with this id, or of the only one whose id begins so.

    Raises:
        NoSuchTask: none; the sentence suggests the nearest.
        AmbiguousTask: several; the sentence names them.
    """
    exact = connection.execute("SELECT n FROM task WHERE id = ?", (prefix,)).fetchone()
    if exact is not None:
        return int(exact[0])
    if not prefix:
        raise NoSuchTask("An id is missing: give the beginning of one, as the list of tasks shows it.")
    found = connection.execute(
        "SELECT n, id, title FROM task WHERE id >= ? AND id < ? ORDER BY n DESC LIMIT ?",
        (prefix, prefix + _LAST, CANDIDATES_NAMED_MAX + 1),
    ).fetchall()
    if not found:
        raise no_such_task(connection, prefix)
    if len(found) > 1:
        shown = shown_ids(connection, [id_ for _, id_, _ in found])
        named = ", ".join(f"{shown[id_]} {clean_line(title)}" for _, id_, title in found[:CANDIDATES_NAMED_MAX])
        more = " and more" if len(found) > CANDIDATES_NAMED_MAX else ""
        raise AmbiguousTask(f"Several tasks begin with {prefix}: {named}{more}; give more of the id.")
    return int(found[0][0])


def no_such_task(connection: sqlite3.Connection, given: str) -> NoSuchTask:
    """For an id, or the beginning of one, that no task has: what it is instead, or what it may have meant."""
    given = clean_line(given)
    session = connection.execute("SELECT 1 FROM session WHERE id >= ? AND id < ? LIMIT 1", (given, given + _LAST))
    if len(given) >= ID_SHOWN and session.fetchone() is not None:
        return NoSuchTask(f"{given} is the id of a conversation: give that of a task, as the list of tasks shows it.")
    rows = connection.execute("SELECT id, title FROM task ORDER BY n DESC LIMIT ?", (SUGGESTED_FROM_TASKS,)).fetchall()
    if not rows:
        return NoSuchTask(f"No task has the id {given}, and there are no tasks yet.")
    titles = {id_[: max(len(given), ID_SHOWN)]: (id_, title) for id_, title in reversed(rows)}
    near = get_close_matches(given, titles, n=1, cutoff=LIKENESS)
    if not near:
        return NoSuchTask(f"No task has the id {given}: the list of tasks shows all that there are.")
    id_, title = titles[near[0]]
    return NoSuchTask(
        f"No task has the id {given}: do you mean {shown_ids(connection, [id_])[id_]} {clean_line(title)}?"
    )
