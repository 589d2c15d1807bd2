"""Whether the promises hold, over a range: pure arithmetic, as docs/dashboard.md describes it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from tale_tui.domain.constants import (
    GIGABYTE,
    MEGABYTE,
    PROMISE_CALLS_MIN,
    PROMISED_FIRST_TEXT_S,
    PROMISED_RESIDENCY,
    PROMISED_SAVING,
    PROMISED_SIMPLE_TASK_S,
    PROMISED_SWITCH_S,
)
from tale_tui.domain.distribution import Distribution
from tale_tui.domain.samples import Figure, PromiseLight, PromiseName, PromiseState
from tale_tui.formatting.units import duration, percent, plural, size

P95 = 0.95
MIDDLE = 0.5


@dataclass(frozen=True, slots=True)
class RangeSaving:
    """What the large model was spared over a range."""

    share: float | None
    """Of 1, each prompt alone; None where both roles have one model, or nothing is known."""
    answers: int
    """Replies and steps of both."""


def lights(
    ranged: Mapping[Figure, Distribution], last_memory_mb: float | None, limit_gb: float, saving: RangeSaving
) -> tuple[PromiseLight, ...]:
    """All promises, in their order.

    Args:
        ranged: the values of the range by figure.
        last_memory_mb: what models take now; None where it is not known.
        limit_gb: what they may take.
        saving: what was saved.
    """
    return (*_times(ranged), _memory(ranged, last_memory_mb, limit_gb), _saved(saving), _resident(ranged))


def _times(ranged: Mapping[Figure, Distribution]) -> Iterator[PromiseLight]:
    for name, figure, limit_s, what, of in (
        (PromiseName.CHAT, Figure.FIRST_TEXT, PROMISED_FIRST_TEXT_S, "chat", ("reply", "replies")),
        (PromiseName.SIMPLE_TASK, Figure.SIMPLE_TASK, PROMISED_SIMPLE_TASK_S, "simple task", ("task", "tasks")),
        (PromiseName.SWITCH, Figure.SWITCH, PROMISED_SWITCH_S, "switch", ("switch", "switches")),
    ):
        values = ranged.get(figure, Distribution())
        middle, upper = (_seconds(values.percentile(share)) for share in (MIDDLE, P95))
        limit = f"{limit_s * 1000:g} ms" if limit_s < 1 else f"{limit_s:g} s"
        met = upper is not None and upper < limit_s
        detail = "" if upper is None else f"p95 {duration(upper)} of {plural(values.count, *of)}"
        yield _light(name, limit_s, values.count, middle, upper, f"{what} under {limit}", detail, of[1], met=met)


def _memory(ranged: Mapping[Figure, Distribution], last_mb: float | None, limit_gb: float) -> PromiseLight:
    values, limit_mb = ranged.get(Figure.MODELS_MEMORY, Distribution()), limit_gb * GIGABYTE / MEGABYTE
    upper = values.percentile(P95)
    words = f"memory under {size(limit_gb * GIGABYTE)}"
    detail = "" if upper is None else f"p95 {size(upper * MEGABYTE)} of {plural(values.count, 'sample')}"
    met = upper is not None and upper <= limit_mb
    return _light(PromiseName.MEMORY, limit_mb, values.count, last_mb, upper, words, detail, "samples", met=met)


def _saved(saving: RangeSaving) -> PromiseLight:
    words = f"{percent(PROMISED_SAVING)} saved"
    if saving.share is None:
        detail = "both roles have one model, or nothing was counted"
        return PromiseLight(
            PromiseName.SAVED, PromiseState.UNKNOWN, PROMISED_SAVING, saving.answers, None, None, words, detail
        )
    detail = f"each prompt alone, of {plural(saving.answers, 'answer')}"
    met = saving.share >= PROMISED_SAVING
    return _light(
        PromiseName.SAVED, PROMISED_SAVING, saving.answers, saving.share, None, words, detail, "answers", met=met
    )


def _resident(ranged: Mapping[Figure, Distribution]) -> PromiseLight:
    values = ranged.get(Figure.SMALL_RESIDENT, Distribution())
    share = values.mean
    detail = "" if share is None else f"in {percent(share)} of {plural(values.count, 'sample')}"
    met = share is not None and share >= PROMISED_RESIDENCY
    return _light(
        PromiseName.SMALL_RESIDENT, PROMISED_RESIDENCY, values.count, share, None, "small model resident", detail,
        "samples", met=met,
    )  # fmt: skip


def _light(
    name: PromiseName,
    limit: float,
    count: int,
    value: float | None,
    p95: float | None,
    words: str,
    detail: str,
    of: str,
    *,
    met: bool,
) -> PromiseLight:
    if count < PROMISE_CALLS_MIN:
        few = f"{count} of {PROMISE_CALLS_MIN} {of}"
        return PromiseLight(name, PromiseState.UNKNOWN, limit, count, value, p95, words, few)
    state = PromiseState.MET if met else PromiseState.BROKEN
    return PromiseLight(name, state, limit, count, value, p95, words, detail)


_seconds: Callable[[float | None], float | None] = lambda ms: None if ms is None else ms / 1000  # noqa: E731
