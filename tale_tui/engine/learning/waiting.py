"""How long a new task waits for its slot: those before it, one after the other, on as many slots as there are."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Sequence

from tale_tui.domain.forecasts import Estimate
from tale_tui.domain.models import ModelRef
from tale_tui.engine.store.task_forecasts import OpenTask


def waiting_time(
    before: Sequence[OpenTask], ref: ModelRef | None, slots: int, of_model: int, usual: Callable[[OpenTask], Estimate]
) -> Estimate:
    """How long a task waits, in seconds.

    Args:
        before: those that run, then those that go first, in their order.
        ref: the model of the task.
        slots: tasks that run at once, at most.
        of_model: of its model, at most.
        usual: what is foreseen of a task without a forecast.
    """
    left = [(task, _left(task, task.seconds or usual(task))) for task in before]
    own = [seconds for task, seconds in left if task.ref == ref]
    waits = (_slot_times([seconds for _, seconds in left], slots), _slot_times(own, of_model))
    low, middle, high = (max(ends) for ends in zip(*waits, strict=True))
    return Estimate(middle, low, high)


def _left(task: OpenTask, foreseen: Estimate) -> Estimate:
    """What is left of a task: one that ran longer than was foreseen may end at any moment."""
    if not task.running:
        return foreseen
    low, middle, high = (max(0.0, end - task.ran_s) for end in (foreseen.low, foreseen.middle, foreseen.high))
    return Estimate(middle, low, high)


def _slot_times(tasks: Sequence[Estimate], slots: int) -> tuple[float, float, float]:
    """When a slot is free, by the low, the middle and the high ends."""
    found = []
    for ends in (
        [task.low for task in tasks],
        [task.middle for task in tasks],
        [task.high for task in tasks],
    ):
        free = [0.0] * slots
        for seconds in ends:
            heapq.heapreplace(free, free[0] + seconds)
        found.append(free[0])
    low, middle, high = found
    return low, middle, high
