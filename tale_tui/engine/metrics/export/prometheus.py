"""What is counted, as text for Prometheus: its names and units, counters and histograms over all rows of calls."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import accumulate

from tale_tui.domain.metrics import RunningCall
from tale_tui.domain.tasks import TaskCounts
from tale_tui.engine.store.call_statistics import (
    BOUNDS_S,
    MICROSECONDS,
    CallDuration,
    CallStatistics,
    DurationHistogram,
    SeriesKey,
    TokenCounts,
)

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
"""Of the text."""

Labels = Mapping[str, str]

_ESCAPES = str.maketrans({"\\": r"\\", '"': r"\"", "\n": r"\n"})
_DURATIONS = {
    CallDuration.TOTAL: ("tale_call_duration_seconds", "Whole calls; of replies and steps from when somebody waited."),
    CallDuration.FIRST_TEXT: ("tale_time_to_first_token_seconds", "Until the first visible text, loading left out."),
    CallDuration.WAITING: ("tale_call_waiting_seconds", "From when somebody began to wait until the call began."),
    CallDuration.LOAD: ("tale_model_load_seconds", "Bringing models into memory."),
}
_TASK_STATES = ("waiting", "queued", "running", "paused", "done", "failed", "cancelled")


@dataclass(frozen=True, slots=True)
class NowFigures:
    """What holds at this moment and is in no row."""

    version: str
    """Of the application."""
    running: tuple[RunningCall, ...]
    tasks: TaskCounts
    oldest_queued_s: float
    """How long ago the oldest task that is queued was handed in; 0 where none is."""


def exposition(statistics: CallStatistics, now: NowFigures) -> str:
    """The text, in the format that every Prometheus reads (version 0.0.4)."""
    lines = [
        *_family("tale_build_info", "gauge", "The version that tells this.", [({"version": now.version}, 1)]),
        *_calls(statistics),
        *_tokens(statistics.tokens),
    ]
    for duration, (name, words) in _DURATIONS.items():
        lines += _histograms(name, words, statistics.durations[duration])
    lines += _family("tale_running_calls", "gauge", "Calls that are under way.", _running(now.running))
    states = [({"state": state}, getattr(now.tasks, state)) for state in _TASK_STATES]
    lines += _family("tale_tasks", "gauge", "Tasks by state.", states)
    age = "How long ago the oldest task that is queued was handed in."
    lines += _family("tale_oldest_queued_task_seconds", "gauge", age, [({}, now.oldest_queued_s)])
    return "".join(f"{line}\n" for line in lines)


def _calls(statistics: CallStatistics) -> list[str]:
    counts: dict[tuple[SeriesKey, str], int] = {}
    failed: dict[tuple[SeriesKey, str], int] = {}
    for (series, outcome, error), count in statistics.calls.items():
        counts[series, outcome] = counts.get((series, outcome), 0) + count
        if error:
            failed[series, error] = failed.get((series, error), 0) + count
    ended = [(_labels(series) | {"outcome": outcome}, count) for (series, outcome), count in sorted(counts.items())]
    errors = [(_labels(series) | {"error": error}, count) for (series, error), count in sorted(failed.items())]
    return [
        *_family("tale_calls_total", "counter", "Calls of models that have ended.", ended),
        *_family("tale_call_errors_total", "counter", "Those that failed, by the class of the error.", errors),
    ]


def _tokens(tokens: Mapping[SeriesKey, TokenCounts]) -> list[str]:
    series = [(_labels(key), counts) for key, counts in sorted(tokens.items()) if key.kind != "load"]
    lines = []
    for name, words, field in (
        ("tale_prompt_tokens_total", "Tokens that were read, as servers said.", "prompt"),
        ("tale_cached_prompt_tokens_total", "Of these, those that servers had in their cache.", "cached"),
        ("tale_completion_tokens_total", "Tokens that were written, as servers said.", "completion"),
        ("tale_thinking_tokens_total", "Of these, those that were thought.", "thinking"),
        ("tale_uncounted_calls_total", "Calls whose tokens no server said.", "uncounted"),
        ("tale_generated_tokens_total", "Tokens written within tale_generation_seconds_total.", "timed"),
    ):
        said = [(labels, value) for labels, counts in series if (value := getattr(counts, field)) is not None]
        lines += _family(name, "counter", words, said)
    seconds = [(labels, us / MICROSECONDS) for labels, counts in series if (us := counts.generation_us) is not None]
    return lines + _family(
        "tale_generation_seconds_total", "counter", "Time for which servers say they wrote.", seconds
    )


def _histograms(name: str, words: str, found: Mapping[SeriesKey, DurationHistogram]) -> list[str]:
    lines = _head(name, "histogram", words)
    bounds = [*(_number(bound) for bound in BOUNDS_S), "+Inf"]
    for series, histogram in sorted(found.items(), key=lambda item: item[0]):
        labels = _labels(series)
        for bound, count in zip(bounds, accumulate(histogram.counts), strict=True):
            lines.append(_sample(f"{name}_bucket", labels | {"le": bound}, count))
        lines.append(_sample(f"{name}_sum", labels, histogram.sum_us / MICROSECONDS))
        lines.append(_sample(f"{name}_count", labels, histogram.count))
    return lines


def _running(calls: Iterable[RunningCall]) -> list[tuple[Labels, float]]:
    counts: dict[SeriesKey, int] = {}
    for call in calls:
        key = SeriesKey(call.ref.backend.value, call.ref.model, call.role.value if call.role else "", call.kind)
        counts[key] = counts.get(key, 0) + 1
    return [(_labels(key), count) for key, count in sorted(counts.items())]


def _labels(series: SeriesKey) -> dict[str, str]:
    return series._asdict()


def _family(name: str, kind: str, words: str, samples: Iterable[tuple[Labels, float]]) -> list[str]:
    return [*_head(name, kind, words), *(_sample(name, labels, value) for labels, value in samples)]


def _head(name: str, kind: str, words: str) -> list[str]:
    return [f"# HELP {name} {words}", f"# TYPE {name} {kind}"]


def _sample(name: str, labels: Labels, value: float) -> str:
    shown = ",".join(f'{label}="{text.translate(_ESCAPES)}"' for label, text in labels.items() if text)
    return f"{name}{{{shown}}} {_number(value)}" if shown else f"{name} {_number(value)}"


def _number(value: float) -> str:
    return str(int(value)) if value == int(value) else repr(value)
