"""What a task must be to be taken in."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from tale_tui.config.settings import TaskSettings
from tale_tui.domain.constants import TIME_LIMIT_MAX_S
from tale_tui.domain.errors import BadTimeLimit, TaleError
from tale_tui.domain.models import ModelRef
from tale_tui.domain.tasks import Plan, Priority, TaskRequest, check_task_text, is_time_limit
from tale_tui.domain.text import clean
from tale_tui.engine.store.store import Store
from tale_tui.engine.store.tasks.tasks import NewTask
from tale_tui.engine.tasks.limits import Gate
from tale_tui.engine.tasks.plan import ONE_STEP, parse_plan

Likely = Callable[[float | None, str], tuple[ModelRef | None, str]]
"""The model that would do a task, and why: from the probability with which it was detected, and its text."""


class TaskAdmission:
    """Checks tasks.

    Args:
        settings: the limits.
        monotonic: the clock, in seconds.
        likely: the model that would do a task now, from memory.
    """

    def __init__(self, settings: TaskSettings, monotonic: Callable[[], float], likely: Likely) -> None:
        self._settings = settings
        self._gate = Gate(settings.per_minute, monotonic)
        self._likely = likely

    async def remember(self, store: Store) -> None:
        """Count the tasks of the last minute that another engine took in: each command may be one of its own."""
        self._gate.remember(await store.task_ages(self._settings.per_minute))

    def new_task(
        self,
        text: str,
        *,
        key: str,
        session_id: str | None = None,
        p: float | None = None,
        priority: Priority = Priority.NORMAL,
        plan: str = "",
        after: tuple[str, ...] = (),
        time_limit_s: float | None = None,
    ) -> NewTask:
        """A task that may be stored. What the arguments are is said by `TaskApi.submit`.

        Args:
            text: passes the border here.
            key: becomes the id.
            session_id: the conversation that it belongs to.
            p: the probability with which it was detected.
            priority: who goes first.
            plan: the steps as JSON; empty for one step.
            after: whole ids of tasks that must be done before.
            time_limit_s: in all; None takes that of the settings.
        Raises:
            EmptyMessage, TaskTooLong, BadPlan, BadTimeLimit, TooManyTasks: it may not.
        """
        new = self._checked(TaskRequest(text, key, priority, plan, after, time_limit_s), session_id, p)
        self._gate.enter()
        return new

    def new_tasks(self, requests: Sequence[TaskRequest]) -> tuple[NewTask, ...]:
        """Tasks that may be stored together; see `TaskApi.submit_many`."""
        made = []
        for number, request in enumerate(requests, 1):
            try:
                made.append(self._checked(request))
            except TaleError as error:
                raise type(error)(f"Task {number}: {error.sentence}") from error
        if made:
            self._gate.enter()
        return tuple(made)

    def _checked(self, request: TaskRequest, session_id: str | None = None, p: float | None = None) -> NewTask:
        text = clean(request.text)
        self._check(text, request.time_limit_s)
        steps: Plan = parse_plan(request.plan) if request.plan else ONE_STEP
        ref, why = self._likely(p, text)
        return NewTask(
            id=request.key,
            text=text,
            plan=steps,
            priority=request.priority,
            session_id=session_id,
            ref=ref,
            why=why,
            p=p,
            after=request.after,
            time_limit_s=request.time_limit_s,
        )

    def _check(self, text: str, time_limit_s: float | None) -> None:
        check_task_text(text, self._settings.text_limit)
        if time_limit_s is not None and not is_time_limit(time_limit_s):
            raise BadTimeLimit(
                f"{time_limit_s:g} s is no time limit: give seconds above 0, as in 600, and up to "
                f"{TIME_LIMIT_MAX_S:,.0f} (a year)."
            )
