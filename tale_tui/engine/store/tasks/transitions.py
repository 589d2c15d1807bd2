"""How tasks go from state to state: taken out of the queue, suspended, approved, stopped, run again."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from tale_tui.domain.constants import ERROR_CHARACTERS
from tale_tui.domain.errors import BadPlan
from tale_tui.domain.models import ModelRef, Role
from tale_tui.domain.plans import JOIN_KEY, depending_on
from tale_tui.domain.tasks import ENDED, AtLimit, Plan, Reason, StepKind, StepSpec, Task, TaskDetail, TaskState
from tale_tui.domain.text import clean, clean_line
from tale_tui.engine.store.database import Database
from tale_tui.engine.store.rows import plan_of, ref_columns, step_key
from tale_tui.engine.store.tasks.state_changes import (
    add_history_entry,
    change_state,
    fill_card,
    keep_pace,
    running_n,
    update_progress,
    wrong_state,
)
from tale_tui.engine.store.tasks.task_rows import detail_at, task_at, task_n
from tale_tui.formatting.units import span

_CLAIM = """
    UPDATE task SET state = 'running', reason = '', epoch = epoch + 1, started = coalesce(started, :now),
        running_since = :now, updated = :now, next_try = NULL, error = '', error_code = '', server_since = NULL
    WHERE id = :id AND state = 'queued' RETURNING n, epoch
"""
_AT_LIMIT = "UPDATE task_step SET at_limit = ? WHERE task_n = ? AND key = ? AND state <> 'done'"
_SHOW = "UPDATE task_step SET text = ?, allowed = 0 WHERE task_n = ? AND key = ? AND state <> 'done'"
_HANDED_IN = """
    INSERT OR IGNORE INTO task_plan (task_n, approved) SELECT task_n, plan FROM task_body WHERE task_n = ?
"""
_SKIP = """
    UPDATE task_step SET state = 'skipped', next_try = NULL, error = :reason
    WHERE task_n = :n AND key = :key AND state NOT IN ('done', 'skipped', 'running')
"""
UNDER_WAY = (TaskState.QUEUED, TaskState.RUNNING, TaskState.PAUSED)
"""The states of a task that has begun, or will by itself or when it is resumed."""
REFUSED = "refused by you"
"""Why a step is left out to which the user said no."""
_AGAIN = """
    UPDATE task_step SET state = 'pending', attempts = 0, error = '', error_code = '', next_try = NULL
    WHERE task_n = ? AND key = ?
"""
_AFRESH = """
    UPDATE task_step SET state = 'pending', attempts = 0, approved = 0, started = NULL, finished = NULL,
        next_try = NULL, spent_tokens = NULL, prompt_tokens = NULL, completion_tokens = NULL, cached_tokens = NULL,
        ttft_ms = NULL, load_ms = NULL, total_ms = NULL, tokens_per_second = NULL, error = '', error_code = '',
        thinking = '', text = '', at_limit = ''
    WHERE task_n = ? AND key = ?
"""
_KEEP_ATTEMPTS = """
    INSERT INTO task_attempt (task_n, key, ended, text)
    SELECT task_n, key, :now, text FROM task_step
    WHERE task_n = :n AND (:all AND NOT plans OR state <> 'done') AND trim(text) <> ''
"""
_ANY_MODEL = "UPDATE task_plan SET models = '[]' WHERE task_n = ?"
_GIVE = "UPDATE task SET given = ?, backend = ?, model = ?, why = ?, updated = ? WHERE n = ?"
_TO_THE_END = "UPDATE task SET place = (SELECT max(place) FROM task) + 1 WHERE n = ?"
_WAITS_FOR_MODEL = frozenset({TaskState.RUNNING, TaskState.QUEUED})
_OF_MODEL = frozenset({Reason.SERVER, Reason.BUDGET})
"""Why a task waits that another model need not wait for."""
_RETRIED_FROM = ENDED | {TaskState.PAUSED}


@dataclass(frozen=True, slots=True)
class Claim:
    """A task that was taken out of the queue: whoever holds this runs it, and nobody else."""

    detail: TaskDetail
    epoch: int
    """Goes with every change that the run makes."""


class TaskTransitions(Database):
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
            add_history_entry(connection, n, now, "running")
            return Claim(detail_at(connection, n), epoch)

        return await self._write(job)

    async def suspend_task(
        self, task_id: str, epoch: int, reason: Reason, key: str = "", asks: str = "", shown: str | None = None
    ) -> Task:
        """End the run of a task that waits for the user's yes; it holds nothing while it waits.

        Args:
            task_id: the whole id.
            epoch: of the run.
            reason: `APPROVAL`, `REPEAT` for a step with effects outside that broke off, `BUDGET` or `LENGTH`.
            key: of the step that wants the yes; empty for the whole task.
            asks: why its plan wants the yes, in a sentence; empty keeps what is there.
            shown: what that step shows, which becomes its text: the yes is to this, and one before it counts no more.
        Raises:
            Fenced: nothing was changed.
        """

        def job(connection: sqlite3.Connection) -> Task:
            n, now = running_n(connection, task_id, epoch), self._clock.now()
            if shown is not None:  # a plan that nobody was asked about was approved by handing it in
                connection.execute(_SHOW, (clean(shown), n, step_key(key)))
                connection.execute(_HANDED_IN, (n,))
            if asks:
                ask_about_plan(connection, n, asks)
            change_state(connection, n, TaskState.WAITING, now, reason=reason, asks=key)
            going_on = {
                Reason.BUDGET: "going on over the budget",
                Reason.LENGTH: f"{key} going on, far longer than its like",
            }
            topic = going_on.get(reason) or key or "its plan"
            add_history_entry(connection, n, now, f"waits for a yes to {topic}")
            return task_at(connection, n)

        return await self._write(job)

    async def wait_for_server(self, task_ids: Collection[str]) -> tuple[Task, ...]:
        """Have queued tasks wait for a server that is away; those that are not queued any more stay as they are.

        Returns:
            Those that were changed; the same of the next two.
        """
        return await self._change_queued(task_ids, TaskState.QUEUED, Reason.SERVER, "waits for its server")

    async def server_is_back(self, task_ids: Collection[str]) -> tuple[Task, ...]:
        """Have queued tasks wait for their server no longer; those that are not queued any more stay as they are."""
        return await self._change_queued(task_ids, TaskState.QUEUED, Reason.NONE, "its server is back")

    async def ask_about_server(self, task_ids: Collection[str]) -> tuple[Task, ...]:
        """Have queued tasks ask whether they are to go on waiting for their server."""
        entry = "asks whether to go on waiting for its server"
        return await self._change_queued(task_ids, TaskState.WAITING, Reason.SERVER, entry)

    async def _change_queued(
        self, task_ids: Collection[str], to: TaskState, reason: Reason, entry: str
    ) -> tuple[Task, ...]:
        def job(connection: sqlite3.Connection) -> tuple[Task, ...]:
            now, changed = self._clock.now(), []
            for task_id in task_ids:
                row = connection.execute("SELECT n FROM task WHERE id = ? AND state = 'queued'", (task_id,)).fetchone()
                if row is None:
                    continue
                (n,) = row
                task = task_at(connection, n)
                change_state(
                    connection,
                    n,
                    to,
                    now,
                    reason=reason,
                    error=task.error,
                    error_code=task.error_code,
                    next_try=task.next_try,
                    server_since=(task.server_since or now) if reason is Reason.SERVER else None,
                )
                waited = "" if task.server_since is None else f", after {span(now - task.server_since)}"
                add_history_entry(connection, n, now, entry + waited)
                changed.append(task_at(connection, n))
            return tuple(changed)

        return await self._write(job)

    async def decline(self, task_id: str) -> Task:
        """Keep the user's no to what a task waits for: it is cancelled. Where a step asks whether to write on, that
        ends with what is there; one that would copy files is left out; and the task is queued again.

        Raises:
            NoSuchTask, WrongState: nothing was changed.
        """

        def job(connection: sqlite3.Connection) -> Task:
            n, now = task_n(connection, task_id), self._clock.now()
            reason, key = question(connection, n, TaskState.CANCELLED.value)
            if reason == Reason.LENGTH:
                keep_at_limit(connection, n, key, AtLimit.KEEP)
                change_state(connection, n, TaskState.QUEUED, now)
                add_history_entry(connection, n, now, f"{key} is not to go on")
            elif (spec := asked_copy(connection, n, reason, key)) is not None:
                skip_step_at(connection, n, spec, REFUSED, now)
                change_state(connection, n, TaskState.QUEUED, now)
            else:
                change_state(connection, n, TaskState.CANCELLED, now)
                add_history_entry(connection, n, now, TaskState.CANCELLED.value)
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
            n, now = task_n(connection, task_id), self._clock.now()
            (state,) = connection.execute("SELECT state FROM task WHERE n = ?", (n,)).fetchone()
            if state not in expect:
                raise wrong_state(connection, n, "resumed" if to is TaskState.QUEUED else to.value)
            change_state(connection, n, to, now, reason=reason, error=error, error_code=error_code)
            add_history_entry(connection, n, now, _history_line(to, reason, error))
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
            n, now = task_n(connection, task_id), self._clock.now()
            (state,) = connection.execute("SELECT state FROM task WHERE n = ?", (n,)).fetchone()
            if state not in _RETRIED_FROM:
                raise wrong_state(connection, n, "retried")
            _reset_steps(connection, n, clean_line(key), everything=state == TaskState.DONE)
            connection.execute("UPDATE task_body SET result = '' WHERE task_n = ?", (n,))
            change_state(connection, n, TaskState.QUEUED, now)
            connection.execute("UPDATE task SET worked_s = 0, over_budget = 0 WHERE n = ?", (n,))
            if state != TaskState.PAUSED:
                connection.execute(_TO_THE_END, (n,))
                fill_card(connection, n, "", now)
            if state == TaskState.DONE:
                keep_pace(connection, n)
            add_history_entry(connection, n, now, f"queued again{f' from {clean_line(key)}' if key else ''}")
            return task_at(connection, n)

        return await self._write(job)

    async def give_task(self, task_id: str, role: Role, ref: ModelRef | None, why: str) -> Task:
        """Give a task to the model of a role. One that has ended is queued again as a whole; one that runs, or that
        waits because of the model before, for what is not done; of any other one the state stays.

        No model goes on with the words of another one: these are kept as `Step.earlier`.

        Args:
            task_id: the whole id; nothing runs it any more.
            role: whose model.
            ref: that model, as far as it is known.
            why: why it does the task, in a few words.
        Raises:
            NoSuchTask: nothing was changed.
        """

        def job(connection: sqlite3.Connection) -> Task:
            n, now = task_n(connection, task_id), self._clock.now()
            before = task_at(connection, n)
            ended, steps = before.state in ENDED, plan_at(connection, n).steps
            connection.execute(_KEEP_ATTEMPTS, {"n": n, "now": now, "all": ended})
            connection.executemany(_AFRESH + " AND state NOT IN ('done', 'skipped')", [(n, spec.key) for spec in steps])
            connection.execute(_ANY_MODEL, (n,))  # whoever chooses a model says yes to it
            if ended:
                work = [(n, spec.key) for spec in steps if spec.kind != StepKind.PLAN]
                connection.executemany(_AFRESH + " AND state <> 'skipped'", work)
                connection.execute("UPDATE task_plan SET replans = 0 WHERE task_n = ?", (n,))
                connection.execute("UPDATE task_body SET result = '' WHERE task_n = ?", (n,))
                connection.execute("UPDATE task SET worked_s = 0, over_budget = 0 WHERE n = ?", (n,))
                connection.execute(_TO_THE_END, (n,))
                fill_card(connection, n, "", now)
            if ended or before.state in _WAITS_FOR_MODEL or before.reason in _OF_MODEL:
                change_state(connection, n, TaskState.QUEUED, now)
            if before.state is TaskState.DONE:
                keep_pace(connection, n)
            connection.execute(_GIVE, (role, *ref_columns(ref), clean_line(why), now, n))
            update_progress(connection, n, now)
            add_history_entry(connection, n, now, f"given to {ref.model if ref else 'another model'}")
            return task_at(connection, n)

        return await self._write(job)


def _reset_steps(connection: sqlite3.Connection, n: int, key: str, *, everything: bool) -> None:
    """Make the steps pending that are to run again.

    Raises:
        BadPlan: there is no step with this key.
    """
    plan = plan_at(connection, n)
    keys = [spec.key for spec in plan.steps]
    if key and key not in keys:
        raise BadPlan(f"The task has no step {key}: its steps are {', '.join(keys)}.")
    work = {spec.key for spec in plan.steps if spec.kind != StepKind.PLAN}  # a plan that stands is not made again
    afresh = depending_on(plan.steps, {key}) if key else work if everything else set[str]()
    connection.executemany(_AFRESH + " AND state <> 'skipped'", [(n, each) for each in afresh])
    connection.executemany(_AGAIN + " AND state NOT IN ('done', 'skipped')", [(n, each) for each in keys])
    connection.execute("UPDATE task_plan SET replans = 0 WHERE task_n = ?", (n,))


def _history_line(to: TaskState, reason: Reason, error: str) -> str:
    """The line of the history for a change."""
    if to is TaskState.QUEUED:
        return "queued again"
    if error:
        return f"{to.value}: {error}"
    return "interrupted" if reason is Reason.INTERRUPTED else to.value


def plan_at(connection: sqlite3.Connection, n: int) -> Plan:
    """The plan of a task, by its inner number."""
    (plan_json,) = connection.execute("SELECT plan FROM task_body WHERE task_n = ?", (n,)).fetchone()
    return plan_of(plan_json)


def question(connection: sqlite3.Connection, n: int, wanted: str) -> tuple[str, str]:
    """Why a task waits for the user, and the key of the step that asks.

    Raises:
        WrongState: it does not wait, and cannot be answered as is `wanted`.
    """
    state, reason, key = connection.execute("SELECT state, reason, asks FROM task WHERE n = ?", (n,)).fetchone()
    if state != TaskState.WAITING:
        raise wrong_state(connection, n, wanted)
    return reason, key


def asked_copy(connection: sqlite3.Connection, n: int, reason: str, key: str) -> StepSpec | None:
    """The step that asks whether it may copy files; None where something else asks.

    Args:
        connection: inside a transaction.
        n: the inner number of the task.
        reason: why it waits; see `question`.
        key: of the step that asks.
    """
    if reason != Reason.APPROVAL or not key:
        return None
    found = next((spec for spec in plan_at(connection, n).steps if spec.key == key), None)
    return found if found is not None and found.kind == StepKind.COPY else None


def skip_step_at(connection: sqlite3.Connection, n: int, spec: StepSpec, reason: str, now: float) -> None:
    """A task is to be done without a step, and without those that only it makes possible.

    Args:
        connection: inside a transaction.
        n: the inner number of the task.
        spec: the step.
        reason: why, in a few words.
        now: seconds since the epoch.
    """
    # The one that joins is done with the results that there are.
    others = [one for one in plan_at(connection, n).steps if one.key != JOIN_KEY]
    behind = depending_on(others, {spec.key}) - {spec.key}
    skip_steps(connection, n, {spec.key: reason} | dict.fromkeys(behind, f"it needs {spec.title}"))
    add_history_entry(connection, n, now, f"without {spec.title}: {reason}")
    update_progress(connection, n, now)


def skip_steps(connection: sqlite3.Connection, n: int, skipped: Mapping[str, str]) -> None:
    """Leave steps out that are not over and do not run.

    Args:
        connection: inside a transaction.
        n: the inner number of the task.
        skipped: key -> why.
    """
    rows = [
        {"n": n, "key": step_key(key), "reason": clean_line(reason, ERROR_CHARACTERS)}
        for key, reason in skipped.items()
    ]
    connection.executemany(_SKIP, rows)


def keep_at_limit(connection: sqlite3.Connection, n: int, key: str, answer: AtLimit) -> None:
    """Keep what is to become of a step that has written as much as it may without asking."""
    connection.execute(_AT_LIMIT, (answer, n, key))


def ask_about_plan(connection: sqlite3.Connection, n: int, asks: str) -> None:
    """Keep why the plan of a task asks, in a sentence."""
    connection.execute("INSERT OR IGNORE INTO task_plan (task_n) VALUES (?)", (n,))
    connection.execute("UPDATE task_plan SET asks = ? WHERE task_n = ?", (clean_line(asks, ERROR_CHARACTERS), n))
