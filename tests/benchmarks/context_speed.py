"""Figures of building what a model is shown: `python tests/benchmarks/context_speed.py [TURNS]`.

A session of many turns, with a digest and without one, in windows of several sizes, as a reply and as `/context` want
it. Prints the best and the median of some rounds, in milliseconds, and how many messages were read; the aim is 50 ms
for 5,000 turns. A benchmark, not a test: nothing is judged here.
"""

from __future__ import annotations

import asyncio
import statistics
import sys
import time
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from tale_tui.config.paths import Paths
from tale_tui.config.settings import Settings
from tale_tui.domain.clock import Clock
from tale_tui.domain.conversation import MessageState
from tale_tui.domain.models import BackendName, ModelRef
from tale_tui.engine.chat.prompt_builder import PromptBranch, PromptBuilder
from tale_tui.engine.engine import Engine
from tale_tui.engine.models.scripted import ScriptedBackend
from tale_tui.engine.store.store import Store

TURNS = 5_000
ROUNDS = 9
WINDOWS = (2_048, 8_192, 32_768, 131_072)
REF = ModelRef(BackendName.SCRIPTED, "demo")
QUESTION = "Can you explain number {n}, and what memoisation has to do with it?"
ANSWER = "Memoisation keeps the result of call {n}, so that the same call later costs a look-up – naïve but quick. " * 4


async def fill(store: Store, turns: int) -> tuple[str, str]:
    """A session of this many turns; its id, and that of its last reply."""
    session = await store.add_session()
    reply_id = ""
    for n in range(turns):
        turn = await store.begin_turn(session.id, user_id=f"user{n}", text=QUESTION.format(n=n))
        await store.finish_reply(turn.reply.id, state=MessageState.COMPLETE, text=ANSWER.format(n=n))
        if n == turns - 30:
            await store.add_digest(turn.reply.id, "They spoke of memoisation. " * 20, turns=n, ref=REF)
        reply_id = turn.reply.id
    return session.id, reply_id


async def measure(name: str, call: Callable[[], Awaitable[object]]) -> None:
    """Call it some times and print how long it took."""
    times = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        await call()
        times.append((time.perf_counter() - began) * 1000)
    print(f"{name:<60} best {min(times):8.2f} ms   median {statistics.median(times):8.2f} ms", flush=True)


async def measure_window(paths: Paths, window: int, session_id: str, reply_id: str) -> None:
    """What a reply and what `/context` cost in a window of so many tokens."""
    settings = Settings(ux=str(REF), task=str(REF))
    backends = {BackendName.SCRIPTED: ScriptedBackend(window=window, counts=False)}
    engine = await Engine.start(paths, settings, backends=backends)
    builder, store, read = PromptBuilder(engine.store, engine.pool, settings), engine.store, 0

    async def build() -> None:
        nonlocal read
        branch = PromptBranch(store, partial(store.prompt_source, reply_id), session_id, Clock().now)
        await branch.read()
        await builder.of_branch(branch, REF, window)
        read = len(branch.messages)

    await build()
    await measure(f"{window:>7} tokens, {read:>5} messages read, a reply", build)
    await measure(f"{window:>7} tokens, /context", partial(engine.chat.context, session_id))
    await engine.stop()


async def main(turns: int) -> None:
    """All figures."""
    with TemporaryDirectory() as folder:
        root = Path(folder)
        paths = Paths(*(root / name for name in ("config", "data", "cache", "log")))
        paths.make()
        store = await Store.open(paths.database, Clock())
        session_id, reply_id = await fill(store, turns)
        await store.close()
        print(f"{turns} turns")
        for window in WINDOWS:
            await measure_window(paths, window, session_id, reply_id)


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else TURNS))
