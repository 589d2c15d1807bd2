"""How long forecasts take: `OMP_NUM_THREADS=1 PYTHONPATH=tests python tests/benchmarks/forecast_speed.py [FILE]`.

FILE has lines of JSON with `text`; without it those of a scripted history are foreseen. Prints milliseconds of this
thread's own time with 2,000 runs learned, reading the text included: with words that were never seen, and again, as
when one is typed; then both together, the complexity of the text and the forecast of that. Promised are p99 below
0.5 ms for a forecast and below 1 ms for both. A benchmark, not a test: nothing is judged.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

from support.scripted_history import scripted_history
from tale_tui.engine.learning.complexity import ComplexityModel
from tale_tui.engine.learning.forecaster import Forecaster
from tale_tui.engine.learning.history import LearnedRun

MODEL = "ollama/any"
ROUNDS = 3


def texts(arguments: list[str]) -> list[str]:
    """What is foreseen."""
    if arguments:
        lines = Path(arguments[0]).read_text("utf-8").splitlines()
        return [json.loads(line)["text"] for line in lines if line.strip()]
    return [run.text for run in scripted_history(1_000, seed=5)]


def learned() -> Forecaster:
    """What is known after the runs of a long history."""
    forecaster = Forecaster()
    runs = scripted_history(2_000, seed=3)
    began = time.perf_counter()
    forecaster.learn(
        LearnedRun(MODEL, run.text, None, run.prompt_tokens, run.completion_tokens, run.seconds) for run in runs
    )
    print(f"learning from {len(runs)} runs            {time.perf_counter() - began:.2f} s")
    return forecaster


def say(name: str, seconds: list[float]) -> None:
    """Print some points of the distribution."""
    ordered = sorted(seconds)
    points = {"median": 0.5, "p95": 0.95, "p99": 0.99}
    shown = "   ".join(f"{label} {1000 * ordered[int(len(ordered) * share)]:.3f}" for label, share in points.items())
    print(f"{name:<36} {shown}   max {1000 * ordered[-1]:.3f} ms")


def measure(forecaster: Forecaster, wanted: list[str], judge: ComplexityModel | None = None) -> list[float]:
    """Seconds for each text, with its complexity where there is who judges it."""
    found = []
    for text in wanted:
        began = time.thread_time()
        forecaster.foresee(MODEL, [text], judge.classify(text).label.value if judge else None)
        found.append(time.thread_time() - began)
    return found


if __name__ == "__main__":
    forecaster, wanted = learned(), texts(sys.argv[1:])
    say(f"{len(wanted)} texts, the first time", measure(forecaster, wanted))
    again = [min(times) for times in zip(*(measure(forecaster, wanted) for _ in range(ROUNDS)), strict=True)]
    say("the same again", again)
    judge = ComplexityModel.load()
    judge.classify("read what is read but once")
    say("with complexity, the first time", measure(learned(), wanted, judge))
    again = [min(times) for times in zip(*(measure(forecaster, wanted, judge) for _ in range(ROUNDS)), strict=True)]
    say("the same again", again)
    say("200,000 characters", measure(forecaster, ["write it again; " * 12_500] * 20))
