"""SIGKILL at random moments while tasks run: `python tests/benchmarks/kill_tasks.py [--times 200] [--seed 1]`.

A process of its own is the engine and works on tasks of three steps, whose scripted model writes each word once. It is
killed, looked at, started again, as often as wanted; then it may finish. Ends with 1 where a task or a step was lost,
a finished step was asked again, an answer is not word for word what it should be, or less than the last second was
kept; else it prints how many kills there were, how many of them hit a running task, and how long restarts took.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import re
import signal
import statistics
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory

from tale_tui.config.paths import Paths
from tale_tui.config.settings import Settings
from tale_tui.domain.clock import Clock
from tale_tui.domain.models import BackendName
from tale_tui.domain.tasks import OPEN, StepState, TaskDetail, TaskState
from tale_tui.engine.engine import Engine
from tale_tui.engine.models.backend import ChatRequest
from tale_tui.engine.models.scripted import Pause, Say, Script, ScriptedBackend
from tale_tui.engine.store.store import Store

TIMES = 200
OPEN_TASKS = 4
RUNNING = 3
WORDS = 60
WORD_S = 0.02
"""An answer takes 1.2 s: longer than the pause between two partial saves."""
KILL_S = (0.02, 2.0)
STEPS = ("plan", "text", "check")
PLAN = json.dumps(
    {
        "steps": [
            {"key": key, "prompt": f"Do {key}.", "after": [before] if before else []}
            for before, key in zip(("", *STEPS), STEPS, strict=False)
        ]
    }
)
ASKED = re.compile(r"task-(\d+)\b.*Your step of it, (\w+)", re.DOTALL)


def paths_in(home: Path) -> Paths:
    """The four folders below one."""
    paths = Paths(*(home / name for name in ("config", "data", "cache", "logs")))
    paths.make()
    return paths


def words_of(number: str, key: str) -> list[str]:
    """What the model says for a step, word by word."""
    return [f"{key}-{number}-{n} " for n in range(WORDS)]


async def work(home: Path, limit: int) -> None:
    """Be the engine: keep some tasks open until there were so many, and end when all have ended."""
    calls = (home / "calls").open("a")

    def answer(request: ChatRequest) -> Script:
        found = ASKED.search(request.messages[-1].text)
        assert found is not None
        number, key = found.groups()
        print(number, key, file=calls, flush=True)
        rest = "".join(words_of(number, key)).removeprefix(request.continue_text)
        pieces = [piece for word in rest.split() for piece in (Pause(WORD_S), Say(f"{word} "))]
        return Script(tuple(pieces))

    engine = await Engine.start(
        paths_in(home),
        Settings(
            ux="scripted/demo",
            task="scripted/demo",
            detect={"enabled": False},
            tasks={"resume": "always", "running": RUNNING, "per_model": RUNNING, "per_minute": 100_000},
        ),
        backends={BackendName.SCRIPTED: ScriptedBackend(answer, models=("demo",))},
    )
    print("ready", flush=True)
    while True:
        counts = (await engine.control.status()).tasks
        made = counts.open + counts.done + counts.failed + counts.cancelled
        if made < limit and counts.open < OPEN_TASKS:
            await engine.tasks.submit(f"Carry out task-{made:04d} now.", key=f"{made:04d}task", plan=PLAN)
        elif not counts.open:
            break
        else:
            await asyncio.sleep(0.05)
    await engine.stop()


async def rows(home: Path) -> list[TaskDetail]:
    """Everything about every task, read as another process may."""
    store = await Store.open(paths_in(home).database, Clock(), read_only=True)
    details = [await store.task_detail(task.id) for task in await store.tasks()]
    await store.close()
    return details


def calls_in(home: Path) -> Counter[tuple[str, str]]:
    """How often the model was asked for each step."""
    file = home / "calls"
    lines = file.read_text().splitlines() if file.exists() else []
    return Counter((number, key) for number, _, key in (line.partition(" ") for line in lines))


def check(details: list[TaskDetail], known: dict[str, tuple[str, ...]]) -> list[str]:
    """What is wrong with the rows."""
    wrong = [f"task {id_} is lost" for id_ in known.keys() - {detail.task.id for detail in details}]
    for detail in details:
        number = detail.task.id[:4]
        if tuple(step.spec.key for step in detail.steps) != STEPS:
            wrong.append(f"task {number} has the steps {[step.spec.key for step in detail.steps]}")
        history = Counter(entry.what for entry in detail.history)
        wrong += [
            f"task {number}: {what!r} {count} times" for what, count in history.items() if "done" in what and count > 1
        ]
        for step in detail.steps:
            whole = "".join(words_of(number, step.spec.key))
            right = step.text == whole if step.state is StepState.DONE else whole.startswith(step.text)
            if not right:
                wrong.append(f"task {number}: {step.spec.key} says {step.text[:200]!r}")
        if detail.task.state in (TaskState.FAILED, TaskState.CANCELLED):
            wrong.append(f"task {number} is {detail.task.state}: {detail.task.error}")
    return wrong


class Trial:
    """One data folder, and what is known of it.

    Args:
        home: the folder.
        dice: says when to kill.
        limit: tasks in all.
    """

    def __init__(self, home: Path, dice: random.Random, limit: int) -> None:
        self._home = home
        self._dice = dice
        self._limit = limit
        self._known: dict[str, tuple[str, ...]] = {}
        """Id of a task -> keys of its steps that are done."""
        self._calls: Counter[tuple[str, str]] = Counter()
        self.started_s: list[float] = []
        self.hits = 0
        """Kills while a task ran."""

    def start(self) -> subprocess.Popen[str]:
        """An engine that has started."""
        began = time.monotonic()
        command = [sys.executable, __file__, "--child", str(self._home), "--limit", str(self._limit)]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        if process.stdout.readline().strip() != "ready":
            raise SystemExit("the engine did not start")
        self.started_s.append(time.monotonic() - began)
        return process

    def kill_once(self) -> list[str]:
        """Start, kill after a while, and look; what is wrong then."""
        process = self.start()
        time.sleep(self._dice.uniform(*KILL_S))
        process.send_signal(signal.SIGKILL)
        process.communicate()
        details = asyncio.run(rows(self._home))
        self.hits += any(detail.task.state is TaskState.RUNNING for detail in details)
        return check(details, self._known) + self._asked_again(details)

    def finish(self) -> list[str]:
        """Let it work off what is left; what is wrong in the end."""
        process = self.start()
        process.communicate(timeout=600)
        details = asyncio.run(rows(self._home))
        wrong = check(details, self._known) + self._asked_again(details)
        wrong += [f"task {detail.task.id} is {detail.task.state}" for detail in details if detail.task.state in OPEN]
        return wrong

    def _asked_again(self, details: list[TaskDetail]) -> list[str]:
        """Steps that were done at the last look and were asked since; keeps what is done now."""
        calls = calls_in(self._home)
        since = calls - self._calls
        self._calls = calls
        wrong = []
        for id_, done in self._known.items():
            wrong += [f"task {id_}: {key} was done and was asked again" for key in done if since[id_[:4], key]]
        self._known = {
            detail.task.id: tuple(step.spec.key for step in detail.steps if step.state is StepState.DONE)
            for detail in details
        }
        return wrong


def main() -> int:
    """Kill as often as wanted; 1 where something was wrong."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--times", type=int, default=TIMES)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--child", type=Path)
    parser.add_argument("--limit", type=int, default=0)
    given = parser.parse_args()
    if given.child:
        asyncio.run(work(given.child, given.limit))
        return 0
    with TemporaryDirectory() as folder:
        trial = Trial(Path(folder), random.Random(given.seed), limit=OPEN_TASKS + given.times)
        for number in range(1, given.times + 1):
            if wrong := trial.kill_once():
                print(f"after kill {number} (seed {given.seed}):", *wrong, sep="\n  ")
                return 1
        if wrong := trial.finish():
            print("in the end:", *wrong, sep="\n  ")
            return 1
    median_s = statistics.median(trial.started_s)
    print(f"{given.times} kills, {trial.hits} of them while a task ran; nothing lost, nothing done twice")
    print(f"from the start of a process until the engine was ready: median {median_s * 1000:.0f} ms")
    return 0


if __name__ == "__main__":
    sys.exit(main())
