"""`/dashboard` in line mode: sentences, no table and no sign."""

from __future__ import annotations

from dataclasses import replace

import pytest

from support import tasks as fake_tasks
from support.dashboard import alerts, busy, unrecorded, uses
from support.screen_app import NOW
from tale_tui.cli.line_mode.dashboard import dashboard_lines


@pytest.fixture(autouse=True)
def _in_utc(in_utc: None) -> None:
    """Moments are told in UTC."""


def test_all_that_is_so_is_said() -> None:
    running = [task for task in fake_tasks.some().all.values() if task.state == "running"]
    lines = dashboard_lines(busy(), running, alerts(), NOW)
    assert lines[0] == "The last 1 h: 443 calls, 184k tokens."
    said = "\n".join(lines)
    assert "ollama/qwen2.5:7b (ux): in memory since 09:12, 4.9 GB, busy 11 % of the time, 412 calls, 0 failed" in said
    assert "tasks queued 2, memory, models 11 GB" in said
    assert "k4t9  Fibonacci function: 1 of 3 done, write, 0:42, about 0:30 left" in said
    assert "14:01  switch to qwen3:14b took 810 ms" in said
    assert sum("kept" in line for line in lines) == 5
    assert sum("broken" in line for line in lines) == 1


def test_what_is_not_known_is_left_out_or_said_to_be_so() -> None:
    lines = dashboard_lines(unrecorded(3600.0, ""), (), (), NOW)
    assert len(lines) == 7
    assert all(line.endswith("too little is known, 0 of 5") for line in lines[1:])
    small, _ = uses()
    bare = replace(small, resident=False, since=None, memory_bytes=None, busy=None, tokens_per_second=None, roles=())
    [*_, model, _now] = dashboard_lines(replace(busy(), models=(bare,)), (), (), NOW)
    assert model == "ollama/qwen2.5:7b: not in memory, 412 calls, 0 failed, first text after 0.28 s"
