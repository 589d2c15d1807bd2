"""Figures of the store on a session of many messages and on many tasks:
`python tests/benchmarks/store_speed.py [MESSAGES [TASKS]]`.

Prints the best and the median of some rounds, in milliseconds. A benchmark, not a test: nothing is judged here.
"""

from __future__ import annotations

import asyncio
import statistics
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from tempfile import TemporaryDirectory

from tale_tui.domain.clock import Clock, random_id
from tale_tui.domain.conversation import MessageState
from tale_tui.domain.models import BackendName, FinishReason, ModelRef, Usage
from tale_tui.domain.tasks import Plan, StepSpec, TaskState
from tale_tui.engine.store.store import Store
from tale_tui.engine.store.tasks.steps import TaskEnd
from tale_tui.engine.store.tasks.tasks import NewTask

MESSAGES = 10_000
TASKS = 10_000
AT_ONCE = 50
OPEN_TASKS = 300
ROUNDS = 9
PLAN = Plan((StepSpec("answer", "Write it"),))
REF = ModelRef(BackendName.OLLAMA, "qwen2.5:7b")
USAGE = Usage(900, 120, 0, 310.0, 0.0, 3400.0, 38.5)
QUESTION = "Can you explain number {n}, and what memoisation has to do with it?"
ANSWER = """Memoisation keeps the result of call {n}, so that the same call later costs a look-up – naïve but quick:

```python
from functools import cache

@cache
def fib(n: int) -> int:
    return n if n < 2 else fib(n - 1) + fib(n - 2)
```

It trades memory for time. With {n} different arguments it holds {n} results, and every one of them stays there until
the cache is cleared; where that is too many, `lru_cache` keeps the ones that were asked for last.
"""


async def fill(store: Store, messages: int) -> str:
    """A session of this many messages, as turns make it; its id."""
    session = await store.add_session()
    for n in range(messages // 2):
        _, reply, *_ = await store.begin_turn(session.id, user_id=f"user{n}", text=QUESTION.format(n=n), reply_ref=REF)
        await store.finish_reply(
            reply.id,
            state=MessageState.COMPLETE,
            text=ANSWER.format(n=n),
            usage=USAGE,
            finish=FinishReason.STOP,
        )
    return session.id


async def measure(name: str, call: Callable[[], Awaitable[object]], rounds: int = ROUNDS) -> None:
    """Call it some times and print how long it took."""
    times = []
    for _ in range(rounds):
        began = time.perf_counter()
        await call()
        times.append((time.perf_counter() - began) * 1000)
    print(f"{name:<44} best {min(times):8.2f} ms   median {statistics.median(times):8.2f} ms")


async def measure_session(path: Path, messages: int) -> None:
    """Everything that a long session could make slow."""
    store = await Store.open(path, Clock())
    began = time.perf_counter()
    session_id = await fill(store, messages)
    each = (time.perf_counter() - began) * 1000 / (messages // 2)
    print(f"{messages} messages")
    print(f"{'a turn: begin and finish':<44} mean {each:8.2f} ms")
    branch = (await store.transcript(session_id)).messages
    reply, middle = branch[-1], branch[len(branch) // 2]
    await measure("transcript", lambda: store.transcript(session_id))
    await measure("prompt_source of the last reply, 20 messages", lambda: store.prompt_source(reply.id, 20))
    await measure("sessions", lambda: store.sessions())
    await measure("search for a word of every reply", lambda: store.search("memoisation"))
    await measure("search for what is not there", lambda: store.search("xylophone"))
    await measure("prompt_history", lambda: store.prompt_history())
    await measure("save_partial of 32 KB", lambda: store.save_partial(reply.id, "word " * 6500))
    await measure("reopen_reply of a stopped one, finish_reply", lambda: reopen(store, reply.id))
    await measure("begin_reply in the middle", lambda: store.begin_reply(session_id, middle.id))
    await measure("show_sibling in the middle", lambda: store.show_sibling(session_id, middle.id, 1))
    await measure("fork_session", lambda: store.fork_session(session_id, reply.id), rounds=1)
    text = await store.export_json(session_id)
    await measure("export_json", lambda: store.export_json(session_id), rounds=3)
    await measure("import_json", lambda: store.import_json(text), rounds=1)
    await measure("delete_session", lambda: store.delete_session(session_id), rounds=1)
    await store.close()
    await measure("open and close", lambda: reopened(path))


async def carry_out(store: Store, id_: str, slots: asyncio.Semaphore) -> None:
    """A task whose one step does nothing: handed in, claimed, its step begun, done."""
    async with slots:
        await store.add_task(NewTask(id_, QUESTION.format(n=id_), PLAN, ref=REF))
        claim = await store.claim_task(id_, time.time())
        if claim is None:
            raise RuntimeError(f"{id_} is not queued")
        await store.begin_step(id_, claim.epoch, "answer", REF)
        await store.finish_step(
            id_, claim.epoch, "answer", text=ANSWER, ref=REF, usage=USAGE, end=TaskEnd(ANSWER, "the task model")
        )


async def start(store: Store, id_: str) -> int:
    """A task that runs; its epoch."""
    await store.add_task(NewTask(id_, QUESTION.format(n=id_), PLAN, ref=REF))
    claim = await store.claim_task(id_, time.time())
    if claim is None:
        raise RuntimeError(f"{id_} is not queued")
    await store.begin_step(id_, claim.epoch, "answer", REF)
    return claim.epoch


async def measure_tasks(path: Path, tasks: int) -> None:
    """What a task costs, and what many of them do."""
    store = await Store.open(path, Clock())
    ids = [random_id() for _ in range(tasks)]
    print(f"{tasks} tasks, {AT_ONCE} at once")
    for part in (ids[: tasks // 2], ids[tasks // 2 :]):
        slots = asyncio.Semaphore(AT_ONCE)
        began, worked = time.perf_counter(), time.process_time()
        await asyncio.gather(*(carry_out(store, id_, slots) for id_ in part))
        wall, cpu = time.perf_counter() - began, time.process_time() - worked
        each = f"mean {wall * 1000 / len(part):8.2f} ms   CPU {cpu * 1000 / len(part):.2f} ms"
        print(f"{'a task that does nothing':<44} {each}")
    await measure("all tasks", lambda: store.tasks())
    await measure("the last 100 tasks that are done", lambda: store.tasks((TaskState.DONE,), limit=100))
    await measure("task_counts", lambda: store.task_counts())
    await measure("task", lambda: store.task(ids[0]))
    await measure("task_detail", lambda: store.task_detail(ids[0]))
    await measure("find_task", lambda: store.find_task(ids[0][:8]))
    running = [random_id() for _ in range(OPEN_TASKS)]
    epochs = await asyncio.gather(*(start(store, id_) for id_ in running))
    saved = list(zip(running, epochs, strict=True))
    await measure("save_step of 32 KB", lambda: store.save_step(*saved[0], "answer", "word " * 6500, "", 1000))
    await measure(
        f"save_step of 4 KB in {OPEN_TASKS} tasks at once",
        lambda: asyncio.gather(*(store.save_step(*one, "answer", "word " * 800, "", 800) for one in saved)),
    )
    await store.close()
    began = time.perf_counter()
    store = await Store.open(path, Clock())
    took = f"once {(time.perf_counter() - began) * 1000:8.2f} ms"
    print(f"{'open, with running tasks to interrupt':<44} {took}   of {store.interrupted_tasks}")
    await measure(f"queue and claim of {OPEN_TASKS}", lambda: claim_all(store, running), rounds=1)
    await store.close()
    await measure("open and close", lambda: reopened(path))


async def claim_all(store: Store, ids: list[str]) -> None:
    """Resume what was interrupted and take it from the queue, one after the other, as a single executor does."""
    for id_ in ids:
        await store.change_task(id_, TaskState.QUEUED, expect={TaskState.PAUSED})
    for task in await store.queue():
        await store.claim_task(task.id, time.time())


async def reopen(store: Store, message_id: str) -> None:
    """A reply that broke off is gone on with and breaks off again."""
    await store.finish_reply(message_id, state=MessageState.STOPPED, text=ANSWER)
    await store.reopen_reply(message_id)


async def reopened(path: Path) -> None:
    """Open the database and close it."""
    store = await Store.open(path, Clock())
    await store.close()


if __name__ == "__main__":
    with TemporaryDirectory() as folder:
        wanted = int(sys.argv[1]) if len(sys.argv) > 1 else MESSAGES
        asyncio.run(measure_session(Path(folder) / "tale.db", wanted))
        wanted = int(sys.argv[2]) if len(sys.argv) > 2 else TASKS
        asyncio.run(measure_tasks(Path(folder) / "tasks.db", wanted))
