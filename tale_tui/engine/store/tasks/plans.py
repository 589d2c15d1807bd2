"""Plans of tasks: changed by the model that makes them or by the user, approved whole or by the step, refused."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace

from tale_tui.domain.constants import ERROR_CHARACTERS
from tale_tui.domain.errors import BadPlan
from tale_tui.domain.models import ModelRef
from tale_tui.domain.tasks import AtLimit, Plan, Reason, StepKind, StepSpec, StepState, Task, TaskDetail, TaskState
from tale_tui.domain.text import clean_line
from tale_tui.engine.store.database import Database
from tale_tui.engine.store.rows import plan_text, safe_plan, step_key
from tale_tui.engine.store.tasks.state_changes import (
    add_history_entry,
    change_state,
    running_n,
    update_progress,
    wrong_state,
)
from tale_tui.engine.store.tasks.task_rows import detail_at, task_at, task_n
from tale_tui.engine.store.tasks.transitions import (
    UNDER_WAY,
    ask_about_plan,
    asked_copy,
    keep_at_limit,
    plan_at,
    question,
    skip_step_at,
    skip_steps,
)
from tale_tui.formatting.units import plural

_KEEP_ROW = "INSERT OR IGNORE INTO task_plan (task_n) VALUES (?)"
_STEPS = "SELECT key, state, allowed FROM task_step WHERE task_n = ?"
_PUT_STEP = """
    INSERT INTO task_step (task_n, place, key, title, allowed, plans)
    VALUES (:n, :place, :key, :title, :allowed, :plans)
    ON CONFLICT (task_n, key) DO UPDATE SET place = :place, title = :title, allowed = :allowed, plans = :plans
"""
_AFRESH = """
    UPDATE task_step SET state = 'pending', attempts = 0, approved = 0, started = NULL, finished = NULL,
        next_try = NULL, error = '', error_code = '', thinking = '', text = '', at_limit = ''
    WHERE task_n = ? AND key = ?
"""
_YES = """
    UPDATE task_step SET approved = 1, allowed = 1, state = CASE WHEN :done THEN 'done' ELSE state END,
        finished = CASE WHEN :done THEN :now ELSE finished END, error = '', next_try = NULL
    WHERE task_n = :n AND key = :key AND state <> 'done'
"""
_STOP = "UPDATE task_step SET state = 'pending' WHERE task_n = ? AND key = ? AND state = 'running'"
_YES_TO_COPY = "UPDATE task_step SET allowed = 1 WHERE task_n = ? AND key = ? AND state <> 'done'"
_ASKING = """
    SELECT key FROM task_step WHERE task_n = ? AND NOT allowed AND NOT plans AND state NOT IN ('done', 'skipped')
    ORDER BY place
"""
_OVER = (StepState.DONE.value, StepState.SKIPPED.value)


@dataclass(frozen=True, slots=True)
class Approved:
    """What a yes to a plan is a yes to."""

    tokens: int | None = None
    """That are to be written in all; None for any number."""
    models: tuple[ModelRef, ...] = ()
    """That carry it out; empty where they are not known."""


@dataclass(frozen=True, slots=True)
class PlanRevision:
    """Another plan for a task that runs."""

    plan: Plan
    """All steps, those that are over too."""
    skipped: Mapping[str, str] = field(default_factory=dict)
    """Steps that are left out -> why."""
    asks: str = ""
    """Why it wants a yes, in a sentence; empty where it goes on by itself."""
    approved: Approved | None = None
    """What it may do where it goes on by itself and nothing was approved before; None keeps what was approved."""


class TaskPlans(Database):
    """The plans of the tasks of a store. Every method is one transaction."""

    async def approve(self, task_id: str, *, step: str = "", approved: Approved | None = None) -> Task:
        """Keep the user's yes to what a task waits for, and queue it again.

        A step that only waited for it is done with that; one that is to be repeated is marked as `approved` until its
        next attempt; a task that waits for a budget goes on to its end, a step that has written much to its own; of a
        plan all steps may run, or one. Where one had its yes, others get theirs in whatever state the task is then,
        which it stays in.

        Args:
            task_id: the whole id.
            step: the key of the only step of the plan that may run; the others go on waiting for a yes each.
            approved: what a yes to the plan includes.
        Raises:
            NoSuchTask, WrongState: nothing was changed.
            BadPlan: it has no such step, or that waits for no yes; nothing was changed.
        """

        def job(connection: sqlite3.Connection) -> Task:
            n, now = task_n(connection, task_id), self._clock.now()
            if _asks_while_under_way(connection, n):
                _allow(connection, n, plan_at(connection, n), clean_line(step), approved or Approved())
                add_history_entry(connection, n, now, f"approved{f': {clean_line(step)}' if step else ''}")
                update_progress(connection, n, now)
                return task_at(connection, n)
            reason, key = question(connection, n, "approved")
            plan, topic = plan_at(connection, n), clean_line(step) or key
            spec = next((one for one in plan.steps if one.key == topic), None)
            if step and (spec is None or reason != Reason.APPROVAL):
                raise BadPlan(_no_such_step(plan, step))
            if reason == Reason.LENGTH:
                keep_at_limit(connection, n, key, AtLimit.GO_ON)
            elif reason == Reason.BUDGET:
                connection.execute("UPDATE task SET over_budget = 1 WHERE n = ?", (n,))
            elif reason == Reason.REPEAT or (spec is not None and spec.kind == StepKind.APPROVAL):
                done = reason == Reason.APPROVAL
                connection.execute(_YES, {"n": n, "key": topic, "done": done, "now": now})
            elif spec is not None and asked_copy(connection, n, reason, key) == spec:
                connection.execute(_YES_TO_COPY, (n, topic))
                ask_about_plan(connection, n, "")
            elif reason == Reason.APPROVAL:
                _allow(connection, n, plan, clean_line(step), approved or Approved())
            change_state(connection, n, TaskState.QUEUED, now)
            add_history_entry(connection, n, now, f"approved{f': {topic}' if topic else ''}")
            return task_at(connection, n)

        return await self._write(job)

    async def refuse_step(self, task_id: str, step: str, reason: str) -> Task:
        """A waiting task is to be done without one of its steps, and without those that only it makes possible.

        Args:
            task_id: the whole id.
            step: the key; the step is not over and does not run.
            reason: why, in a few words.
        Raises:
            NoSuchTask, WrongState, BadPlan: nothing was changed.
        """

        def job(connection: sqlite3.Connection) -> Task:
            n = _asking_n(connection, task_id)
            _skip(connection, n, step, reason, self._clock.now())
            return task_at(connection, n)

        return await self._write(job)

    async def skip_step(self, task_id: str, step: str, reason: str) -> Task:
        """As `refuse_step`, also for a task that is under way; one that counts as running is queued again.

        Args:
            task_id: the whole id; nothing runs it any more.
            step: the key.
            reason: why, in a few words.
        Raises:
            NoSuchTask, WrongState, BadPlan: nothing was changed.
        """

        def job(connection: sqlite3.Connection) -> Task:
            n, now = _under_way_n(connection, task_id, "done without one of its steps"), self._clock.now()
            if task_at(connection, n).state is TaskState.RUNNING:
                change_state(connection, n, TaskState.QUEUED, now)
            _skip(connection, n, step, reason, now)
            return task_at(connection, n)

        return await self._write(job)

    async def skip_running_step(self, task_id: str, epoch: int, step: str, reason: str) -> TaskDetail:
        """As `refuse_step`, for a task that runs and goes on running; the step may run.

        Args:
            task_id: the whole id.
            epoch: of the run.
            step: the key.
            reason: why, in a few words.
        Raises:
            Fenced, BadPlan: nothing was changed.
        """

        def job(connection: sqlite3.Connection) -> TaskDetail:
            n = running_n(connection, task_id, epoch)
            connection.execute(_STOP, (n, step_key(step)))
            _skip(connection, n, step, reason, self._clock.now())
            return detail_at(connection, n)

        return await self._write(job)

    async def refuse_plan(self, task_id: str, reason: str, maker: StepSpec) -> Task:
        """Have the rest of a plan made anew, with why it was refused; what is done stays.

        Args:
            task_id: the whole id; nothing runs it any more.
            reason: what the user said.
            maker: the step that makes the new plan.
        Raises:
            NoSuchTask, WrongState: nothing was changed.
        """

        def job(connection: sqlite3.Connection) -> Task:
            n, now = _under_way_n(connection, task_id, "refused"), self._clock.now()
            connection.execute(_KEEP_ROW, (n,))
            (before,) = connection.execute("SELECT refused FROM task_plan WHERE task_n = ?", (n,)).fetchone()
            reasons = [*json.loads(before), clean_line(reason, ERROR_CHARACTERS)]
            # What was approved of a plan that is refused is approved no longer.
            connection.execute(
                "UPDATE task_plan SET refused = ?, asks = '', approved = NULL, tokens = NULL WHERE task_n = ?",
                (json.dumps(reasons), n),
            )
            plan, over = plan_at(connection, n), _over_at(connection, n)
            kept = tuple(spec for spec in plan.steps if spec.key in over)
            _store_plan(connection, n, replace(plan, steps=(*kept, maker)), over | {maker.key})
            change_state(connection, n, TaskState.QUEUED, now)
            add_history_entry(connection, n, now, f"plan refused: {reason}")
            return task_at(connection, n)

        return await self._write(job)

    async def set_plan(self, task_id: str, plan: Plan) -> Task:
        """Give a waiting or paused task another plan; steps that are over stay as they are.

        Every step that is new or other than before wants a yes.

        Args:
            task_id: the whole id.
            plan: checked; a step with the key of one that is over counts as that one.
        Raises:
            NoSuchTask, WrongState: nothing was changed.
            BadPlan: nothing of it is left to do; nothing was changed.
        """

        def job(connection: sqlite3.Connection) -> Task:
            n, now = task_n(connection, task_id), self._clock.now()
            state, reason = connection.execute("SELECT state, reason FROM task WHERE n = ?", (n,)).fetchone()
            if state != TaskState.PAUSED and (state, reason) != (TaskState.WAITING, Reason.APPROVAL):
                raise wrong_state(connection, n, "given another plan")
            connection.execute(_KEEP_ROW, (n,))
            old, over = plan_at(connection, n), _over_at(connection, n)
            kept = [spec for spec in old.steps if spec.key in over]
            new = [spec for spec in safe_plan(plan).steps if spec.key not in over]
            if not new:
                raise BadPlan("steps: all of these are over already, add one that is to be done.")
            same = {spec.key for spec in new if spec in old.steps}
            allowed = _allowed_at(connection, n) & (same | over)
            _store_plan(connection, n, replace(plan, steps=(*kept, *new)), allowed)
            connection.executemany(_AFRESH, [(n, spec.key) for spec in new if spec.key not in same])
            update_progress(connection, n, now)
            add_history_entry(connection, n, now, f"plan changed: {plural(len(new), 'step')} to do")
            return task_at(connection, n)

        return await self._write(job)


def revise_plan(connection: sqlite3.Connection, n: int, revision: PlanRevision, now: float) -> None:
    """Give a task that runs another plan.

    Args:
        connection: inside a transaction.
        n: the inner number of the task.
        revision: the plan, and whether it wants a yes.
        now: seconds since the epoch.
    """
    connection.execute(_KEEP_ROW, (n,))
    old, allowed = {spec.key: spec for spec in plan_at(connection, n).steps}, _allowed_at(connection, n)
    over = _over_at(connection, n)
    plan = safe_plan(revision.plan)
    (stepwise,) = connection.execute("SELECT stepwise FROM task_plan WHERE task_n = ?", (n,)).fetchone()
    free = () if revision.asks or stepwise else (spec for spec in plan.steps if spec.kind != StepKind.COPY)
    may = {spec.key for spec in plan.steps if spec.kind == StepKind.PLAN or spec.key in over}
    may |= {spec.key for spec in free}
    may |= {spec.key for spec in plan.steps if spec.key in allowed and old.get(spec.key) == spec}
    changed = [spec for spec in plan.steps if spec.key in old and spec != old[spec.key] and spec.key not in over]
    _store_plan(connection, n, plan, may)
    for spec in changed:
        if (spec.prompt, spec.kind) != (old[spec.key].prompt, old[spec.key].kind):
            connection.execute(_AFRESH, (n, spec.key))
    skip_steps(connection, n, revision.skipped)
    ask_about_plan(connection, n, revision.asks)
    if revision.approved is not None and not revision.asks:
        _keep_approved(connection, n, plan, revision.approved)
    count = sum(spec.kind == StepKind.MODEL and spec.key not in over for spec in plan.steps)
    add_history_entry(connection, n, now, f"planned: {plural(count, 'step')} to do")


def plan_anew(connection: sqlite3.Connection, n: int, maker: StepSpec) -> None:
    """Have the rest of a plan made anew by one more step, which goes first; its run has ended.

    Args:
        connection: inside a transaction.
        n: the inner number of the task.
        maker: the step.
    """
    connection.execute(_KEEP_ROW, (n,))
    connection.execute("UPDATE task_plan SET replans = replans + 1 WHERE task_n = ?", (n,))
    plan = plan_at(connection, n)
    allowed = _allowed_at(connection, n) | {maker.key}
    _store_plan(connection, n, replace(plan, steps=(*plan.steps, maker)), allowed)


def _store_plan(connection: sqlite3.Connection, n: int, plan: Plan, allowed: Collection[str]) -> None:
    """Keep a plan and a row for each of its steps; rows of steps that it does not have any more go."""
    plan = safe_plan(plan)
    connection.execute("UPDATE task_body SET plan = ? WHERE task_n = ?", (plan_text(plan), n))
    keys = [spec.key for spec in plan.steps]
    gone = [(n, key) for key, _, _ in connection.execute(_STEPS, (n,)).fetchall() if key not in keys]
    connection.executemany("DELETE FROM task_attempt WHERE task_n = ? AND key = ?", gone)
    connection.executemany("DELETE FROM task_step WHERE task_n = ? AND key = ?", gone)
    connection.executemany(
        _PUT_STEP,
        [
            {"n": n, "place": place, "key": spec.key, "title": spec.title, "allowed": spec.key in allowed}
            | {"plans": spec.kind == StepKind.PLAN}
            for place, spec in enumerate(plan.steps)
        ],
    )


def _allow(connection: sqlite3.Connection, n: int, plan: Plan, step: str, approved: Approved) -> None:
    """A plan, or one of its steps, may run.

    Raises:
        BadPlan: the step has its yes, or is none.
    """
    connection.execute(_KEEP_ROW, (n,))
    before, stepwise = connection.execute("SELECT approved, stepwise FROM task_plan WHERE task_n = ?", (n,)).fetchone()
    if step and stepwise and step not in (asking := _asking_at(connection, n, plan)):
        raise BadPlan(f"The step {step} waits for no yes. Those that do: {', '.join(asking) or 'none'}.")
    if step and before is None:
        connection.execute("UPDATE task_step SET allowed = 0 WHERE task_n = ? AND state <> 'done'", (n,))
    may = [spec.key for spec in plan.steps if step in ("", spec.key) and spec.kind != StepKind.COPY]
    connection.executemany("UPDATE task_step SET allowed = 1 WHERE task_n = ? AND key = ?", [(n, key) for key in may])
    connection.execute("UPDATE task_plan SET stepwise = ?, asks = '' WHERE task_n = ?", (bool(step), n))
    _keep_approved(connection, n, plan, approved)


def _keep_approved(connection: sqlite3.Connection, n: int, plan: Plan, approved: Approved) -> None:
    connection.execute(
        "UPDATE task_plan SET approved = ?, tokens = ?, models = ? WHERE task_n = ?",
        (plan_text(plan), approved.tokens, json.dumps([str(ref) for ref in approved.models]), n),
    )


def _over_at(connection: sqlite3.Connection, n: int) -> set[str]:
    """Keys of the steps of which nothing is left to do."""
    return {key for key, state, _ in connection.execute(_STEPS, (n,)) if state in _OVER}


def _allowed_at(connection: sqlite3.Connection, n: int) -> set[str]:
    return {key for key, _, allowed in connection.execute(_STEPS, (n,)) if allowed}


def _asking_at(connection: sqlite3.Connection, n: int, plan: Plan) -> list[str]:
    """Keys of the steps that want a yes before their turn comes, in the order of the plan."""
    copies = {spec.key for spec in plan.steps if spec.kind == StepKind.COPY}  # these ask when it is known what they do
    return [key for (key,) in connection.execute(_ASKING, (n,)) if key not in copies]


def _asks_while_under_way(connection: sqlite3.Connection, n: int) -> bool:
    """Whether a task that is approved step by step is under way, and some of its steps still want a yes."""
    row = connection.execute(
        "SELECT t.state, p.stepwise FROM task AS t JOIN task_plan AS p ON p.task_n = t.n WHERE t.n = ?", (n,)
    ).fetchone()
    if row is None or row[0] not in UNDER_WAY or not row[1]:
        return False
    return bool(_asking_at(connection, n, plan_at(connection, n)))


def _asking_n(connection: sqlite3.Connection, task_id: str) -> int:
    """The inner number of a task whose plan waits for a yes.

    Raises:
        NoSuchTask, WrongState: it does not.
    """
    n = task_n(connection, task_id)
    row = connection.execute("SELECT state, reason FROM task WHERE n = ?", (n,)).fetchone()
    if row != (TaskState.WAITING, Reason.APPROVAL):
        raise wrong_state(connection, n, "refused")
    return n


def _under_way_n(connection: sqlite3.Connection, task_id: str, wanted: str) -> int:
    """The inner number of a task that is queued, runs, is paused, or whose plan waits for a yes.

    Raises:
        NoSuchTask, WrongState: it does not, so that it cannot be what is `wanted`.
    """
    n = task_n(connection, task_id)
    state, reason = connection.execute("SELECT state, reason FROM task WHERE n = ?", (n,)).fetchone()
    if state not in UNDER_WAY and (state, reason) != (TaskState.WAITING, Reason.APPROVAL):
        raise wrong_state(connection, n, wanted)
    return n


def _skip(connection: sqlite3.Connection, n: int, step: str, reason: str, now: float) -> None:
    """Leave a step out, and those that only it makes possible.

    Raises:
        BadPlan: there is none of this key, or it is over.
    """
    plan, key = plan_at(connection, n), clean_line(step)
    spec = next((one for one in plan.steps if one.key == key), None)
    if spec is None or spec.kind == StepKind.PLAN or key in _over_at(connection, n):
        raise BadPlan(_no_such_step(plan, step))
    skip_step_at(connection, n, spec, reason, now)
    if task_at(connection, n).state is TaskState.WAITING:
        why, asked = question(connection, n, "refused")
        if asked_copy(connection, n, why, asked) == spec:  # nothing else is asked now
            change_state(connection, n, TaskState.QUEUED, now)


def _no_such_step(plan: Plan, step: str) -> str:
    keys = ", ".join(spec.key for spec in plan.steps if spec.kind != StepKind.PLAN)
    return f"No step {clean_line(step)} of the plan waits for a yes: its steps are {keys}."
