"""What a turn reads in a conversation of 10,000 messages before a model is asked: `tests/benchmarks/turn_speed.py`.

Prints milliseconds. A benchmark, not a test: nothing is judged.
"""

from __future__ import annotations

import asyncio
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path

from tale_tui.config.settings import DetectSettings
from tale_tui.domain.clock import Clock
from tale_tui.domain.conversation import MessageState
from tale_tui.engine.chat.classify import MessageClassifier
from tale_tui.engine.chat.prompt_builder import PromptBranch
from tale_tui.engine.learning.wiring import learned_models
from tale_tui.engine.store.store import Store

TURNS = 5000
ROUNDS = 50


async def measure(name: str, work: Callable[[], Awaitable[object]]) -> None:
    """Print how long something takes."""
    took = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        await work()
        took.append((time.perf_counter() - began) * 1000)
    print(f"{name:<44} median {statistics.median(took):6.2f}   max {max(took):6.2f} ms")


async def run(folder: Path) -> None:
    """Fill a conversation and read its end."""
    clock = Clock()
    store = await Store.open(folder / "tale.db", clock)
    session_id = (await store.add_session()).id
    for number in range(TURNS):
        _, reply, *_ = await store.begin_turn(
            session_id, user_id=f"u{number}", text=f"message {number} with some words in it", reply_ref=None
        )
        text = "an answer of some words, " * 6
        await store.finish_reply(reply.id, state=MessageState.COMPLETE, text=text)
    _, reply, *_ = await store.begin_turn(session_id, user_id="last", text="hello", reply_ref=None)
    classifier = MessageClassifier(store, learned_models(folder), DetectSettings(), lambda *_: None, clock.now)
    await classifier.classify("hello", session_id)

    async def decide() -> None:
        await classifier.decide(await store.turn_context(session_id, "new"), "hello, how are you?", None, None)

    await measure("classified as it is sent", decide)
    await measure("classified as it is typed", lambda: classifier.classify("write a Python function", session_id))
    branch = PromptBranch(store, partial(store.prompt_source, reply.id), session_id, clock.now)
    await measure("the conversation, as far as prompts need it", branch.read)
    await measure("the whole of it, for comparison", lambda: store.transcript(session_id))
    await store.close()


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as name:
        asyncio.run(run(Path(name)))
