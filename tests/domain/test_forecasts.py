"""What is left of something that was foreseen."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tale_tui.domain.forecasts import NOTHING, Estimate, remaining, remaining_seconds

MINUTE = Estimate(60.0, 30.0, 120.0)
positive = st.floats(0.01, 1e6)


def test_before_it_begins_all_of_it_is_left() -> None:
    assert remaining(MINUTE, 0.0) == MINUTE


def test_it_goes_down_with_the_time_and_slower_than_the_time() -> None:
    left = [remaining(MINUTE, float(done)) for done in range(0, 60, 5)]
    middles = [one.middle for one in left if one is not None]
    assert len(middles) == len(left)
    assert middles[1] < middles[0]
    assert all(before - after <= 5.001 for before, after in pairwise(middles))
    assert middles[-1] > 0


def test_one_that_takes_longer_than_its_interval_is_not_foreseen_any_more() -> None:
    assert remaining(MINUTE, 119.0) is not None
    assert remaining(MINUTE, 120.0) is None
    assert remaining(NOTHING, 1.0) is None


@given(st.lists(positive, min_size=3, max_size=3).map(sorted), st.floats(0, 2e6))
def test_its_interval_holds_its_middle_and_nothing_is_below_none(ends: list[float], done: float) -> None:
    low, middle, high = ends
    left = remaining(Estimate(middle, low, high), done)
    if done < high:
        assert left is not None
    if left is not None:
        assert 0 <= left.low <= left.middle <= left.high
        assert left.holds(left.middle)


@pytest.mark.parametrize("done", [1.0, 20.0, 59.0, 61.0, 100.0])
def test_the_same_evidence_gives_the_same(done: float) -> None:
    assert remaining(MINUTE, done) == remaining(MINUTE, done)


# by what is written


TOKENS = Estimate(600.0, 300.0, 1200.0)
estimates = st.lists(positive, min_size=3, max_size=3).map(sorted).map(lambda ends: Estimate(ends[1], ends[0], ends[2]))


@given(estimates, estimates, st.floats(0, 1e6), st.integers(0, 2_000_000))
def test_the_time_that_is_left_is_never_below_none_and_within_its_interval(
    seconds: Estimate, tokens: Estimate, ran_s: float, written: int
) -> None:
    left = remaining_seconds(seconds, tokens, ran_s, written)
    if left is not None:
        assert 0 <= left.low <= left.middle <= left.high < float("inf")
    assert left == remaining_seconds(seconds, tokens, ran_s, written)


@given(st.floats(0, 119))
def test_as_long_as_nothing_is_written_the_time_alone_counts(ran_s: float) -> None:
    assert remaining_seconds(MINUTE, TOKENS, ran_s, 0) == remaining(MINUTE, ran_s)


@given(st.integers(0, 590), st.integers(1, 9))
def test_at_the_pace_that_was_foreseen_more_words_leave_less_time_and_no_wider_interval(
    written: int, more: int
) -> None:
    before = remaining_seconds(MINUTE, TOKENS, written / 10, written)
    after = remaining_seconds(MINUTE, TOKENS, (written + more) / 10, written + more)
    assert before is not None
    assert after is not None
    assert after.middle < before.middle
    assert after.high - after.low <= before.high - before.low + 1e-9


def test_a_slower_pace_moves_it_up_the_more_is_written_at_it() -> None:
    def off(written: int) -> float:
        slow = remaining_seconds(MINUTE, TOKENS, written / 5, written)
        as_foreseen = remaining_seconds(MINUTE, TOKENS, written / 10, written)
        assert slow is not None
        assert as_foreseen is not None
        return slow.middle / as_foreseen.middle

    assert 1 < off(5) < off(50) < off(500) < 2


def test_time_without_a_word_more_is_evidence_of_a_slower_pace_alone() -> None:
    left = [remaining_seconds(MINUTE, TOKENS, 10.0 + waited, 100) for waited in (0, 5, 10)]
    middles = [one.middle for one in left if one is not None]
    assert len(middles) == 3
    assert middles == sorted(middles)


def test_one_that_writes_more_than_its_interval_is_not_foreseen_any_more() -> None:
    assert remaining_seconds(MINUTE, TOKENS, 30.0, 1200) is None
