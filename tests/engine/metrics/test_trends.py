"""A model that got worse is found, soon and seldom without reason, in series with the noise that was measured."""

from __future__ import annotations

import math
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tale_tui.engine.metrics.trends import REFERENCE_MIN, WINDOWS, Shift, find_regression

SERIES = 60
MODELS = 15
"""Models with four quiet series each, of 1,000 values."""
MANY = 8
"""Times as many of both are looked at where there is time."""
QUIET = 500
FIRST = REFERENCE_MIN + WINDOWS[0][0]
LOOK_EVERY = 10
"""Values between two looks at a quiet series; with many, each third one is looked at."""


def noisy(seed: int, count: int, factor: float = 1.0, since: int = 0) -> list[float]:
    """Log-normal with 25 %, neighbours alike (0.3), and in 4 % of all values a peak of 3 to 10 times."""
    chance = random.Random(seed)
    level, values = 0.0, []
    for place in range(count):
        level = 0.3 * level + chance.gauss(0, 0.25 * math.sqrt(1 - 0.3**2))
        peak = chance.uniform(3, 10) if chance.random() < 0.04 else 1.0
        values.append(math.exp(level) * peak * (factor if place >= since else 1.0))
    return values


def first_found(values: list[float], begin: int, step: int = 1, *, less: bool = False) -> Shift | None:
    """What is found first where the series is looked at as it grows."""
    return next(
        (
            found
            for end in range(begin, len(values) + 1, step)
            if (found := find_regression(values[:end], worse_is_less=less))
        ),
        None,
    )


def found_in_time(factor: float, within: int, seeds: range) -> list[Shift | None]:
    """What is found of a shift after `QUIET` values; looks before half of the time are not needed to find it."""
    return [
        first_found(noisy(90_000 + seed, QUIET + within, factor, QUIET), QUIET + within // 2, max(1, within // 50))
        for seed in seeds
    ]


@pytest.mark.parametrize(("factor", "within"), [(1.2, 150), (1.5, 30)])
def test_a_shift_is_found_in_time_in_19_of_20(factor: float, within: int) -> None:
    found = found_in_time(factor, within, range(SERIES))
    assert sum(shift is not None for shift in found) >= SERIES * 19 / 20
    began = sorted(shift.began for shift in found if shift is not None)
    assert abs(began[len(began) // 2] - QUIET) <= 10


def false_alarms(models: range, every: int) -> int:
    """How many of so many quiet models are taken for worse: three series with the noise that was measured, one of
    which is a speed, and one of failures."""

    def is_told(model: int) -> bool:
        chance = random.Random(70_000 + model)
        failures = [float(chance.random() < 0.02) for _ in range(1000)]
        first, second, third = (noisy(50_000 + 3 * model + n, 1000) for n in range(3))
        return (
            first_found(first, FIRST, every) is not None
            or first_found(second, FIRST, every) is not None
            or first_found([1 / value for value in third], FIRST, every, less=True) is not None
            or first_found(failures, FIRST, every) is not None
        )

    return sum(map(is_told, models))


@pytest.mark.long
def test_at_most_1_of_20_quiet_models_is_taken_for_worse() -> None:
    assert false_alarms(range(MODELS), LOOK_EVERY) <= max(1, MODELS // 20)


@pytest.mark.long
@pytest.mark.timeout(900)
def test_the_same_of_many() -> None:
    for factor, within in ((1.2, 150), (1.5, 30)):
        found = found_in_time(factor, within, range(SERIES, MANY * SERIES))
        assert sum(shift is not None for shift in found) >= len(found) * 19 / 20
    assert false_alarms(range(MODELS, MANY * MODELS), 3) <= (MANY - 1) * MODELS / 20


def test_what_gets_better_is_no_regression_and_a_speed_is_read_the_other_way_round() -> None:
    values = noisy(5, 700, 0.5, QUIET)
    assert find_regression(values) is None
    found = find_regression(values, worse_is_less=True)
    assert found is not None
    assert abs(found.began - QUIET) <= 10
    assert -0.6 < found.change < -0.4


def test_more_failures_are_found_by_their_share() -> None:
    chance = random.Random(3)
    values = [float(chance.random() < (0.02 if place < QUIET else 0.4)) for place in range(QUIET + 60)]
    found = find_regression(values)
    assert found is not None
    assert found.before < 0.05 < 0.3 < found.after


def test_a_significant_shift_that_is_smaller_than_a_tenth_is_nobodys_concern() -> None:
    assert find_regression([100.0 + n % 5 for n in range(400)] + [106.0 + n % 5 for n in range(150)]) is None


@given(st.lists(st.sampled_from([0.0, 1.0, 2.5]) | st.floats(0, 1e9), max_size=260), st.booleans())
@settings(max_examples=60, deadline=None)
def test_whatever_is_found_lies_within_and_is_worse(values: list[float], less: bool) -> None:
    found = find_regression(values, worse_is_less=less)
    if found is not None:
        assert 0 < found.began < len(values)
        assert found.after < found.before if less else found.after > found.before


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_values_that_never_change_are_quiet(value: float) -> None:
    assert find_regression([value] * 600) is None
