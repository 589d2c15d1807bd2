"""50 plans at once in one engine: `python tests/benchmarks/plans_speed.py [--plans N]`.

A scripted model makes a plan of 20 steps for each of 50 tasks and carries the steps out, four of each task at once, ten
pieces of text a second each: 200 streams. How late the event loop is while they are planned, while they wait for a yes
and get it, while their steps run, and with nothing to do; and how long it is busy, in time of the processor, where
the machine has other work. A benchmark, not a test: nothing is judged here.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import statistics
import time
from collections.abc import Awaitable
from pathlib import Path
from tempfile import TemporaryDirectory

from tale_tui.config.paths import Paths
from tale_tui.config.settings import Settings
from tale_tui.domain.models import BackendName
from tale_tui.domain.tasks import TaskState
from tale_tui.engine.engine import Engine
from tale_tui.engine.models.backend import ChatRequest
from tale_tui.engine.models.scripted import Script, ScriptedBackend, spoken
from tale_tui.engine.tasks.prompts import FILES

PLANS = 50
STEPS = 20
RATE = 10.0
"""Pieces a second that each step writes, and each planner."""
PIECES = 40
LOOK_S = 0.001
QUIET_S = 5.0
RUN_S = 20.0
MODEL = "scripted/words"
TASK = "Build a complete web application with user authentication, database, and API, number {number}"
PLAN = json.dumps(
    {
        "reasoning": "Because.",
        "steps": [
            {
                "key": f"s{number}",
                "title": f"Step {number}",
                "prompt": f"Do part {number}.",
                "after": [f"s{number - 4}"] if number >= 4 else [],
                "files": [f"part{number}.py"],
            }
            for number in range(STEPS)
        ],
    }
)


def answer(request: ChatRequest) -> Script:
    """The planner, and the worker."""
    if "You break a task down" in request.messages[0].text:
        size = len(PLAN) // PIECES + 1
        return spoken(*(PLAN[place : place + size] for place in range(0, len(PLAN), size)), rate=RATE)
    file = request.messages[-1].text.partition(f"{FILES}\n- ")[2].partition("\n")[0]
    code = f"\n```python {file}\nx = 1\n```\n" if file else ""
    return spoken(*(f"word {number} " for number in range(PIECES)), code, rate=RATE)


async def lag(until: Awaitable[object]) -> tuple[list[float], list[float]]:
    """How much later than asked for the loop comes back to somebody who waits a millisecond, and how much of the
    processor its thread used meanwhile, which does not grow where others have the machine; both in ms, sorted.
    """
    work = asyncio.ensure_future(until)
    late, held = [], []
    while not work.done():
        began, used = time.perf_counter(), time.thread_time()
        await asyncio.sleep(LOOK_S)
        late.append((time.perf_counter() - began - LOOK_S) * 1000)
        held.append((time.thread_time() - used) * 1000)
    await work
    return sorted(late), sorted(held)


async def watched(name: str, until: Awaitable[object]) -> None:
    """Look at the loop until something is done, and print a line of figures."""
    cpu, began = time.process_time(), time.perf_counter()
    late, held = await lag(until)
    spent = time.perf_counter() - began
    share = (time.process_time() - cpu) / spent * 100
    place = int(len(late) * 0.99)
    figures = f"{statistics.median(late):>8.2f}{late[place]:>8.2f}{late[-1]:>8.2f}{held[place]:>8.2f}{held[-1]:>8.2f}"
    print(f"{name:<34}{figures}{share:>7.0f} %{spent:>7.1f} s", flush=True)


async def measure(root: Path, plans: int) -> None:
    """All of it in one engine."""
    paths = Paths(root / "config", root / "data", root / "cache", root / "logs")
    paths.make()
    chosen = Settings(
        ux=MODEL,
        task=MODEL,
        detect={"enabled": False},
        tasks={"running": plans, "per_model": plans, "per_minute": 100_000, "steps": 4},
    )
    engine = await Engine.start(
        paths, chosen, backends={BackendName.SCRIPTED: ScriptedBackend(answer, models=("words",))}
    )

    async def in_state(state: TaskState) -> None:
        while len([task for task in await engine.tasks.list() if task.state is state]) < plans:
            await asyncio.sleep(0.2)

    async def planned() -> None:
        for number in range(plans):
            await engine.tasks.submit(TASK.format(number=number), key=f"{number:04d}{'p' * 12}")
        await in_state(TaskState.WAITING)

    async def approved() -> None:
        for task in await engine.tasks.list():
            await engine.tasks.approve(task.id, yes=True)

    gc.collect()
    gc.freeze()
    names = ("median", "p99", "worst", "p99", "worst")
    print(f"{'ms that the loop is late, busy':<34}{''.join(f'{name:>8}' for name in names)}{'CPU':>9}{'took':>9}")
    await watched("nothing to do", asyncio.sleep(QUIET_S))
    await watched(f"{plans} plans are made", planned())
    await watched(f"{plans} plans wait", asyncio.sleep(QUIET_S))
    await watched(f"{plans} plans get their yes", approved())
    await watched(f"{plans} plans run, 4 steps each", asyncio.sleep(RUN_S))
    await engine.stop()


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--plans", type=int, default=PLANS)
    given = parser.parse_args()
    with TemporaryDirectory() as folder:
        asyncio.run(measure(Path(folder), given.plans))


if __name__ == "__main__":
    main()
