"""Groups, local days, costs and savings."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import reduce
from operator import add
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.calls import LARGE, NOON, SMALL, key_of, new_call, sums_of
from tale_tui.config.settings import ModelPrice
from tale_tui.domain.constants import CLOCK_STEP_S
from tale_tui.domain.metrics import CallDimension, CallKind, CallRecord, TokenSums
from tale_tui.engine.metrics.figures import cost_of, grouped, savings_of, timeline_of
from tale_tui.engine.store.token_metrics import AnswerRow, SumRow

BERLIN, KATHMANDU = ZoneInfo("Europe/Berlin"), ZoneInfo("Asia/Kathmandu")
DAY, HOUR = CallDimension.DAY, CallDimension.HOUR


def in_zone(zone: ZoneInfo):  # type: ignore[no-untyped-def]
    return lambda seconds: datetime.fromtimestamp(seconds, zone)


def rows_of(calls: list[CallRecord], by: tuple[CallDimension, ...]) -> list[SumRow]:
    return [
        SumRow(key_of(call, by), int(call.timestamp // CLOCK_STEP_S), str(call.ref), sums_of(call)) for call in calls
    ]


def at(zone: ZoneInfo, *moment: int, fold: int = 0) -> float:
    return datetime(*moment, tzinfo=zone, fold=fold).timestamp()  # type: ignore[arg-type]


COUNTS = st.none() | st.integers(0, 100_000)
CALLS = st.builds(
    new_call,
    st.sampled_from([SMALL, LARGE]),
    st.floats(at(BERLIN, 2026, 10, 20), at(BERLIN, 2026, 11, 5)),
    st.sampled_from(CallKind),
    prompt_tokens=COUNTS,
    completion_tokens=COUNTS,
    thinking_tokens=COUNTS,
    session_id=st.sampled_from(["", "s1", "s2"]),
    task_type=st.sampled_from(["", "task", "chat"]),
)
DIMENSIONS = st.lists(st.sampled_from(CallDimension), min_size=1, max_size=4, unique=True).map(tuple)


@given(st.lists(CALLS, max_size=30), DIMENSIONS, st.sampled_from([BERLIN, KATHMANDU]))
def test_every_grouping_sums_to_the_total_to_the_token(
    calls: list[CallRecord], by: tuple[CallDimension, ...], zone: ZoneInfo
) -> None:
    total, groups = grouped(rows_of(calls, by), by, {}, in_zone(zone))
    assert reduce(add, (group.sums for group in groups), TokenSums()) == total
    assert reduce(add, map(sums_of, calls), TokenSums()) == total
    assert len({group.key for group in groups}) == len(groups)
    assert total.total_tokens == (
        None
        if total.prompt_tokens is None and total.completion_tokens is None
        else (total.prompt_tokens or 0) + (total.completion_tokens or 0)
    )


@given(st.lists(CALLS, max_size=30), st.integers(0, 30))
def test_the_sum_of_any_split_is_that_of_the_whole(calls: list[CallRecord], place: int) -> None:
    parts = [reduce(add, map(sums_of, part), TokenSums()) for part in (calls[:place], calls[place:])]
    assert parts[0] + parts[1] == reduce(add, map(sums_of, calls), TokenSums())


def test_a_day_is_one_of_the_users_clock() -> None:
    late, early = at(BERLIN, 2026, 11, 7, 23, 59), at(BERLIN, 2026, 11, 8, 0, 0)
    rows = rows_of([new_call(timestamp=early), new_call(timestamp=late)], (DAY,))
    _, groups = grouped(rows, (DAY,), {}, in_zone(BERLIN))
    assert [(group.key, group.sums.calls) for group in groups] == [(("2026-11-07",), 1), (("2026-11-08",), 1)]


def test_an_hour_that_comes_twice_is_two_and_one_that_is_left_out_is_none() -> None:
    twice = [at(BERLIN, 2026, 10, 25, 2, 30, fold=fold) for fold in (1, 0)]
    _, groups = grouped(rows_of([new_call(timestamp=one) for one in twice], (HOUR,)), (HOUR,), {}, in_zone(BERLIN))
    assert [group.key[0] for group in groups] == ["2026-10-25T02:00+02:00", "2026-10-25T02:00+01:00"]
    spring = at(BERLIN, 2026, 3, 29, 1, 59)
    calls = [new_call(timestamp=spring), new_call(timestamp=spring + 60)]
    _, groups = grouped(rows_of(calls, (HOUR,)), (HOUR,), {}, in_zone(BERLIN))
    assert [group.key[0] for group in groups] == ["2026-03-29T01:00+01:00", "2026-03-29T03:00+02:00"]


def test_an_hour_of_a_clock_that_is_quarters_away_is_whole() -> None:
    begin = datetime(2026, 11, 8, 14, tzinfo=KATHMANDU)
    calls = [new_call(timestamp=(begin + timedelta(minutes=minute)).timestamp()) for minute in (0, 20, 59)]
    _, groups = grouped(rows_of(calls, (HOUR,)), (HOUR,), {}, in_zone(KATHMANDU))
    assert [(group.key[0], group.sums.calls) for group in groups] == [("2026-11-08T14:00+05:45", 3)]


def test_calls_of_a_clock_that_jumped_back_are_in_the_hour_that_it_showed() -> None:
    calls = [new_call(timestamp=NOON), new_call(timestamp=NOON - 7200)]
    _, groups = grouped(rows_of(calls, (HOUR,)), (HOUR,), {}, in_zone(BERLIN))
    assert [group.key[0] for group in groups] == ["2026-11-08T11:00+01:00", "2026-11-08T13:00+01:00"]


def test_without_a_time_the_largest_group_comes_first() -> None:
    calls = [new_call(SMALL), new_call(LARGE), new_call(LARGE)]
    _, groups = grouped(rows_of(calls, (CallDimension.MODEL,)), (CallDimension.MODEL,), {})
    assert [group.key[0] for group in groups] == [str(LARGE), str(SMALL)]


def test_what_was_cached_costs_its_own_price() -> None:
    sums = TokenSums(1, 0, 1_000_000, 400_000, 500_000, None, 1_500_000)
    assert cost_of(sums, ModelPrice(prompt=2.0, cached=1.0, completion=10.0)) == pytest.approx(1.2 + 0.4 + 5.0)
    assert cost_of(sums, ModelPrice(prompt=2.0, completion=10.0)) == pytest.approx(7.0)
    assert cost_of(sums, None) is None
    assert cost_of(TokenSums(calls=1), ModelPrice(prompt=2.0)) is None


def test_a_cost_is_that_of_the_models_with_a_price() -> None:
    by = (CallDimension.KIND,)
    calls = [new_call(SMALL, prompt_tokens=1_000_000, completion_tokens=0), new_call(LARGE)]
    total, [group] = grouped(rows_of(calls, by), by, {str(SMALL): ModelPrice(prompt=3.0)})
    assert total.cost == group.sums.cost == pytest.approx(3.0)
    assert grouped(rows_of(calls, by), by, {})[0].cost is None


def test_what_the_large_model_was_spared() -> None:
    rows = [
        AnswerRow(str(SMALL), CallKind.CHAT, total=600, alone=200),
        AnswerRow(str(SMALL), CallKind.STEP, total=200, alone=100),
        AnswerRow(str(LARGE), CallKind.STEP, total=200, alone=100),
    ]
    saved = savings_of(rows, SMALL, LARGE, turns=4, misses=1)
    assert (saved.alone, saved.alone_tasks_large) == (0.75, 0.5)
    assert (saved.resent, saved.resent_tasks_large) == (0.8, 0.6)
    assert (saved.turns, saved.misses) == (4, 1)
    assert savings_of([], SMALL, LARGE).alone is None


@given(
    st.lists(st.tuples(st.sampled_from(["a", "b", "c"]), st.integers(0, 200), st.integers(0, 10**9)), max_size=60),
    st.lists(st.integers(0, 50), min_size=2, max_size=12, unique=True).map(sorted),
)
def test_the_pieces_of_time_sum_to_what_lies_between_the_first_edge_and_the_last(
    rows: list[tuple[str, int, int]], marks: list[int]
) -> None:
    edges = [mark * 60 for mark in marks]
    found = timeline_of(rows, 15, edges)
    meant = [(model, tokens) for model, step, tokens in rows if edges[0] <= step * 15 < edges[-1]]
    assert {model: sum(pieces) for model, pieces in found.models} == {
        name: sum(tokens for model, tokens in meant if model == name) for name, _ in meant
    }
    assert all(len(pieces) == len(edges) - 1 for _, pieces in found.models)
    sums = [sum(pieces) for _, pieces in found.models]
    assert sums == sorted(sums, reverse=True)
