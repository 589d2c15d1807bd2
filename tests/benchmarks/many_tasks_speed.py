"""300 tasks at once in the whole application: `python tests/benchmarks/many_tasks_speed.py [--tasks N]`.

The application with its engine, store and screens, without a terminal; 300 tasks of a scripted model write ten pieces
of text a second each. How late the event loop of the window is, on the chat, on the screen of tasks with one of them
followed, on that of tokens and on the dashboard, beside the same loop of the same application with nothing to do. Then
the whole engine started with as many open tasks, as a kill leaves them, and with none. A benchmark, not a test: nothing
is judged here.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import sqlite3
import statistics
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

from tale_tui.config import garbage_collector
from tale_tui.config.first_frame import FirstFrameSettings
from tale_tui.config.paths import Paths
from tale_tui.config.settings import Settings
from tale_tui.domain.clock import Clock
from tale_tui.domain.models import BackendName
from tale_tui.engine.api import EngineApi
from tale_tui.engine.engine import Engine
from tale_tui.engine.ipc.connect import open_engine
from tale_tui.engine.models.scripted import ScriptedBackend, spoken
from tale_tui.ui.app import TaleApp
from tale_tui.ui.engine_bridge import Bridge

TASKS = 300
RATE = 10.0
"""Pieces a second that each task writes."""
PIECES = 2_000
"""Of a text: more than is looked at."""
SIZE = (120, 40)
LOOK_S = 0.001
WATCH_S = 8.0
SETTLE_S = 3.0
ROUNDS = 3
STARTS = 5
MODEL = "scripted/words"


def settings(running: int) -> Settings:
    """So many tasks at once."""
    return Settings(
        ux=MODEL,
        task=MODEL,
        detect={"enabled": False},
        notify={"terminal": False, "bell": False},
        tasks={"running": running, "per_model": running, "per_minute": 100_000, "resume": "never"},
    )


def folders(root: Path) -> Paths:
    """Folders of an own."""
    paths = Paths(root / "config", root / "data", root / "cache", root / "logs")
    paths.make()
    return paths


def backends() -> dict[BackendName, ScriptedBackend]:
    """One model that writes and writes."""
    script = spoken(*(f"word {number} " for number in range(PIECES)), rate=RATE)
    return {BackendName.SCRIPTED: ScriptedBackend(lambda _: script, models=("words",))}


async def until(condition: Callable[[], object]) -> None:
    """Wait for it; looks rarely, so that looking costs nothing."""
    while not condition():
        await asyncio.sleep(0.02)


async def lag(seconds: float) -> list[float]:
    """How much later than asked for the loop comes back to somebody who waits a millisecond; in ms, sorted."""
    late = []
    end = time.perf_counter() + seconds
    while (began := time.perf_counter()) < end:
        await asyncio.sleep(LOOK_S)
        late.append((time.perf_counter() - began - LOOK_S) * 1000)
    return sorted(late)


def told(name: str, late: list[float], cpu: float) -> None:
    """A line of figures."""
    p99 = late[int(len(late) * 0.99)]
    print(f"{name:<44}{statistics.median(late):>8.2f}{p99:>8.2f}{late[-1]:>8.2f}{cpu:>8.0f} %", flush=True)


async def watched(name: str) -> None:
    """Look at the loop for a while and print."""
    cpu, began = time.process_time(), time.perf_counter()
    late = await lag(WATCH_S)
    told(name, late, (time.process_time() - cpu) / (time.perf_counter() - began) * 100)


async def window(root: Path, tasks: int) -> None:
    """The loop of the window without tasks, then with them, on all screens."""
    chosen, paths = settings(tasks), folders(root)
    garbage_collector.pause()  # as the program begins
    app = TaleApp(
        Bridge(lambda: open_engine(paths, chosen, backends=backends())), paths, FirstFrameSettings(), clock=Clock()
    )
    async with app.run_test(size=SIZE) as pilot:
        await until(lambda: app.chat.controller and app.chat.line.model.state == "ready")
        chat = app.chat.controller
        assert chat is not None
        await asyncio.sleep(SETTLE_S)
        await watched("chat, nothing to do")
        began = time.perf_counter()
        await begin(chat.engine, tasks)
        print(f"{tasks} tasks run after {time.perf_counter() - began:.2f} s", flush=True)
        await asyncio.sleep(SETTLE_S)
        await watched(f"chat, {tasks} tasks write")
        await pilot.press("f3")
        await asyncio.sleep(SETTLE_S)
        await watched(f"tasks, {tasks} tasks write, one is followed")
        for key, name in (("f4", "tokens"), ("f5", "dashboard")):
            await pilot.press(key)
            await asyncio.sleep(SETTLE_S)
            await watched(f"{name}, {tasks} tasks write")


async def begin(engine: EngineApi, tasks: int) -> None:
    """Hand in so many and wait until all of them run."""
    for number in range(tasks):
        await engine.tasks.submit(f"Write about number {number}", key=f"bench{number:011d}")
    while (await engine.control.status()).tasks.running < tasks:
        await asyncio.sleep(0.05)


async def restart(root: Path, tasks: int) -> None:
    """Start the whole engine with so many tasks that were cut off, as a kill leaves them."""
    paths, chosen = folders(root), settings(tasks)
    engine = await Engine.start(paths, chosen, backends=backends())
    await begin(engine, tasks)
    await engine.stop()
    for name, open_tasks in (("with as many open tasks", tasks), ("with none", 0)):
        where = paths if open_tasks else folders(root / "empty")
        spent = []
        for _ in range(STARTS):
            await cut_off(where)
            gc.collect()
            began = time.perf_counter()
            engine = await Engine.start(where, chosen, backends=backends(), load=False)
            spent.append((time.perf_counter() - began) * 1000)
            assert (await engine.control.status()).tasks.open == open_tasks
            await engine.stop()
        print(f"start of the whole engine {name:<24} median {statistics.median(spent):.1f}, most {max(spent):.1f} ms")


async def cut_off(paths: Paths) -> None:
    """Leave the paused tasks in the state that a kill leaves them in."""
    engine = await Engine.start(paths, settings(TASKS), backends=backends(), load=False)
    await engine.stop()
    with closing(sqlite3.connect(paths.database)) as connection, connection:
        connection.execute(
            "UPDATE task SET state = 'running', reason = '', running_since = updated WHERE state = 'paused'"
        )


async def main() -> None:
    """All of it."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--tasks", type=int, default=TASKS)
    arguments.add_argument("--rounds", type=int, default=ROUNDS)
    chosen = arguments.parse_args()
    with TemporaryDirectory() as name:
        print(f"{'lag of the loop, ms':<44}{'p50':>8}{'p99':>8}{'most':>8}{'CPU':>10}")
        for number in range(chosen.rounds):
            await window(Path(name) / f"window{number}", chosen.tasks)
        await restart(Path(name) / "restart", chosen.tasks)


if __name__ == "__main__":
    asyncio.run(main())
