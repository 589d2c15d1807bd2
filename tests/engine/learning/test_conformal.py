"""Intervals that are held against what came: they widen where they miss, and narrow where they need not be so wide."""

from __future__ import annotations

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tale_tui.domain.forecasts import COVERAGE
from tale_tui.engine.learning.conformal import AdaptiveInterval
from tale_tui.engine.learning.ratio_forecast import RatioForecast

ERRORS = st.lists(st.tuples(st.floats(-20, 20), st.floats(0.01, 3)), max_size=120)


@given(ERRORS, st.floats(1e-3, 1e9), st.floats(0.01, 3))
def test_an_interval_holds_its_middle(errors: list[tuple[float, float]], middle: float, spread: float) -> None:
    interval = AdaptiveInterval()
    for error, of in errors:
        interval.learn(error, of)
    found = interval.around(middle, spread)
    assert 0 < found.low <= found.middle == middle <= found.high < math.inf


@pytest.mark.parametrize("wider", [0.4, 1.0, 2.5])
def test_it_covers_what_comes_also_where_the_spread_was_misjudged(wider: float) -> None:
    chance, interval, covered = random.Random(7), AdaptiveInterval(), list[bool]()
    for _ in range(1_500):
        error = chance.gauss(0, 0.4 * wider)
        covered.append(interval.around(100, 0.4).holds(100 * math.exp(error)))
        interval.learn(error, 0.4)
    assert abs(sum(covered[100:]) / len(covered[100:]) - COVERAGE) < 0.04


def test_it_is_not_taken_in_by_errors_on_one_side() -> None:
    interval = AdaptiveInterval()
    for _ in range(200):
        interval.learn(1.0, 0.5)
    assert interval.around(10, 0.5).holds(10 * math.e)


def test_a_speed_that_changes_is_the_new_one_after_some_runs() -> None:
    speed = RatioForecast(0.15)
    for number in range(60):
        foreseen = speed.foresee(100, otherwise=0.05)
        speed.learn(100, 10 if number < 40 else 4, foreseen)
    assert speed.foresee(100).middle == pytest.approx(4)


@given(st.lists(st.tuples(st.floats(0.1, 1e6), st.floats(1e-3, 1e6)), max_size=60), st.floats(0.1, 1e6))
def test_a_ratio_holds_its_middle(came: list[tuple[float, float]], supposed: float) -> None:
    ratio = RatioForecast(0.2)
    for known, actual in came:
        ratio.learn(known, actual, ratio.foresee(known))
    found = ratio.foresee(supposed, 0.5)
    assert 0 < found.low <= found.middle <= found.high
