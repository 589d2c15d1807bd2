"""What samples cost and how fast a dashboard opens: `python tests/benchmarks/dashboard_speed.py [SAMPLES]`.

First the processor time of this process for each sample that is taken and kept (a row, three roll-ups of each figure),
as a share of a core at one in five seconds, and whether memory grows over 720 of them. Then a database of 90 days with
100,000 calls and roll-ups of samples for all of it: how long each range takes to open, and the sums of tokens. A
benchmark, not a test: nothing is judged; 1 % of a core and 200 ms for 90 days are promised.
"""

from __future__ import annotations

import asyncio
import json
import sqlite3
import sys
import time
from dataclasses import replace
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import psutil

from tale_tui.config.paths import find_paths
from tale_tui.config.settings import SampleSettings, Settings
from tale_tui.domain.clock import Clock
from tale_tui.domain.constants import SAMPLE_INTERVAL_S
from tale_tui.domain.distribution import Distribution
from tale_tui.domain.metrics import CallDimension, CallFilter, CallKind, CallLabels, CallOutcome, CallRecord
from tale_tui.domain.models import BackendName, ModelRef, Role
from tale_tui.domain.samples import SAMPLED_FIGURES
from tale_tui.domain.time_ranges import ShownRange
from tale_tui.engine.engine import Engine
from tale_tui.engine.metrics.figures import grouped
from tale_tui.engine.metrics.models_seen import ModelsSeen
from tale_tui.engine.metrics.sampler import EngineWork, Sampler
from tale_tui.engine.models.scripted import ScriptedBackend
from tale_tui.engine.store.samples.rollups import STEPS_S
from tale_tui.engine.store.store import Store

SAMPLES = 720
ROWS = 100_000
DAYS = 90
ROUNDS = 5
DAY_S = 86_400
REFS = (ModelRef(BackendName.SCRIPTED, "demo"), ModelRef(BackendName.SCRIPTED, "big"))


async def sampling(folder: Path, samples: int) -> None:
    """Take samples as fast as it goes, on a clock that is turned, and print what each costs."""
    shift, left = [0.0], [samples]

    async def wait(event: asyncio.Event, seconds: float) -> None:
        shift[0] += seconds
        left[0] -= 1

    clock = Clock(lambda: time.time() + shift[0], lambda: time.monotonic() + shift[0])
    store = await Store.open(folder / "samples.db", clock)

    async def nothing() -> tuple[()]:
        return ()

    seen = ModelsSeen(nothing, lambda: 0, clock.monotonic)
    work = EngineWork(lambda: int(left[0] > 0), lambda: 0, lambda: REFS[0], lambda: False, lambda: 0)
    sampler = Sampler(store, SampleSettings(), clock, work, seen, lambda _: None, stays=False, wait=wait)
    process = psutil.Process()
    grown = []
    began = time.process_time()
    sampler.nudge()
    while left[0] > 0:
        await asyncio.sleep(0.05)
        grown.append(process.memory_info().rss)
    spent = time.process_time() - began
    await sampler.close()
    kept = len(await store.samples(0, clock.now() + DAY_S))
    await store.close()
    each = spent / samples
    print(f"{kept} samples: {1000 * each:.2f} ms of processor each, {100 * each / SAMPLE_INTERVAL_S:.3f} % of a core")
    quarter = grown[len(grown) // 4]
    print(f"memory after a quarter of them {quarter / 1e6:.1f} MB, at the end {grown[-1] / 1e6:.1f} MB")


async def fill(path: Path) -> None:
    """A database of 90 days."""
    store = await Store.open(path, Clock())
    now, step = time.time(), DAYS * DAY_S / ROWS
    call = CallRecord(
        now, REFS[0], Role.UX, CallLabels(CallKind.CHAT, "chat", session_id="s" * 16, turn_id="t" * 16),
        CallOutcome.DONE, prompt_tokens=1_900, completion_tokens=200, tokens_per_second=40.0, own_prompt_tokens=90,
    )  # fmt: skip
    began = time.perf_counter()
    await store.add_calls(
        [
            replace(
                call,
                timestamp=now - number * step,
                ref=REFS[number % 5 == 0],
                ttft_ms=200.0 + number % 700,
                waiting_ms=number % 50,
                total_ms=5_000.0,
            )
            for number in range(ROWS)
        ]
    )
    print(f"{ROWS:,} calls stored in {time.perf_counter() - began:.1f} s")
    began = time.perf_counter()
    await store.roll_up(now - SampleSettings().minutes_days * DAY_S)
    print(f"and summed up in {time.perf_counter() - began:.1f} s")
    await store.close()
    with sqlite3.connect(path) as connection:
        for step_s, days in zip(STEPS_S, (14, DAYS, DAYS), strict=True):
            values = Distribution.of([20.0 + number % 80 for number in range(step_s // 5)])
            sketch = json.dumps([number for pair in sorted(values.buckets.items()) for number in pair])
            row = (values.count, values.total, values.smallest, values.largest, sketch)
            first = int(now - days * DAY_S) // step_s * step_s
            connection.executemany(
                "INSERT OR REPLACE INTO rollup VALUES (?, ?, ?, '', ?, ?, ?, ?, ?)",
                (
                    (step_s, start, figure, *row)
                    for start in range(first, int(now), step_s)
                    for figure in SAMPLED_FIGURES
                ),
            )


async def opening(home: Path) -> None:
    """Open each range, and sum tokens."""
    paths = find_paths({"TALE_HOME": str(home)})
    paths.make()
    await fill(paths.database)
    settings = Settings(ux=str(REFS[0]), task=str(REFS[1]))
    engine = await Engine.start(paths, settings, backends={BackendName.SCRIPTED: ScriptedBackend()}, load=False)
    for name, range_s in ((one.value, one.length_s) for one in ShownRange):
        spent = []
        for _ in range(ROUNDS):
            began = time.perf_counter()
            await engine.metrics.dashboard(range_s=range_s)
            spent.append(time.perf_counter() - began)
        print(f"dashboard of {name:<4} median {1000 * median(spent):.0f}, first {1000 * spent[0]:.0f} ms")
    for by in ((), (CallDimension.MODEL, CallDimension.KIND), (CallDimension.DAY,), (CallDimension.HOUR,)):
        spent = []
        for _ in range(ROUNDS):
            began = time.perf_counter()
            grouped((await engine.store.call_totals(CallFilter(), by)).rows, by, {})
            spent.append(time.perf_counter() - began)
        print(f"tokens of {ROWS:,} calls, {','.join(by) or 'total':<12} median {1000 * median(spent):.0f} ms")
    await engine.stop()


def main() -> None:
    """Measure both."""
    with TemporaryDirectory() as folder:
        asyncio.run(sampling(Path(folder), int(sys.argv[1]) if len(sys.argv) > 1 else SAMPLES))
        asyncio.run(opening(Path(folder) / "home"))


if __name__ == "__main__":
    main()
