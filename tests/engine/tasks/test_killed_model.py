"""A hundred tasks run on the real starter model, and its process is killed: all end, and how long it took is kept."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import aclosing
from pathlib import Path

import psutil
import pytest

from support.processes import model_processes
from tale_tui.config.paths import Paths
from tale_tui.config.settings import Settings
from tale_tui.domain.clock import Clock, random_id
from tale_tui.domain.events import StepDelta
from tale_tui.domain.models import BackendName, ModelRef, Role
from tale_tui.domain.tasks import OPEN, Task, TaskState
from tale_tui.engine.engine import Engine
from tale_tui.engine.models.files.starter import STARTER_NAME

pytestmark = [pytest.mark.starter, pytest.mark.process]

STARTER = ModelRef(BackendName.EMBEDDED, STARTER_NAME)
TASKS = 100
FEW_TOKENS = 3
"""Of each answer: what is tried here does not depend on its length."""
BACKOFF_S = 0.1


def settings() -> Settings:
    """All tasks may run at once, and try again soon."""
    return Settings(
        ux=str(STARTER),
        task=str(STARTER),
        detect={"enabled": False},
        tasks={"running": TASKS, "per_model": TASKS, "max_tokens": FEW_TOKENS, "backoff_s": BACKOFF_S},
    )


async def written(engine: Engine, task: Task) -> None:
    """Until a task has begun to write."""
    async with aclosing(engine.tasks.follow(task.id)) as events:
        async for event in events:
            if isinstance(event, StepDelta):
                return


async def process_of(engine: Engine, role: Role) -> psutil.Process:
    """The process that serves a role."""
    [report] = [one for one in await engine.models.backends() if one.name is BackendName.EMBEDDED]
    assert {model.role for model in report.loaded} == set(Role)
    children = {child.nice(): child for child in model_processes()}
    return children[max(children) if role is Role.TASK else min(children)]


@pytest.mark.long
async def test_when_the_process_of_the_model_is_killed_all_tasks_end(
    paths: Paths, place_starter: Callable[[Path], Path]
) -> None:
    place_starter(paths.models)
    engine = await Engine.start(paths, settings(), Clock())
    try:
        tasks = [await engine.tasks.submit(f"Count to {number}.", key=random_id()) for number in range(TASKS)]
        await written(engine, tasks[TASKS // 10])
        assert len(await engine.tasks.list(states=(TaskState.RUNNING,))) > TASKS // 2
        talking, working = await process_of(engine, Role.UX), await process_of(engine, Role.TASK)
        working.kill()
        while await engine.tasks.list(states=tuple(OPEN)):
            await asyncio.sleep(0.05)
        assert {task.state for task in await engine.tasks.list()} == {TaskState.DONE}
        assert talking.is_running()
        what = [(entry.what.value, entry.ms) for entry in reversed(await engine.store.residencies())]
    finally:
        await engine.stop()
    assert [word for word, _ in what] == ["load", "load", "died", "load", "recovered"]
    recovery_ms = what[-1][1]
    assert recovery_ms
    print(f"{TASKS} tasks, recovered in {recovery_ms:.0f} ms")
