"""What the system says: rates need two readings, and what cannot be read is not zero."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tale_tui.engine.metrics.gauges import CounterRates, GaugeReader


def test_a_rate_needs_two_readings_and_a_counter_that_grows() -> None:
    now = [10.0]
    rates = CounterRates(lambda: now[0])
    assert rates.rate("x", 100) is None
    now[0] += 2
    assert rates.rate("x", 300) == 100
    now[0] += 1
    assert rates.rate("x", 5) is None, "it began anew"
    assert rates.rate("x", 6) is None, "no time went by"
    rates.forget()
    now[0] += 1
    assert rates.rate("x", 9) is None


def test_this_process_and_the_machine_are_read() -> None:
    now = [0.0]
    reader = GaugeReader(lambda: now[0])
    first = reader.read()
    assert (first.machine_cpu_percent, first.own.cpu_percent) == (None, None)
    now[0] += 1
    found = reader.read([os.getpid()])
    assert found.own.memory_bytes == pytest.approx(found.processes[os.getpid()].memory_bytes, rel=0.2)
    assert found.own.cpu_percent is not None
    assert found.own.cpu_percent >= 0
    assert found.machine_cpu_percent is not None
    assert 0 <= found.machine_cpu_percent <= 100
    assert found.machine_free_mb


def test_a_process_that_has_ended_is_left_out() -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    assert GaugeReader(lambda: 0.0).read([ended.pid]).processes == {}
