"""The journal of a task that runs: what its steps wrote, how they ended. Only the run of the epoch may write it."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass

from tale_tui.domain.constants import ERROR_CHARACTERS
from tale_tui.domain.errors import Fenced, ModelError
from tale_tui.domain.metrics import CallRecord
from tale_tui.domain.models import ModelRef, Usage
from tale_tui.domain.tasks import Reason, StepSpec, Task, TaskState
from tale_tui.domain.text import clean, clean_line
from tale_tui.engine.store.database import Database
from tale_tui.engine.store.rows import ref_columns, step_key
from tale_tui.engine.store.tasks.plans import PlanRevision, plan_anew, revise_plan
from tale_tui.engine.store.tasks.state_changes import (
    add_history_entry,
    change_state,
    fill_card,
    keep_pace,
    running_n,
    update_progress,
)
from tale_tui.engine.store.tasks.task_rows import task_at
from tale_tui.engine.store.token_metrics import insert_calls

Values = dict[str, str | float | None]

# The tokens of the attempts before stay counted, as long as the step is not run afresh.
_BEGIN = """
    UPDATE task_step SET state = 'running', attempts = attempts + 1, approved = 0, started = coalesce(started, :now),
        finished = NULL, next_try = NULL, error = '', error_code = '',
        spent_tokens = CASE WHEN completion_tokens IS NULL THEN spent_tokens
            ELSE coalesce(spent_tokens, 0) + completion_tokens END,
        completion_tokens = NULL, backend = coalesce(:backend, backend), model = coalesce(:model, model),
        text = CASE WHEN :fresh THEN '' ELSE text END, thinking = CASE WHEN :fresh THEN '' ELSE thinking END
    WHERE task_n = :n AND key = :key AND state NOT IN ('done', 'running', 'skipped')
"""
_KEEP_ATTEMPT = """
    INSERT INTO task_attempt (task_n, key, ended, text)
    SELECT task_n, key, :now, text FROM task_step WHERE task_n = :n AND key = :key AND trim(text) <> ''
"""
_SAVE = """
    UPDATE task_step SET text = ?, thinking = ?, completion_tokens = ?
    WHERE task_n = ? AND key = ? AND state = 'running'
"""
_FINISH = """
    UPDATE task_step SET state = 'done', finished = :now, text = :text, thinking = :thinking,
        backend = coalesce(:backend, backend), model = coalesce(:model, model), prompt_tokens = :prompt_tokens,
        completion_tokens = coalesce(:completion_tokens, completion_tokens), cached_tokens = :cached_tokens,
        ttft_ms = :ttft_ms, load_ms = :load_ms, total_ms = :total_ms, tokens_per_second = :tokens_per_second
    WHERE task_n = :n AND key = :key AND state = 'running'
"""
# What was there could not be taken for the result, so that it is run anew.
_FAIL = """
    UPDATE task_step SET state = :state, finished = CASE :state WHEN 'failed' THEN :now END, text = :text,
        thinking = :thinking, error = :error, error_code = :code, next_try = :next_try,
        at_limit = CASE at_limit WHEN 'keep' THEN '' ELSE at_limit END
    WHERE task_n = :n AND key = :key AND state = 'running' RETURNING attempts
"""
_GIVE_BACK = "UPDATE task_step SET attempts = attempts - 1 WHERE task_n = :n AND key = :key"
_SERVE = """
    UPDATE task SET backend = coalesce(?, backend), model = coalesce(?, model), why = coalesce(nullif(?, ''), why)
    WHERE n = ?
"""


@dataclass(frozen=True, slots=True)
class TaskEnd:
    """How a task ends with its last step."""

    result: str
    why: str = ""
    """Why this model did it, in a few words; empty keeps what is there."""


@dataclass(frozen=True, slots=True)
class AttemptFailure:
    """An attempt at a step that failed."""

    error: str
    """A sentence for the user."""
    error_code: str
    """The class of the error."""
    text: str = ""
    """What there is of the step."""
    thinking: str = ""
    """What was thought."""
    calls: Sequence[CallRecord] = ()
    """Of models, for the step, that are not stored yet."""


class TaskSteps(Database):
    """The steps of the tasks of a store.

    Every method is one transaction, returns the task as it is then, and raises `Fenced` where the run of this epoch is
    over or the step is not running in it: then nothing was changed, and whoever called has to stop.
    """

    async def begin_step(
        self, task_id: str, epoch: int, key: str, ref: ModelRef | None = None, *, why: str = "", fresh: bool = False
    ) -> Task:
        """A step runs: one more attempt at it.

        Args:
            task_id: the whole id.
            epoch: of the run, as claimed.
            key: of the step.
            ref: the model that does it; None keeps what is there. It becomes the task's.
            why: why this model, in a few words; empty keeps what is there.
            fresh: begin again: what an attempt before it wrote is kept as `Step.earlier`; otherwise it stays the
                step's text until the next `save_step`.
        Raises:
            Fenced: it is another run's, the step runs, is left out, or is done: no step is done twice.
        """

        def job(connection: sqlite3.Connection) -> Task:
            n, now = running_n(connection, task_id, epoch), self._clock.now()
            backend, model = ref_columns(ref)
            values = {"n": n, "key": step_key(key), "now": now, "backend": backend, "model": model, "fresh": fresh}
            if fresh:
                keep_attempt(connection, n, step_key(key), now)
            _one(connection.execute(_BEGIN, values), key)
            connection.execute(_SERVE, (backend, model, clean_line(why), n))
            update_progress(connection, n, now)
            return task_at(connection, n)

        return await self._write(job)

    async def save_step(self, task_id: str, epoch: int, key: str, text: str, thinking: str, tokens: int) -> Task:
        """Store what there is of a step that runs.

        Args:
            task_id: the whole id.
            epoch: of the run.
            key: of the step.
            text: all of it so far, with what the attempts before it wrote where it goes on from there.
            thinking: all of what was thought so far.
            tokens: how many this attempt has written so far.
        Raises:
            Fenced: nothing was changed.
        """

        def job(connection: sqlite3.Connection) -> Task:
            n = running_n(connection, task_id, epoch)
            values = (clean(text), clean(thinking), tokens, n, step_key(key))
            _one(connection.execute(_SAVE, values), key)
            update_progress(connection, n, self._clock.now())
            return task_at(connection, n)

        return await self._write(job)

    async def finish_step(
        self,
        task_id: str,
        epoch: int,
        key: str,
        *,
        text: str,
        thinking: str = "",
        ref: ModelRef | None = None,
        usage: Usage | None = None,
        end: TaskEnd | None = None,
        calls: Sequence[CallRecord] = (),
        revision: PlanRevision | None = None,
    ) -> Task:
        """A step is done; with `end` the task is too, and its card has the result: all of it at once, or nothing.

        Args:
            task_id: the whole id.
            epoch: of the run.
            key: of the step.
            text: all of it.
            thinking: all of what was thought.
            ref: the model that did it; None keeps what is there.
            usage: what this attempt cost; None where it is not known.
            end: how the task ends, where this was its last step.
            calls: of models, for it, that are not stored yet.
            revision: the plan as it is with its result; None where it stays.
        Raises:
            Fenced: nothing was changed.
        """

        def job(connection: sqlite3.Connection) -> Task:
            n, now = running_n(connection, task_id, epoch), self._clock.now()
            backend, model = ref_columns(ref)
            values = usage_columns(usage) | _texts(text, thinking)
            values |= {"n": n, "key": step_key(key), "now": now, "backend": backend, "model": model}
            _one(connection.execute(_FINISH, values), key)
            insert_calls(connection, calls)
            connection.execute(_SERVE, (backend, model, clean_line(end.why) if end else "", n))
            if end is None:
                add_history_entry(connection, n, now, f"{clean_line(key)} is done")
                if revision is not None:
                    revise_plan(connection, n, revision, now)
                update_progress(connection, n, now)
            else:
                _end(connection, n, clean(end.result), now)
            return task_at(connection, n)

        return await self._write(job)

    async def retry_step(self, task_id: str, epoch: int, key: str, failure: AttemptFailure, next_try: float) -> Task:
        """An attempt at a step failed, and is made again: its task is queued until then, and this run is over.

        Args:
            task_id: the whole id.
            epoch: of the run.
            key: of the step.
            failure: of the attempt; what it wrote is kept.
            next_try: when it is made again.
        Raises:
            Fenced: nothing was changed.
        """

        def job(connection: sqlite3.Connection) -> Task:
            n, now = self._fail_attempt(connection, task_id, epoch, key, failure, next_try)
            error, code = failure.error, failure.error_code
            change_state(connection, n, TaskState.QUEUED, now, error=error, error_code=code, next_try=next_try)
            return task_at(connection, n)

        return await self._write(job)

    async def fail_step(
        self, task_id: str, epoch: int, key: str, failure: AttemptFailure, *, end: bool = False
    ) -> Task:
        """A step failed.

        Args:
            task_id: the whole id.
            epoch: of the run.
            key: of the step.
            failure: of its last attempt; what it wrote is kept.
            end: the task has failed with it, and this run is over; else the task still runs, for its other steps.
        Raises:
            Fenced: nothing was changed.
        """

        def job(connection: sqlite3.Connection) -> Task:
            n, now = self._fail_attempt(connection, task_id, epoch, key, failure, None)
            if end:
                error, code = failure.error, failure.error_code
                change_state(connection, n, TaskState.FAILED, now, error=error, error_code=code)
                add_history_entry(connection, n, now, "failed")
            else:
                update_progress(connection, n, now)
            return task_at(connection, n)

        return await self._write(job)

    async def replan_step(self, task_id: str, epoch: int, key: str, failure: AttemptFailure, maker: StepSpec) -> Task:
        """A step failed, and the rest of the plan is made anew: the task is queued for that, and this run is over.

        Args:
            task_id: the whole id.
            epoch: of the run.
            key: of the step.
            failure: of its last attempt; what it wrote is kept.
            maker: a step that makes the rest of the plan.
        Raises:
            Fenced: nothing was changed.
        """

        def job(connection: sqlite3.Connection) -> Task:
            n, now = self._fail_attempt(connection, task_id, epoch, key, failure, None)
            plan_anew(connection, n, maker)
            change_state(connection, n, TaskState.QUEUED, now)
            return task_at(connection, n)

        return await self._write(job)

    def _fail_attempt(
        self,
        connection: sqlite3.Connection,
        task_id: str,
        epoch: int,
        key: str,
        failure: AttemptFailure,
        next_try: float | None,
    ) -> tuple[int, float]:
        """Keep of a step that its attempt failed; the number of its task, and now.

        Raises:
            Fenced: nothing was changed.
        """
        n, now = running_n(connection, task_id, epoch), self._clock.now()
        values: Values = {"n": n, "key": step_key(key), "now": now, "next_try": next_try}
        values |= {"state": "failed" if next_try is None else "pending"} | _texts(failure.text, failure.thinking)
        values |= {"error": clean_line(failure.error, ERROR_CHARACTERS), "code": clean_line(failure.error_code)}
        attempt = _one(connection.execute(_FAIL, values), key)
        insert_calls(connection, failure.calls)
        add_history_entry(connection, n, now, f"attempt {attempt} of {clean_line(key)} failed: {failure.error}")
        return n, now

    async def end_task(self, task_id: str, epoch: int, result: str) -> Task:
        """A task is done without another step: those that are left were left out.

        Args:
            task_id: the whole id.
            epoch: of the run.
            result: of the task.
        Raises:
            Fenced: nothing was changed.
        """

        def job(connection: sqlite3.Connection) -> Task:
            n = running_n(connection, task_id, epoch)
            _end(connection, n, clean(result), self._clock.now())
            return task_at(connection, n)

        return await self._write(job)

    async def hold_step(
        self,
        task_id: str,
        epoch: int,
        key: str,
        *,
        text: str,
        thinking: str,
        error: ModelError,
        uses_attempt: bool,
        worked: bool,
    ) -> Task:
        """The server of a step is away: its task is queued until that is back, and this run is over.

        Args:
            task_id: the whole id.
            epoch: of the run.
            key: of the step.
            text: what there is of it.
            thinking: what was thought.
            error: what happened.
            uses_attempt: whether what was done counts as an attempt.
            worked: whether the time of the run counts against the limit of the task.
        Raises:
            Fenced: nothing was changed.
        """

        def job(connection: sqlite3.Connection) -> Task:
            n, now = running_n(connection, task_id, epoch), self._clock.now()
            values: Values = {"n": n, "key": step_key(key), "now": now, "state": "pending", "next_try": None}
            values |= {"error": "", "code": ""} | _texts(text, thinking)
            _one(connection.execute(_FAIL, values), key)
            if not uses_attempt:
                connection.execute(_GIVE_BACK, values)
            change_state(
                connection,
                n,
                TaskState.QUEUED,
                now,
                reason=Reason.SERVER,
                error=error.sentence,
                error_code=error.code,
                server_since=now,
                worked=worked,
            )
            add_history_entry(connection, n, now, f"waits for its server: {error.sentence}")
            return task_at(connection, n)

        return await self._write(job)


def keep_attempt(connection: sqlite3.Connection, n: int, key: str, now: float) -> None:
    """Keep what a step has written among its earlier attempts, where there is any of it."""
    connection.execute(_KEEP_ATTEMPT, {"n": n, "key": key, "now": now})


def _end(connection: sqlite3.Connection, n: int, result: str, now: float) -> None:
    """A task is done: its result, its time, its card, and what its model is expected to need next time."""
    connection.execute("UPDATE task_body SET result = ? WHERE task_n = ?", (result, n))
    change_state(connection, n, TaskState.DONE, now)
    fill_card(connection, n, result, now)
    keep_pace(connection, n)
    add_history_entry(connection, n, now, "done")


def _one(changed: sqlite3.Cursor, key: str) -> int:
    """What one row says, or its count: a step that does not run is nobody's to change.

    Raises:
        Fenced: there was none.
    """
    row = changed.fetchone() if changed.description else None
    if row is None and changed.rowcount != 1:
        raise Fenced(f"The step {clean_line(key)} is not in that state in this run.")
    return int(row[0]) if row else 1


def _texts(text: str, thinking: str) -> Values:
    return {"text": clean(text), "thinking": clean(thinking)}


def usage_columns(usage: Usage | None) -> Values:
    """What a step cost, as its columns keep it."""
    usage = usage or Usage()
    return {
        "prompt_tokens": usage.prompt_tokens,
        "completion_tokens": usage.completion_tokens,
        "cached_tokens": usage.cached_tokens,
        "ttft_ms": usage.ttft_ms,
        "load_ms": usage.load_ms,
        "total_ms": usage.total_ms,
        "tokens_per_second": usage.tokens_per_second,
    }
