"""What a task must be to be taken in."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from tale_tui.config.settings import TaskSettings
from tale_tui.domain.constants import TIME_LIMIT_MAX_S
from tale_tui.domain.errors import BadTimeLimit, TaleError
from tale_tui.domain.models import ModelRef, Role
from tale_tui.domain.tasks import Plan, Priority, StepKind, TaskRequest, check_task_text, is_time_limit
from tale_tui.domain.text import clean
from tale_tui.engine.store.store import Store
from tale_tui.engine.store.tasks.tasks import NewTask
from tale_tui.engine.tasks.copy_step import check_targets
from tale_tui.engine.tasks.limits import Gate
from tale_tui.engine.tasks.plan import ONE_STEP, parse_plan
from tale_tui.engine.tasks.prompts import asked_tokens

Simple = Callable[[str], Awaitable[float]]
"""The probability that a task is simple, by its text."""


class Likely(Protocol):
    """Says which model would do a task."""

    def __call__(
        self,
        p: float | None = None,
        *,
        simple: float | None = None,
        given: Role | None = None,
        prompt_tokens: int = 0,
    ) -> tuple[ModelRef | None, str]:
        """The model that would do it now, and why; from memory.

        Args:
            p: the probability with which it was detected; None where somebody said that it is a task.
            simple: the probability that it is simple; None where no rule is to look at that.
            given: the role whose model the user gave it to.
            prompt_tokens: about how long what is asked is.
        """
        ...


@dataclass(frozen=True, slots=True)
class TaskModels:
    """What is known, without asking any, of the models that tasks go to."""

    likely: Likely
    """The one that would do a task now, and why."""
    simple: Simple
    """How likely a task is simple."""
    is_local: Callable[[ModelRef], bool]
    """Whether one runs on this machine."""
    away: Callable[[ModelRef], bool] = lambda _: False
    """Whether the server of one is away."""


class TaskAdmission:
    """Checks tasks.

    Args:
        settings: the limits.
        monotonic: the clock, in seconds.
        likely: the model that would do a task now, from memory.
        simple: how likely a task is simple.
        own: the data folder of the application, into which nothing is copied.
    """

    def __init__(
        self, settings: TaskSettings, monotonic: Callable[[], float], likely: Likely, simple: Simple, own: Path
    ) -> None:
        self._settings = settings
        self._own = own
        self._gate = Gate(settings.per_minute, monotonic)
        self._likely = likely
        self._simple = simple

    async def remember(self, store: Store) -> None:
        """Count the tasks of the last minute that another engine took in: each command may be one of its own."""
        self._gate.remember(await store.task_ages(self._settings.per_minute))

    async def new_task(
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
        given: Role | None = None,
        made: Plan = ONE_STEP,
    ) -> NewTask:
        """A task that may be stored. What the arguments are is said by `TaskApi.submit`.

        Args:
            text: passes the border here.
            key: becomes the id.
            session_id: the conversation that it belongs to.
            p: the probability with which it was detected.
            priority: who goes first.
            plan: the steps as JSON; empty for those of `made`.
            after: whole ids of tasks that must be done before.
            time_limit_s: in all; None takes that of the settings.
            given: the role whose model the user gave it to.
            made: the plan where none is handed in.
        Raises:
            EmptyMessage, TaskTooLong, BadPlan, BadTimeLimit, TooManyTasks: it may not.
        """
        request = TaskRequest(text, key, priority, plan, after, time_limit_s, given)
        new = await self._checked(request, made, session_id, p)
        self._gate.enter()
        return new

    async def new_tasks(self, requests: Sequence[TaskRequest], made: Sequence[Plan]) -> tuple[NewTask, ...]:
        """Tasks that may be stored together; see `TaskApi.submit_many`.

        Args:
            requests: in their order.
            made: the plan of each, for those that are handed in without one.
        """
        new = []
        for number, (request, plan) in enumerate(zip(requests, made, strict=True), 1):
            try:
                new.append(await self._checked(request, plan))
            except TaleError as error:
                raise type(error)(f"Task {number}: {error.sentence}") from error
        if new:
            self._gate.enter()
        return tuple(new)

    async def _checked(
        self, request: TaskRequest, made: Plan, session_id: str | None = None, p: float | None = None
    ) -> NewTask:
        text = clean(request.text)
        self._check(text, request.time_limit_s)
        steps: Plan = parse_plan(request.plan) if request.plan else made
        if request.plan:
            await asyncio.to_thread(check_targets, steps, self._own)
        # A plan of several steps says itself what is simple, by the roles of its steps; so does one that is to be made.
        alone = len(steps.steps) == 1 and steps.steps[0].kind == StepKind.MODEL
        simple = await self._simple(text) if alone else None
        tokens = max(asked_tokens(text, spec) for spec in steps.steps)
        ref, why = self._likely(p, simple=simple, given=request.given, prompt_tokens=tokens)
        return NewTask(
            id=request.key,
            text=text,
            plan=steps,
            priority=request.priority,
            session_id=session_id,
            ref=ref,
            why=why,
            p=p,
            p_simple=simple,
            given=request.given,
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
