"""The forecast of a task from those of the steps of its plan."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from graphlib import TopologicalSorter

from tale_tui.domain.forecasts import NOTHING, Estimate, together
from tale_tui.domain.tasks import StepSpec


def read_in_all(
    steps: Sequence[StepSpec], prompts: Mapping[str, Estimate], written: Mapping[str, Estimate]
) -> Estimate:
    """Tokens that are read in all: the prompt of each step, with what was written in the steps before it.

    Args:
        steps: those that ask a model.
        prompts: what each reads of its own, by its key.
        written: what each writes.
    """
    results = [written[before] for step in steps for before in step.after if before in written]
    return together([*(prompts[step.key] for step in steps), *results])


def longest_way(steps: Sequence[StepSpec], seconds: Mapping[str, Estimate]) -> Estimate:
    """How long a plan takes: the steps that wait for each other, one after the other, where that takes longest.

    Args:
        steps: of the plan, in any order.
        seconds: of each, by its key; a step that is not there takes no time.
    """
    return together([seconds[key] for key in longest_keys(steps, seconds)] or [NOTHING])


def longest_keys(steps: Sequence[StepSpec], seconds: Mapping[str, Estimate]) -> tuple[str, ...]:
    """The steps that wait for each other where that takes longest, in their order; those that take time alone."""
    after = {step.key: step.after for step in steps}
    ways: dict[str, tuple[str, ...]] = {}

    def length(way: Sequence[str]) -> float:
        return sum(seconds[key].middle for key in way)

    for key in TopologicalSorter(after).static_order():
        before = max((ways[one] for one in after.get(key, ())), key=length, default=())
        ways[key] = (*before, key) if key in seconds else before
    return max(ways.values(), key=length, default=())
