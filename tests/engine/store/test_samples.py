"""Samples and roll-ups: kept, extended, thinned, and however they are read the same."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from support.calls import LARGE, NOON, SMALL, new_call
from tale_tui.domain.clock import Clock
from tale_tui.domain.distribution import Distribution, merged
from tale_tui.domain.metrics import CallFilter, CallKind, CallOutcome, CallRecord
from tale_tui.domain.models import ResidencyChange, Role
from tale_tui.domain.samples import CALL_FIGURES, SAMPLED_FIGURES, Figure, ModelSample, Sample
from tale_tui.engine.store.samples.rollups import STEPS_S, Rolled
from tale_tui.engine.store.store import Store

MINUTE, HOUR, DAY = STEPS_S


def new_sample(at: float, *, idle: bool = False, models: Sequence[ModelSample] = (), **figures: float) -> Sample:
    values = tuple(figures.get(figure.name.lower()) for figure in SAMPLED_FIGURES)
    return Sample(at if idle else at - 5, at, idle, values, tuple(models))


async def test_a_sample_is_read_as_it_was_kept(store: Store) -> None:
    models = (
        ModelSample(SMALL, Role.UX, 5_000_000_000, 1.0, 12.5, 4_900_000_000),
        ModelSample(LARGE, None, None, None, reason="it runs on another machine"),
    )
    sample = new_sample(NOON, models=models, queued=2, app_cpu=3.5)
    await store.add_sample(sample)
    assert await store.last_sample() == sample


async def test_without_a_sample_there_is_no_last_one(store: Store) -> None:
    assert await store.last_sample() is None
    assert await store.samples(0, NOON) == ()


async def test_a_time_in_which_nothing_happens_is_one_row_that_grows(store: Store) -> None:
    n = await store.add_sample(new_sample(NOON, idle=True))
    for minute in range(1, 61):
        await store.extend_sample(n, NOON + 60 * minute)
    [found] = await store.samples(NOON, NOON + 7200)
    assert (found.began, found.ended, found.idle) == (NOON, NOON + 3600, True)
    assert await store.idle_times(NOON + 1800, NOON + 1900) == (found,)
    assert await store.idle_times(NOON + 3601, NOON + 7200) == ()


VALUES = st.none() | st.floats(0.0, 1e6)
CALLS = st.builds(
    new_call,
    st.sampled_from([SMALL, LARGE]),
    st.floats(NOON - 2 * DAY, NOON + 2 * DAY),
    st.sampled_from([CallKind.CHAT, CallKind.STEP, CallKind.TITLE]),
    outcome=st.sampled_from(CallOutcome),
    complexity=st.sampled_from(["", "simple"]),
    ttft_ms=VALUES,
    total_ms=VALUES,
    waiting_ms=VALUES,
    tokens_per_second=st.none() | st.floats(0.1, 1e4),
)


def wanted(calls: Sequence[CallRecord], figure: Figure) -> list[float]:
    """The values of a figure by plain Python."""
    done = [call for call in calls if call.outcome is CallOutcome.DONE]
    found = {
        Figure.RATE: [call.tokens_per_second for call in calls],
        Figure.WAITING: [call.waiting_ms for call in calls],
        Figure.FIRST_TEXT: [call.ttft_ms for call in done if call.labels.kind is CallKind.CHAT],
        Figure.SIMPLE_TASK: [
            call.total_ms
            for call in done
            if call.labels.kind is CallKind.STEP and call.labels.complexity == "simple"
        ],
    }  # fmt: skip
    return [value for value in found[figure] if value is not None]


@pytest.mark.long
@settings(max_examples=30, deadline=None)
@given(st.lists(CALLS, max_size=25), st.lists(st.integers(0, 25), max_size=3), st.sampled_from(["", str(SMALL)]))
def test_roll_ups_of_every_step_are_the_distribution_of_the_calls(
    calls: list[CallRecord], cuts: list[int], model: str
) -> None:
    places = [0, *sorted(min(cut, len(calls)) for cut in cuts), len(calls)]

    async def rolled() -> tuple[dict[tuple[int, Figure], Distribution], tuple[Rolled, ...]]:
        with TemporaryDirectory() as folder:
            store = await Store.open(Path(folder) / "tale.db", Clock())
            for first, last in pairwise(places):
                await store.add_calls(calls[first:last])
                await store.roll_up()
            found = {
                (step, figure): merged(row.values for row in await store.rollups(step, [figure], 0, 2 * NOON, model))
                for step in STEPS_S
                for figure in CALL_FIGURES
            }
            single = await store.call_values(0, 2 * NOON, model)
            await store.close()
            return found, single

    found, single = asyncio.run(rolled())
    meant = [call for call in calls if model in ("", str(call.ref))]
    for (_, figure), values in found.items():
        assert values == Distribution.of(wanted(meant, figure))
        assert sorted(value.value for value in single if value.figure is figure) == sorted(wanted(meant, figure))


async def test_rolling_up_twice_adds_nothing_twice(store: Store) -> None:
    await store.add_calls([new_call(ttft_ms=300.0)])
    await store.add_residency(LARGE, ResidencyChange.SWITCH, ms=450.0, at=NOON)
    await store.add_residency(LARGE, ResidencyChange.EVICTED, at=NOON)
    for _ in range(3):
        await store.roll_up()
    for figure, value in ((Figure.FIRST_TEXT, 300.0), (Figure.SWITCH, 450.0)):
        [row] = await store.rollups(HOUR, [figure], NOON - HOUR, NOON + HOUR)
        assert (row.start, row.values) == (NOON // HOUR * HOUR, Distribution.of([value]))


async def test_more_rows_than_go_into_one_transaction_are_all_rolled_up(store: Store) -> None:
    await store.add_calls([new_call(timestamp=NOON + second, ttft_ms=200.0) for second in range(12_000)])
    await store.roll_up()
    rows = await store.rollups(MINUTE, [Figure.FIRST_TEXT], NOON, NOON + 12_000)
    assert (len(rows), sum(row.values.count for row in rows)) == (200, 12_000)


async def test_samples_are_in_the_roll_ups_at_once(store: Store) -> None:
    for second in range(0, 120, 5):
        await store.add_sample(new_sample(NOON + second, machine_cpu=second))
    for step in STEPS_S:
        rows = await store.rollups(step, [Figure.MACHINE_CPU], NOON - DAY, NOON + DAY)
        assert merged(row.values for row in rows) == Distribution.of(map(float, range(0, 120, 5)))
    assert len(await store.rollups(MINUTE, [Figure.MACHINE_CPU], NOON, NOON + 120)) == 2


async def test_what_is_thinned_stays_in_the_roll_ups(store: Store) -> None:
    await store.add_sample(new_sample(NOON, queued=3, models=[ModelSample(SMALL)]))
    await store.add_sample(new_sample(NOON + DAY, queued=1))
    await store.thin(NOON + 10, [(MINUTE, NOON + MINUTE + 1)])
    assert [sample.ended for sample in await store.samples(0, 2 * NOON)] == [NOON + DAY]
    assert [row.start for row in await store.rollups(MINUTE, [Figure.QUEUED], 0, 2 * NOON)] == [NOON + DAY]
    hours = await store.rollups(HOUR, [Figure.QUEUED], 0, 2 * NOON)
    assert merged(row.values for row in hours) == Distribution.of([3.0, 1.0])


async def test_the_work_of_models_is_that_of_their_calls(store: Store) -> None:
    await store.add_calls(
        [
            new_call(SMALL, NOON + 1, total_ms=1500.0, waiting_ms=500.0, tokens_per_second=30.0),
            new_call(SMALL, NOON + 2, outcome=CallOutcome.FAILED, total_ms=200.0),
            new_call(LARGE, NOON + 4000, kind=CallKind.STEP, total_ms=None),
        ]
    )
    small, large = await store.model_work(CallFilter(NOON, NOON + 7200))
    assert (small.ref, small.calls, small.failed, small.busy_ms, small.answers) == (SMALL, 2, 1, 1200, 1)
    assert small.tokens_per_second == pytest.approx(30.0)
    assert (large.ref, large.total_tokens, large.busy_ms, large.tokens_per_second) == (LARGE, 15, 0, None)
    for slot_s in (60, 900):
        found = await store.token_slots(CallFilter(NOON, NOON + 7200), NOON, slot_s)
        assert {*found} == {(str(SMALL), 0, 30), (str(LARGE), 4000 // slot_s, 15)}


async def test_a_reload_is_a_load_after_the_first_one(store: Store) -> None:
    for at, what in ((1, "load"), (2, "evicted"), (3, "load"), (4, "load")):
        await store.add_residency(LARGE, what, ms=100.0, at=NOON + at)
    await store.add_residency(SMALL, ResidencyChange.LOAD, ms=100.0, at=NOON)
    await store.add_residency(SMALL, ResidencyChange.UNLOAD, at=NOON + 9)
    found = {each.ref: each for each in await store.model_loads(NOON, NOON + 60)}
    assert (found[LARGE].since, found[LARGE].reloads) == (NOON + 4, 2)
    assert (found[SMALL].since, found[SMALL].reloads) == (None, 0)
    later = {each.ref: each.reloads for each in await store.model_loads(NOON + 2, NOON + 60)}
    assert later[LARGE] == 2
