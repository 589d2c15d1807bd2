"""Figures of the tasks screen: `PYTHONPATH=tests python tests/benchmarks/task_list_speed.py`.

Opens it on 10,000 tasks, moves the choice through them, and lets tasks change, one by one and 300 at once. Times are of
the loop that also draws the screen, without the terminal. A benchmark, not a test: nothing is judged here.
"""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from textual.pilot import Pilot

from support import tasks
from tale_tui.domain.events import TaskChanged
from tale_tui.domain.tasks import TaskState
from tale_tui.ui.tasks.screen import PAINT_AFTER_S

TASKS = 10_000
SIZE = (120, 40)
KEYS = 200
CHANGES = 200
AT_ONCE = 300


def told(name: str, seconds: list[float]) -> None:
    """Print a line of figures in milliseconds."""
    ms = sorted(one * 1000 for one in seconds)
    p99 = ms[min(int(len(ms) * 0.99), len(ms) - 1)]
    print(f"{name:<44}{statistics.median(ms):>9.2f}{p99:>9.2f}{ms[-1]:>9.2f}")


async def quiet(app: Any) -> None:
    """Let everything be done and drawn that was asked for."""
    for widget in (app.tasks.list, app.tasks):
        done = asyncio.Event()
        widget.call_later(done.set)
        await done.wait()
    await Pilot(app).wait_for_animation()


async def lag(stop: asyncio.Event, found: list[float]) -> None:
    """How late the loop comes back to somebody who waits a millisecond."""
    while not stop.is_set():
        start = time.perf_counter()
        await asyncio.sleep(0.001)
        found.append(time.perf_counter() - start - 0.001)


async def main() -> None:
    """Measure and print."""
    engine = tasks.plain(tasks.many(TASKS))
    app = tasks.TasksApp(engine)
    async with app.run_test(size=SIZE) as pilot:
        while not app.tasks.model.loaded:
            await asyncio.sleep(0.001)
        await pilot.pause()
        print(f"{TASKS} tasks, {SIZE[0]}x{SIZE[1]}{'':<22}{'median':>9}{'p99':>9}{'most':>9}   ms")
        opened = []
        for _ in range(10):
            start = time.perf_counter()
            app.tasks.show_tasks(await engine.tasks.list())
            await quiet(app)
            opened.append(time.perf_counter() - start)
        told("reading and showing all", opened)
        await keys(app, "a key that moves the choice", "action_move", 1)
        await keys(app, "a page", "action_page", 1)
        filtered = []
        for words in ("d", "da", "dat", "data", "datab", ""):
            start = time.perf_counter()
            app.tasks.show_as(words=words)
            await quiet(app)
            filtered.append(time.perf_counter() - start)
        told("a letter in the filter", filtered)
        await changes(app, engine)
        await burst(app, engine)


async def keys(app: Any, name: str, action: str, step: int) -> None:
    """Move the choice many times."""
    app.tasks.list.action_end(-1)
    seconds = []
    for _ in range(KEYS):
        start = time.perf_counter()
        getattr(app.tasks.list, action)(step)
        await quiet(app)
        seconds.append(time.perf_counter() - start)
    told(name, seconds)


async def changes(app: Any, engine: Any) -> None:
    """Let tasks change one by one: where they stay, and where they go elsewhere."""
    app.tasks.list.action_end(-1)
    await quiet(app)
    still, moved = [], []
    paint: list[Callable[[], None]] = []
    set_timer = app.tasks.set_timer

    def at_hand(delay: float, callback: Callable[[], None], **more: Any) -> Any:
        if delay != PAINT_AFTER_S:
            return set_timer(delay, callback, **more)
        paint.append(callback)
        return None

    app.tasks.set_timer = at_hand
    ids = list(engine.all)
    for number in range(CHANGES):
        one = replace(engine.all[ids[number % 4]], steps_done=number)
        start = time.perf_counter()
        app.tasks.changed(one)
        paint.pop()()
        await quiet(app)
        still.append(time.perf_counter() - start)
    for number in range(CHANGES):
        one = replace(engine.all[ids[10 + number]], state=TaskState.RUNNING, running_since=time.time())
        start = time.perf_counter()
        app.tasks.changed(one)
        paint.pop()()
        await quiet(app)
        moved.append(time.perf_counter() - start)
        await asyncio.sleep(0.06)
    del app.tasks.set_timer
    told("a task that looks otherwise", still)
    told("a task whose row moves", moved)


async def burst(app: Any, engine: Any) -> None:
    """Let 300 tasks change at once, as facts, and look how late the loop is."""
    ids = list(engine.all)[1000 : 1000 + AT_ONCE]
    found: list[float] = []
    stop = asyncio.Event()
    watching = asyncio.create_task(lag(stop, found))
    start = time.perf_counter()
    for number, one in enumerate(ids):
        engine.publish(TaskChanged(replace(engine.all[one], state=TaskState.DONE, finished=1e9 + number)))
    while app.tasks.model.get(ids[-1]).finished != 1e9 + AT_ONCE - 1:
        await asyncio.sleep(0.001)
    taken = time.perf_counter() - start
    await asyncio.sleep(0.2)
    stop.set()
    await watching
    told("lag of the loop while 300 change at once", found)
    print(f"{'300 changes, until the last is known':<44}{taken * 1000:>9.2f}")


if __name__ == "__main__":
    asyncio.run(main())
