"""What the default route saves: `python tests/benchmarks/route_savings.py WORKLOAD`.

WORKLOAD has lines of JSON with `n`, `text`, `prompt_tokens`, `expected_completion_tokens` and `min_model` (small or
big: the smallest model that is good enough). Each is detected, judged and routed by the code of the program, for two
models that are there; then, for every probability from which a task may count as simple, the share of the big model's
tokens that is saved, each prompt alone, and how many of the turns that need the big model went to the small one. The
last lines say what the examples of the program lead to expect elsewhere: of each level the share that goes to the small
model, each author judged by weights that were learned from the others. A benchmark, not a test: nothing is judged.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from tale_tui.config.settings import Settings
from tale_tui.domain.complexity import LEVELS
from tale_tui.domain.models import BackendName, ModelRef, Role, RoleState
from tale_tui.engine.detect.detector import Detectors
from tale_tui.engine.learning.complexity import ComplexityModel
from tale_tui.engine.learning.training import fit, packaged_examples
from tale_tui.engine.route.router import Candidate, Rules, Signals, route

SYSTEM_TOKENS = 60
"""Of every call, besides the prompt."""
THRESHOLDS = (0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.35, 0.3, 0.25, 0.2, 0.15, 0.1)
SMALL, BIG = (
    Candidate(ModelRef(BackendName.SCRIPTED, name), RoleState.READY, resident=True) for name in ("small", "big")
)

Row = dict[str, Any]
Judged = tuple[Row, float, float]
"""A row, the probability that it is a task, and that it is simple."""


def goes_big(judged: Judged, rules: Rules, task_from: float) -> bool:
    """Whether the big model answers, by the very function that the program asks."""
    _, p, simple = judged
    role = Role.TASK if p >= task_from else Role.UX
    return route(Signals(role, SMALL, BIG, p, simple, rules=rules)).ref == BIG.ref


def say(name: str, rows: Sequence[Judged], big: Callable[[Judged], bool]) -> None:
    """Print a line of the table."""
    cost = {row["n"]: SYSTEM_TOKENS + row["prompt_tokens"] + row["expected_completion_tokens"] for row, *_ in rows}
    used = sum(cost[each[0]["n"]] for each in rows if big(each))
    needed = [each for each in rows if each[0]["min_model"] == "big"]
    missed = sum(not big(each) for each in needed)
    print(
        f"{name:<34} saved {1 - used / sum(cost.values()):.3f}  missed {missed}/{len(needed)}"
        f"  big {sum(map(big, rows))}"
    )


async def judge(rows: Sequence[Row]) -> list[Judged]:
    """Judge each text, without the history of its session."""
    detector = await Detectors(Path("nothing was learned")).get()
    model = ComplexityModel.load()
    return [(row, detector.detect(row["text"]).p, model.classify(row["text"]).simple) for row in rows]


def table(rows: list[Judged]) -> None:
    """Print the curve of a workload."""
    settings = Settings()
    for task_from in (settings.detect.task_from, 0.5):
        say(f"task from {task_from}: every task big", rows, lambda one, p=task_from: one[1] >= p)  # type: ignore[misc]
        for threshold in THRESHOLDS:
            rules = Rules(simple_from=threshold)
            say(
                f"task from {task_from}: simple from {threshold}",
                rows,
                lambda one, rules=rules, p=task_from: goes_big(one, rules, p),  # type: ignore[misc]
            )
    print(f"the settings: task from {settings.detect.task_from}, simple from {settings.route.simple_from}")
    if all("complexity" in row for row, *_ in rows):
        say("gold labels of complexity", rows, lambda one: one[0]["complexity"] in ("medium", "complex"))
    say("perfect judgement", rows, lambda one: one[0]["min_model"] == "big")


def expected_elsewhere() -> None:
    """Print what goes to the small model of the examples of authors who were not learned from."""
    examples = packaged_examples()
    found: list[tuple[str, float]] = []
    for author in sorted({each.author for each in examples}):
        model = ComplexityModel(fit([each for each in examples if each.author != author]))
        found += [(str(each.level), model.classify(each.text).simple) for each in examples if each.author == author]
    for threshold in THRESHOLDS:
        shares = []
        for level in LEVELS:
            of_level = [simple for name, simple in found if name == level]
            shares.append(f"{level} {sum(simple >= threshold for simple in of_level) / len(of_level):.3f}")
        print(f"simple from {threshold:<5} to the small model: {'  '.join(shares)}")


if __name__ == "__main__":
    lines = Path(sys.argv[1]).read_text("utf-8").splitlines()
    table(asyncio.run(judge([json.loads(line) for line in lines if line.strip()])))
    expected_elsewhere()
