"""Models of its size as planners: the starter is not asked, and what hardly ever makes a plan that can be run gets the
task done all the same."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import aclosing
from pathlib import Path

import pytest

from tale_tui.config.paths import Paths
from tale_tui.config.settings import Settings
from tale_tui.domain.clock import Clock
from tale_tui.domain.events import TaskSeen
from tale_tui.domain.models import BackendName, ModelRef
from tale_tui.domain.tasks import ENDED, StepKind, StepState, TaskDetail, TaskState
from tale_tui.engine.engine import Engine
from tale_tui.engine.models.files.starter import STARTER_NAME, starter_path
from tale_tui.engine.planning.maker import TOO_SMALL
from tale_tui.formatting.plans import planning_words

pytestmark = [pytest.mark.starter, pytest.mark.process, pytest.mark.timeout(300)]

STARTER = str(ModelRef(BackendName.EMBEDDED, STARTER_NAME))
APPLICATION = "Build a complete web application with user authentication, database, and API"
TOKENS = 120
"""Of each answer: a plan that is cut off is the most likely of what goes wrong."""
LONGER = 400
OTHER_NAME = "small-instruct"
"""The same model, which nobody knows to be the starter."""
WAIT_S = 240.0


@pytest.mark.long
async def test_the_starter_is_asked_for_no_plan(paths: Paths, place_starter: Callable[[Path], Path]) -> None:
    place_starter(paths.models)
    detail = await done_by(STARTER, paths, TOKENS)
    [maker, whole] = detail.steps
    assert (maker.attempts, maker.usage) == (1, None), "nothing was asked of it"
    assert planning_words(detail) == f"Not broken down: {TOO_SMALL}"
    assert whole.state is StepState.DONE
    assert detail.result.strip()


@pytest.mark.parametrize("tokens", [TOKENS, LONGER])
@pytest.mark.long
async def test_a_small_model_that_plans_gets_the_task_done(
    paths: Paths, place_starter: Callable[[Path], Path], tokens: int
) -> None:
    place_starter(paths.models)
    starter_path(paths.models).rename(paths.models / f"{OTHER_NAME}.gguf")
    detail = await done_by(str(ModelRef(BackendName.EMBEDDED, OTHER_NAME)), paths, tokens)
    history = [entry.what for entry in detail.history]
    assert detail.task.state is TaskState.DONE, history
    assert detail.result.strip()
    [maker] = [one for one in detail.steps if one.spec.kind == StepKind.PLAN and not one.spec.prompt]
    assert maker.state is StepState.DONE
    assert 1 <= maker.attempts <= 4, history
    assert maker.usage is not None, "it was asked"
    done = [one for one in detail.steps if one.spec.kind == StepKind.MODEL]
    assert done
    assert {one.state for one in done} <= {StepState.DONE, StepState.SKIPPED}


async def done_by(model: str, paths: Paths, tokens: int) -> TaskDetail:
    """The large task, carried out by a model that does all of it."""
    settings = Settings(
        ux=model,
        task=model,
        tasks={"max_tokens": tokens, "backoff_s": 0.1},
        plans={"ask_complexity": "never", "ask_tokens": 0, "steps": 4},
    )
    engine = await Engine.start(paths, settings, Clock())
    try:
        task = await engine.tasks.submit(APPLICATION, key="s" * 16)
        async with asyncio.timeout(WAIT_S), aclosing(engine.tasks.follow(task.id)) as events:
            async for event in events:
                if isinstance(event, TaskSeen) and event.detail.task.state in ENDED | {TaskState.WAITING}:
                    break
        return await engine.tasks.get(task.id)
    finally:
        await engine.stop()
