"""How long a judgement takes: `python tests/benchmarks/detect_speed.py [FILE]`.

FILE has lines of JSON with `text`; without it the examples of the program are judged. Prints milliseconds for messages
never seen before, as when they are sent, and again, as when one is typed. A benchmark, not a test: nothing is judged.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

from tale_tui.engine.detect import Detector
from tale_tui.engine.detect.examples import packaged_examples


def texts(arguments: list[str]) -> list[str]:
    """The messages to judge."""
    if arguments:
        lines = Path(arguments[0]).read_text("utf-8").splitlines()
        return [json.loads(line)["text"] for line in lines if line.strip()]
    return [example.text for example in packaged_examples()]


def say(name: str, seconds: list[float]) -> None:
    """Print some points of the distribution."""
    ordered = sorted(each * 1000 for each in seconds)
    points = {"median": 0.5, "p95": 0.95, "p99": 0.99}
    shown = "   ".join(f"{label} {ordered[int(len(ordered) * share)]:.3f}" for label, share in points.items())
    print(f"{name:<34} {shown}   max {ordered[-1]:.3f} ms")


def measure(detector: Detector, messages: list[str]) -> list[float]:
    """Seconds for each message."""
    seconds = []
    for text in messages:
        began = time.perf_counter()
        detector.judge(text)
        seconds.append(time.perf_counter() - began)
    return seconds


if __name__ == "__main__":
    began = time.perf_counter()
    detector = Detector.load()
    detector.judge("hello")
    print(f"loading and the first judgement     {(time.perf_counter() - began) * 1000:.1f} ms")
    messages = texts(sys.argv[1:])
    say(f"{len(messages)} messages, first time", measure(detector, messages))
    say("the same again", measure(detector, messages))
    print(f"200,000 characters                 {measure(detector, ['write it again; ' * 12_500])[0] * 1000:.3f} ms")
