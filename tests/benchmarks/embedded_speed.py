"""How fast the embedded backend is, and how much it disturbs the process that shows the screen.

    python tests/benchmarks/embedded_speed.py [--models FOLDER] [--model NAME] [--rounds N] [--json]

Without a folder the starter model is fetched into the cache that the tests use.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from statistics import median

import platformdirs

from tale_tui.config.settings import Settings
from tale_tui.engine.models.backend import ChatMessage, ChatRequest, Finished, PromptRead, TextPiece
from tale_tui.engine.models.embedded.backend import EmbeddedBackend
from tale_tui.engine.models.files import starter

PROBE_S = 0.005
"""The loop is asked this often whether it is late."""
ANSWER_TOKENS = 200
LONG = "The quick brown fox jumps over the lazy dog. " * 60
"""About 600 tokens."""


class Lag:
    """How late the loop of this process was, in milliseconds."""

    def __init__(self) -> None:
        self.late_ms: list[float] = []

    def share(self, part: float) -> float:
        """The value below which this part of all probes lies."""
        ordered = sorted(self.late_ms)
        return ordered[min(len(ordered) - 1, int(part * len(ordered)))]

    def figures(self) -> dict[str, float]:
        return {"p50": self.share(0.5), "p99": self.share(0.99), "max": max(self.late_ms)}


@asynccontextmanager
async def watched(lag: Lag) -> AsyncIterator[None]:
    """Probe the loop while something runs."""

    async def probe() -> None:
        while True:
            began = time.perf_counter()
            await asyncio.sleep(PROBE_S)
            lag.late_ms.append((time.perf_counter() - began - PROBE_S) * 1000)

    task = asyncio.create_task(probe())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait({task})


async def answer(backend: EmbeddedBackend, model: str, text: str, tokens: int) -> tuple[float, Finished]:
    """Ask once. Returns the milliseconds to the first text, and the end."""
    began = time.perf_counter()
    first: float | None = None
    request = ChatRequest(model, (ChatMessage("user", text),), None, tokens, temperature=0)
    async with aclosing(backend.chat(request)) as events:
        async for event in events:
            if isinstance(event, TextPiece) and first is None:
                first = (time.perf_counter() - began) * 1000
            if isinstance(event, Finished):
                return first or 0.0, event
    raise RuntimeError("the answer had no end")


async def stopped(backend: EmbeddedBackend, model: str, text: str, kind: type) -> tuple[float, float]:
    """Stop at the first event of a kind. Returns the milliseconds until the caller is free, and until the model is."""
    request = ChatRequest(model, (ChatMessage("user", text),), None, ANSWER_TOKENS, temperature=0)
    async with aclosing(backend.chat(request)) as events:
        async for event in events:
            if isinstance(event, kind):
                break
        began = time.perf_counter()
    free = time.perf_counter()
    await answer(backend, model, "Hi", 1)
    return (free - began) * 1000, (time.perf_counter() - free) * 1000


async def measure(models: Path, model: str, rounds: int) -> dict[str, object]:
    idle, loading, answering = Lag(), Lag(), Lag()
    load_ms, ttft_ms, rates, reads, stops = [], [], [], [], []
    memory = 0
    async with watched(idle):
        await asyncio.sleep(1)
    for number in range(rounds):
        with tempfile.TemporaryDirectory() as folder:
            backend = EmbeddedBackend(Settings(), models, Path(folder) / "log")
            began = time.perf_counter()
            async with watched(loading):
                await backend.load(model, None)
            load_ms.append((time.perf_counter() - began) * 1000)
            first, _ = await answer(backend, model, "Hello, who are you?", 8)
            ttft_ms.append(first)
            async with watched(answering):
                _, end = await answer(backend, model, "Tell me a long story about a lighthouse.", ANSWER_TOKENS)
            rates.append((end.completion_tokens or 0) / (end.generation_ms or 1) * 1000)
            _, end = await answer(backend, model, f"{number}. {LONG}", 1)
            reads.append((end.prompt_tokens or 0) / (end.prompt_ms or 1) * 1000)
            in_answer = await stopped(backend, model, "Tell me a story.", TextPiece)
            in_prompt = await stopped(backend, model, f"Again {number}. {LONG}", PromptRead)
            stops.append((*in_answer, *in_prompt))
            memory = max(memory, *[loaded.size_bytes or 0 for loaded in await backend.loaded()])
            await backend.close()
    names = ("answer: caller free", "answer: model free", "prompt: caller free", "prompt: model free")
    return {
        "load_ms": median(load_ms),
        "ttft_ms": median(ttft_ms),
        "tokens_per_second": median(rates),
        "prompt_tokens_per_second": median(reads),
        "stop_ms": dict(zip(names, map(median, zip(*stops, strict=True)), strict=True)),
        "memory_mb": memory / 1e6,
        "lag_ms": {"idle": idle.figures(), "loading": loading.figures(), "answering": answering.figures()},
    }


async def fetched() -> Path:
    """The folder with the starter model of the tests."""
    cache = Path(os.environ.get("TALE_TEST_CACHE") or platformdirs.user_cache_path("tale-tui-tests"))
    async with aclosing(starter.fetch("", cache)) as steps:
        async for _ in steps:
            pass
    return cache


def show(figures: dict[str, object], indent: str = "") -> None:
    for name, value in figures.items():
        if isinstance(value, dict):
            print(f"{indent}{name}")
            show(value, indent + "  ")
        else:
            print(f"{indent}{name:28}{value:10.2f}")


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", type=Path)
    parser.add_argument("--model", default=starter.STARTER_NAME)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    figures = await measure(options.models or await fetched(), options.model, options.rounds)
    if options.json:
        print(json.dumps(figures))
    else:
        show(figures)


if __name__ == "__main__":
    asyncio.run(main())
