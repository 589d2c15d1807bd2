"""Statistics of calls: by SQL as by plain Python, a part at a time as in one go, and the text that Prometheus reads."""

from __future__ import annotations

import asyncio
import math
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from support.calls import LARGE, NOON, SMALL, new_call
from tale_tui import __version__
from tale_tui.domain.clock import Clock
from tale_tui.domain.metrics import CallKind, CallOutcome, CallRecord, RunningCall
from tale_tui.domain.models import BackendName, ModelRef, Role
from tale_tui.domain.tasks import TaskCounts
from tale_tui.engine.engine import Engine
from tale_tui.engine.metrics.export import statistics
from tale_tui.engine.metrics.export.prometheus import NowFigures, exposition
from tale_tui.engine.metrics.export.statistics import CountedCalls
from tale_tui.engine.models.scripted import spoken
from tale_tui.engine.store.call_statistics import BOUNDS_S, CallDuration, CallStatistics, DurationHistogram, SeriesKey
from tale_tui.engine.store.store import Store

Start = Callable[..., Awaitable[Engine]]
NOTHING_NOW = NowFigures(__version__, (), TaskCounts(), 0.0)

HOSTILE = ModelRef(BackendName.OPENAI, 'a"b\\c}{,=x')
TOKENS = st.none() | st.integers(0, 10**6)
DURATIONS = (
    st.none()
    | st.floats(0, 2e6, allow_nan=False).map(lambda ms: round(ms, 3))
    | st.sampled_from([1000 * bound for bound in BOUNDS_S])
)


@st.composite
def calls(draw: Any) -> CallRecord:
    prompt, completion = draw(TOKENS), draw(TOKENS)
    outcome = draw(st.sampled_from(CallOutcome))
    return new_call(
        draw(st.sampled_from([SMALL, LARGE, HOSTILE])),
        NOON + draw(st.integers(0, 10**6)),
        draw(st.sampled_from([CallKind.CHAT, CallKind.STEP, CallKind.LOAD])),
        role=draw(st.sampled_from([Role.UX, Role.TASK, None])),
        outcome=outcome,
        error="unreachable" if outcome is CallOutcome.FAILED else "",
        prompt_tokens=prompt,
        completion_tokens=completion,
        cached_tokens=None if prompt is None else draw(st.none() | st.integers(0, prompt)),
        tokens_per_second=draw(st.none() | st.floats(0.1, 500)),
        ttft_ms=draw(DURATIONS),
        total_ms=draw(DURATIONS),
        waiting_ms=draw(DURATIONS),
        load_ms=draw(DURATIONS),
    )


async def stored(path: Path, *parts: list[CallRecord]) -> list[CallStatistics]:
    """The statistics after each part is stored, as a reader has them who asks each time; and those in one go."""
    store = await Store.open(path, Clock())
    try:
        counted = CountedCalls(store, lambda: (), lambda: NOON)
        for part in parts:
            await store.add_calls(part)
            grown = await counted.statistics()
        return [grown, await store.call_statistics(0, 1000)]
    finally:
        await store.close()


def samples(text: str) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def total(found: dict[tuple[str, tuple[tuple[str, str], ...]], float], name: str, **labels: str) -> float:
    wanted = set(labels.items())
    return sum(value for (sample, having), value in found.items() if sample == name and wanted <= set(having))


@pytest.mark.long
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(parts=st.lists(st.lists(calls(), max_size=8), min_size=1, max_size=4))
def test_any_split_sums_to_the_whole_and_the_whole_to_the_rows(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch, parts: list[list[CallRecord]]
) -> None:
    monkeypatch.setattr(statistics, "PART_ROWS", 3)
    path = tmp_path_factory.mktemp("statistics") / "tale.db"
    grown, whole = asyncio.run(stored(path, *parts))
    assert grown == whole
    rows = [call for part in parts for call in part]
    assert sum(whole.calls.values()) == len(rows)
    by_outcome = Counter(key.outcome for key in whole.calls for _ in range(whole.calls[key]))
    assert by_outcome == Counter(call.outcome for call in rows)
    for field, name in (("prompt", "prompt_tokens"), ("cached", "cached_tokens"), ("completion", "completion_tokens")):
        said = [value for call in rows if (value := getattr(call, name)) is not None]
        counted = [value for counts in whole.tokens.values() if (value := getattr(counts, field)) is not None]
        assert sum(counted) == sum(said)
        assert bool(counted) == bool(said), "what nobody said is not zero"
    for duration in CallDuration:
        values = [
            value
            for call in rows
            if (value := getattr(call, duration.value)) is not None
            and (duration is not CallDuration.LOAD or call.labels.kind is CallKind.LOAD)
        ]
        found = DurationHistogram()
        for histogram in whole.durations[duration].values():
            found.add(histogram)
        expected = [0] * (len(BOUNDS_S) + 1)
        for value in values:
            expected[next((n for n, bound in enumerate(BOUNDS_S) if value <= 1000 * bound), len(BOUNDS_S))] += 1
        assert found.counts == expected
        assert found.sum_us == pytest.approx(1000 * sum(values), abs=len(values))


@pytest.mark.long
@settings(max_examples=25, deadline=None)
@given(rows=st.lists(calls(), max_size=12))
def test_prometheus_reads_the_text_and_finds_what_is_counted(
    tmp_path_factory: pytest.TempPathFactory, rows: list[CallRecord]
) -> None:
    _, whole = asyncio.run(stored(tmp_path_factory.mktemp("text") / "tale.db", rows))
    found = samples(exposition(whole, NOTHING_NOW))
    assert total(found, "tale_calls_total") == len(rows)
    for call in rows:
        assert total(found, "tale_calls_total", model=call.ref.model) == sum(one.ref == call.ref for one in rows)
    asked = [call for call in rows if call.labels.kind is not CallKind.LOAD]
    assert total(found, "tale_prompt_tokens_total") == sum(call.prompt_tokens or 0 for call in asked)
    assert total(found, "tale_call_errors_total") == sum(call.outcome is CallOutcome.FAILED for call in rows)
    timed = sum(call.ttft_ms is not None for call in rows)
    assert total(found, "tale_time_to_first_token_seconds_count") == timed
    assert total(found, "tale_time_to_first_token_seconds_bucket", le="+Inf") == timed


def test_names_and_units_are_those_that_prometheus_wants() -> None:
    families = list(text_string_to_metric_families(exposition(CallStatistics(), NOTHING_NOW)))
    for family in families:
        assert family.name.startswith("tale_")
        assert family.documentation.endswith(".")
        # The parser takes the ending of a counter off its name.
        assert family.type in {"counter", "gauge", "histogram"}
        if family.type == "histogram":
            assert family.name.endswith("_seconds")
    text = exposition(CallStatistics(), NOTHING_NOW)
    counters = [line.split()[2] for line in text.splitlines() if line.startswith("# TYPE") and line.endswith("counter")]
    assert counters
    assert all(name.endswith("_total") for name in counters)


def test_what_holds_now_is_in_gauges() -> None:
    running = (
        RunningCall(LARGE, Role.TASK, CallKind.STEP, NOON),
        RunningCall(LARGE, Role.TASK, CallKind.STEP, NOON),
        RunningCall(SMALL, Role.UX, CallKind.CHAT, NOON),
    )
    now = NowFigures("1.2.3", running, TaskCounts(queued=7, done=2), 12.5)
    found = samples(exposition(CallStatistics(), now))
    assert total(found, "tale_build_info", version="1.2.3") == 1
    assert total(found, "tale_running_calls", model=LARGE.model, role="task", kind="step") == 2
    assert total(found, "tale_running_calls") == 3
    assert total(found, "tale_tasks", state="queued") == 7
    assert total(found, "tale_tasks") == 9
    assert total(found, "tale_oldest_queued_task_seconds") == 12.5


def test_buckets_are_cumulative_and_reach_beyond_ten_minutes() -> None:
    histogram = DurationHistogram()
    histogram.counts[0], histogram.counts[-1] = 2, 1
    series = SeriesKey(SMALL.backend.value, SMALL.model, "ux", CallKind.CHAT)
    counted = CallStatistics()
    counted.durations[CallDuration.TOTAL][series] = histogram
    found = samples(exposition(counted, NOTHING_NOW))
    buckets = {
        float(dict(labels)["le"]): value
        for (name, labels), value in found.items()
        if name == "tale_call_duration_seconds_bucket"
    }
    assert min(buckets) == 0.01
    assert sorted(buckets)[-2] == 655.36
    assert (buckets[0.01], buckets[655.36], buckets[math.inf]) == (2, 2, 3)


async def test_the_engine_tells_what_its_calls_were(start_engine: Start) -> None:
    engine = await start_engine([spoken("Fine, ", "thank you.")], ux="scripted/demo", task="scripted/demo")
    task = await engine.tasks.submit("say hello", key="one")
    async for _ in engine.tasks.follow(task.id):
        pass
    found = samples(await engine.metrics.exposition())
    spent = (await engine.metrics.tokens()).total
    assert total(found, "tale_calls_total") == spent.calls
    assert total(found, "tale_prompt_tokens_total") == spent.prompt_tokens
    assert total(found, "tale_completion_tokens_total") == spent.completion_tokens
    assert total(found, "tale_tasks", state="done") == 1
