"""Calls and their sums as OpenTelemetry has them, in the JSON of its protocol (OTLP).

The names are those of the conventions for generative models, whose parts that are used here are all marked as in
development: they stand in one place, here, with the version that they were taken from.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from tale_tui import __version__
from tale_tui.domain.metrics import CallKind, CallOutcome, CallRecord
from tale_tui.domain.models import BackendName
from tale_tui.engine.models.call_meter import CallContent
from tale_tui.engine.store.call_statistics import (
    BOUNDS_S,
    MICROSECONDS,
    CallDuration,
    CallStatistics,
    DurationHistogram,
    SeriesKey,
)

SCHEMA_URL = "https://opentelemetry.io/schemas/gen-ai/0.1.0"
SCOPE = {"name": "tale-tui", "version": __version__}
NANOSECONDS = 1_000_000_000
_CUMULATIVE = 2
_INTERNAL, _CLIENT = 1, 3
"""Kinds of spans: within this process, and of another one."""
_ERROR = 2
"""The status of a span that failed."""
_PROVIDERS = {
    BackendName.OLLAMA: "ollama",
    BackendName.OPENAI: "openai",
    BackendName.EMBEDDED: "llama_cpp",
    BackendName.SCRIPTED: "scripted",
}
_DURATIONS = {
    CallDuration.TOTAL: "gen_ai.client.inference.duration",
    CallDuration.FIRST_TEXT: "gen_ai.client.inference.time_to_first_chunk",
}
_TOKENS = {
    "prompt": "gen_ai.client.inference.usage.input_tokens",
    "cached": "gen_ai.client.inference.usage.cache_read.input_tokens",
    "completion": "gen_ai.client.inference.usage.output_tokens",
    "thinking": "gen_ai.client.inference.usage.reasoning.output_tokens",
}


def is_inference(kind: CallKind) -> bool:
    """Whether a model is asked; bringing it into memory is none of these conventions."""
    return kind is not CallKind.LOAD


def span_of(call: CallRecord, content: CallContent | None, trace_id: str, span_id: str) -> dict[str, Any]:
    """A call as a span.

    Args:
        call: what was measured of it.
        content: what was said in it; None leaves that out.
        trace_id: 32 hexadecimal digits.
        span_id: 16 of them.
    """
    operation = _operation(call.labels.kind)
    failed = call.outcome is CallOutcome.FAILED
    attributes: dict[str, str | int | float | bool | None] = {
        "gen_ai.operation.name": operation,
        "gen_ai.provider.name": _PROVIDERS[call.ref.backend],
        "gen_ai.request.model": call.ref.model,
        "gen_ai.request.stream": True,
        "gen_ai.conversation.id": call.labels.session_id or None,
        "gen_ai.response.time_to_first_chunk": None if call.ttft_ms is None else call.ttft_ms / 1000,
        "gen_ai.usage.input_tokens": call.prompt_tokens,
        "gen_ai.usage.output_tokens": call.completion_tokens,
        "gen_ai.usage.cache_read.input_tokens": call.cached_tokens,
        "gen_ai.usage.reasoning.output_tokens": call.thinking_tokens,
        "error.type": call.error if failed else None,
        "tale.role": call.role.value if call.role else None,
        "tale.call.kind": call.labels.kind.value,
        "tale.call.outcome": call.outcome.value,
        "tale.task.id": call.labels.task_id or None,
        "tale.route.reason": call.labels.why or None,
    }
    if content is not None:
        sent = [_message(message.role, message.text) for message in content.messages]
        attributes["gen_ai.input.messages"] = json.dumps(sent, ensure_ascii=False)
        if content.answer:
            answer = [_message("assistant", content.answer)]
            attributes["gen_ai.output.messages"] = json.dumps(answer, ensure_ascii=False)
    span = {
        "traceId": trace_id,
        "spanId": span_id,
        "name": f"{operation} {call.ref.model}",
        "kind": _INTERNAL if call.ref.backend is BackendName.SCRIPTED else _CLIENT,
        "startTimeUnixNano": _nanoseconds(call.timestamp),
        "endTimeUnixNano": _nanoseconds(call.timestamp + (call.total_ms or 0.0) / 1000),
        "attributes": attributes_of(attributes),
    }
    return span | {"status": {"code": _ERROR}} if failed else span


def traces_of(spans: list[dict[str, Any]], resource: Mapping[str, str]) -> dict[str, Any]:
    """A request with spans, from whom `resource` says."""
    scoped = {"scope": SCOPE, "schemaUrl": SCHEMA_URL, "spans": spans}
    return {"resourceSpans": [{"resource": {"attributes": attributes_of(resource)}, "scopeSpans": [scoped]}]}


def metrics_of(statistics: CallStatistics, now: float, resource: Mapping[str, str]) -> dict[str, Any]:
    """A request with the sums of all calls; they grow for ever, from the first call on.

    Args:
        statistics: of all calls that are stored.
        now: seconds since the epoch.
        resource: from whom it is.
    """
    times = {
        "startTimeUnixNano": _nanoseconds(now if statistics.first is None else statistics.first),
        "timeUnixNano": _nanoseconds(now),
    }
    found = [
        _histogram_metric(name, statistics.durations[duration], times) for duration, name in _DURATIONS.items()
    ] + [_token_metric(name, field, statistics, times) for field, name in _TOKENS.items()]
    scoped = {"scope": SCOPE, "schemaUrl": SCHEMA_URL, "metrics": [metric for metric in found if metric is not None]}
    return {"resourceMetrics": [{"resource": {"attributes": attributes_of(resource)}, "scopeMetrics": [scoped]}]}


def attributes_of(values: Mapping[str, str | int | float | bool | None]) -> list[dict[str, Any]]:
    """Attributes in the form of the protocol; what is None is left out."""
    return [{"key": name, "value": _value(value)} for name, value in values.items() if value is not None]


def _histogram_metric(
    name: str, series: Mapping[SeriesKey, DurationHistogram], times: Mapping[str, str]
) -> dict[str, Any] | None:
    points = [
        {
            **times,
            "attributes": attributes_of(_series(key)),
            "count": str(histogram.count),
            "sum": histogram.sum_us / MICROSECONDS,
            "bucketCounts": [str(count) for count in histogram.counts],
            "explicitBounds": list(BOUNDS_S),
        }
        for key, histogram in sorted(series.items(), key=lambda item: item[0])
        if is_inference(key.kind)
    ]
    data = {"aggregationTemporality": _CUMULATIVE, "dataPoints": points}
    return {"name": name, "unit": "s", "histogram": data} if points else None


def _token_metric(name: str, field: str, statistics: CallStatistics, times: Mapping[str, str]) -> dict[str, Any] | None:
    points = [
        {
            **times,
            "attributes": attributes_of(_series(key) | {"gen_ai.token.modality": "text"}),
            "asInt": str(value),
        }
        for key, tokens in sorted(statistics.tokens.items(), key=lambda item: item[0])
        if is_inference(key.kind) and (value := getattr(tokens, field)) is not None
    ]
    data = {"aggregationTemporality": _CUMULATIVE, "isMonotonic": True, "dataPoints": points}
    return {"name": name, "unit": "{token}", "sum": data} if points else None


def _series(key: SeriesKey) -> dict[str, str | None]:
    backends = {backend.value: provider for backend, provider in _PROVIDERS.items()}
    return {
        "gen_ai.operation.name": _operation(key.kind),
        "gen_ai.provider.name": backends.get(key.backend, key.backend),
        "gen_ai.request.model": key.model,
        "tale.role": key.role or None,
        "tale.call.kind": key.kind.value,
    }


def _operation(kind: CallKind) -> str:
    return "embeddings" if kind is CallKind.EMBEDDING else "chat"


def _message(role: str, text: str) -> dict[str, Any]:
    return {"role": role, "parts": [{"type": "text", "content": text}]}


def _value(value: str | int | float | bool) -> dict[str, Any]:
    match value:
        case bool():
            return {"boolValue": value}
        case int():
            return {"intValue": str(value)}
        case float():
            return {"doubleValue": value}
    return {"stringValue": value}


def _nanoseconds(seconds: float) -> str:
    """In JSON a text, as every whole number of 64 bits."""
    return str(int(seconds * NANOSECONDS))
