"""What is said of a figure, and from when on."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tale_tui.config.settings import AlertSettings
from tale_tui.domain.alerts import AlertKind
from tale_tui.domain.budgets import BudgetPeriod, BudgetUse
from tale_tui.engine.metrics.readings import (
    QUEUE_GROWTH_MIN,
    QueueGrowth,
    budget_readings,
    failure_readings,
    time_readings,
    upper_end,
)
from tale_tui.engine.store.alerts.figures import WatchedFigures


def test_with_few_calls_nothing_is_said_of_times() -> None:
    assert upper_end([9.0] * 4) is None
    assert upper_end([9.0] * 5) == 9.0
    assert list(time_readings(WatchedFigures((9000.0,) * 4), AlertSettings())) == []


@pytest.mark.parametrize(
    ("spent", "passed"),
    [(799, set()), (800, {AlertKind.BUDGET}), (1000, {AlertKind.BUDGET_SPENT})],
)
def test_a_budget_is_told_at_80_percent_and_when_it_is_spent(spent: int, passed: set[AlertKind]) -> None:
    read = budget_readings([BudgetUse(BudgetPeriod.DAY, "", 1000, spent, 0.0)])
    assert {one.kind for one in read if one.passed} == passed


def test_what_has_the_limit_0_is_not_watched() -> None:
    nothing = AlertSettings(first_text_s=0, simple_task_s=0, switch_s=0, failures=0, queue_s=0)
    slow = WatchedFigures((9000.0,) * 9, (9000.0,) * 9, (9000.0,) * 9, 9, 9)
    assert [*time_readings(slow, nothing), *failure_readings(slow, nothing)] == []
    assert QueueGrowth().reading(9, nothing, 0.0) is None


@given(st.lists(st.tuples(st.floats(0.1, 100), st.integers(0, 30)), min_size=1, max_size=40))
def test_a_queue_grows_for_as_long_as_it_was_never_shorter_than_before(seen: list[tuple[float, int]]) -> None:
    growth, limits, now = QueueGrowth(), AlertSettings(), 0.0
    times, lengths = list[float](), list[int]()
    for passed, length in seen:
        now += passed
        times.append(now)
        lengths.append(length)
        reading = growth.reading(length, limits, now)
        first = next(
            n for n in range(len(lengths))
            if all(a <= b for a, b in zip(lengths[n:], lengths[n + 1 :], strict=False)) and 0 not in lengths[n + 1 :]
        )  # fmt: skip
        grown = length - lengths[first] >= QUEUE_GROWTH_MIN
        assert reading is not None
        assert reading.seen == pytest.approx(now - times[first] if grown else 0.0)
