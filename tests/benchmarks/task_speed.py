"""What tasks cost: `PYTHONPATH=tests python tests/benchmarks/task_speed.py [TASKS]`.

Tasks whose one step does nothing, handed in, run and finished one by one and 50 at once; the loop's lag while 300 tasks
write text at once; an executor that starts with 300 open tasks; from a cancel until the server of the model sees that
its client hung up. Prints the best and the median of some rounds. A benchmark, not a test: nothing is judged here.
"""

from __future__ import annotations

import asyncio
import statistics
import sys
import time
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from pathlib import Path
from tempfile import TemporaryDirectory

from support.executing import executor_on
from tale_tui.config.paths import Paths
from tale_tui.config.settings import Settings, TaskSettings
from tale_tui.domain.clock import Clock, random_id
from tale_tui.domain.events import TaskSeen
from tale_tui.domain.models import BackendName, ModelRef
from tale_tui.domain.tasks import ENDED, Task, TaskState
from tale_tui.engine.bus import Bus
from tale_tui.engine.engine import Engine
from tale_tui.engine.models.backend import TextPiece
from tale_tui.engine.models.openai.backend import OpenAIBackend
from tale_tui.engine.store.store import Store
from tale_tui.engine.tasks.executor import Executor
from tale_tui.engine.tasks.step_runner import StepResult, StepRunner, StepWork

TASKS = 1000
AT_ONCE = 50
MANY = 300
PIECES = 100
"""Pieces of text that each of many tasks writes, ten a second."""
LOOK_S = 0.001
ROUNDS = 5
REF = ModelRef(BackendName.SCRIPTED, "none")


class Nothing:
    """Does nothing."""

    async def run(self, work: StepWork) -> StepResult:
        return StepResult("done")


class Writes:
    """Writes some text, as a model on another machine would."""

    async def run(self, work: StepWork) -> StepResult:
        draft = await work.begin(REF)
        for n in range(PIECES):
            await asyncio.sleep(0.1)
            work.add(TextPiece(f"word {n} "))
        return StepResult(draft.text)


def executor_running(store: Store, runner: StepRunner, running: int) -> Executor:
    """An executor with one runner."""
    settings = TaskSettings(running=running, per_model=running, per_minute=100_000)
    return executor_on(store, {"model": runner}, settings, Clock(), Bus().publish, likely=lambda: REF)


async def finished(executor: Executor, task: Task) -> None:
    """Until a task has ended."""
    async with aclosing(executor.follow(task.id)) as events:
        async for event in events:
            if isinstance(event, TaskSeen) and event.detail.task.state in ENDED:
                return


async def all_done(store: Store, count: int) -> None:
    """Until so many tasks are done; looks rarely, so that looking costs nothing."""
    while (await store.task_counts()).done < count:
        await asyncio.sleep(0.02)


async def burst(folder: Path, count: int) -> dict[str, float]:
    """Hand in many tasks of nothing and wait for the last."""
    store = await Store.open(folder / f"{random_id()}.db", Clock())
    executor = executor_running(store, Nothing(), AT_ONCE)
    executor.start()
    began, cpu = time.perf_counter(), time.process_time()
    for _ in range(count // AT_ONCE):
        await asyncio.gather(*(executor.submit("nothing", key=random_id()) for _ in range(AT_ONCE)))
    await all_done(store, count // AT_ONCE * AT_ONCE)
    spent, burnt = time.perf_counter() - began, time.process_time() - cpu
    await executor.close()
    await store.close()
    return {"ms a task": spent / count * 1000, "ms of CPU a task": burnt / count * 1000}


async def single(folder: Path, count: int) -> dict[str, float]:
    """One task of nothing after the other, each waited for through the store."""
    store = await Store.open(folder / f"{random_id()}.db", Clock())
    executor = executor_running(store, Nothing(), AT_ONCE)
    executor.start()
    began = time.perf_counter()
    for done in range(count):
        await executor.submit("nothing", key=random_id())
        while (await store.task_counts()).done <= done:
            await asyncio.sleep(0)
    spent = time.perf_counter() - began
    await executor.close()
    await store.close()
    return {"ms a task": spent / count * 1000}


async def lag(folder: Path, count: int) -> dict[str, float]:
    """How late the event loop is while many tasks write."""
    store = await Store.open(folder / f"{random_id()}.db", Clock())
    executor = executor_running(store, Writes(), count)
    executor.start()
    late: list[float] = []
    watching = asyncio.create_task(_watch(late))
    began = time.perf_counter()
    for _ in range(count):
        await executor.submit("words", key=random_id())
        await asyncio.sleep(0)
    await all_done(store, count)
    spent = time.perf_counter() - began
    watching.cancel()
    await asyncio.wait([watching])
    await executor.close()
    await store.close()
    late.sort()
    return {
        "lag p50 ms": late[len(late) // 2] * 1000,
        "lag p99 ms": late[int(len(late) * 0.99)] * 1000,
        "lag max ms": late[-1] * 1000,
        "seconds in all": spent,
    }


async def _watch(late: list[float]) -> None:
    while True:
        began = time.perf_counter()
        await asyncio.sleep(LOOK_S)
        late.append(time.perf_counter() - began - LOOK_S)


async def restart(folder: Path, count: int) -> dict[str, float]:
    """Open a store in which many tasks ran when the process ended, and be ready to run the first."""
    path = folder / f"{random_id()}.db"
    clock = Clock()
    store = await Store.open(path, clock)
    executor = executor_running(store, Nothing(), 1)
    for _ in range(count):
        task = await executor.submit("nothing", key=random_id())
        await store.claim_task(task.id, clock.now())
    await store.close()
    began = time.perf_counter()
    store = await Store.open(path, clock)
    executor = executor_running(store, Nothing(), 1)
    executor.start()
    opened = time.perf_counter()
    open_tasks = await store.tasks((TaskState.PAUSED,))
    await executor.resume(open_tasks[0].id)
    await finished(executor, open_tasks[0])
    ended = time.perf_counter()
    assert len(open_tasks) == count
    await executor.close()
    await store.close()
    return {"ms until ready": (opened - began) * 1000, "ms until the first is done": (ended - began) * 1000}


async def cancel(folder: Path) -> dict[str, float]:
    """Cancel a task while a server streams its answer."""
    asked, left = asyncio.Event(), asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if (await reader.readuntil(b"\r\n\r\n")).startswith(b"GET"):
            body = b'{"object":"list","data":[{"id":"big","object":"model"}]}'
            writer.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
        else:
            piece = b'data: {"choices":[{"index":0,"delta":{"content":"Once"}}]}\n\n'
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n" + piece)
            asked.set()
            while await reader.read(1 << 16):
                pass
            left.set()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
    paths = Paths(*(folder / random_id() / name for name in ("config", "data", "cache", "logs")))
    paths.make()
    settings = Settings(ux="openai/big", task="openai/big", openai={"base_url": url}, detect={"enabled": False})
    engine = await Engine.start(
        paths, settings, backends={BackendName.OPENAI: OpenAIBackend(settings, None)}, load=False
    )
    task = await engine.tasks.submit("write a story", key=random_id())
    await asked.wait()
    await asyncio.sleep(0.05)
    began = time.perf_counter()
    await engine.tasks.cancel(task.id)
    returned = time.perf_counter()
    await left.wait()
    seen = time.perf_counter()
    await engine.stop()
    server.close()
    return {"ms until it returned": (returned - began) * 1000, "ms until the server saw it": (seen - began) * 1000}


async def rounds(name: str, measure: Callable[[], Awaitable[dict[str, float]]], count: int = ROUNDS) -> None:
    """Measure some times; print best and median of each figure."""
    found = [await measure() for _ in range(count)]
    for figure in found[0]:
        values = [one[figure] for one in found]
        print(f"{name:<40} {figure:<28} best {min(values):8.2f}   median {statistics.median(values):8.2f}")


async def main(count: int) -> None:
    """Everything."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        await rounds(f"{count} tasks of nothing, {AT_ONCE} at once", lambda: burst(folder, count))
        await rounds("one task of nothing after the other", lambda: single(folder, 100))
        await rounds(f"a restart with {MANY} open tasks", lambda: restart(folder, MANY))
        await rounds("a cancel while a server streams", lambda: cancel(folder))
        await rounds(f"{MANY} tasks that write at once", lambda: lag(folder, MANY), count=2)


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else TASKS))
