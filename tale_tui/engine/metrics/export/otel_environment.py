"""Where a collector of OpenTelemetry is, by the variables that all programs read for it."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import unquote
from uuid import NAMESPACE_URL, uuid5

from tale_tui import __version__
from tale_tui.config.paths import Paths
from tale_tui.engine.models.http.address import Address, collector_address

ENDPOINT_VARIABLE = "OTEL_EXPORTER_OTLP_ENDPOINT"
_TIMEOUT_MS, _TRACES_DELAY_MS, _METRICS_DELAY_MS = 2000.0, 5000.0, 60_000.0
"""Defaults: of a request, and between two of each kind. Without a word a collector on this machine is meant."""
_DELAY_MIN_MS = 100.0


class OtelMisread(Exception):
    """A variable cannot be used; the text says which, and what would be right."""


@dataclass(frozen=True, slots=True)
class SignalTarget:
    """Where one kind of data goes."""

    address: Address
    headers: Mapping[str, str]
    timeout_s: float
    delay_s: float
    """So long things are gathered before they are sent."""


@dataclass(frozen=True, slots=True)
class OtelTargets:
    """What is sent, and from whom."""

    traces: SignalTarget | None
    metrics: SignalTarget | None
    resource: Mapping[str, str]


def find_targets(environ: Mapping[str, str], paths: Paths) -> OtelTargets | None:
    """Read the environment.

    Args:
        environ: the environment.
        paths: tell this installation from others.
    Returns:
        None where it says that nothing is to be sent, or names no collector.
    Raises:
        OtelMisread: a variable cannot be used.
    """
    if environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return None
    traces = _target(environ, "TRACES", "OTEL_BSP_SCHEDULE_DELAY", _TRACES_DELAY_MS)
    metrics = _target(environ, "METRICS", "OTEL_METRIC_EXPORT_INTERVAL", _METRICS_DELAY_MS)
    if traces is None and metrics is None:
        return None
    return OtelTargets(traces, metrics, _resource(environ, paths))


def _target(environ: Mapping[str, str], signal: str, delay: str, delay_ms: float) -> SignalTarget | None:
    if environ.get(f"OTEL_{signal}_EXPORTER", "").strip() == "none":
        return None
    own, common = f"OTEL_EXPORTER_OTLP_{signal}_ENDPOINT", ENDPOINT_VARIABLE
    variable = own if environ.get(own, "").strip() else common
    written = environ.get(variable, "").strip()
    if not written:
        return None
    protocol = _either(environ, signal, "PROTOCOL")
    if protocol == "grpc":
        raise OtelMisread(
            "OTEL_EXPORTER_OTLP_PROTOCOL says grpc, and only http/json is spoken here: set it to that, and the "
            "endpoint to the port for HTTP, 4318 where nothing else was chosen."
        )
    try:
        address = collector_address(written)
    except ValueError as error:
        raise OtelMisread(f"{variable}: {error}") from error
    if variable == common:
        url = f"{address.url}/v1/{signal.lower()}"
        address = Address(url, address.secure, address.loopback)
    timeout_ms = _milliseconds(_either(environ, signal, "TIMEOUT"), _TIMEOUT_MS)
    gathered_ms = _milliseconds(environ.get(delay, ""), delay_ms)
    headers = _pairs(_either(environ, signal, "HEADERS"))
    return SignalTarget(address, headers, timeout_ms / 1000, max(gathered_ms, _DELAY_MIN_MS) / 1000)


def _either(environ: Mapping[str, str], signal: str, name: str) -> str:
    """A variable of one signal, else that of all."""
    values = (environ.get(f"OTEL_EXPORTER_OTLP_{part}{name}", "").strip() for part in (f"{signal}_", ""))
    return next(filter(None, values), "")


def _milliseconds(text: str, default: float) -> float:
    """A number; what is none, or not above zero, is passed over, as the specification wants it."""
    try:
        number = float(text)
    except ValueError:
        return default
    return number if 0 < number < float("inf") else default


def _pairs(text: str) -> dict[str, str]:
    """`name=value,other=value`, with %20 for what cannot stand there; what is no pair, or no header, is passed over."""
    pairs = {}
    for part in text.split(","):
        name, separator, value = part.partition("=")
        name, value = name.strip(), unquote(value.strip())
        if separator and name.isascii() and name.isprintable() and " " not in name and value.isprintable() and name:
            pairs[name] = value
    return pairs


def _resource(environ: Mapping[str, str], paths: Paths) -> dict[str, str]:
    host = platform.node()
    ours = {
        "service.name": "tale-tui",
        "service.version": __version__,
        "service.instance.id": str(uuid5(NAMESPACE_URL, f"tale-tui://{host}{paths.data}")),
        "host.name": host,
    }
    named = environ.get("OTEL_SERVICE_NAME", "").strip()
    return ours | _pairs(environ.get("OTEL_RESOURCE_ATTRIBUTES", "")) | ({"service.name": named} if named else {})
