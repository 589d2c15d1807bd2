"""Figures of the whole application without a terminal: `python tests/benchmarks/app_speed.py [--starter]`.

Opens a session of 10,000 messages through the engine, scrolls it by keys, and sends a message in it. With `--starter`
also the lag of the window's event loop while the embedded model loads and answers; the starter model is fetched for it.
A benchmark, not a test: nothing is judged here.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import tempfile
import time
from collections.abc import Callable
from contextlib import AsyncExitStack, aclosing
from functools import partial
from pathlib import Path

from tale_tui.engine import Engine, ModelRef, World, open_face
from tale_tui.first_look import FirstLook
from tale_tui.paths import Paths
from tale_tui.settings import Settings
from tale_tui.ui.app import TaleApp
from tale_tui.ui.bridge import Bridge

MESSAGES = 10_000
KEYS = 60
SIZE = (120, 40)
TICK_S = 0.005
LONG_TEXT = "A sentence about terminals, paints and tokens, and `code` in it. " * 6
STARTER = "embedded/smollm2-135m-instruct"


def folders(root: Path) -> Paths:
    """Folders of an own."""
    paths = Paths(root / "config", root / "data", root / "cache", root / "logs")
    paths.make()
    return paths


async def fill(paths: Paths) -> str:
    """Put the session into the store; its id."""
    engine = await Engine.start(paths, Settings(ux="scripted/demo", task="scripted/demo"), load=False)
    try:
        session = await engine.new_session()
        store = engine._store
        await store._write(partial(_insert, session.id))
        return session.id
    finally:
        await engine.stop()


def _insert(session_id: str, connection: object) -> None:
    from tale_tui.engine.store import tree
    from tale_tui.engine.store.rows import session_n
    from tale_tui.engine.types import Author

    n = session_n(connection, session_id)  # type: ignore[arg-type]
    tip = None
    for number in range(MESSAGES):
        author = Author.USER if number % 2 == 0 else Author.ASSISTANT
        text = f"Question {number}?" if author is Author.USER else f"Answer {number}. {LONG_TEXT}"
        tip = tree.append(connection, n, tip, tree.NewMessage(f"m{number:08d}xxxxxxx", author, text, 1.7e9 + number))  # type: ignore[arg-type]


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
    return TaleApp(Bridge(lambda: open_face(paths, settings)), paths, FirstLook(), world=World())


async def painted(app: TaleApp) -> None:
    """Wait until everything that was handed in is on the screen."""
    done = asyncio.Event()
    app.chat.call_after_refresh(done.set)
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
    app = window(paths, Settings(ux="scripted/demo", task="scripted/demo"))
    async with app.run_test(size=SIZE) as pilot:
        await until(lambda: app.chat._desk and app.chat.line.model.state == "ready")
        desk = app.chat._desk
        assert desk is not None
        began = time.perf_counter()
        await desk.open_session(session_id)
        await painted(app)
        print(f"open a session of {MESSAGES:,} messages: {time.perf_counter() - began:.3f} s")
        app.chat.view.focus()
        await pilot.pause()
        for key in ("pageup", "up", "home", "end"):
            print(f"  {key}: {await scroll(app, key)}")
        began = time.perf_counter()
        async with aclosing(desk.verbs.send(session_id, "And now?", key="benchmark")) as events:
            async for event in events:
                if type(event).__name__ in ("TextDelta", "TurnFailed"):
                    break
        print(f"  first text of a turn in it: {(time.perf_counter() - began) * 1000:.0f} ms (the model is scripted)")


async def embedded(paths: Paths) -> None:
    """The loop of the window while the starter model loads and answers."""
    async with AsyncExitStack() as stack:
        face = await stack.enter_async_context(open_face(paths, Settings(ux="scripted/demo"), load=False))
        async with aclosing(face.fetch_starter()) as steps:
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
        desk = app.chat._desk
        assert desk is not None
        await until(lambda: desk.turns.writing)
        await until(lambda: not desk.turns.writing)
        watching.cancel()
        print(f"lag while it answers: {answering.said()}")


async def main() -> None:
    """All of it."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--starter", action="store_true")
    chosen = arguments.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        await long_conversation(folders(Path(folder) / "a"))
        if chosen.starter:
            await embedded(folders(Path(folder) / "b"))


if __name__ == "__main__":
    asyncio.run(main())
