"""What is sent to a collector of OpenTelemetry, as the official schema of its protocol reads it."""

from __future__ import annotations

import base64
import json
from typing import Any

from google.protobuf.json_format import ParseDict
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest


def traces_read(request: dict[str, Any]) -> ExportTraceServiceRequest:
    """The request as the schema reads it; it wants ids in base64, where the protocol has digits."""
    request = json.loads(json.dumps(request))
    for resource in request["resourceSpans"]:
        for scope in resource["scopeSpans"]:
            for span in scope["spans"]:
                for name in ("traceId", "spanId"):
                    span[name] = base64.b64encode(bytes.fromhex(span[name])).decode()
    return ParseDict(request, ExportTraceServiceRequest())


def metrics_read(request: dict[str, Any]) -> ExportMetricsServiceRequest:
    return ParseDict(json.loads(json.dumps(request)), ExportMetricsServiceRequest())


def attributes(found: Any) -> dict[str, Any]:
    return {each.key: getattr(each.value, each.value.WhichOneof("value")) for each in found}
