"""kill -9 while tasks run, a few times: the long run is `python tests/benchmarks/kill_tasks.py --times 200`."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [pytest.mark.process, pytest.mark.long]

SCRIPT = Path(__file__).parents[1] / "benchmarks" / "kill_tasks.py"
KILLS = 5


@pytest.mark.long
def test_no_task_is_lost_and_no_finished_step_is_done_twice() -> None:
    run = subprocess.run(
        [sys.executable, str(SCRIPT), "--times", str(KILLS), "--seed", "7"],
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    assert f"{KILLS} kills" in run.stdout
    assert run.stderr == ""
