"""How long a task waits for its slot."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from support.calls import LARGE, SMALL
from tale_tui.domain.forecasts import NOTHING, Estimate
from tale_tui.domain.models import ModelRef
from tale_tui.engine.learning.waiting import waiting_time
from tale_tui.engine.store.task_forecasts import OpenTask

USUAL = Estimate(60, 30, 120)


def open_task(seconds: Estimate | None = None, *, ran_s: float | None = None, ref: ModelRef | None = LARGE) -> OpenTask:
    return OpenTask("a", ran_s is not None, 2, ref, ran_s or 0, seconds)


def waits(*before: OpenTask, slots: int = 4, of_model: int = 1) -> Estimate:
    return waiting_time(before, LARGE, slots, of_model, lambda _: USUAL)


def test_where_nothing_runs_nothing_is_waited_for() -> None:
    assert waits() == NOTHING


def test_a_model_of_this_machine_does_one_task_after_the_other() -> None:
    ten = Estimate(10, 5, 20)
    assert waits(open_task(ten), open_task(ten)) == Estimate(20, 10, 40)


def test_tasks_of_another_model_are_not_waited_for_while_there_are_slots() -> None:
    assert waits(open_task(USUAL, ref=SMALL)) == NOTHING
    assert waits(open_task(USUAL, ref=SMALL), slots=1) == USUAL


def test_of_a_task_that_runs_only_what_is_left_counts() -> None:
    assert waits(open_task(Estimate(10, 5, 20), ran_s=8)) == Estimate(2, 0, 12)
    assert waits(open_task(Estimate(10, 5, 20), ran_s=900)) == NOTHING


def test_a_task_that_nobody_foresaw_takes_as_long_as_is_usual() -> None:
    assert waits(open_task(None)) == USUAL


SECONDS = st.floats(0, 1e5)
ESTIMATES = st.tuples(SECONDS, SECONDS, SECONDS).map(sorted).map(lambda ends: Estimate(ends[1], ends[0], ends[2]))
TASKS = st.lists(
    st.builds(
        open_task,
        st.none() | ESTIMATES,
        ran_s=st.none() | st.floats(0, 1e5),
        ref=st.sampled_from([SMALL, LARGE, None]),
    ),
    max_size=30,
)


@given(TASKS, st.integers(1, 5), st.integers(1, 5))
def test_an_interval_holds_its_middle_and_more_slots_never_wait_longer(
    before: list[OpenTask], slots: int, of_model: int
) -> None:
    found = waits(*before, slots=slots, of_model=of_model)
    assert 0 <= found.low <= found.middle <= found.high
    assert waits(*before, slots=slots + 1, of_model=of_model + 1).middle <= found.middle
