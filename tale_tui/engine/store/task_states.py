"""How tasks go from state to state: taken out of the queue, parked, answered, stopped, run again."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection

from tale_tui.engine.errors import BadPlan
from tale_tui.engine.store.database import Database
from tale_tui.engine.store.plans import plan_of
from tale_tui.engine.store.task_changes import change, fill_card, keep_pace, note, running_n, wrong_state
from tale_tui.engine.store.task_forms import Claim
from tale_tui.engine.store.task_rows import detail_at, task_at, task_n
from tale_tui.engine.task_types import ENDED, Plan, Reason, Task, TaskState
from tale_tui.engine.text import clean_line

_CLAIM = """
    UPDATE task SET state = 'running', reason = '', epoch = epoch + 1, started = coalesce(started, :now),
        running_since = :now, updated = :now, next_try = NULL, error = '', error_code = ''
    WHERE id = :id AND state = 'queued' RETURNING n, epoch
"""
_YES = """
    UPDATE task_step SET approved = 1, state = CASE WHEN :done THEN 'done' ELSE state END,
        finished = CASE WHEN :done THEN :now ELSE finished END, error = '', next_try = NULL
    WHERE task_n = :n AND key = :key AND state <> 'done'
"""
_AGAIN = """
    UPDATE task_step SET state = 'pending', attempts = 0, error = '', error_code = '', next_try = NULL
    WHERE task_n = ? AND key = ?
"""
_AFRESH = """
    UPDATE task_step SET state = 'pending', attempts = 0, approved = 0, started = NULL, finished = NULL,
        next_try = NULL, spent_tokens = NULL, prompt_tokens = NULL, completion_tokens = NULL, cached_tokens = NULL,
        ttft_ms = NULL, load_ms = NULL, total_ms = NULL, tokens_per_second = NULL, error = '', error_code = '',
        thinking = '', text = ''
    WHERE task_n = ? AND key = ?
"""
_TO_THE_END = "UPDATE task SET place = (SELECT max(place) FROM task) + 1 WHERE n = ?"
_RETRIED_FROM = ENDED | {TaskState.PAUSED}


class TaskStates(Database):
    """The states of the tasks of a store. Every method is one transaction and adds a line to the task's history."""

    async def claim_task(self, task_id: str, now: float) -> Claim | None:
        """Take a task out of the queue, to run it; None when it is not queued (any more).

        Args:
            task_id: the whole id.
            now: seconds since the epoch.
        """

        def job(connection: sqlite3.Connection) -> Claim | None:
            row = connection.execute(_CLAIM, {"id": task_id, "now": now}).fetchone()
            if row is None:
                return None
            n, epoch = row
            note(connection, n, now, "running")
            return Claim(detail_at(connection, n), epoch)

        return await self._write(job)

    async def park_task(self, task_id: str, epoch: int, reason: Reason, key: str = "") -> Task:
        """End the run of a task that waits for the user's yes; it holds nothing while it waits.

        Args:
            task_id: the whole id.
            epoch: of the run.
            reason: `APPROVAL`, or `REPEAT` for a step with effects outside that broke off.
            key: of the step that wants the yes; empty for the whole plan.
        Raises:
            Fenced: nothing was changed.
        """

        def job(connection: sqlite3.Connection) -> Task:
            n, now = running_n(connection, task_id, epoch), self._world.now()
            change(connection, n, TaskState.WAITING, now, reason=reason, asks=key)
            note(connection, n, now, f"waits for a yes to {key or 'its plan'}")
            return task_at(connection, n)

        return await self._write(job)

    async def approve(self, task_id: str) -> Task:
        """Keep the user's yes to what a task waits for, and queue it again.

        A step that only waited for it is done with that; one that is to be repeated is marked as `approved` until its
        next attempt.

        Raises:
            NoSuchTask, WrongState: nothing was changed.
        """

        def job(connection: sqlite3.Connection) -> Task:
            n, now = task_n(connection, task_id), self._world.now()
            state, reason, key = connection.execute("SELECT state, reason, asks FROM task WHERE n = ?", (n,)).fetchone()
            if state != TaskState.WAITING:
                raise wrong_state(connection, n, "approved")
            if key:
                done = reason == Reason.APPROVAL
                connection.execute(_YES, {"n": n, "key": key, "done": done, "now": now})
            change(connection, n, TaskState.QUEUED, now)
            note(connection, n, now, f"approved{f': {key}' if key else ''}")
            return task_at(connection, n)

        return await self._write(job)

    async def change_task(
        self,
        task_id: str,
        to: TaskState,
        *,
        expect: Collection[TaskState],
        reason: Reason = Reason.NONE,
        error: str = "",
        error_code: str = "",
    ) -> Task:
        """Cancel, pause, resume, interrupt or fail a task: every way that is not a step's or a retry.

        Leaving `running` ends the run: whoever still has it is fenced, its time is added, and the steps that ran are
        pending again with their text. The card of a task that failed or was cancelled gets what there is of a result.

        Args:
            task_id: the whole id.
            to: any state but running, which `claim_task` gives.
            expect: the states that it may be in.
            reason: why it is paused or waiting.
            error: a sentence for the user, where it failed.
            error_code: the class of that error.
        Raises:
            NoSuchTask: it is not there.
            WrongState: it is in another state, which the sentence names; nothing was changed.
        """

        def job(connection: sqlite3.Connection) -> Task:
            n, now = task_n(connection, task_id), self._world.now()
            (state,) = connection.execute("SELECT state FROM task WHERE n = ?", (n,)).fetchone()
            if state not in expect:
                raise wrong_state(connection, n, "resumed" if to is TaskState.QUEUED else to.value)
            change(connection, n, to, now, reason=reason, error=error, error_code=error_code)
            note(connection, n, now, _said(to, reason, error))
            return task_at(connection, n)

        return await self._write(job)

    async def retry_from(self, task_id: str, key: str = "") -> Task:
        """Queue a task again that has ended or is paused; the time that it worked is counted anew.

        Args:
            task_id: the whole id.
            key: this step and all that depend on it are run afresh. Empty: a done task is run afresh as a whole, any
                other one keeps the steps that are done, and the text of those that are not.
        Raises:
            NoSuchTask, WrongState: nothing was changed.
            BadPlan: it has no such step; nothing was changed.
        """

        def job(connection: sqlite3.Connection) -> Task:
            n, now = task_n(connection, task_id), self._world.now()
            (state,) = connection.execute("SELECT state FROM task WHERE n = ?", (n,)).fetchone()
            if state not in _RETRIED_FROM:
                raise wrong_state(connection, n, "retried")
            _reset_steps(connection, n, clean_line(key), everything=state == TaskState.DONE)
            connection.execute("UPDATE task_body SET result = '' WHERE task_n = ?", (n,))
            change(connection, n, TaskState.QUEUED, now)
            connection.execute("UPDATE task SET worked_s = 0 WHERE n = ?", (n,))
            if state != TaskState.PAUSED:
                connection.execute(_TO_THE_END, (n,))
                fill_card(connection, n, "", now)
            if state == TaskState.DONE:
                keep_pace(connection, n)
            note(connection, n, now, f"queued again{f' from {clean_line(key)}' if key else ''}")
            return task_at(connection, n)

        return await self._write(job)


def _reset_steps(connection: sqlite3.Connection, n: int, key: str, *, everything: bool) -> None:
    """Make the steps pending that are to run again.

    Raises:
        BadPlan: there is no step with this key.
    """
    (plan_json,) = connection.execute("SELECT plan FROM task_body WHERE task_n = ?", (n,)).fetchone()
    plan = plan_of(plan_json)
    keys = [spec.key for spec in plan.steps]
    if key and key not in keys:
        raise BadPlan(f"The task has no step {key}: its steps are {', '.join(keys)}.")
    afresh = _depending_on(plan, key) if key else set(keys) if everything else set[str]()
    connection.executemany(_AFRESH, [(n, each) for each in afresh])
    connection.executemany(_AGAIN + " AND state <> 'done'", [(n, each) for each in keys])


def _depending_on(plan: Plan, key: str) -> set[str]:
    """A step and all that come after it, however far."""
    found = {key}
    while True:
        more = {spec.key for spec in plan.steps if found & set(spec.after)} - found
        if not more:
            return found
        found |= more


def _said(to: TaskState, reason: Reason, error: str) -> str:
    """The line of the history for a change."""
    if to is TaskState.QUEUED:
        return "queued again"
    if error:
        return f"{to.value}: {error}"
    return "interrupted" if reason is Reason.INTERRUPTED else to.value
