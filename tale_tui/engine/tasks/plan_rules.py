"""What the execution of tasks asks of planning: the plan of a new task, what a yes includes, what a result changes."""

from __future__ import annotations

from typing import Protocol

from tale_tui.domain.plans import PlanForecast
from tale_tui.domain.tasks import Plan, StepSpec, TaskDetail
from tale_tui.engine.store.tasks.plans import Approved, PlanRevision
from tale_tui.engine.tasks.plan import ONE_STEP


class PlanRules(Protocol):
    """Says how plans are made and changed."""

    async def new_plan(self, text: str) -> Plan:
        """The plan of a task that was handed in without one.

        Args:
            text: of the task; safe.
        """
        ...

    async def approved(self, detail: TaskDetail) -> Approved:
        """What a yes to the plan of a task includes, as it is now."""
        ...

    async def foreseen(self, detail: TaskDetail) -> PlanForecast | None:
        """What is foreseen of a task with the plan that it has there; None where nothing is."""
        ...

    async def revised(self, detail: TaskDetail, spec: StepSpec, text: str) -> PlanRevision | None:
        """What the result of a step changes in the rest of the plan; None where nothing.

        Args:
            detail: the task as it was stored last.
            spec: the step.
            text: its result.
        """
        ...


class FixedPlans:
    """Rules where no model makes plans: a task has one step, or the steps that it was handed in with."""

    async def new_plan(self, text: str) -> Plan:
        """See `PlanRules`."""
        del text
        return ONE_STEP

    async def approved(self, detail: TaskDetail) -> Approved:
        """See `PlanRules`."""
        del detail
        return Approved()

    async def foreseen(self, detail: TaskDetail) -> PlanForecast | None:
        """See `PlanRules`."""
        del detail
        return None

    async def revised(self, detail: TaskDetail, spec: StepSpec, text: str) -> PlanRevision | None:
        """See `PlanRules`."""
        del detail, spec, text
        return None
