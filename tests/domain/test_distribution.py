"""Distributions: any split is the whole, and percentiles lie within their error of the value at their rank."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tale_tui.domain.distribution import RELATIVE_ERROR, Distribution, merged

VALUES = st.lists(st.floats(0, 1e7) | st.integers(0, 10_000).map(float), min_size=1, max_size=200)


@given(VALUES, st.lists(st.integers(0, 200), max_size=6))
def test_any_split_is_the_whole(values: list[float], cuts: list[int]) -> None:
    places = [0, *sorted(min(cut, len(values)) for cut in cuts), len(values)]
    parts = [Distribution.of(values[first:last]) for first, last in pairwise(places)]
    assert merged(parts) == Distribution.of(values)
    assert merged(reversed(parts)) == Distribution.of(values)
    assert merged([merged(parts[:2]), merged(parts[2:])]) == Distribution.of(values)


@given(VALUES, st.sampled_from([0.01, 0.5, 0.95, 0.99, 1.0]))
def test_a_percentile_lies_within_its_error_of_the_value_at_its_rank(values: list[float], share: float) -> None:
    exact = sorted(values)[max(1, math.ceil(share * len(values))) - 1]
    found = Distribution.of(values).percentile(share)
    assert found == pytest.approx(exact, rel=RELATIVE_ERROR + 1e-9, abs=1e-8)


@given(VALUES)
def test_the_ends_and_the_mean_are_exact(values: list[float]) -> None:
    found = Distribution.of(values)
    assert (found.smallest, found.largest, found.count) == (min(values), max(values), len(values))
    assert found.mean == pytest.approx(sum(values) / len(values), abs=0.001, rel=1e-9)


def test_of_nothing_nothing_is_known() -> None:
    nothing = Distribution.of([])
    assert (nothing.mean, nothing.percentile(0.95), nothing.count) == (None, None, 0)
    assert merged([]) == nothing == merged([nothing, nothing])


def test_percentiles_never_lie_outside_of_the_values() -> None:
    assert Distribution.of([7.0]).percentile(0.5) == 7.0
    assert Distribution.of([0.0, 0.0]).percentile(0.95) == 0.0
