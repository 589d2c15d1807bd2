"""Forecasts of tasks in a whole engine: made before they run, kept, held against what came, learned from."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import pytest

from support.calls import new_call
from tale_tui.domain.errors import EmptyMessage, NoSuchTask, TaskTooLong
from tale_tui.domain.events import TaskChanged
from tale_tui.domain.forecasts import Estimate, PastForecasts, TaskForecast
from tale_tui.domain.metrics import CallKind, CallOutcome
from tale_tui.domain.models import BackendName, ModelRef, Role
from tale_tui.domain.tasks import ENDED, TaskDetail, TaskRequest, TaskState
from tale_tui.engine.engine import Engine
from tale_tui.engine.models.scripted import Hold, Say, Script, ScriptedBackend, spoken

Start = Callable[..., Awaitable[Engine]]
BIG = ModelRef(BackendName.SCRIPTED, "big")
TWO_STEPS = """
{"steps": [{"key": "a", "title": "A", "prompt": "x"}, {"key": "b", "title": "B", "prompt": "y", "after": ["a"]}]}
"""
PRICE = {"prices": {str(BIG): {"prompt": 2.0, "completion": 10.0}}}


@pytest.fixture
def start(start_engine: Start) -> Start:
    async def one(answers: Sequence[Script] = (), **settings: Any) -> Engine:
        answers = answers or [spoken(*["word "] * 100) for _ in range(40)]
        backend = ScriptedBackend(answers, models=("small", "big"))
        settings.setdefault("route", {"simple_tasks": "task"})  # all runs are those of one model
        return await start_engine(
            {BackendName.SCRIPTED: backend}, ux="scripted/small", task="scripted/big", load=False, **settings
        )

    return one


async def do(engine: Engine, text: str, key: str, **more: Any) -> TaskDetail:
    """Hand in a task and see its end."""
    await engine.tasks.submit(text, key=key, **more)
    async for _ in engine.tasks.follow(key):
        pass
    detail = await engine.tasks.get(key)
    assert detail.task.state in ENDED
    return detail


async def until_taken(engine: Engine, task_id: str) -> None:
    async with asyncio.timeout(10):
        while not any(task.id == task_id for task in await engine.tasks.list()):
            await asyncio.sleep(0.01)


async def until_running(engine: Engine, task_id: str) -> None:
    async with asyncio.timeout(10):
        while (await engine.tasks.get(task_id)).task.state is not TaskState.RUNNING:
            await asyncio.sleep(0.01)


async def noted(engine: Engine, task_id: str) -> TaskForecast:
    async with asyncio.timeout(10):
        while (found := await engine.learning.of_task(task_id)) is None:
            await asyncio.sleep(0.01)
    return found


async def test_what_is_foreseen_of_a_text_names_its_model_its_route_and_from_what(start: Start) -> None:
    engine = await start()
    found = await engine.learning.forecast("Write a web scraper in Python")
    assert (found.ref, found.route, found.runs) == (BIG, Role.TASK, 0)
    assert "no run of this model yet" in found.why
    assert found.kind == "code"
    assert found.complexity in ("simple", "medium", "complex")
    for estimate in (found.prompt_tokens, found.completion_tokens, found.seconds):
        assert 0 < estimate.low < estimate.middle < estimate.high
    assert found.waiting == Estimate(0, 0, 0)
    assert found.cost is None
    assert await engine.tasks.list() == ()


async def test_a_forecast_is_kept_before_its_task_ends_and_held_against_what_came(start: Start) -> None:
    engine = await start()
    done = await do(engine, "Write a haiku about rain", "t" * 16)
    kept = await noted(engine, "t" * 16)
    assert (kept.ref, kept.runs, kept.kind) == (BIG, 0, "verse")
    again = await do(engine, "Write a haiku about rain", "u" * 16)
    assert again.task.completion_tokens == done.task.completion_tokens
    await noted(engine, "u" * 16)
    history = await engine.learning.history()
    assert history.total.tasks == len(await engine.store.forecast_outcomes(50))
    assert [kind.kind for kind in history.kinds] in ([], ["verse"])


async def test_those_who_watch_are_told_when_a_task_is_foreseen(start_engine: Start) -> None:
    backend = ScriptedBackend([Script((Say("word "), Hold(asyncio.Event())))], models=("small", "big"))
    engine = await start_engine({BackendName.SCRIPTED: backend}, ux="scripted/small", task="scripted/big", load=False)
    watching = engine.control.watch()
    await engine.tasks.submit("Write a haiku about rain", key="t" * 16)
    async with asyncio.timeout(10):
        async for fact in watching:
            if isinstance(fact, TaskChanged) and fact.task.forecast is not None:
                break
    kept = await noted(engine, "t" * 16)
    assert fact.task.forecast == kept.summary
    assert [task.forecast for task in await engine.tasks.list()] == [kept.summary]
    assert (await engine.tasks.get("t" * 16)).task.forecast == kept.summary


@pytest.mark.parametrize(("at_once", "waits"), [(1, True), (2, False)])
async def test_a_new_task_waits_where_those_before_it_have_all_slots(
    start_engine: Start, at_once: int, waits: bool
) -> None:
    backend = ScriptedBackend([Script((Say("word "), Hold(asyncio.Event())))], models=("small", "big"))
    engine = await start_engine(
        {BackendName.SCRIPTED: backend},
        ux="scripted/small",
        task="scripted/big",
        load=False,
        tasks={"per_model": at_once},
        route={"simple_tasks": "task"},
    )
    await engine.tasks.submit("Write a haiku about rain", key="t" * 16)
    before = await noted(engine, "t" * 16)
    await until_running(engine, "t" * 16)
    found = await engine.learning.forecast("Write a haiku about snow")
    assert found.ref == before.ref
    assert (found.waiting.high > 0) is waits


async def test_it_learns_from_each_task_that_is_done(start: Start) -> None:
    engine = await start()
    await engine.learning.forecast("Explain tides")
    for number in range(4):
        detail = await do(engine, "Write a haiku about rain", f"{number}" * 16)
    async with asyncio.timeout(10):
        while (found := await engine.learning.forecast("Write a haiku about rain")).runs < 4:
            await asyncio.sleep(0.01)
    assert "the same text was asked before" in found.why
    assert detail.task.completion_tokens is not None
    assert found.completion_tokens.middle == pytest.approx(detail.task.completion_tokens, rel=0.1)
    assert "median of 4 runs of this model" in (await engine.learning.forecast("Explain tides")).why


async def test_another_engine_reads_what_was_learned(start: Start) -> None:
    engine = await start()
    for number in range(3):
        await do(engine, "Write a haiku about rain", f"{number}" * 16)
    await engine.stop()
    second = await start()
    assert (await second.learning.forecast("Explain tides")).runs == 3
    assert (await second.learning.forecast("Explain tides", model="big")).runs == 3
    assert (await second.learning.forecast("Explain tides", model="never-heard-of")).runs == 0


async def test_a_plan_is_foreseen_as_the_sum_of_its_steps(start: Start) -> None:
    engine = await start()
    await do(engine, "Write about tides", "p" * 16, plan=TWO_STEPS)
    kept = await noted(engine, "p" * 16)
    one = await engine.learning.forecast("Write about tides", model="never-heard-of")
    assert kept.why.startswith("2 steps")
    assert kept.completion_tokens.middle > 1.4 * one.completion_tokens.middle


async def test_with_a_price_the_cost_is_foreseen(start: Start) -> None:
    engine = await start(**PRICE)
    found = await engine.learning.forecast("Explain tides")
    assert found.cost is not None
    wanted = (2 * found.prompt_tokens.middle + 10 * found.completion_tokens.middle) / 1e6
    assert found.cost.middle == pytest.approx(wanted)
    assert found.cost.low < found.cost.middle < found.cost.high


@pytest.mark.parametrize(("text", "error"), [(" ", EmptyMessage), ("x" * 17_000, TaskTooLong)])
async def test_what_cannot_be_a_task_cannot_be_foreseen(start: Start, text: str, error: type[Exception]) -> None:
    engine = await start()
    with pytest.raises(error):
        await engine.learning.forecast(text)


async def test_of_a_task_that_is_not_there_nothing_is_foreseen(start: Start) -> None:
    engine = await start()
    with pytest.raises(NoSuchTask):
        await engine.learning.of_task("nobody")


IMPOSSIBLE = [
    {"completion_tokens": 0},
    {"completion_tokens": -5},
    {"completion_tokens": None},
    {"completion_tokens": 10**12},
    {"completion_tokens": 50, "total_ms": -1.0, "prompt_tokens": -3},
    {"completion_tokens": 50, "total_ms": 1e15, "prompt_tokens": 0},
    {"completion_tokens": 50, "timestamp": 1e12},
]


async def test_rows_with_impossible_numbers_are_no_history(start: Start) -> None:
    engine = await start()
    await do(engine, "Explain tides", "t" * 16)
    await engine.store.add_calls(
        [
            new_call(
                BIG,
                kind=CallKind.STEP,
                task_id="t" * 16,
                step="work",
                outcome=CallOutcome.DONE,
                **{"timestamp": 1.0, **row},
            )
            for row in IMPOSSIBLE
        ]
    )
    await engine.stop()
    found = await (await start()).learning.forecast("Explain tides")
    assert found.runs == 4  # the run itself, and the rows that count tokens which can be
    assert 1 < found.seconds.middle + 1 < 600


async def test_an_engine_that_may_not_write_foresees_and_keeps_nothing(start: Start) -> None:
    engine = await start()
    await do(engine, "Explain tides", "t" * 16)
    await engine.stop()
    looking = await start(read_only=True)
    assert (await looking.learning.forecast("Explain tides")).runs == 1


async def test_many_runs_of_many_models_are_read_up_to_a_bound(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tale_tui.engine.learning.forecasts.RUNS_READ", 60)
    monkeypatch.setattr("tale_tui.engine.learning.forecasts.RUNS_OF_MODEL", 25)
    monkeypatch.setattr("tale_tui.engine.learning.forecasts.RUNS_AT_ONCE", 20)
    engine = await start()
    await do(engine, "Explain tides", "t" * 16)
    other = ModelRef(BackendName.SCRIPTED, "small")
    rows = [(other if number % 2 else BIG) for number in range(100)]
    await engine.store.add_calls(
        [new_call(ref, kind=CallKind.STEP, task_id="t" * 16, step="work", completion_tokens=30) for ref in rows]
    )
    await engine.stop()
    second = await start()
    assert (await second.learning.forecast("Explain tides", model="big")).runs == 25
    assert (await second.learning.forecast("Explain tides", model="small")).runs == 25


async def test_each_step_of_a_plan_has_its_forecast_and_a_single_one_has_that_of_its_task(start: Start) -> None:
    engine = await start()
    await do(engine, "Write about tides", "p" * 16, plan=TWO_STEPS)
    kept = await noted(engine, "p" * 16)
    steps = [step.foreseen for step in (await engine.tasks.get("p" * 16)).steps]
    middles = [step.completion_tokens.middle for step in steps if step is not None]
    assert len(middles) == 2
    assert sum(middles) == pytest.approx(kept.completion_tokens.middle)
    await do(engine, "Explain tides", "q" * 16)
    await noted(engine, "q" * 16)
    assert (await engine.tasks.get("q" * 16)).steps[0].foreseen is None


async def test_how_near_earlier_ones_were_is_known_before_the_next(start: Start) -> None:
    foreseen = asyncio.Event()
    engine = await start(
        [*(spoken(*["word "] * 100) for _ in range(11)), Script((Hold(foreseen), *[Say("word ")] * 100))], **PRICE
    )
    assert (await engine.learning.forecast("Explain tides")).past == PastForecasts()
    for number in range(11):
        await do(engine, "Explain tides", f"{number:x}" * 16)
        await noted(engine, f"{number:x}" * 16)
    history = await engine.learning.history()
    past = (await engine.learning.forecast("Explain tides")).past
    assert (past.tasks, past.near) == (history.total.tasks, history.total.near)
    done = asyncio.create_task(do(engine, "Explain tides", "z" * 16))
    await until_taken(engine, "z" * 16)
    kept = await noted(engine, "z" * 16)
    foreseen.set()
    await done
    listed = (await engine.tasks.get("z" * 16)).task.forecast
    assert listed == kept.summary
    assert listed is not None
    assert (listed.past, listed.cost) == (past, kept.cost)
    other = await engine.learning.forecast("Explain tides", model="never-heard-of")
    assert other.past == PastForecasts()


@pytest.mark.parametrize(
    ("settings", "large"),
    [
        ({}, False),
        ({"tasks": {"large_tokens": 50}}, True),
        ({"tasks": {"large_tokens": 0, "large_s": 0.5}}, True),
        ({"tasks": {"large_tokens": 0, "large_s": 0}}, False),
        ({"tasks": {"large_tokens": 50}, "budgets": {"day_tokens": 10**6}}, False),
    ],
)
async def test_what_is_large_is_known_before_it_runs(start: Start, settings: dict[str, Any], large: bool) -> None:
    engine = await start(**settings)
    assert (await engine.learning.forecast("Explain tides")).large is large
    await engine.tasks.submit("Explain tides", key="t" * 16)
    assert (await noted(engine, "t" * 16)).large is large


@pytest.mark.long
async def test_a_hundred_tasks_are_foreseen_once_each(start_engine: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    from tale_tui.engine.learning.forecaster import Forecaster

    asked: list[str] = []
    foresee = Forecaster.foresee

    def counted(book: Forecaster, model: str, texts: Any, complexity: str | None = None) -> Any:
        asked.extend(texts)
        return foresee(book, model, texts, complexity)

    monkeypatch.setattr(Forecaster, "foresee", counted)
    backend = ScriptedBackend(lambda _: spoken(*["word "] * 20), models=("small", "big"))
    engine = await start_engine({BackendName.SCRIPTED: backend}, ux="scripted/small", task="scripted/big", load=False)
    requests = tuple(TaskRequest(f"Explain tide {number}", f"{number:016}") for number in range(100))
    await engine.tasks.submit_many(requests)
    for request in requests:
        async for _ in engine.tasks.follow(request.key):
            pass
        await noted(engine, request.key)
    assert sorted(asked) == sorted(request.text for request in requests)
