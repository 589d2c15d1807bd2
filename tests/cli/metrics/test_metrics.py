"""`metrics`: what the engine tells goes out as it is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from support.scripted_engine import ScriptedEngine

Cli = Callable[..., Any]


def test_the_text_is_printed_as_it_is(cli: Cli, engine: ScriptedEngine) -> None:
    engine.exposed = '# TYPE tale_calls_total counter\ntale_calls_total{model="a\\\\b"} 3\n'
    result = cli("metrics")
    assert (result.code, result.out, result.err) == (0, engine.exposed, "")


@pytest.mark.parametrize(
    "listen", ["0.0.0.0:9464", "192.168.0.7:9464", "example.com:9464", "127.0.0.1", ":9464", "127.0.0.1:0", "::1:99999"]
)
def test_an_address_of_another_machine_is_refused(cli: Cli, engine: ScriptedEngine, listen: str) -> None:
    result = cli("--set", f"metrics.listen={listen}", "metrics")
    assert result.code == 2
    assert "metrics.listen" in result.err
    assert "it takes an address of this machine and a port, as in 127.0.0.1:9464, or nothing" in result.err


@pytest.mark.parametrize("listen", ["127.0.0.1:9464", "localhost:9464", "[::1]:9464", "127.0.0.2:1", ""])
def test_an_address_of_this_machine_is_taken(cli: Cli, engine: ScriptedEngine, listen: str) -> None:
    assert cli("--set", f"metrics.listen={listen}", "metrics").code == 0
