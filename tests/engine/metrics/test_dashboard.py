"""Ranges cut into parts: a gap is a gap, idle time is told apart from it, and every range tells of the same calls."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from support.calls import LARGE, NOON, SMALL, new_call
from tale_tui.domain.distribution import Distribution
from tale_tui.domain.errors import BadRange, UnknownModel
from tale_tui.domain.metrics import CallFilter
from tale_tui.domain.models import Role
from tale_tui.domain.samples import SAMPLED_FIGURES, Figure, PromiseName, PromiseState, Sample, SlotState
from tale_tui.domain.time_ranges import ShownRange
from tale_tui.engine.engine import Engine
from tale_tui.engine.metrics.dashboard import grid_of, lay_single, series_on, slot_states
from tale_tui.engine.metrics.promises import RangeSaving, lights
from tale_tui.engine.models.scripted import spoken

GB = 1000.0
"""In megabytes."""


def sample(began: float, ended: float, *, idle: bool = False, memory_mb: float = 5000.0) -> Sample:
    figures = {Figure.MODELS_MEMORY: memory_mb, Figure.QUEUED: 2.0}
    return Sample(began, ended, idle, tuple(figures.get(figure) for figure in SAMPLED_FIGURES))


@pytest.mark.parametrize("range_s", [one.length_s for one in ShownRange])
def test_a_range_is_parts_of_one_length_that_cover_it(range_s: float) -> None:
    grid = grid_of(range_s, NOON + 17)
    assert grid.end - grid.slot_s <= NOON + 17 < grid.end
    assert grid.count * grid.slot_s >= range_s
    assert 60 <= grid.count <= 96
    assert grid.begin % (grid.step_s or 1) == 0
    assert grid.slot_s % (grid.step_s or 1) == 0


def test_a_gap_is_neither_zero_nor_bridged_and_idle_time_is_no_gap() -> None:
    grid = grid_of(900, NOON + 899)
    samples = [
        sample(grid.begin, grid.begin + 5, memory_mb=3000),
        sample(grid.begin + 60, grid.begin + 104, idle=True),
        sample(grid.begin + 890, grid.begin + 895, memory_mb=4000),
    ]
    idle = [each for each in samples if each.idle]
    laid = lay_single(grid, samples, ())
    states = slot_states(grid, laid, idle)
    assert [place for place, state in enumerate(states) if state is SlotState.RECORDED] == [0, 4, 59]
    assert [place for place, state in enumerate(states) if state is SlotState.IDLE] == [5, 6]
    assert states.count(SlotState.GAP) == 55
    memory = next(one for one in series_on(grid, laid, idle) if one.figure is Figure.MODELS_MEMORY)
    shown = {place: point.mean for place, point in enumerate(memory.points) if point is not None}
    assert shown == {0: 3000, 4: 5000, 5: 5000, 6: 5000, 59: 4000}
    assert memory.last == 4000


def test_an_idle_time_that_reaches_in_from_before_is_idle() -> None:
    grid = grid_of(900, NOON + 899)
    idle = [sample(grid.begin - 500, grid.begin + 20, idle=True)]
    states = slot_states(grid, lay_single(grid, idle, ()), idle)
    assert states[:3] == (SlotState.IDLE, SlotState.IDLE, SlotState.GAP)


def test_a_promise_is_judged_at_p95_and_grey_under_five_values() -> None:
    def state(values: list[float]) -> PromiseState:
        return lights({Figure.FIRST_TEXT: Distribution.of(values)}, None, 30.0, RangeSaving(None, 0))[0].state

    assert state([10.0] * 4) is PromiseState.UNKNOWN
    assert state([10.0] * 5) is PromiseState.MET
    assert state([300.0] * 19 + [9000.0]) is PromiseState.MET
    assert state([300.0] * 18 + [9000.0] * 2) is PromiseState.BROKEN


def test_every_promise_has_a_word_a_sign_and_a_value() -> None:
    ranged = {
        Figure.FIRST_TEXT: Distribution.of([310.0] * 400 + [620.0] * 12),
        Figure.SIMPLE_TASK: Distribution.of([2200.0] * 3),
        Figure.SWITCH: Distribution.of([810.0] * 5),
        Figure.MODELS_MEMORY: Distribution.of([11.2 * GB] * 5),
        Figure.SMALL_RESIDENT: Distribution.of([1.0] * 99 + [0.0]),
    }
    found = {light.name: light for light in lights(ranged, 11.2 * GB, 30.0, RangeSaving(0.61, 40))}
    assert list(found) == list(PromiseName)
    assert {name.value: light.state.value for name, light in found.items()} == {
        "chat": "met", "simple_task": "unknown", "switch": "broken", "memory": "met", "saved": "met",
        "small_resident": "met",
    }  # fmt: skip
    assert found[PromiseName.CHAT].words == "chat under 1 s"
    assert found[PromiseName.CHAT].detail == "p95 0.31 s of 412 replies"
    assert found[PromiseName.SIMPLE_TASK].detail == "3 of 5 tasks"
    assert found[PromiseName.SWITCH].value == pytest.approx(0.81, rel=0.01)
    assert found[PromiseName.MEMORY].words == "memory under 30 GB"
    assert found[PromiseName.SMALL_RESIDENT].detail == "in 99 % of 100 samples"


def test_memory_and_saving_are_broken_where_they_pass_their_limit() -> None:
    ranged = {Figure.MODELS_MEMORY: Distribution.of([31 * GB] * 9), Figure.SMALL_RESIDENT: Distribution.of([0.0] * 9)}
    found = lights(ranged, None, 30.0, RangeSaving(0.59, 40))
    assert [light.state for light in found[3:]] == [PromiseState.BROKEN] * 3
    assert lights(ranged, None, 30.0, RangeSaving(None, 40))[4].state is PromiseState.UNKNOWN


Start = Callable[..., Awaitable[Engine]]


async def test_every_range_tells_of_the_same_calls_to_the_token(start_engine: Start) -> None:
    engine = await start_engine([spoken("hi")])
    now = NOON
    await engine.store.add_calls(
        [
            new_call(SMALL, now - second, prompt_tokens=second, completion_tokens=7, ttft_ms=300.0 + second)
            for second in range(0, 800, 10)
        ]
    )
    for range_s in (one.length_s for one in ShownRange):
        report = await engine.metrics.dashboard(range_s=range_s)
        tokens = (await engine.metrics.tokens(CallFilter(since=report.begin))).total
        assert (report.calls, report.total_tokens) == (tokens.calls, tokens.total_tokens)
        by_slot = report.series_of(Figure.TOKENS, str(SMALL)).points
        assert sum(point.mean for point in by_slot if point is not None) == sum(range(0, 800, 10)) + 80 * 7
        chat = report.promises[0]
        assert (chat.count, chat.state) == (80, PromiseState.BROKEN)
        assert chat.p95 == pytest.approx(1.05, rel=0.02)
        assert sum(point.count for point in report.series_of(Figure.FIRST_TEXT).points if point is not None) == 80
        [use] = [use for use in report.models if use.ref == SMALL]
        assert use.calls == 80


async def test_one_model_is_shown_alone(start_engine: Start) -> None:
    engine = await start_engine([spoken("hi")])
    await engine.store.add_calls([new_call(SMALL, NOON - 5, ttft_ms=100.0), new_call(LARGE, NOON - 5, ttft_ms=900.0)])
    for range_s in (900.0, 604_800.0):
        report = await engine.metrics.dashboard(range_s=range_s, model="qwen3:14b")
        assert report.model == str(LARGE)
        assert [use.ref for use in report.models] == [LARGE]
        assert report.series_of(Figure.FIRST_TEXT).last == 900.0
        assert (report.calls, report.total_tokens) == (1, 15)
    with pytest.raises(UnknownModel):
        await engine.metrics.dashboard(model="qwen3:41b")


@pytest.mark.parametrize("range_s", [0.0, -5.0, 59.0, 1e12, float("nan")])
async def test_a_range_that_is_none_is_refused(start_engine: Start, range_s: float) -> None:
    engine = await start_engine([spoken("hi")])
    with pytest.raises(BadRange):
        await engine.metrics.dashboard(range_s=range_s)


async def test_a_model_in_memory_has_its_line_with_what_is_not_known_and_why(start_engine: Start) -> None:
    engine = await start_engine([spoken("hi")])
    await engine.models.retry_role(Role.UX)
    report = await engine.metrics.dashboard()
    [use] = [use for use in report.models if Role.UX in use.roles]
    assert use.resident
    assert (use.memory_bytes, use.tokens, use.first_text_ms) == (None, None, None)
    assert use.reason == "it has no process of its own"
    assert use.breaker == "closed"


async def test_an_engine_without_anything_shows_that(start_engine: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = await start_engine([spoken("hi")], load=False)
    report: Any = await engine.metrics.dashboard()
    assert set(report.slots) == {SlotState.GAP}
    assert (report.calls, report.total_tokens, report.latest) == (0, None, None)
    assert {light.state for light in report.promises} == {PromiseState.UNKNOWN}
    assert all(series.last is None for series in report.series)
