"""What alerts cost the event loop: `python tests/benchmarks/alerts_speed.py [ROWS]`.

Looks at so many rows of two models again and again, and prints how long the event loop was held up (p50, p99, most) and
how long a look took, beside an event loop without looks.
"""

from __future__ import annotations

import asyncio
import random
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from statistics import quantiles
from tempfile import TemporaryDirectory

from tale_tui.config.settings import Settings
from tale_tui.domain.clock import Clock
from tale_tui.domain.metrics import CallKind, CallLabels, CallOutcome, CallRecord
from tale_tui.domain.models import BackendName, ModelRef, Role
from tale_tui.engine.metrics.alerts import AlertSources, AlertWatch
from tale_tui.engine.metrics.budgets import Budgets
from tale_tui.engine.metrics.delivery import AlertDelivery
from tale_tui.engine.store.store import Store

ROWS = 20_000
LOOKS = 30
TICK_S = 0.001
MODELS = (ModelRef(BackendName.OLLAMA, "small"), ModelRef(BackendName.OLLAMA, "big"))


def call(number: int, began: float) -> CallRecord:
    """A call with a little noise."""
    chance = random.Random(number)
    return CallRecord(
        began + number,
        MODELS[number % 2],
        labels=CallLabels(CallKind.CHAT),
        role=Role.UX,
        outcome=CallOutcome.DONE,
        prompt_tokens=100,
        completion_tokens=chance.randrange(50, 90),
        ttft_ms=chance.lognormvariate(5, 0.25),
        tokens_per_second=chance.lognormvariate(3, 0.25),
    )


async def held_up(work: Callable[[], Awaitable[None]]) -> list[float]:
    """By how many milliseconds ticks of the event loop were late while something was done."""
    late: list[float] = []

    async def tick() -> None:
        while True:
            began = time.perf_counter()
            await asyncio.sleep(TICK_S)
            late.append((time.perf_counter() - began - TICK_S) * 1000)

    ticking = asyncio.create_task(tick())
    await work()
    ticking.cancel()
    return sorted(late)


def told(name: str, late: list[float]) -> str:
    """A line of the table."""
    cuts = quantiles(late, n=100)
    return f"{name:<12} p50 {cuts[49]:.2f} ms, p99 {cuts[98]:.2f} ms, most {late[-1]:.2f} ms"


async def main(rows: int) -> None:
    """Measure, and print."""
    clock = Clock()
    chosen = Settings(budgets={"day_tokens": 10**9, "month_tokens": 10**9})  # type: ignore[arg-type]
    with TemporaryDirectory() as folder:
        store = await Store.open(Path(folder) / "tale.db", clock)
        began = clock.now() - rows - LOOKS
        await store.add_calls([call(number, began) for number in range(rows)])
        budgets = Budgets(store, chosen.budgets, clock)
        watch = AlertWatch(store, chosen, clock, lambda _: None, budgets, AlertDelivery(chosen.alerts, lambda _: None))

        async def memory() -> int | None:
            return None

        sources = AlertSources(lambda: (), memory, dict)
        took: list[float] = []

        async def looks() -> None:
            for number in range(LOOKS):
                await store.add_calls([call(rows + number, began)])
                watch.nudge(1)
                start = time.perf_counter()
                await watch.look(sources)
                took.append((time.perf_counter() - start) * 1000)

        async def nothing() -> None:
            await asyncio.sleep(1)

        print(told("without", await held_up(nothing)))
        print(told("with looks", await held_up(looks)))
        print(f"a look took {sorted(took)[len(took) // 2]:.1f} ms (median of {LOOKS}), {rows} rows")
        await store.close()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else ROWS))
