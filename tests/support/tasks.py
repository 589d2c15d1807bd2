"""Tasks that a test moves by hand: makers of tasks, and a window that shows nothing else."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import count
from pathlib import Path
from typing import Any, ClassVar

import tale_tui.ui
from support.screen_app import NOW, ScreenApp
from support.scripted_engine import ScriptedEngine
from tale_tui.domain.errors import TaleError
from tale_tui.domain.models import BackendName, ModelRef, Role, RoleState, RoleStatus, Usage
from tale_tui.domain.tasks import (
    Plan,
    Priority,
    Reason,
    Step,
    StepSpec,
    StepState,
    Task,
    TaskDetail,
    TaskEntry,
    TaskState,
)
from tale_tui.ui.tasks.screen import TasksScreen

BIG = ModelRef(BackendName.OLLAMA, "qwen3:14b")
SMALL = ModelRef(BackendName.OLLAMA, "qwen2.5:7b")
CODE = '''The function, with a cache so that each number is computed once. Save it as `fib.py`:

```python
from functools import cache


@cache
def fib(n: int) -> int:
    """n-th Fibonacci number, n >= 0."""
    return n if n < 2 else fib(n - 1) + fib(n - 2)
```

And a test, `tests/test_fib.py`:

```python
from fib import fib


def test_the_first_ones() -> None:
    assert [fib(n) for n in range(6)] == [0, 1, 1, 2, 3, 5]
```
'''


def task(name: str, title: str, state: str = "queued", **changes: Any) -> Task:
    """A task whose id begins with `name`; times are seconds before `NOW` where they end in `_ago`."""
    ago = {key.removesuffix("_ago"): NOW - changes.pop(key) for key in list(changes) if key.endswith("_ago")}
    plain: dict[str, Any] = {"created": NOW - 600, "updated": NOW - 60, "ref": BIG, **ago, **changes}
    return Task(f"{name}00000000000", name, title, TaskState(state), **plain)


def step(key: str, state: str = "pending", text: str = "", tokens: int | None = None, **changes: Any) -> Step:
    """A step, `took` seconds long where it is told; one that runs began so long before `NOW`."""
    took = changes.pop("took", None)
    if took is not None:
        began = NOW - took if state == "running" else NOW - 300
        changes |= {"started": began, "finished": None if state == "running" else began + took}
    usage = None if tokens is None else Usage(prompt_tokens=96, completion_tokens=tokens, tokens_per_second=11.8)
    spec = StepSpec(key, key, changes.pop("prompt", f"Do the {key}."), kind=changes.pop("kind", "model"))
    attempts = changes.pop("attempts", 0 if state == "pending" else 1)
    return Step(spec, StepState(state), attempts, ref=BIG, text=text, usage=usage, **changes)


def detail_of(one: Task, steps: Iterable[Step] = (), *, text: str = "", result: str = "") -> TaskDetail:
    """All of a task; without steps it has one."""
    state = {TaskState.DONE: "done", TaskState.RUNNING: "running", TaskState.FAILED: "failed"}.get(one.state, "pending")
    made = tuple(steps) or (step("answer", state, result, took=42 if state != "pending" else None),)
    history = (
        TaskEntry(one.created, "queued"),
        TaskEntry(one.created + 2, "running with qwen3:14b"),
    )
    plan = Plan(tuple(one.spec for one in made), approval=one.reason is Reason.APPROVAL)
    return TaskDetail(one, text or f"{one.title}, please.", plan, made, result, history)


class TasksApp(ScreenApp):
    """A window that shows the tasks and nothing else.

    Attributes:
        quoted: what was sent to the chat.
    """

    CSS_PATH: ClassVar = [str(Path(tale_tui.ui.__file__).parent / "tasks/tasks.tcss")]

    def __init__(self, engine: ScriptedEngine, theme: str = "tale-dark", broken: TaleError | None = None) -> None:
        super().__init__(engine, lambda bridge, clock: TasksScreen(bridge, None, clock), theme, broken)
        self.quoted: list[str] = []

    @property
    def tasks(self) -> TasksScreen:
        """The screen."""
        assert isinstance(self.shown, TasksScreen)
        return self.shown

    def on_tasks_screen_quoted(self, event: TasksScreen.Quoted) -> None:
        self.quoted.append(event.text)


def plain(tasks: Iterable[Task] = ()) -> ScriptedEngine:
    """An engine with two models and with tasks of which nothing but this is told."""
    engine = ScriptedEngine(detail_of(one) for one in tasks)
    engine.role = RoleStatus(Role.UX, RoleState.READY, SMALL, 8192)
    engine.task_role = RoleStatus(Role.TASK, RoleState.READY, BIG, 8192)
    engine.now = NOW
    return engine


def some() -> ScriptedEngine:
    """The tasks of an ordinary afternoon: two run, one waits for another one, one asks, one is done, one failed."""
    engine = plain()
    running = task(
        "k4t9", "Fibonacci function", "running", priority=Priority.HIGH, started_ago=42, running_since_ago=42,
        expected_s=72.0, steps_total=3, steps_done=1, step_title="write", completion_tokens=96,
        why="tasks go to the big model", p=0.93,
    )  # fmt: skip
    steps = (
        step("outline", "done", "1. Use a cache.\n2. Test it.", 96, took=8),
        step("write", "running", CODE[:210], took=34),
        step("check"),
    )
    engine.give(detail_of(running, steps, text="Can you write a Python function to calculate the Fibonacci sequence?"))
    engine.give(
        detail_of(
            task(
                "m2x7", "Compare three databases", "running", started_ago=130, running_since_ago=130, expected_s=490.0,
                steps_total=6, step_title="collect",
            ),
            [step("collect", "running", "SQLite is", took=130), *(step(f"part {number}") for number in range(2, 7))],
        )
    )  # fmt: skip
    asks = task("r5n1", "Web application", "waiting", reason=Reason.APPROVAL, steps_total=14, step_title="routes")
    names = ("routes", "models", "views", "forms", "tests", "styles", "login", "mail", "search", "cache", "jobs")
    engine.give(detail_of(asks, [step(name) for name in (*names, "docs", "deploy", "check")]))
    engine.give(detail_of(task("t6b2", "Summary of the minutes", "paused", reason=Reason.INTERRUPTED, worked_s=95.0)))
    engine.give(detail_of(task("p8c3", "Tests for Fibonacci", after=(running.id,), waits_for=("k4t9",))))
    engine.give(
        detail_of(
            task("w9d4", "Letter to the landlord", "done", finished_ago=60, worked_s=51.0, completion_tokens=412),
            result=CODE,
        )
    )
    engine.give(
        detail_of(
            task(
                "z3h6", "Translate the manual", "failed", finished_ago=4000, worked_s=12.0, error_code="out_of_memory",
                error="qwen3:14b does not fit: it needs 9.3 GB and 6.1 GB are free. Choose a smaller one with /model.",
            ),
            result="The first chapter",
        )
    )  # fmt: skip
    engine.give(detail_of(task("b7y5", "Poem about rain", "cancelled", finished_ago=90_000, worked_s=3.0)))
    return engine


def many(number: int) -> Iterator[Task]:
    """So many tasks, most of them done."""
    letters = "bcdfghjkmnpqrstvwxyz23456789"
    for index in count():
        if index == number:
            return
        name = "".join(letters[(index // 28**place) % 28] for place in range(4))
        state = "running" if index < 4 else "queued" if index < 300 else ("failed" if index % 50 == 0 else "done")
        ended = {"finished": NOW - index * 60.0, "worked_s": 20.0 + index % 90} if state in ("done", "failed") else {}
        begun = {"running_since": NOW - 30, "started": NOW - 30, "expected_s": 60.0} if state == "running" else {}
        yield task(name, f"Task number {index} about databases and letters", state, **ended, **begun)
