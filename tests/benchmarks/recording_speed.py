"""What counting calls costs the event loop: `python tests/benchmarks/recording_speed.py [CALLS]`.

Makes calls of a pool, with a recorder and a store, and sums the time of this thread that goes into measuring a call,
making its row and handing it on; then how long the sums over 100,000 rows take to read. Prints points of the
distribution. A benchmark, not a test: nothing is judged; less than a millisecond at p99 is promised of the first.
"""

from __future__ import annotations

import asyncio
import sys
import time
from dataclasses import replace
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from tale_tui.domain.clock import Clock
from tale_tui.domain.metrics import CallDimension, CallFilter, CallKind, CallLabels, CallOutcome, CallRecord
from tale_tui.domain.models import BackendName, FinishReason, ModelRef, Role
from tale_tui.engine.metrics.figures import grouped
from tale_tui.engine.metrics.recorder import CallRecorder
from tale_tui.engine.models.backend import ChatMessage, Finished, TextPiece
from tale_tui.engine.models.call_meter import CallMeter, MeteredCall
from tale_tui.engine.store.store import Store

CALLS = 5_000
PIECES = 200
ROWS = 100_000
DAYS = 90
SUMS = 5
REF = ModelRef(BackendName.SCRIPTED, "demo")
LABELS = CallLabels(CallKind.CHAT, "chat", session_id="s" * 16, message_id="m" * 16, turn_id="t" * 16, why="answers")
MESSAGES = tuple(ChatMessage("user", "What is it like there? " * 4) for _ in range(20))
END = Finished(FinishReason.STOP, 1_900, 200, 1_200, 0.0, 300.0, 5_000.0)


def say(name: str, seconds: list[float]) -> None:
    """Print some points of a distribution."""
    ordered = sorted(seconds)
    points = {"median": 0.5, "p95": 0.95, "p99": 0.99}
    shown = "   ".join(f"{label} {1000 * ordered[int(len(ordered) * share)]:.3f}" for label, share in points.items())
    print(f"{name:<40} {shown}   max {1000 * ordered[-1]:.3f} ms")


async def recording(store: Store, calls: int) -> None:
    """Measure calls; each second one is stored alone, the others with a reply."""
    recorder, spent, pieces = CallRecorder(store), [], []
    piece = TextPiece("word ")
    for number in range(calls):
        labels = replace(LABELS, kind=CallKind.CHAT if number % 2 else CallKind.TITLE)
        began = time.thread_time()
        meter = CallMeter(
            MeteredCall(REF, Role.UX, labels, MESSAGES),
            time.time,
            time.monotonic,
            lambda _, call: recorder.record(call),
        )
        with meter:
            streaming = time.thread_time()
            for _ in range(PIECES):
                meter.take(piece)
            pieces.append((time.thread_time() - streaming) / PIECES)
            meter.take(END)
        if number % 2:
            with recorder.storing(labels.owner):
                pass
        spent.append(time.thread_time() - began)
        await asyncio.sleep(0)
    await recorder.close()
    say(f"a call of {PIECES} pieces, whole", spent)
    say("of it, one piece", pieces)


async def reading(store: Store) -> None:
    """Measure sums over many rows, as `tale-tui tokens` asks for them."""
    now = time.time()
    call = CallRecord(now, REF, Role.UX, LABELS, CallOutcome.DONE, prompt_tokens=1_900, completion_tokens=200)
    step = DAYS * 86_400 / ROWS
    await store.add_calls([replace(call, timestamp=now - number * step) for number in range(ROWS)])
    for by in ((), (CallDimension.MODEL, CallDimension.KIND), (CallDimension.DAY,), (CallDimension.HOUR,)):
        spent = []
        for _ in range(SUMS):
            began = time.perf_counter()
            grouped((await store.call_totals(CallFilter(), by)).rows, by, {})
            spent.append(time.perf_counter() - began)
        names = ",".join(by) or "total"
        print(f"{f'{ROWS:,} rows of {DAYS} days, {names}':<40} median {1000 * median(spent):.0f} ms")


async def main(calls: int) -> None:
    """Measure both in a folder that goes away."""
    with TemporaryDirectory(prefix="tale-tui-bench-") as folder:
        store = await Store.open(Path(folder) / "tale.db", Clock())
        await recording(store, calls)
        await store.close()
        store = await Store.open(Path(folder) / "many.db", Clock())
        await reading(store)
        await store.close()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else CALLS))
