"""What whole engines do with histories and learned files that nobody should have: one sentence, and work goes on."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import time
from collections.abc import Awaitable, Callable
from contextlib import closing
from typing import Any

import pytest

from support.scripted_month import scripted_month
from tale_tui.config.paths import Paths
from tale_tui.domain.complexity import Complexity
from tale_tui.domain.events import Notice
from tale_tui.domain.learning import LearnedPart
from tale_tui.domain.models import BackendName, ModelRef
from tale_tui.engine.detect.model import packaged_weights as detector_weights
from tale_tui.engine.engine import Engine
from tale_tui.engine.learning.complexity import packaged_weights
from tale_tui.engine.learning.forecasts import RUNS_FIRST, RUNS_OF_MODEL
from tale_tui.engine.learning.task_effort import efforts
from tale_tui.engine.learning.training import NEW, ComplexityExample, exact, fit, packaged_examples, refit
from tale_tui.engine.models.scripted import ScriptedBackend, spoken
from tale_tui.engine.store.task_forecasts import EndedTask

Start = Callable[..., Awaitable[Engine]]
REF = ModelRef(BackendName.SCRIPTED, "big")
SOON_S = 10.0
"""Far more than it takes, and far less than reading 100,000 runs would."""
MANY = 100_000
MODELS = 3
TASKS = """
    WITH RECURSIVE number(n) AS (VALUES (1) UNION ALL SELECT n + 1 FROM number WHERE n < :many)
    INSERT INTO task (n, id, state, priority, place, title, created, updated, started, finished, worked_s, backend,
        model, steps_total, steps_done, prompt_tokens, completion_tokens)
    SELECT n, printf('t%015d', n), 'done', 2, n, 'Report', 1.6e9 + n, 1.6e9 + n, 1.6e9 + n, 1.6e9 + n + 0.5, 1 + n % 90,
        'ollama', 'm' || (n % :models), 1, 1, 90, 20 + n * 37 % 900
    FROM number
"""
BODIES = """
    INSERT INTO task_body (task_n, plan, text)
    SELECT n, '{"steps": [{"key": "answer", "title": "Answer"}]}', 'Write report ' || (n % 5000) || ' on stock'
    FROM task
"""
FORECASTS = """
    INSERT INTO task_forecast (task_n, made, kind, backend, model, runs, prompt_tokens, prompt_low, prompt_high,
        completion_tokens, completion_low, completion_high, seconds, seconds_low, seconds_high, waiting_s, waiting_low,
        waiting_high)
    SELECT n, created, 'prose', backend, model, 50, 90, 80, 100, 300, 100, 600, 20, 10, 40, 0, 0, 0 FROM task
"""
CALLS = """
    INSERT INTO token_metrics (timestamp, role, backend, model_name, kind, task_id, step, outcome, prompt_tokens,
        completion_tokens, total_tokens, total_ms)
    SELECT created, 'task', backend, model, 'step', id, 'answer', 'done', 90, completion_tokens, 90 + completion_tokens,
        1000 * worked_s
    FROM task
"""


@pytest.fixture
def start(start_engine: Start) -> Start:
    async def one(**more: Any) -> Engine:
        backend = ScriptedBackend([spoken(*["word "] * 100) for _ in range(9)], models=("small", "big"))
        return await start_engine(
            {BackendName.SCRIPTED: backend}, **{"ux": "scripted/small", "task": "scripted/big", "load": False, **more}
        )

    return one


@pytest.mark.long
async def test_with_a_hundred_thousand_tasks_the_start_and_the_first_forecast_are_quick(
    start: Start, paths: Paths
) -> None:
    await (await start()).stop()
    with closing(sqlite3.connect(paths.database)) as connection, connection:
        connection.execute(TASKS, {"many": MANY, "models": MODELS})
        for statement in (BODIES, FORECASTS, CALLS):
            connection.execute(statement)
    began = time.monotonic()
    engine = await start()
    found = await engine.learning.forecast("Write report 7 on stock", model="ollama/m1")
    assert time.monotonic() - began < SOON_S
    assert 0 < found.runs <= RUNS_FIRST
    async with asyncio.timeout(60):
        forecast = next(state for state in await engine.learning.learned() if state.part is LearnedPart.FORECAST)
    assert forecast.examples == MODELS * RUNS_OF_MODEL  # the others were read behind it
    later = await engine.learning.forecast("Write report 7 on stock", model="ollama/m1")
    assert later.runs == RUNS_OF_MODEL


async def test_a_task_that_ends_while_the_others_are_still_read_is_learned_from_once(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tale_tui.engine.learning.forecasts.RUNS_FIRST", 2)
    monkeypatch.setattr("tale_tui.engine.learning.forecasts.RUNS_AT_ONCE", 2)
    engine = await start()
    for key in "abcde":
        await do(engine, key)
    await engine.stop()
    second = await start()
    assert (await second.learning.forecast("Write a haiku")).runs == 2
    await do(second, "f")
    async with asyncio.timeout(10):
        while (await second.learning.forecast("Write a haiku")).runs != 6:
            await asyncio.sleep(0.01)
    state = next(state for state in await second.learning.learned() if state.part is LearnedPart.FORECAST)
    assert state.examples == 6


async def do(engine: Engine, key: str) -> None:
    """Hand in a task and see its end."""
    await engine.tasks.submit(f"Write a haiku about {key}", key=key)
    async for _ in engine.tasks.follow(key):
        pass


NEWER = {
    "complexity.json": json.dumps(json.loads(packaged_weights().dump()) | {"format": 99}).encode(),
    "detector.json": json.dumps(json.loads(detector_weights().dump()) | {"format": 99}).encode(),
}
WHOLE = {"complexity.json": packaged_weights().dump().encode(), "detector.json": detector_weights().dump().encode()}
HISTORY = b'{"events":[],"looked":5.0,"weights_format":1,"format":1,"count":3,"changing":false}'
DAMAGED = [
    *((name, text) for name in WHOLE for text in (b"", b"\xff{", WHOLE[name][:-900], NEWER[name], b"[" * 100_000)),
    *(
        (f"{name}.history", text)
        for name in (*WHOLE, "forecast.json")
        for text in (b"", HISTORY[:-9], HISTORY.replace(b'"format":1,', b'"format":99,'), b"\x00" * 50)
    ),
]


@pytest.mark.parametrize(("name", "text"), DAMAGED, ids=[f"{name} {text[:9]!r} {len(text)}" for name, text in DAMAGED])
async def test_a_learned_file_that_cannot_be_read_is_told_of_in_one_sentence_and_stays(
    start: Start, paths: Paths, name: str, text: bytes
) -> None:
    paths.data.mkdir(parents=True, exist_ok=True)
    (paths.data / name).write_bytes(text)
    engine = await start(load=True, detect={"enabled": True})
    notices: list[str] = []
    async with asyncio.timeout(20):
        async for fact in engine.control.watch():
            if isinstance(fact, Notice) and fact.title == "What was learned cannot be used":
                notices.append(fact.sentence)
                break
    problems = [state.problem for state in await engine.learning.learned()]
    assert notices == [problem for problem in problems if problem]
    assert notices[0].endswith(".")
    assert ". " not in notices[0]
    assert "\n" not in notices[0]
    found = await engine.learning.forecast("hello there")
    assert found.complexity == "simple"
    assert found.p is not None
    assert found.p < 0.5
    assert (paths.data / name).read_bytes() == text


def test_tasks_of_the_same_text_that_contradict_each_other_are_what_most_of_them_were() -> None:
    tokens = [2_000, 30, 2_000, 30, 2_000]
    [found] = efforts(EndedTask("Do it", REF, each, each / 20, 5 if each > 99 else 1, 1.0) for each in tokens)
    assert found.level is Complexity.COMPLEX


@pytest.mark.long
def test_labels_that_contradict_each_other_never_make_it_worse() -> None:
    """Half of what is alike is said to be simple, the other half complex: nothing is learned from it, and if it were,
    all else would be judged as before.
    """
    levels = (Complexity.SIMPLE, Complexity.COMPLEX)
    tasks = [ComplexityExample(f"Do the usual thing for {number}", levels[number % 2], NEW) for number in range(60)]
    examples = packaged_examples()
    found = refit(examples, tasks)
    assert not found.kept
    assert exact(found.weights, examples) > exact(packaged_weights(), examples) - 0.02


@pytest.mark.long
@pytest.mark.timeout(600)  # twelve real fits
def test_the_error_of_complexity_falls_with_the_tasks_of_a_scripted_month() -> None:
    errors = dict.fromkeys((0, 10, 50, 200), 0.0)
    for seed in (1, 2, 3):
        done = [task for task in scripted_month(seed) if task.outcome == "done"]
        ended = [
            EndedTask(
                task.text, ModelRef(BackendName.OLLAMA, task.model), task.written, task.seconds, len(task.steps), at
            )
            for at, task in enumerate(done)
        ]
        found = [ComplexityExample(each.text, each.level, "user") for each in efforts(ended)]
        for count in errors:
            errors[count] += 1 - exact(fit([*packaged_examples(), *found[:count]]), found[200:])
    assert errors[200] < errors[50] < errors[10]
    assert errors[200] < errors[0]
