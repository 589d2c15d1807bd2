"""Calls and sums in the JSON of OpenTelemetry's protocol: the official schema reads it, and nothing that was said is in
it unless somebody wants that."""

from __future__ import annotations

import json
from typing import Any

import pytest
from opentelemetry.proto.metrics.v1.metrics_pb2 import AGGREGATION_TEMPORALITY_CUMULATIVE
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from support.calls import LARGE, NOON, SMALL, new_call
from support.otlp import attributes, metrics_read, traces_read
from tale_tui.domain.clock import Clock
from tale_tui.domain.metrics import CallKind, CallOutcome
from tale_tui.domain.models import BackendName, ModelRef, Role
from tale_tui.engine.metrics.export.otlp import metrics_of, span_of, traces_of
from tale_tui.engine.models.backend import ChatMessage
from tale_tui.engine.models.call_meter import CallContent
from tale_tui.engine.store.store import Store

RESOURCE = {"service.name": "tale-tui"}
TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"


def test_a_call_is_a_span_with_the_names_of_the_conventions() -> None:
    call = new_call(
        LARGE, session_id="s1", task_id="t1", kind=CallKind.STEP, role=Role.TASK,
        cached_tokens=4, thinking_tokens=1, ttft_ms=250.0, total_ms=1500.0,
    )  # fmt: skip
    read = traces_read(traces_of([span_of(call, None, TRACE, SPAN)], RESOURCE))
    [resource] = read.resource_spans
    assert attributes(resource.resource.attributes) == RESOURCE
    [scope] = resource.scope_spans
    assert (scope.scope.name, scope.schema_url[-5:]) == ("tale-tui", "0.1.0")
    [span] = scope.spans
    assert (span.trace_id.hex(), span.span_id.hex()) == (TRACE, SPAN)
    assert (span.name, span.kind) == (f"chat {LARGE.model}", Span.SPAN_KIND_CLIENT)
    assert span.start_time_unix_nano == int(NOON * 1e9)
    assert span.end_time_unix_nano - span.start_time_unix_nano == 1_500_000_000
    assert span.status.code == Status.STATUS_CODE_UNSET
    assert attributes(span.attributes) == {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "ollama",
        "gen_ai.request.model": LARGE.model,
        "gen_ai.request.stream": True,
        "gen_ai.conversation.id": "s1",
        "gen_ai.response.time_to_first_chunk": 0.25,
        "gen_ai.usage.input_tokens": 12,
        "gen_ai.usage.output_tokens": 3,
        "gen_ai.usage.cache_read.input_tokens": 4,
        "gen_ai.usage.reasoning.output_tokens": 1,
        "tale.role": "task",
        "tale.call.kind": "step",
        "tale.call.outcome": "done",
        "tale.task.id": "t1",
    }


def test_what_failed_says_so_and_what_no_server_said_is_left_out() -> None:
    call = new_call(outcome=CallOutcome.FAILED, error="unreachable", prompt_tokens=None, completion_tokens=None)
    [span] = traces_read(traces_of([span_of(call, None, TRACE, SPAN)], RESOURCE)).resource_spans[0].scope_spans[0].spans
    assert span.status.code == Status.STATUS_CODE_ERROR
    found = attributes(span.attributes)
    assert found["error.type"] == "unreachable"
    assert not [name for name in found if name.startswith("gen_ai.usage")]


@pytest.mark.parametrize(
    ("backend", "provider", "kind"),
    [
        (BackendName.OLLAMA, "ollama", Span.SPAN_KIND_CLIENT),
        (BackendName.OPENAI, "openai", Span.SPAN_KIND_CLIENT),
        (BackendName.EMBEDDED, "llama_cpp", Span.SPAN_KIND_CLIENT),
        (BackendName.SCRIPTED, "scripted", Span.SPAN_KIND_INTERNAL),
    ],
)
def test_every_backend_is_a_provider(backend: BackendName, provider: str, kind: int) -> None:
    span = span_of(new_call(ModelRef(backend, "m")), None, TRACE, SPAN)
    [read] = traces_read(traces_of([span], RESOURCE)).resource_spans[0].scope_spans[0].spans
    assert (attributes(read.attributes)["gen_ai.provider.name"], read.kind) == (provider, kind)


def test_what_was_said_is_there_only_where_it_is_given() -> None:
    content = CallContent((ChatMessage("system", "Be brief."), ChatMessage("user", "What is “1+1”?")), "Two.")
    without, having = span_of(new_call(), None, TRACE, SPAN), span_of(new_call(), content, TRACE, SPAN)
    assert "1+1" not in json.dumps(without)
    [read] = traces_read(traces_of([having], RESOURCE)).resource_spans[0].scope_spans[0].spans
    found = attributes(read.attributes)
    assert json.loads(found["gen_ai.input.messages"])[1] == {
        "role": "user",
        "parts": [{"type": "text", "content": "What is “1+1”?"}],
    }
    assert json.loads(found["gen_ai.output.messages"])[0]["parts"][0]["content"] == "Two."


async def test_sums_are_counters_and_histograms_from_the_first_call_on(tmp_path: Any) -> None:
    store = await Store.open(tmp_path / "tale.db", Clock())
    await store.add_calls(
        [
            new_call(SMALL, NOON, total_ms=15.0, ttft_ms=5.0),
            new_call(SMALL, NOON + 5, total_ms=700_000.0),
            new_call(LARGE, NOON + 9, CallKind.STEP, prompt_tokens=None, completion_tokens=None),
            new_call(LARGE, NOON + 9, CallKind.LOAD, prompt_tokens=None, completion_tokens=None, total_ms=9.0),
        ]
    )
    request = metrics_of(await store.call_statistics(0, 100), NOON + 60, RESOURCE)
    await store.close()
    [scope] = metrics_read(request).resource_metrics[0].scope_metrics
    found = {metric.name: metric for metric in scope.metrics}
    assert set(found) == {
        "gen_ai.client.inference.duration",
        "gen_ai.client.inference.time_to_first_chunk",
        "gen_ai.client.inference.usage.input_tokens",
        "gen_ai.client.inference.usage.output_tokens",
    }
    duration = found["gen_ai.client.inference.duration"]
    assert duration.unit == "s"
    assert duration.histogram.aggregation_temporality == AGGREGATION_TEMPORALITY_CUMULATIVE
    [point] = duration.histogram.data_points
    assert (point.start_time_unix_nano, point.time_unix_nano) == (int(NOON * 1e9), int((NOON + 60) * 1e9))
    assert (point.count, point.sum) == (2, 700.015)
    assert len(point.bucket_counts) == len(point.explicit_bounds) + 1
    assert (point.bucket_counts[0], point.bucket_counts[1], point.bucket_counts[-1]) == (0, 1, 1)
    read = found["gen_ai.client.inference.usage.input_tokens"]
    assert read.unit == "{token}"
    assert read.sum.is_monotonic
    [point] = read.sum.data_points
    assert point.as_int == 24
    assert attributes(point.attributes)["gen_ai.token.modality"] == "text"
