"""The whole chain on the real starter model: `python tests/benchmarks/chain_speed.py [--rounds N] [--only WORD]`.

Commands are real processes; replies and tasks go through a whole engine with real processes of models; of two models
the second is the starter with another letter in its name. Prints best, median and worst of each figure, with what was
promised. The best tells what the program can do, the median what the machine made of it: look at the load that is
printed before and after. A benchmark, not a test: nothing is judged here.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import platformdirs

from tale_tui.config.paths import Paths
from tale_tui.config.settings import Settings
from tale_tui.domain.clock import random_id
from tale_tui.domain.conversation import Message
from tale_tui.domain.events import StepDelta, TaskSeen, TextDelta, TurnDone
from tale_tui.domain.models import ModelRef, RoleState
from tale_tui.domain.tasks import ENDED, TaskState
from tale_tui.engine.engine import Engine
from tale_tui.engine.models.files import starter

TALK = ModelRef.parse(f"embedded/{starter.STARTER_NAME}")
TWIN = ModelRef.parse("embedded/twin")
NAME = b"Smollm2 135M"
"""A part of `general.name` in the metadata."""
HELLO = "Hello!"
STORY = "Write a very long story about a lighthouse, its keeper and the sea."
SIMPLE = "hello world"
LONG_TOKENS = 150
"""Of a reply that is long enough to be timed."""
LOOK_S = 0.005

Figures = dict[str, float]


def folders(root: Path, models: Path) -> Paths:
    """Folders of an own, with the models in them."""
    paths = Paths(*(root / random_id() / name for name in ("config", "data", "cache", "logs")))
    paths.make()
    paths.models.mkdir(parents=True, exist_ok=True)
    for file in models.glob(f"{starter.STARTER_NAME}*"):
        os.link(file, paths.models / file.name)
    return paths


def environment(paths: Paths) -> dict[str, str]:
    """For a real process on these folders."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("TALE_")}
    return kept | {"TALE_HOME": str(paths.data.parent), "TALE_UX": str(TALK), "TALE_TASK": str(TALK)}


@asynccontextmanager
async def engine_on(paths: Paths, **settings: object) -> AsyncIterator[Engine]:
    """An engine with its models in memory."""
    chosen = {"ux": str(TALK), "task": str(TALK), "detect": {"enabled": False}} | settings
    engine = await Engine.start(paths, Settings(**chosen))  # type: ignore[arg-type]
    try:
        yield engine
    finally:
        await engine.stop()


async def ready(engine: Engine) -> None:
    """Until the models of both roles are in memory."""
    while any(status.state is not RoleState.READY for status in await engine.models.roles()):
        await asyncio.sleep(LOOK_S)


async def reply(engine: Engine, text: str, ref: ModelRef | None = None) -> tuple[float, float, Message]:
    """Ask in a new conversation: seconds to the first text and to the end, and the reply."""
    session = await engine.sessions.create()
    began, first = time.perf_counter(), 0.0
    async with aclosing(engine.chat.send(session.id, text, key=random_id(), ref=ref)) as events:
        async for event in events:
            if isinstance(event, TextDelta):
                first = first or time.perf_counter() - began
            elif isinstance(event, TurnDone):
                return first, time.perf_counter() - began, event.reply
    raise RuntimeError("there was no answer")


async def carried_out(engine: Engine, text: str) -> float:
    """Seconds until a task is done."""
    began = time.perf_counter()
    task = await engine.tasks.submit(text, key=random_id())
    async with aclosing(engine.tasks.follow(task.id)) as events:
        async for event in events:
            if isinstance(event, TaskSeen) and event.detail.task.state in ENDED:
                assert event.detail.task.state is TaskState.DONE, event.detail.task.error
                return time.perf_counter() - began
    raise RuntimeError("the task had no end")


@asynccontextmanager
async def two_tasks(engine: Engine) -> AsyncIterator[None]:
    """Two tasks run meanwhile, and one of them is writing."""
    tasks = [await engine.tasks.submit(STORY, key=random_id()) for _ in range(2)]
    async with aclosing(engine.tasks.follow(tasks[0].id)) as events:
        async for event in events:
            if isinstance(event, StepDelta):
                break
    running = await engine.tasks.list(states=(TaskState.RUNNING,))
    assert len(running) == len(tasks), running
    yield
    running = await engine.tasks.list(states=(TaskState.RUNNING,))
    assert len(running) == len(tasks), "a task ended meanwhile, so that the figures do not hold"
    for task in tasks:
        await engine.tasks.cancel(task.id)


# what is measured


async def command(root: Path, models: Path) -> Figures:
    """A task from the shell, with no engine there, and with one in the background."""
    paths = folders(root, models)
    run = [sys.executable, "-m", "tale_tui"]
    submit = [*run, "submit", "hello world", "--wait"]
    found = {"no engine runs": await timed(submit, paths)}
    await timed([*run, "run", "--background"], paths)
    try:
        await timed(submit, paths)
        found["an engine runs in the background"] = await timed(submit, paths)
    finally:
        await timed([*run, "stop"], paths)
    return found


async def timed(words: list[str], paths: Paths) -> float:
    """Seconds that a command takes."""
    began = time.perf_counter()
    await asyncio.to_thread(subprocess.run, words, env=environment(paths), check=True, capture_output=True)
    return time.perf_counter() - began


async def first_message(root: Path, models: Path) -> Figures:
    """The first message after the start: sent at once, and when the window says that the model is ready."""
    found = {}
    async with engine_on(folders(root, models)) as engine:
        found["sent at once"], _, _ = await reply(engine, HELLO)
    async with engine_on(folders(root, models)) as engine:
        began = time.perf_counter()
        while (await engine.models.roles())[0].state is not RoleState.READY:
            await asyncio.sleep(LOOK_S)
        found["the model is ready after"] = time.perf_counter() - began
        found["sent when it is ready"], _, _ = await reply(engine, HELLO)
    return found


async def beside_tasks(root: Path, models: Path) -> Figures:
    """A reply alone and while two tasks run."""
    found = {}
    async with engine_on(folders(root, models), tasks={"per_model": 2}) as engine:
        await ready(engine)
        await reply(engine, HELLO)
        found["alone, first text"], found["alone, end"], _ = await reply(engine, HELLO)
        async with two_tasks(engine):
            found["beside, first text"], found["beside, end"], _ = await reply(engine, HELLO)
    return found


async def full_speed(root: Path, models: Path) -> Figures:
    """How fast a long reply is written alone and while two tasks run."""
    chat = {"max_tokens": LONG_TOKENS}
    async with engine_on(folders(root, models), tasks={"per_model": 2}, chat=chat) as engine:
        await ready(engine)
        alone = await rate(engine)
        async with two_tasks(engine):
            beside = await rate(engine)
        again = await rate(engine)
    return {
        "alone, tokens/s": alone,
        "beside, tokens/s": beside,
        "alone again, tokens/s": again,
        "share that is kept": beside / statistics.mean((alone, again)),
    }


async def rate(engine: Engine) -> float:
    """Tokens a second of a long reply."""
    _, _, said = await reply(engine, STORY)
    assert said.usage is not None
    assert said.usage.tokens_per_second is not None
    return said.usage.tokens_per_second


async def simple_task(root: Path, models: Path) -> Figures:
    """A simple task from handing in to its result, with its model in memory and not."""
    async with engine_on(folders(root, models), memory={"both": "no"}) as engine:
        while (await engine.models.roles())[0].state is not RoleState.READY:
            await asyncio.sleep(LOOK_S)
        found = {"its model has to be loaded": await carried_out(engine, SIMPLE)}
        found["its model is in memory"] = await carried_out(engine, SIMPLE)
    return found


async def switch(root: Path, models: Path) -> Figures:
    """From one model to the other while both are in memory: first text of a message to each in turn."""
    paths = folders(root, models)
    data = bytearray(starter.starter_path(models).read_bytes())
    data[data.index(NAME)] ^= 0x20
    (paths.models / f"{TWIN.model}.gguf").write_bytes(data)
    async with engine_on(paths, task=str(TWIN)) as engine:
        await ready(engine)
        await carried_out(engine, SIMPLE)
        there, _, _ = await reply(engine, HELLO)
        began = time.perf_counter()
        task = await engine.tasks.submit(SIMPLE, key=random_id())
        await first_word(engine, task.id)
        back = time.perf_counter() - began
        models_there = {model.ref for model in (await engine.models.residency()).models}
        assert models_there == {TALK, TWIN}, models_there
    return {"from the task's to the reply's": there, "from the reply's to the task's": back}


async def first_word(engine: Engine, task_id: str) -> None:
    """Until a task has written something."""
    async with aclosing(engine.tasks.follow(task_id)) as events:
        async for event in events:
            if isinstance(event, StepDelta):
                return


MEASURED: dict[str, tuple[str, Callable[[Path, Path], Awaitable[Figures]]]] = {
    "submit": ('`tale-tui submit "hello world" --wait`: under 10 s', command),
    "first": ("the first message after the start: under 1 s to its first text", first_message),
    "beside": ("a reply to Hello! while two tasks run: under 1 s to its first text, 2 s to its end", beside_tasks),
    "speed": ("a long reply while two tasks run: at full speed", full_speed),
    "simple": ("a simple task: under 3 s", simple_task),
    "switch": ("from one model to the other, both in memory: under 0.5 s", switch),
}
"""Word -> what was promised, and what measures it once; seconds, where a figure does not say otherwise."""


async def fetched() -> Path:
    """The folder with the starter model of the tests."""
    cache = Path(os.environ.get("TALE_TEST_CACHE") or platformdirs.user_cache_path("tale-tui-tests"))
    async with aclosing(starter.fetch("", cache)) as steps:
        async for _ in steps:
            pass
    return cache


async def measure(words: list[str], rounds: int, *, as_json: bool) -> None:
    """Measure, round by round, so that a busy minute of the machine does not fall on one figure alone."""
    models = await fetched()
    found: dict[str, list[Figures]] = {word: [] for word in words}
    for _ in range(rounds):
        for word in words:
            with TemporaryDirectory(dir=models.parent) as folder:
                found[word].append(await MEASURED[word][1](Path(folder), models))
            print(".", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    for word in words:
        table = {name: sorted(one[name] for one in found[word]) for name in found[word][0]}
        if as_json:
            print(json.dumps({"what": word, "figures": table}))
            continue
        print(MEASURED[word][0])
        for name, values in table.items():
            print(
                f"  {name:<36} best {best(name, values):7.2f}   median {statistics.median(values):7.2f}   "
                f"all {' '.join(f'{value:.2f}' for value in values)}"
            )


def best(name: str, values: list[float]) -> float:
    """The best of some figures: of speeds the highest, of times the lowest."""
    return max(values) if "tokens/s" in name or "share" in name else min(values)


def main() -> None:
    """Read the arguments, measure, say how busy the machine was."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", choices=list(MEASURED), action="append")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    before = os.getloadavg()[0]
    asyncio.run(measure(options.only or list(MEASURED), options.rounds, as_json=options.json))
    print(f"load of the machine: {before:.1f} before, {os.getloadavg()[0]:.1f} after, {os.cpu_count()} processors")


if __name__ == "__main__":
    main()
