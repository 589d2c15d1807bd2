"""How many tasks run at once, and how fast new ones may come."""

from __future__ import annotations

import math
from collections import Counter, deque
from collections.abc import Callable, Iterable

from tale_tui.domain.constants import LOCAL_TASKS_AT_ONCE, REMOTE_TASKS_AT_ONCE
from tale_tui.domain.errors import (
    TooManyTasks,
)
from tale_tui.domain.models import ModelRef

MINUTE_S = 60.0


class Slots:
    """The right to run: one a task, in all and of one model.

    Args:
        total: tasks that run at once, at most.
        per_model: of one model; 0 takes `LOCAL_TASKS_AT_ONCE` or `REMOTE_TASKS_AT_ONCE`.
        is_local: whether a model runs on this machine.
    """

    def __init__(self, total: int, per_model: int, is_local: Callable[[ModelRef], bool]) -> None:
        self._total = total
        self._per_model = per_model
        self._is_local = is_local
        self._taken: Counter[ModelRef | None] = Counter()
        self._in_all = 0

    @property
    def any_free(self) -> bool:
        """Whether another task may run at all."""
        return self._in_all < self._total

    def free(self, ref: ModelRef | None) -> bool:
        """Whether another task of this model may run; of an unknown one as many as in all."""
        if not self.any_free:
            return False
        return ref is None or self._taken[ref] < self._limit(ref)

    def limits(self, ref: ModelRef | None) -> tuple[int, int]:
        """How many tasks run at once, in all and of this model; of an unknown one as many as in all."""
        return self._total, self._total if ref is None else self._limit(ref)

    def take(self, ref: ModelRef | None) -> None:
        """Begin to run a task of this model."""
        self._taken[ref] += 1
        self._in_all += 1

    def give_back(self, ref: ModelRef | None) -> None:
        """A task of this model runs no longer."""
        self._taken[ref] -= 1
        self._in_all -= 1

    def _limit(self, ref: ModelRef) -> int:
        if self._per_model:
            return self._per_model
        return LOCAL_TASKS_AT_ONCE if self._is_local(ref) else REMOTE_TASKS_AT_ONCE


class Gate:
    """Lets so many tasks in within a minute.

    Args:
        per_minute: how many.
        monotonic: the clock, in seconds.
    """

    def __init__(self, per_minute: int, monotonic: Callable[[], float]) -> None:
        self._per_minute = per_minute
        self._monotonic = monotonic
        self._came: deque[float] = deque()

    def remember(self, ages_s: Iterable[float]) -> None:
        """Count those that came before this gate was made.

        Args:
            ages_s: how long ago each of them came, in seconds, the longest first.
        """
        now = self._monotonic()
        self._came.extendleft(now - age_s for age_s in reversed([*ages_s]) if 0 <= age_s < MINUTE_S)

    def enter(self) -> None:
        """Let one more in.

        Raises:
            TooManyTasks: there were too many; the sentence says how long to wait.
        """
        now = self._monotonic()
        while self._came and now - self._came[0] >= MINUTE_S:
            self._came.popleft()
        if len(self._came) >= self._per_minute:
            wait_s = math.ceil(self._came[0] + MINUTE_S - now)
            raise TooManyTasks(
                f"{len(self._came)} tasks were handed in within a minute, which is the limit: wait {wait_s} s, or "
                "raise tasks.per_minute."
            )
        self._came.append(now)
