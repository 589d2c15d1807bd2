"""The one interpreter of plans. What a step does, where results are kept and what a wait is, the context decides.

There is no clock, file, network or random number here: given the same results of its steps a plan always goes the
same way, on this machine or under another execution.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from typing import Protocol

from tale_tui.domain.plans import lengths, sources
from tale_tui.domain.tasks import Plan, Priority, Reason, StepKind, StepSpec


class TaskSuspended(Exception):
    """The task waits for the user; no run, slot or memory waits with it.

    Args:
        reason: what it waits for.
        topic: the step that wants the answer; empty for the whole task.
        asks: what is asked, in a sentence, where the reason and the step do not say it.
        shown: what the step shows that asks; the yes is to this alone. None for one that shows nothing.
    """

    def __init__(self, reason: Reason, topic: str, asks: str = "", shown: str | None = None) -> None:
        super().__init__(f"{reason.value}: {topic}")
        self.reason = reason
        self.topic = topic
        self.asks = asks
        self.shown = shown


class StepSkipped(Exception):
    """A step was left out while it ran; it is one of `RunContext.skipped` now, and the others do not notice."""


class RunContext(Protocol):
    """What a run does outside of itself. Results are kept by the key of the step, never by its number."""

    @property
    def at_once(self) -> int:
        """How many steps run at the same time, at most."""
        ...

    @property
    def skipped(self) -> Collection[str]:
        """Keys of steps that are not run."""
        ...

    def current(self, plan: Plan) -> Plan:
        """The plan as it is now: the result of a step may have changed it."""
        ...

    def may(self, spec: StepSpec) -> bool:
        """Whether the user has let a step run, or need not be asked."""
        ...

    async def changed(self) -> None:
        """Return when the user has changed which steps may run, or are left out, since this was asked before."""
        ...

    async def step(self, spec: StepSpec, inputs: Mapping[str, str]) -> str:
        """The result of a step: that which is kept already, else what comes of carrying it out; then it is kept.

        Args:
            spec: the step.
            inputs: the results of the steps before it, by key, in the order in which it names them.
        Raises:
            StepSkipped: it is not to be run any more; the run goes on without it.
            Exception: it did not work; the run ends with it.
        """
        ...

    async def wait(self, topic: str) -> None:
        """Go on where the user has said yes.

        Args:
            topic: the step that asks.
        Raises:
            TaskSuspended: nobody has said yes yet.
            StepSkipped: as `step`.
        """
        ...


async def run_plan(context: RunContext, plan: Plan) -> str:
    """Carry a plan out and return its result.

    Steps that do not wait for each other run at once, those with the most behind them first. A step that makes the plan
    goes before all others. When one fails the others are stopped, and their end is waited for. The user is asked when
    nothing else is left to do.

    Args:
        context: does what steps do.
        plan: checked.
    Raises:
        TaskSuspended: it goes on when the user has answered.
        Exception: what a step raised.
    """
    results: dict[str, str] = {}
    running: dict[asyncio.Task[str], str] = {}
    try:
        while left := _left(plan := context.current(plan), context, results):
            begun = set(running.values())
            ready = [spec for spec in _ready(left, plan, context, results) if spec.key not in begun]
            steps = [spec for spec in ready if spec.kind != StepKind.APPROVAL and context.may(spec)]
            steps = _first(steps, plan)[: max(0, context.at_once - len(running))]
            for spec in steps:
                work = asyncio.ensure_future(context.step(spec, _inputs(spec, plan, context, results)))
                running[work] = spec.key
            if running:
                for work in await _first_over(running, context):
                    key = running.pop(work)
                    with suppress(StepSkipped):
                        results[key] = work.result()
            else:
                asking = min(ready, key=lambda spec: spec.kind == StepKind.COPY)  # what copies asks last
                with suppress(StepSkipped):
                    await context.wait(asking.key)
                    results[asking.key] = ""
    finally:
        await _stop(running)
    return result_of(plan, results)


def _left(plan: Plan, context: RunContext, results: Mapping[str, str]) -> list[StepSpec]:
    """The steps that are not over."""
    return [spec for spec in plan.steps if spec.key not in results and spec.key not in context.skipped]


def _ready(left: Sequence[StepSpec], plan: Plan, context: RunContext, results: Mapping[str, str]) -> list[StepSpec]:
    """Those whose turn it is, the ones that run included. In the place of a step that is left out those count that it
    would have come after."""
    makers = [spec for spec in left if spec.kind == StepKind.PLAN]
    after = {spec.key: spec.after for spec in plan.steps}
    return makers or [spec for spec in left if results.keys() >= set(_run(spec.after, context.skipped, after))]


def _first(steps: list[StepSpec], plan: Plan) -> list[StepSpec]:
    """Steps in the order in which they are begun."""
    if len(steps) <= 1:
        return steps
    behind = lengths(plan.steps)
    ranks = list(Priority)
    return sorted(steps, key=lambda spec: (ranks.index(spec.priority), -behind[spec.key]))


def result_of(plan: Plan, results: Mapping[str, str]) -> str:
    """What a task has to show in the end: the texts of the steps that no other step builds on.

    Args:
        plan: with its steps in order.
        results: of every step that was not left out, by key.
    """
    silent = (StepKind.PLAN, StepKind.COPY)
    steps = [spec for spec in plan.steps if spec.kind not in silent and spec.key in results]
    after = {spec.key: spec.after for spec in plan.steps}
    skipped = after.keys() - results.keys()
    built_on = {key for spec in steps for key in _run(spec.after, skipped, after)}
    last = [spec for spec in steps if spec.key not in built_on and results[spec.key].strip()]
    if len(last) <= 1:
        return results[last[0].key] if last else ""
    return "\n\n".join(f"## {spec.title}\n\n{results[spec.key].strip()}" for spec in last)


def _inputs(spec: StepSpec, plan: Plan, context: RunContext, results: Mapping[str, str]) -> dict[str, str]:
    """What a step is given: in the place of one that is left out, what that would have been given."""
    given = {one.key: sources(one, plan.steps) for one in plan.steps}
    return {key: results[key] for key in _run(given[spec.key], context.skipped, given) if key in results}


def _run(keys: Sequence[str], skipped: Collection[str], before: Mapping[str, Sequence[str]]) -> list[str]:
    """Steps that are run, in their order: of some keys, and in the place of each that is left out those before it.

    Args:
        keys: of steps.
        skipped: keys of those that are not run.
        before: by key, those that a step comes after.
    """
    found: list[str] = []
    seen: set[str] = set()
    waiting = list(reversed(keys))
    while waiting:
        if (key := waiting.pop()) in seen:
            continue
        seen.add(key)
        if key in skipped:
            waiting.extend(reversed(before[key]))
        else:
            found.append(key)
    return found


async def _first_over(running: Collection[asyncio.Task[str]], context: RunContext) -> set[asyncio.Task[str]]:
    """Those of some steps that are over as soon as any is; none where the user changed what may run before that."""
    changed = asyncio.ensure_future(context.changed())
    try:
        await asyncio.wait((*running, changed), return_when=asyncio.FIRST_COMPLETED)
    finally:
        changed.cancel()
    return {work for work in running if work.done()}


async def _stop(running: Mapping[asyncio.Task[str], str]) -> None:
    """End steps that nobody waits for any more, and see them end."""
    for work in running:
        work.cancel()
    await asyncio.gather(*running, return_exceptions=True)
