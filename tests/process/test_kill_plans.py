"""kill -9 in every phase of a plan of 20 steps; more rounds: `python tests/benchmarks/kill_plans.py --rounds 10`."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [pytest.mark.process, pytest.mark.long, pytest.mark.timeout(600)]

SCRIPT = Path(__file__).parents[1] / "benchmarks" / "kill_plans.py"


def test_a_plan_survives_a_kill_in_each_of_its_phases() -> None:
    run = subprocess.run([sys.executable, str(SCRIPT)], capture_output=True, text=True, timeout=580, check=False)
    assert run.returncode == 0, run.stdout + run.stderr
    assert "20 kills in 17 phases" in run.stdout
    assert run.stderr == ""
