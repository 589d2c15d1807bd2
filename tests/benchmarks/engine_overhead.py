"""What the engine adds to a model's pieces: `python tests/benchmarks/engine_overhead.py [PIECES]`.

A scripted model says 2,000 pieces at once, then at 100 a second; the time that the engine needs for them is measured
from `send` to the last event, store and joining included. Also: starting, and from `send` until the model is asked, in
a new session and in one of 10,000 messages. Prints the best and the median of some rounds. Nothing is judged here.
"""

from __future__ import annotations

import asyncio
import statistics
import sys
import time
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass
from tempfile import TemporaryDirectory

from tale_tui.config.paths import find_paths
from tale_tui.config.settings import Settings
from tale_tui.domain.clock import random_id
from tale_tui.domain.conversation import MessageState
from tale_tui.domain.events import TextDelta
from tale_tui.domain.models import BackendName
from tale_tui.engine.engine import Engine
from tale_tui.engine.models.backend import ChatRequest
from tale_tui.engine.models.scripted import Script, ScriptedBackend, spoken

PIECES = 2000
RATE = 100.0
"""Pieces a second of the slow stream."""
SLOW_PIECES = 300
ROUNDS = 9
LONG_SESSION_TURNS = 5000


@dataclass
class Bench:
    """An engine on a scripted model, and when that was asked."""

    engine: Engine
    script: Script
    asked: float = 0.0

    def answer(self, request: ChatRequest) -> Script:
        self.asked = time.perf_counter()
        return self.script

    async def turn(self, session_id: str) -> tuple[float, int]:
        """One turn: milliseconds until the model was asked, and how many deltas came."""
        began = time.perf_counter()
        deltas = 0
        async with aclosing(self.engine.chat.send(session_id, "hello", key=random_id())) as events:
            async for event in events:
                deltas += isinstance(event, TextDelta)
        return (self.asked - began) * 1000, deltas


async def rounds(name: str, measure: Callable[[], Awaitable[dict[str, float]]], count: int = ROUNDS) -> None:
    """Measure some times; print best and median of each figure."""
    found = [await measure() for _ in range(count)]
    for figure in found[0]:
        values = [values[figure] for values in found]
        print(f"{name:<34}{figure:<26}{min(values):9.2f}{statistics.median(values):9.2f}")


async def main(pieces: int) -> None:
    """Run everything in a folder that goes away."""
    with TemporaryDirectory(prefix="tale-tui-bench-") as home:
        paths = find_paths({"TALE_HOME": home})
        paths.make()
        settings = Settings(ux="scripted/demo")
        bench: Bench

        async def start() -> Engine:
            backend = ScriptedBackend(lambda request: bench.answer(request))
            return await Engine.start(paths, settings, backends={BackendName.SCRIPTED: backend})

        print(f"{'':<34}{'':<26}{'best':>9}{'median':>9}")

        async def starting() -> dict[str, float]:
            began = time.perf_counter()
            engine = await start()
            spent = (time.perf_counter() - began) * 1000
            await engine.stop()
            return {"ms": spent}

        await rounds("start", starting)
        bench = Bench(await start(), spoken())

        async def streaming(script: Script) -> dict[str, float]:
            bench.script = script
            session = await bench.engine.sessions.create()
            cpu, wall = time.process_time(), time.perf_counter()
            until_asked, deltas = await bench.turn(session.id)
            return {
                "CPU ms": (time.process_time() - cpu) * 1000,
                "wall ms": (time.perf_counter() - wall) * 1000,
                "deltas": deltas,
                "until asked, ms": until_asked,
            }

        burst, slow = spoken(*["word "] * pieces), spoken(*["word "] * SLOW_PIECES, rate=RATE)
        await rounds(f"{pieces} pieces at once", lambda: streaming(burst))
        await rounds(f"{SLOW_PIECES} pieces at {RATE:g}/s", lambda: streaming(slow), 1)

        session_id = await fill(bench.engine)
        bench.script = spoken("yes")

        async def long_session() -> dict[str, float]:
            return {"until asked, ms": (await bench.turn(session_id))[0]}

        await rounds(f"session of {2 * LONG_SESSION_TURNS} messages", long_session)
        await bench.engine.stop()


async def fill(engine: Engine) -> str:
    """A session of many messages."""
    session = await engine.sessions.create()
    store = engine.store
    for _ in range(LONG_SESSION_TURNS):
        question = "Can you explain that again, with an example? " * 3
        _, reply, *_ = await store.begin_turn(session.id, user_id=random_id(), text=question, reply_ref=None)
        await store.finish_reply(reply.id, state=MessageState.COMPLETE, text="It is like this and like that. " * 15)
    return session.id


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else PIECES))
