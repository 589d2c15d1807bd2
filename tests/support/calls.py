"""Calls of models for tests, and their sums by plain Python: what the store's SQL is held to."""

from __future__ import annotations

from typing import Any

from tale_tui.domain.metrics import (
    CallDimension,
    CallFilter,
    CallKind,
    CallLabels,
    CallOutcome,
    CallRecord,
    TokenSums,
    add_known,
)
from tale_tui.domain.models import BackendName, ModelRef, Role

SMALL = ModelRef(BackendName.OLLAMA, "qwen2.5:7b")
LARGE = ModelRef(BackendName.OLLAMA, "qwen3:14b")
NOON = 1_794_139_200.0
"""2026-11-08 12:00 UTC."""


def new_call(ref: ModelRef = SMALL, timestamp: float = NOON, kind: CallKind = CallKind.CHAT, **more: Any) -> CallRecord:
    """A call that went well; what belongs to its labels goes there."""
    labels = {name: more.pop(name) for name in list(more) if name in CallLabels.__slots__}
    plain = {"role": Role.UX, "outcome": CallOutcome.DONE, "prompt_tokens": 12, "completion_tokens": 3}
    return CallRecord(timestamp, ref, labels=CallLabels(kind, **labels), **{**plain, **more})


def names_of(ref: ModelRef) -> tuple[str, str]:
    """What a model is called."""
    return ref.model, str(ref)


def is_meant(call: CallRecord, which: CallFilter) -> bool:
    """Whether a filter means a call."""
    return (
        (which.since is None or call.timestamp >= which.since)
        and (which.until is None or call.timestamp < which.until)
        and (not which.model or which.model in names_of(call.ref))
        and which.session_id in ("", call.labels.session_id)
        and all(key_of(call, (dimension,)) == (value,) for dimension, value in which.where)
    )


def key_of(call: CallRecord, by: tuple[CallDimension, ...]) -> tuple[str, ...]:
    """The values of the dimensions that are no time."""
    labels = call.labels
    values = {
        CallDimension.MODEL: str(call.ref),
        CallDimension.ROLE: call.role or "",
        CallDimension.KIND: labels.kind,
        CallDimension.TYPE: labels.task_type,
        CallDimension.COMPLEXITY: labels.complexity,
        CallDimension.SESSION: labels.session_id,
        CallDimension.TASK: labels.task_id,
    }
    return tuple(values[dimension] for dimension in by if dimension in values)


def half_up(number: float) -> int:
    """Rounded as SQLite does it: a half goes up."""
    return int(number + 0.5)


def sums_of(call: CallRecord) -> TokenSums:
    """One call as a sum."""
    rate, unsaid = call.tokens_per_second, None in (call.prompt_tokens, call.completion_tokens)
    timed = call.completion_tokens if rate else None
    return TokenSums(
        calls=1,
        failed=int(call.outcome is CallOutcome.FAILED),
        prompt_tokens=call.prompt_tokens,
        cached_tokens=call.cached_tokens,
        completion_tokens=call.completion_tokens,
        thinking_tokens=call.thinking_tokens,
        total_tokens=call.total_tokens,
        uncounted=int(unsaid and call.labels.kind is not CallKind.LOAD),
        estimated_tokens=add_known(
            call.estimated_prompt_tokens if call.prompt_tokens is None else None,
            call.estimated_completion_tokens if call.completion_tokens is None else None,
        ),
        timed_tokens=timed,
        generation_us=None if timed is None or not rate else half_up(1e6 * timed / rate),
        ttft_ms_sum=None if call.ttft_ms is None else half_up(call.ttft_ms),
        ttft_calls=int(call.ttft_ms is not None),
    )
