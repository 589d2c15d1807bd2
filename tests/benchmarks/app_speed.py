"""Figures of the whole application without a terminal: `python tests/benchmarks/app_speed.py [--starter]`.

Opens a session of 10,000 messages through the engine, scrolls it by keys, and sends a message in it. Opens the screen
of 10,000 tasks, moves in it by keys, filters letter by letter, and hands in more tasks. With `--starter` also the lag
of the event loop of the window while the embedded model loads and answers; the starter model is fetched for it. A
benchmark, not a test: nothing is judged here.
"""

from __future__ import annotations

import argparse
import asyncio
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Callable
from contextlib import AsyncExitStack, aclosing, closing
from pathlib import Path

from tale_tui.config import garbage_collector
from tale_tui.config.first_frame import FirstFrameSettings
from tale_tui.config.paths import Paths
from tale_tui.config.settings import Settings, TaskSettings
from tale_tui.domain.clock import Clock, random_id
from tale_tui.domain.models import ModelRef
from tale_tui.engine.engine import Engine
from tale_tui.engine.ipc.connect import open_engine
from tale_tui.engine.store.store import Store
from tale_tui.engine.store.tasks.steps import TaskEnd
from tale_tui.engine.store.tasks.tasks import NewTask
from tale_tui.engine.tasks.plan import ONE_STEP
from tale_tui.ui.app import TaleApp
from tale_tui.ui.engine_bridge import Bridge
from tale_tui.ui.tasks.screen import TasksScreen

DEMO = Settings(ux="scripted/demo", task="scripted/demo")
MESSAGES = 10_000
TASKS = 10_000
OPEN_TASKS = 10
TOGETHER = 200
"""Tasks that are stored at the same time."""
KINDS = ("letter", "report", "database", "poem", "test", "plan", "summary", "index", "essay", "function")
KEYS = 60
SIZE = (120, 40)
TICK_S = 0.005
SETTLE_S = 3.0
"""Longer than the list takes to notice another order."""
LONG_TEXT = "A sentence about terminals, paints and tokens, and `code` in it. " * 6
STARTER = "embedded/smollm2-135m-instruct"


def folders(root: Path) -> Paths:
    """Folders of an own."""
    paths = Paths(root / "config", root / "data", root / "cache", root / "logs")
    paths.make()
    return paths


async def fill(paths: Paths) -> str:
    """Put the session into the store; its id."""
    engine = await Engine.start(paths, DEMO, load=False)
    try:
        session = await engine.sessions.create()
    finally:
        await engine.stop()
    with closing(sqlite3.connect(paths.database)) as connection, connection:
        _insert(session.id, connection)
    return session.id


def _insert(session_id: str, connection: sqlite3.Connection) -> None:
    from tale_tui.domain.conversation import Author
    from tale_tui.engine.store.conversations.message_tree import NewMessage, append_message
    from tale_tui.engine.store.rows import session_n

    n = session_n(connection, session_id)
    tip = None
    for number in range(MESSAGES):
        author = Author.USER if number % 2 == 0 else Author.ASSISTANT
        text = f"Question {number}?" if author is Author.USER else f"Answer {number}. {LONG_TEXT}"
        tip = append_message(connection, n, tip, NewMessage(f"m{number:08d}xxxxxxx", author, text, 1.7e9 + number))


async def until(condition: Callable[[], object]) -> None:
    """Wait for it."""
    while not condition():
        await asyncio.sleep(0.001)


class Lag:
    """How late the loop is, in milliseconds."""

    def __init__(self) -> None:
        self.late: list[float] = []

    async def watch(self) -> None:
        """Look at the clock every few milliseconds."""
        loop = asyncio.get_running_loop()
        while True:
            due = loop.time() + TICK_S
            await asyncio.sleep(TICK_S)
            self.late.append((loop.time() - due) * 1000)

    def said(self) -> str:
        """Median, p99 and maximum."""
        late = sorted(self.late)
        return f"p50 {statistics.median(late):.1f}, p99 {late[int(len(late) * 0.99)]:.1f}, max {late[-1]:.1f} ms"


def window(paths: Paths, settings: Settings) -> TaleApp:
    """The application on an engine of its own."""
    return TaleApp(Bridge(lambda: open_engine(paths, settings)), paths, FirstFrameSettings(), clock=Clock())


async def painted(app: TaleApp) -> None:
    """Wait until everything that was handed in is on the screen."""
    done = asyncio.Event()
    app.screen.call_after_refresh(done.set)
    await done.wait()


async def scroll(app: TaleApp, key: str) -> str:
    """Press a key many times; how long until what it shows is painted."""
    times = []
    for _ in range(KEYS):
        began = time.perf_counter()
        app.simulate_key(key)
        await painted(app)
        times.append((time.perf_counter() - began) * 1000)
        await asyncio.sleep(TICK_S)
    times.sort()
    return f"median {statistics.median(times):.1f}, p95 {times[int(len(times) * 0.95)]:.1f} ms"


async def long_conversation(paths: Paths) -> None:
    """Open, scroll, ask."""
    session_id = await fill(paths)
    app = window(paths, DEMO)
    async with app.run_test(size=SIZE) as pilot:
        await until(lambda: app.chat.controller and app.chat.line.model.state == "ready")
        chat = app.chat.controller
        assert chat is not None
        began = time.perf_counter()
        await chat.open_session(session_id)
        await painted(app)
        print(f"open a session of {MESSAGES:,} messages: {time.perf_counter() - began:.3f} s")
        app.chat.view.focus()
        await pilot.pause()
        for key in ("pageup", "up", "home", "end"):
            print(f"  {key}: {await scroll(app, key)}")
        began = time.perf_counter()
        async with aclosing(chat.engine.chat.send(session_id, "And now?", key="benchmark")) as events:
            async for event in events:
                if type(event).__name__ in ("TextDelta", "TurnFailed"):
                    break
        print(f"  first text of a turn in it: {(time.perf_counter() - began) * 1000:.0f} ms (the model is scripted)")


async def fill_tasks(paths: Paths) -> None:
    """Put the tasks into the store, all but a few of them done."""
    engine = await Engine.start(paths, DEMO, load=False, works_queue=False)
    try:
        for first in range(0, TASKS, TOGETHER):
            await asyncio.gather(*(_done_task(engine.store, first + number) for number in range(TOGETHER)))
    finally:
        await engine.stop()


async def _done_task(store: Store, number: int) -> None:
    title = f"Write the {KINDS[number % len(KINDS)]} number {number} for the landlord"
    task = await store.add_task(NewTask(random_id(), title, ONE_STEP))
    if number < TASKS - OPEN_TASKS and (claim := await store.claim_task(task.id, time.time())) is not None:
        await store.begin_step(task.id, claim.epoch, "answer", ModelRef.parse(DEMO.ux))
        await store.finish_step(task.id, claim.epoch, "answer", text=LONG_TEXT, end=TaskEnd(LONG_TEXT, ""))


async def long_list(paths: Paths) -> None:
    """Open the tasks, move, filter."""
    await fill_tasks(paths)
    garbage_collector.pause()  # as the program begins
    app = window(paths, DEMO.model_copy(update={"tasks": TaskSettings(running=1, resume="never", per_minute=100_000)}))
    async with app.run_test(size=SIZE) as pilot:
        await until(lambda: app.chat.controller and app.chat.line.model.state == "ready")
        for name in ("first time", "again"):
            began = time.perf_counter()
            app.simulate_key("f3")
            await until(lambda: isinstance(app.screen, TasksScreen) and app.screen.model.loaded)
            await painted(app)
            print(f"open {TASKS:,} tasks, {name}: {time.perf_counter() - began:.3f} s")
            await asyncio.sleep(SETTLE_S)
            if name == "first time":
                await pilot.press("f2")
        for key in ("down", "pagedown", "end", "home"):
            print(f"  {key}: {await scroll(app, key)}")
        await pilot.press("slash")
        typed = []
        for letter in "database 42":
            began = time.perf_counter()
            app.simulate_key("space" if letter == " " else letter)
            await painted(app)
            typed.append((time.perf_counter() - began) * 1000)
        print(f"  a letter in the filter: median {statistics.median(typed):.1f}, most {max(typed):.1f} ms")
        chat = app.chat.controller
        assert chat is not None
        lag = Lag()
        watching = asyncio.create_task(lag.watch())
        for number in range(OPEN_TASKS):
            await chat.engine.tasks.submit(f"Another task, {number}", key=random_id())
        await asyncio.sleep(SETTLE_S)
        watching.cancel()
        print(f"  lag while {OPEN_TASKS} more are handed in: {lag.said()}")


async def embedded(paths: Paths) -> None:
    """The loop of the window while the starter model loads and answers."""
    async with AsyncExitStack() as stack:
        engine = await stack.enter_async_context(open_engine(paths, Settings(ux="scripted/demo"), load=False))
        async with aclosing(engine.models.fetch_starter()) as steps:
            async for _ in steps:
                pass
    settings = Settings(ux=str(ModelRef.parse(STARTER)), task=STARTER)
    app = window(paths, settings)
    async with app.run_test(size=SIZE) as pilot:
        loading = Lag()
        watching = asyncio.create_task(loading.watch())
        await until(lambda: app.chat.line.model.state == "ready")
        watching.cancel()
        print(f"lag while the embedded model loads: {loading.said()}")
        answering = Lag()
        watching = asyncio.create_task(answering.watch())
        await pilot.press(*"Hello")
        await pilot.press("enter")
        chat = app.chat.controller
        assert chat is not None
        await until(lambda: chat.turns.writing)
        await until(lambda: not chat.turns.writing)
        watching.cancel()
        print(f"lag while it answers: {answering.said()}")


async def main() -> None:
    """All of it."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--starter", action="store_true")
    chosen = arguments.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        await long_conversation(folders(Path(folder) / "a"))
        await long_list(folders(Path(folder) / "b"))
        if chosen.starter:
            await embedded(folders(Path(folder) / "c"))


if __name__ == "__main__":
    asyncio.run(main())
