"""How long a judgement takes: `python tests/benchmarks/detect_speed.py [FILE]`.

FILE has lines of JSON with `text`; without it the examples of the program are judged. Prints milliseconds of this
thread's own time, the median of some rounds for each message: with no word remembered (the worst case: each word is
cut up and looked up anew), with the words of all messages before it remembered, and again, as when one is typed. A
benchmark, not a test: nothing is judged.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

from tale_tui.engine.detect.detector import Detector
from tale_tui.engine.detect.training import packaged_examples

ROUNDS = 5


def texts(arguments: list[str]) -> list[str]:
    """The messages to classify."""
    if arguments:
        lines = Path(arguments[0]).read_text("utf-8").splitlines()
        return [json.loads(line)["text"] for line in lines if line.strip()]
    return [example.text for example in packaged_examples()]


def say(name: str, rounds: list[list[float]]) -> None:
    """Print some points of the distribution."""
    ordered = sorted(median(of_one) * 1000 for of_one in zip(*rounds, strict=True))
    points = {"median": 0.5, "p95": 0.95, "p99": 0.99}
    shown = "   ".join(f"{label} {ordered[int(len(ordered) * share)]:.3f}" for label, share in points.items())
    print(f"{name:<34} {shown}   max {ordered[-1]:.3f} ms")


def measure(detector: Detector, messages: list[str], before: Callable[[], None] = lambda: None) -> list[float]:
    """Seconds for each message; `before` is called before each and not counted."""
    seconds = []
    for text in messages:
        before()
        began = time.thread_time()
        detector.detect(text)
        seconds.append(time.thread_time() - began)
    return seconds


if __name__ == "__main__":
    began = time.perf_counter()
    detector = Detector.load()
    detector.detect("hello")
    print(f"loading and the first judgement     {(time.perf_counter() - began) * 1000:.1f} ms")
    messages = texts(sys.argv[1:])
    say("no word seen before", [measure(detector, messages, detector.forget_words) for _ in range(ROUNDS)])
    first_times = []
    for _ in range(ROUNDS):
        detector.forget_words()
        first_times.append(measure(detector, messages))
    say(f"{len(messages)} messages, first time", first_times)
    say("the same again", [measure(detector, messages) for _ in range(ROUNDS)])
    print(f"200,000 characters                 {measure(detector, ['write it again; ' * 12_500])[0] * 1000:.3f} ms")
