"""Puts a task into another state, within a transaction: what transitions, steps, plans and versions share."""

from __future__ import annotations

import sqlite3
import statistics

from tale_tui.domain.constants import ERROR_CHARACTERS, PACE_TASKS, PACE_TASKS_MIN
from tale_tui.domain.errors import Fenced, WrongState
from tale_tui.domain.tasks import ENDED, Reason, TaskState
from tale_tui.domain.text import clean_line
from tale_tui.engine.store.tasks.task_rows import task_at

_STATE_WORDS = {
    TaskState.DRAFT: "a draft",
    TaskState.WAITING: "waiting for your yes",
    TaskState.QUEUED: "queued",
    TaskState.RUNNING: "running",
    TaskState.PAUSED: "paused",
    TaskState.DONE: "done",
    TaskState.FAILED: "failed",
    TaskState.CANCELLED: "cancelled",
}
_ALLOWED = {
    "paused": "a task that is queued or runs",
    "resumed": "a paused task",
    "retried": "a task that has ended or is paused",
    "approved": "a task that waits for your yes",
    "refused": "a plan that waits for your yes or is under way",
    "done without one of its steps": "a task that is under way or whose plan waits for your yes",
    "given another plan": "a task that is paused or whose plan waits for your yes",
    "moved in the queue": "a queued task",
    "brought back": "a task that neither is queued nor runs",
}
"""What is done -> the tasks that allow it; anything else is for those that have not ended."""
# What leaves `running` ends a run: its time is added, and its epoch is over.
_CHANGE = """
    UPDATE task SET state = :state, reason = :reason, error = :error, error_code = :code, next_try = :next_try,
        asks = :asks, server_since = :server_since, updated = :now, finished = CASE WHEN :ended THEN :now END,
        worked_s = worked_s + CASE WHEN state = 'running' AND :worked THEN max(0, :now - running_since) ELSE 0 END,
        epoch = epoch + (state = 'running'), running_since = NULL
    WHERE n = :n
"""
_RELEASE = """
    UPDATE task_step SET state = CASE state WHEN 'running' THEN 'pending' ELSE state END,
        next_try = CASE WHEN :next_try IS NOT NULL THEN next_try END
    WHERE task_n = :n AND (state = 'running' OR next_try IS NOT NULL)
"""
_SETTLE = """
    UPDATE task SET updated = :now,
        (steps_total, steps_done, prompt_tokens, completion_tokens) = (
            SELECT
                max(
                    count(*) FILTER (WHERE state <> 'skipped' AND NOT plans), min(1, count(*) FILTER (WHERE NOT plans))
                ),
                count(*) FILTER (WHERE state = 'done' AND NOT plans), sum(prompt_tokens),
                sum(coalesce(spent_tokens, 0) + coalesce(completion_tokens, 0))
                    FILTER (WHERE spent_tokens IS NOT NULL OR completion_tokens IS NOT NULL)
            FROM task_step WHERE task_n = :n
        ),
        step_title = coalesce((
            SELECT title FROM task_step WHERE task_n = :n AND state NOT IN ('done', 'skipped')
            ORDER BY state <> 'running', NOT plans, place LIMIT 1
        ), '')
    WHERE n = :n
"""
_FILL_CARD = """
    UPDATE message SET text = :text, error = t.error, backend = t.backend, model = t.model, why = t.why
    FROM task AS t WHERE t.n = :n AND message.id = t.message_id
    RETURNING message.n, message.session_n
"""
_CARD_USAGE = """
    INSERT OR REPLACE INTO usage
    SELECT :card, t.prompt_tokens, t.completion_tokens, s.cached_tokens, s.ttft_ms, s.load_ms, s.total_ms,
        s.tokens_per_second
    FROM task AS t LEFT JOIN task_step AS s ON s.task_n = t.n AND t.steps_total = 1 AND NOT s.plans
    WHERE t.n = :n AND (t.prompt_tokens IS NOT NULL OR t.completion_tokens IS NOT NULL)
"""
# What there is of a task that ended before its end: the step that it was at.
_PARTIAL = """
    SELECT text FROM task_step WHERE task_n = ? AND state <> 'done' AND text <> '' AND NOT plans ORDER BY place LIMIT 1
"""
_WORKED = """
    SELECT worked_s FROM task WHERE backend = ? AND model = ? AND state = 'done' ORDER BY finished DESC LIMIT ?
"""


def running_n(connection: sqlite3.Connection, task_id: str, epoch: int) -> int:
    """The inner number of a task, for the run of this epoch.

    Raises:
        Fenced: the task does not run, or it is another run's.
    """
    row = connection.execute(
        "SELECT n FROM task WHERE id = ? AND epoch = ? AND state = 'running'", (task_id, epoch)
    ).fetchone()
    if row is None:
        raise Fenced("This run of the task is over: another one has it, or it does not run any more.")
    return int(row[0])


def add_history_entry(connection: sqlite3.Connection, n: int, now: float, what: str) -> None:
    """Add a line to the history of a task."""
    connection.execute(
        "INSERT INTO task_entry (task_n, at, what) VALUES (?, ?, ?)", (n, now, clean_line(what, ERROR_CHARACTERS))
    )


def update_progress(connection: sqlite3.Connection, n: int, now: float) -> None:
    """Bring what a task says of its steps up to date."""
    connection.execute(_SETTLE, {"n": n, "now": now})


def change_state(
    connection: sqlite3.Connection,
    n: int,
    to: TaskState,
    now: float,
    *,
    reason: Reason = Reason.NONE,
    error: str = "",
    error_code: str = "",
    next_try: float | None = None,
    asks: str | None = None,
    server_since: float | None = None,
    worked: bool = True,
) -> None:
    """Bring a task into another state than running; its steps that run go back, with their text.

    Args:
        connection: inside a transaction.
        n: the inner number of the task.
        to: the state.
        now: seconds since the epoch.
        reason: why it is in that state.
        error: a sentence for the user.
        error_code: the class of that error.
        next_try: when the step that failed is tried again.
        asks: what it wants a yes to.
        server_since: since when the server is away that it waits for.
        worked: whether the time of a run that ends with this counts as time that it worked.
    """
    connection.execute(
        _CHANGE,
        {
            "n": n,
            "state": to,
            "reason": reason,
            "error": clean_line(error, ERROR_CHARACTERS),
            "code": clean_line(error_code),
            "next_try": next_try,
            "asks": asks,
            "server_since": server_since,
            "worked": worked,
            "now": now,
            "ended": to in ENDED,
        },
    )
    connection.execute(_RELEASE, {"n": n, "next_try": next_try})
    update_progress(connection, n, now)
    if to in (TaskState.FAILED, TaskState.CANCELLED):
        partial = connection.execute(_PARTIAL, (n,)).fetchone()
        fill_card(connection, n, partial[0] if partial else "", now)


def fill_card(connection: sqlite3.Connection, n: int, text: str, now: float) -> None:
    """Write into the card of a task, where it has one, how the task ended."""
    card = connection.execute(_FILL_CARD, {"n": n, "text": text}).fetchall()
    for card_n, session_n in card:
        connection.execute("DELETE FROM usage WHERE message_n = ?", (card_n,))
        connection.execute(_CARD_USAGE, {"card": card_n, "n": n})
        connection.execute("UPDATE session SET updated = ? WHERE n = ?", (now, session_n))


def keep_pace(connection: sqlite3.Connection, n: int) -> None:
    """Say anew how long a task of this one's model takes."""
    ref = connection.execute("SELECT backend, model FROM task WHERE n = ?", (n,)).fetchone()
    worked = [seconds for (seconds,) in connection.execute(_WORKED, (*ref, PACE_TASKS))]
    if len(worked) < PACE_TASKS_MIN:
        connection.execute("DELETE FROM task_pace WHERE backend = ? AND model = ?", ref)
    else:
        connection.execute("INSERT OR REPLACE INTO task_pace VALUES (?, ?, ?)", (*ref, statistics.median(worked)))


def wrong_state(connection: sqlite3.Connection, n: int, wanted: str) -> WrongState:
    """For a task in a state that does not allow what was asked.

    Args:
        connection: inside a transaction.
        n: the inner number of the task.
        wanted: what was to be done with it, as in "cancelled".
    """
    task = task_at(connection, n)
    state = _STATE_WORDS[task.state]
    already = " already" if wanted == state else ""
    which = _ALLOWED.get(wanted, "a task that has not ended")
    return WrongState(f"{task.shown} ({task.title}) is {state}{already}: only {which} can be {wanted}.")
