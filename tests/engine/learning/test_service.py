"""What was learned, asked of a whole engine: shown, undone, forgotten, and told of where it is damaged."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from tale_tui.config.paths import Paths
from tale_tui.domain.errors import BadInput, ReadOnly
from tale_tui.domain.events import Notice
from tale_tui.domain.forecasts import Estimate, ForecastOutcome
from tale_tui.domain.learning import WEEK_S, LearnedPart, LearnedState
from tale_tui.domain.models import BackendName
from tale_tui.domain.tasks import ENDED
from tale_tui.engine.engine import Engine
from tale_tui.engine.learning.service import by_week
from tale_tui.engine.models.scripted import ScriptedBackend, spoken

Start = Callable[..., Awaitable[Engine]]


@pytest.fixture
def start(start_engine: Start) -> Start:
    async def one(**more: Any) -> Engine:
        backend = ScriptedBackend([spoken(*["word "] * 100) for _ in range(40)], models=("small", "big"))
        return await start_engine(
            {BackendName.SCRIPTED: backend}, **{"ux": "scripted/small", "task": "scripted/big", "load": False, **more}
        )

    return one


async def do(engine: Engine, text: str, key: str) -> None:
    """Hand in a task and see its end."""
    await engine.tasks.submit(text, key=key)
    async for _ in engine.tasks.follow(key):
        pass
    assert (await engine.tasks.get(key)).task.state in ENDED


async def of(engine: Engine, part: LearnedPart) -> LearnedState:
    return next(state for state in await engine.learning.learned() if state.part is part)


async def test_before_anything_was_learned_the_figures_of_the_program_stand(start: Start) -> None:
    engine = await start(detect={"enabled": True})
    detection, complexity, forecast = await engine.learning.learned()
    for state in (detection, complexity):
        assert (state.examples, state.new, state.before, state.events, state.problem) == (0, 0, None, (), "")
        assert state.enabled
        assert state.kept_apart > 50
        assert state.now is not None
        assert state.now > 0.7
    assert (forecast.examples, forecast.now, forecast.points) == (0, None, ())


async def test_tasks_are_examples_and_each_part_says_how_it_is_stopped(start: Start) -> None:
    engine = await start(learning={"complexity": False, "forecast": False}, detect={"learn": False})
    await do(engine, "Write a haiku", "a")
    states = await engine.learning.learned()
    assert [(state.enabled, state.setting) for state in states] == [
        (False, "detect.learn"),
        (False, "learning.complexity"),
        (False, "learning.forecast"),
    ]
    assert (states[1].examples, states[1].new) == (1, 1)
    assert states[2].examples == 0
    assert (await engine.learning.forecast("Write a haiku")).runs == 0


async def test_forecasts_forget_and_an_undo_brings_it_all_back(start: Start) -> None:
    engine = await start()
    for key in "abc":
        await do(engine, f"Write a haiku about {key}", key)
    assert (await engine.learning.forecast("Write a haiku")).runs == 3
    event = await engine.learning.reset(LearnedPart.FORECAST)
    assert (await engine.learning.forecast("Write a haiku")).runs == 0
    await do(engine, "Write a haiku about d", "d")
    assert (await of(engine, LearnedPart.FORECAST)).examples == 1
    undone = await engine.learning.undo(event.id)
    assert undone.undone is not None
    state = await of(engine, LearnedPart.FORECAST)
    assert (state.examples, state.events, state.rollbacks) == (4, (undone,), 1)


async def test_each_part_is_stopped_and_started_while_the_engine_runs(start: Start) -> None:
    engine = await start()
    await do(engine, "Write a haiku about a", "a")
    for part in LearnedPart:
        await engine.learning.switch(part, on=False)
        assert not (await of(engine, part)).enabled
    await do(engine, "Write a haiku about b", "b")
    assert (await engine.learning.forecast("Write a haiku")).runs == 0
    for part in LearnedPart:
        await engine.learning.switch(part, on=True)
        assert (await of(engine, part)).enabled
    assert (await engine.learning.forecast("Write a haiku")).runs == 2


@pytest.mark.parametrize("name", ["", "complexity-1", "routes-1", "forecast-x", "../x-1"])
async def test_what_was_never_learned_cannot_be_undone(start: Start, name: str) -> None:
    engine = await start()
    with pytest.raises(BadInput, match="Nothing was learned"):
        await engine.learning.undo(name)


async def test_an_engine_that_only_reads_changes_nothing(start: Start, paths: Paths) -> None:
    await start()
    engine = await start(read_only=True)
    assert len(await engine.learning.learned()) == 3
    with pytest.raises(ReadOnly):
        await engine.learning.reset(LearnedPart.COMPLEXITY)
    with pytest.raises(ReadOnly):
        await engine.learning.switch(LearnedPart.COMPLEXITY, on=False)
    assert not list(paths.data.glob("complexity*"))


async def test_learned_weights_that_are_damaged_are_told_of_once_and_work_goes_on(start: Start, paths: Paths) -> None:
    paths.data.mkdir(parents=True, exist_ok=True)
    (paths.data / "complexity.json").write_bytes(b'{"format": 99}')
    engine = await start(load=True)
    notices = []
    async with asyncio.timeout(10):
        async for fact in engine.control.watch():
            if isinstance(fact, Notice) and fact.title == "What was learned cannot be used":
                notices.append(fact.sentence)
                break
    assert notices == [(await of(engine, LearnedPart.COMPLEXITY)).problem]
    assert "it is damaged, or of another version" in notices[0]
    assert (await engine.learning.forecast("hello there")).complexity == "simple"


def test_errors_are_counted_by_week() -> None:
    near, far = Estimate(100, 50, 150), Estimate(10, 5, 15)
    monday = 4 * 86_400
    outcomes = [
        ForecastOutcome("x", "code", tokens, 100, near, 100, monday + at)
        for at, tokens in ((2 * WEEK_S + 5, near), (10, far), (WEEK_S - 1, near))
    ]
    assert [(point.at, point.count, point.error) for point in by_week(outcomes)] == [
        (monday, 2, 0.5),
        (monday + 2 * WEEK_S, 1, 0.0),
    ]


def test_the_median_of_a_model_knows_only_what_came_before() -> None:
    far = Estimate(10, 5, 15)
    outcomes = [
        ForecastOutcome("x", "code", far, tokens, far, 100, at, model)
        for at, tokens, model in ((4, 1000, "a"), (3, 110, "a"), (2, 5000, "b"), (1, 100, "a"))
    ]
    (point,) = by_week(outcomes)
    assert (point.count, point.share, point.plain) == (4, 0.0, 0.5)
