"""Earlier states of tasks brought back. What a step has at that moment stays among its earlier attempts."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from tale_tui.domain.errors import BadPlan
from tale_tui.domain.tasks import ENDED, Reason, Step, StepKind, StepState, Task, TaskState
from tale_tui.domain.text import clean, clean_line
from tale_tui.engine.store.database import Database
from tale_tui.engine.store.rows import ref_columns, step_key
from tale_tui.engine.store.tasks.state_changes import add_history_entry, change_state, fill_card, keep_pace, wrong_state
from tale_tui.engine.store.tasks.steps import keep_attempt, usage_columns
from tale_tui.engine.store.tasks.task_rows import detail_at, task_n

_PUT_BACK = """
    UPDATE task_step SET state = :state, attempts = max(attempts, :attempts), approved = 0, started = :started,
        finished = :finished, next_try = NULL, backend = :backend, model = :model, spent_tokens = NULL,
        prompt_tokens = :prompt_tokens, completion_tokens = :completion_tokens, cached_tokens = :cached_tokens,
        ttft_ms = :ttft_ms, load_ms = :load_ms, total_ms = :total_ms, tokens_per_second = :tokens_per_second,
        error = :error, error_code = '', thinking = :thinking, text = :text, at_limit = '',
        allowed = min(allowed, :allowed)
    WHERE task_n = :n AND key = :key
"""
_STATES_KEPT = ENDED | {TaskState.PAUSED}


class TaskVersions(Database):
    """The way back of the tasks of a store."""

    async def put_back(self, task_id: str, steps: Sequence[Step], to: TaskState, result: str, what: str) -> Task:
        """Bring steps of a task back to what they were. It must not be queued or run.

        Args:
            task_id: the whole id.
            steps: as they are to be; one that ran is to be run again from its text on.
            to: an end, or paused.
            result: of a task that is done.
            what: the line of the history.
        Raises:
            NoSuchTask: it is not there.
            WrongState: it is queued or runs, or would be; nothing was changed.
            BadPlan: it has no such step; nothing was changed.
        """

        def job(connection: sqlite3.Connection) -> Task:
            n, now = task_n(connection, task_id), self._clock.now()
            detail = detail_at(connection, n)
            if to not in _STATES_KEPT or detail.task.state in (TaskState.QUEUED, TaskState.RUNNING):
                raise wrong_state(connection, n, "brought back")
            present = {step.spec.key: step for step in detail.steps}
            for step in steps:
                key = step_key(step.spec.key)
                if key not in present:
                    raise BadPlan(f"The task has no step {key}: its plan is another one now.")
                if present[key].text.strip() and present[key].text != clean(step.text):
                    keep_attempt(connection, n, key, now)
                connection.execute(_PUT_BACK, _values(n, step))
            was_done = detail.task.state is TaskState.DONE
            done = to is TaskState.DONE
            connection.execute("UPDATE task_body SET result = ? WHERE task_n = ?", (clean(result) if done else "", n))
            change_state(connection, n, to, now, reason=Reason.USER if to is TaskState.PAUSED else Reason.NONE)
            if to not in (TaskState.FAILED, TaskState.CANCELLED):
                fill_card(connection, n, clean(result) if done else "", now)
            if was_done or done:
                keep_pace(connection, n)
            add_history_entry(connection, n, now, what)
            return detail_at(connection, n).task

        return await self._write(job)


def _values(n: int, step: Step) -> dict[str, str | float | None]:
    backend, model = ref_columns(step.ref)
    state = StepState.PENDING if step.state is StepState.RUNNING else step.state
    values: dict[str, str | float | None] = {
        "n": n,
        "key": step_key(step.spec.key),
        "state": state.value,
        "attempts": step.attempts,
        "started": step.started,
        "finished": step.finished if state in (StepState.DONE, StepState.FAILED) else None,
        "backend": backend,
        "model": model,
        "error": clean_line(step.error),
        "thinking": clean(step.thinking),
        "text": clean(step.text),
        # A yes to a copy was one to what was shown then.
        "allowed": step.allowed and (step.is_over or step.spec.kind != StepKind.COPY),
    }
    return values | usage_columns(step.usage)
