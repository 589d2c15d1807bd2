"""The one interpreter of plans. What a step does, where results are kept and what a wait is, the context decides.

There is no clock, file, network or random number here: given the same results of its steps a plan always goes the
same way, on this machine or under another execution.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Protocol

from tale_tui.domain.tasks import Plan, Reason, StepKind, StepSpec


class TaskSuspended(Exception):
    """The task waits for the user; no run, slot or memory waits with it.

    Args:
        reason: what it waits for.
        topic: the step that wants the answer.
    """

    def __init__(self, reason: Reason, topic: str) -> None:
        super().__init__(f"{reason.value}: {topic}")
        self.reason = reason
        self.topic = topic


class RunContext(Protocol):
    """What a run does outside of itself. Results are kept by the key of the step, never by its number."""

    async def step(self, spec: StepSpec, inputs: Mapping[str, str]) -> str:
        """The result of a step: that which is kept already, else what comes of carrying it out; then it is kept.

        Args:
            spec: the step.
            inputs: the results of the steps before it, by key, in the order in which it names them.
        Raises:
            Exception: it did not work; the run ends with it.
        """
        ...

    async def wait(self, topic: str) -> None:
        """Go on where the user has said yes.

        Args:
            topic: the step that asks.
        Raises:
            TaskSuspended: nobody has said yes yet.
        """
        ...


async def run_plan(context: RunContext, plan: Plan) -> str:
    """Carry a plan out and return its result.

    Steps that do not wait for each other run at once. When one fails the others are stopped, and their end is waited
    for. The user is asked when nothing else is left to do.

    Args:
        context: does what steps do.
        plan: checked.
    Raises:
        TaskSuspended: it goes on when the user has answered.
        Exception: what a step raised.
    """
    results: dict[str, str] = {}
    left = {spec.key: spec for spec in plan.steps}
    running: dict[asyncio.Task[str], str] = {}
    try:
        while left or running:
            ready = [spec for spec in left.values() if results.keys() >= set(spec.after)]
            steps = [spec for spec in ready if spec.kind != StepKind.APPROVAL]
            for spec in steps:
                del left[spec.key]
            if len(steps) == 1 and not running:
                results[steps[0].key] = await context.step(steps[0], _inputs(steps[0], results))
                continue
            for spec in steps:
                work = asyncio.ensure_future(context.step(spec, _inputs(spec, results)))
                running[work] = spec.key
            if running:
                done, _ = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
                for work in done:
                    results[running[work]] = work.result()
                    del running[work]
            else:
                await context.wait(ready[0].key)
                results[ready[0].key] = ""
                del left[ready[0].key]
    finally:
        await _stop(running)
    return result_of(plan, results)


def result_of(plan: Plan, results: Mapping[str, str]) -> str:
    """What a task has to show in the end: the texts of the steps that no other step builds on.

    Args:
        plan: with its steps in order.
        results: of every step, by key.
    """
    used = {key for spec in plan.steps for key in spec.after}
    ends = [spec for spec in plan.steps if spec.key not in used and results[spec.key].strip()]
    if len(ends) <= 1:
        return results[ends[0].key] if ends else ""
    return "\n\n".join(f"## {spec.title}\n\n{results[spec.key].strip()}" for spec in ends)


def _inputs(spec: StepSpec, results: Mapping[str, str]) -> dict[str, str]:
    return {key: results[key] for key in spec.after}


async def _stop(running: Mapping[asyncio.Task[str], str]) -> None:
    """End steps that nobody waits for any more, and see them end."""
    for work in running:
        work.cancel()
    await asyncio.gather(*running, return_exceptions=True)
