"""The variables that say where a collector is: as the specification of OpenTelemetry has them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tale_tui.config.paths import below
from tale_tui.engine.metrics.export.otel_environment import OtelMisread, OtelTargets, find_targets

ENDPOINT = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318"}


def targets(**environ: str) -> OtelTargets | None:
    return find_targets(environ, below(Path("one")))


def urls(**environ: str) -> tuple[str | None, str | None]:
    found = targets(**environ)
    assert found is not None
    return tuple(target.address.url if target else None for target in (found.traces, found.metrics))  # type: ignore[return-value]


@pytest.mark.parametrize(
    "environ",
    [
        {},
        ENDPOINT | {"OTEL_SDK_DISABLED": "TRUE"},
        ENDPOINT | {"OTEL_TRACES_EXPORTER": "none", "OTEL_METRICS_EXPORTER": "none"},
        {"OTEL_EXPORTER_OTLP_ENDPOINT": "  "},
    ],
)
def test_nothing_is_sent_where_none_is_named_or_it_is_switched_off(environ: dict[str, str]) -> None:
    assert targets(**environ) is None


def test_a_common_endpoint_gets_the_paths_and_an_own_one_is_taken_as_it_is() -> None:
    both = ("http://127.0.0.1:4318/v1/traces", "http://127.0.0.1:4318/v1/metrics")
    assert urls(**ENDPOINT) == both
    assert urls(OTEL_EXPORTER_OTLP_ENDPOINT="http://127.0.0.1:4318/") == both
    assert urls(OTEL_EXPORTER_OTLP_TRACES_ENDPOINT="https://c.example/in") == ("https://c.example:443/in", None)
    assert urls(**ENDPOINT, OTEL_METRICS_EXPORTER="none") == (both[0], None)


def test_headers_limits_and_pauses_are_read_and_those_of_one_signal_are_stronger() -> None:
    found = targets(
        **ENDPOINT,
        OTEL_EXPORTER_OTLP_HEADERS="Authorization=Bearer%20abc, x=1,broken,=2,bad name=3",
        OTEL_EXPORTER_OTLP_METRICS_HEADERS="y=2",
        OTEL_EXPORTER_OTLP_TIMEOUT="1500",
        OTEL_EXPORTER_OTLP_METRICS_TIMEOUT="soon",
        OTEL_BSP_SCHEDULE_DELAY="250",
        OTEL_METRIC_EXPORT_INTERVAL="-1",
    )
    assert found is not None
    assert found.traces is not None
    assert found.metrics is not None
    assert found.traces.headers == {"Authorization": "Bearer abc", "x": "1"}
    assert found.metrics.headers == {"y": "2"}
    assert (found.traces.timeout_s, found.traces.delay_s) == (1.5, 0.25)
    assert (found.metrics.timeout_s, found.metrics.delay_s) == (2.0, 60.0)


def test_who_sends_is_said_and_can_be_named_otherwise() -> None:
    found = targets(**ENDPOINT)
    assert found is not None
    assert found.resource["service.name"] == "tale-tui"
    assert found.resource["service.instance.id"] == (targets(**ENDPOINT) or found).resource["service.instance.id"]
    other = find_targets(ENDPOINT, below(Path("other")))
    assert other is not None
    assert other.resource["service.instance.id"] != found.resource["service.instance.id"]
    named = targets(**ENDPOINT, OTEL_RESOURCE_ATTRIBUTES="a=b,service.name=c", OTEL_SERVICE_NAME="mine")
    assert named is not None
    assert (named.resource["a"], named.resource["service.name"]) == ("b", "mine")


@pytest.mark.parametrize(
    ("environ", "words"),
    [
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "ftp://x"}, "OTEL_EXPORTER_OTLP_ENDPOINT: “ftp://x” is not the address of a"),
        (ENDPOINT | {"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}, "OTEL_EXPORTER_OTLP_PROTOCOL says grpc"),
    ],
)
def test_a_variable_that_cannot_be_used_is_named(environ: dict[str, str], words: str) -> None:
    with pytest.raises(OtelMisread, match=words):
        targets(**environ)
