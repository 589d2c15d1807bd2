"""The forecast of a plan from those of its steps."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tale_tui.domain.forecasts import NOTHING, Estimate, together
from tale_tui.domain.tasks import StepSpec
from tale_tui.engine.learning.plan_forecast import longest_way, read_in_all

TEN, THIRTY = Estimate(10, 5, 20), Estimate(30, 20, 50)


def step(key: str, *after: str) -> StepSpec:
    return StepSpec(key, key, after=after)


def test_steps_that_wait_for_each_other_take_their_sum_and_others_the_longer_time() -> None:
    chain = [step("a"), step("b", "a")]
    assert longest_way(chain, {"a": TEN, "b": THIRTY}).middle == 40
    assert longest_way([step("a"), step("b")], {"a": TEN, "b": THIRTY}) == THIRTY


def test_a_step_that_asks_no_model_takes_no_time_and_keeps_the_way() -> None:
    steps = [step("b", "yes"), step("yes", "a"), step("a")]
    assert longest_way(steps, {"a": TEN, "b": TEN}).middle == 20


def test_a_plan_without_steps_takes_no_time() -> None:
    assert longest_way([], {}) == NOTHING


def test_a_step_reads_what_was_written_before_it() -> None:
    steps = [step("a"), step("b", "a", "yes")]  # the yes asks no model and is not among them
    found = read_in_all(steps, {"a": TEN, "b": TEN}, {"a": THIRTY, "b": THIRTY})
    assert found.middle == 10 + 10 + 30


PARTS = st.lists(
    st.tuples(*(st.floats(0, 1e6),) * 3).map(sorted).map(lambda ends: Estimate(ends[1], ends[0], ends[2])), max_size=20
)


@given(PARTS)
def test_a_sum_holds_its_middle_and_is_no_wider_than_all_its_parts(parts: list[Estimate]) -> None:
    found = together(parts)
    assert 0 <= found.low <= found.middle <= found.high
    assert found.high - found.middle <= sum(part.high - part.middle for part in parts) * 1.000001 + 1e-6
