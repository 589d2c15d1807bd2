"""Budgets of tokens: what is used of them, and what becomes of tasks when they are spent. Talk goes on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import aclosing
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from support.calls import LARGE, NOON, SMALL, new_call
from tale_tui.config.settings import BudgetSettings, ModelBudget
from tale_tui.domain.clock import Clock
from tale_tui.domain.errors import BudgetSpent, WrongState
from tale_tui.domain.events import TaskSeen, TurnDone
from tale_tui.domain.models import BackendName, ModelRef
from tale_tui.domain.tasks import Reason, TaskDetail, TaskState
from tale_tui.engine.engine import Engine
from tale_tui.engine.metrics.budgets import Budgets
from tale_tui.engine.metrics.figures import local_time
from tale_tui.engine.models.scripted import ScriptedBackend, spoken
from tale_tui.engine.store.store import Store

Start = Callable[..., Awaitable[Engine]]
MODELS = (SMALL, LARGE, ModelRef(BackendName.OPENAI, SMALL.model))
DAY_S = 86_400


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    opened = await Store.open(tmp_path / "tale.db", Clock(now=lambda: NOON))
    yield opened
    await opened.close()


def used(calls: Sequence[Any], model: str, *, monthly: bool) -> int:
    """What calls of this day, or month, spent, by plain words."""
    now = local_time(NOON)

    def counts(at: float) -> bool:
        then = local_time(at)
        return (then.year, then.month) == (now.year, now.month) and (monthly or then.day == now.day)

    return sum(call.total_tokens or 0 for call in calls if counts(call.timestamp) and model in ("", str(call.ref)))


Calls = st.lists(
    st.builds(
        new_call,
        st.sampled_from(MODELS),
        st.integers(-40 * DAY_S, 0).map(lambda ago: NOON + ago),
        prompt_tokens=st.none() | st.integers(0, 1000),
        completion_tokens=st.none() | st.integers(0, 1000),
    ),
    max_size=20,
)


@given(Calls, st.integers(1, 5000))
@settings(max_examples=30, deadline=None)
async def test_what_is_used_is_the_sum_of_the_rows_of_its_time_and_model(calls: list[Any], limit: int) -> None:
    budget = ModelBudget(day_tokens=limit, month_tokens=limit)
    chosen = BudgetSettings(day_tokens=limit, month_tokens=limit, models={str(SMALL): budget, str(LARGE): budget})
    clock = Clock(now=lambda: NOON)
    with TemporaryDirectory() as folder:
        store = await Store.open(Path(folder) / "tale.db", clock)
        try:
            await store.add_calls(calls)
            uses = await Budgets(store, chosen, clock).uses()
        finally:
            await store.close()
    wanted = {
        (period, model): used(calls, model, monthly=period == "month")
        for model in ("", str(SMALL), str(LARGE))
        for period in ("day", "month")
    }
    assert {(use.period.value, use.model): use.spent for use in uses} == wanted
    assert all(use.is_spent == (use.spent >= limit) for use in uses)


async def test_the_day_begins_at_midnight_of_the_users_clock(store: Store) -> None:
    [use] = await Budgets(store, BudgetSettings(day_tokens=1), Clock(now=lambda: NOON)).uses()
    midnight = local_time(use.since)
    assert (midnight.hour, midnight.minute, midnight.date()) == (0, 0, local_time(NOON).date())
    assert datetime.fromtimestamp(use.since, UTC) <= datetime.fromtimestamp(NOON, UTC)


@pytest.mark.parametrize("when_spent", ["warn", "ask", "stop"])
async def test_a_model_without_a_spent_budget_may_write(store: Store, when_spent: Any) -> None:
    chosen = BudgetSettings(when_spent=when_spent, models={str(LARGE): ModelBudget(day_tokens=1)})
    budgets = Budgets(store, chosen, Clock(now=lambda: NOON))
    await store.add_calls([new_call(LARGE)])
    assert await budgets.check(SMALL) is None
    if when_spent == "stop":
        with pytest.raises(BudgetSpent, match=f"15 of 1 tokens of this day for {LARGE} are spent"):
            await budgets.check(LARGE)
    else:
        assert (await budgets.check(LARGE) is not None) == (when_spent == "ask")


# on a whole engine

TWO_STEPS = """
{"steps": [{"key": "a", "title": "A", "prompt": "x"}, {"key": "b", "title": "B", "prompt": "y", "after": ["a"]}]}
"""
ANSWERS = {"small": "scripted/small", "big": "scripted/big"}


async def start(start_engine: Start, when_spent: str, **budgets: Any) -> Engine:
    backend = ScriptedBackend([spoken("yes") for _ in range(20)], models=("small", "big"))
    return await start_engine(
        {BackendName.SCRIPTED: backend},
        ux=ANSWERS["small"],
        task=ANSWERS["big"],
        route={"simple_tasks": "task"},  # all tasks are those of the model that has the budget
        budgets={"when_spent": when_spent, **budgets},
    )


async def talk(engine: Engine, key: str) -> None:
    session = await engine.sessions.create()
    events = [event async for event in engine.chat.send(session.id, "How are you?", key=key)]
    assert isinstance(events[-1], TurnDone)


async def until(engine: Engine, task_id: str, state: TaskState) -> TaskDetail:
    async with asyncio.timeout(20), aclosing(engine.tasks.follow(task_id)) as events:
        async for event in events:
            if isinstance(event, TaskSeen) and event.detail.task.state is state:
                return event.detail
    return await engine.tasks.get(task_id)


async def test_warn_lets_tasks_go_on(start_engine: Start) -> None:
    engine = await start(start_engine, "warn", day_tokens=1)
    await talk(engine, "a" * 16)
    task = await engine.tasks.submit("Write", key="t" * 16)
    assert (await until(engine, task.id, TaskState.DONE)).result == "yes"


async def test_ask_has_a_task_wait_and_approve_lets_it_go_on_to_its_end(start_engine: Start) -> None:
    engine = await start(start_engine, "ask", day_tokens=1)
    await talk(engine, "a" * 16)
    task = await engine.tasks.submit("Write", key="t" * 16, plan=TWO_STEPS)
    detail = await until(engine, task.id, TaskState.WAITING)
    assert detail.task.reason is Reason.BUDGET
    assert detail.steps[0].attempts == 0
    assert any("over the budget" in entry.what for entry in detail.history)
    await talk(engine, "b" * 16)  # talk is never stopped
    await engine.tasks.approve(task.id, yes=True)
    done = await until(engine, task.id, TaskState.DONE)
    assert done.task.over_budget
    assert done.task.steps_done == 2
    again = await engine.tasks.retry(task.id)
    assert not again.over_budget
    assert (await until(engine, task.id, TaskState.WAITING)).task.reason is Reason.BUDGET


async def test_a_no_cancels_it(start_engine: Start) -> None:
    engine = await start(start_engine, "ask", day_tokens=1)
    await talk(engine, "a" * 16)
    task = await engine.tasks.submit("Write", key="t" * 16)
    await until(engine, task.id, TaskState.WAITING)
    assert (await engine.tasks.approve(task.id, yes=False)).state is TaskState.CANCELLED
    with pytest.raises(WrongState):
        await engine.tasks.approve(task.id, yes=True)


async def test_stop_fails_a_task_with_a_sentence_and_is_not_tried_again(start_engine: Start) -> None:
    engine = await start(start_engine, "stop", models={ANSWERS["big"]: {"day_tokens": 1}}, when_foreseen="off")
    first = await engine.tasks.submit("Write", key="s" * 16)
    await until(engine, first.id, TaskState.DONE)  # nothing was spent before it
    task = await engine.tasks.submit("Write", key="t" * 16)
    detail = await until(engine, task.id, TaskState.FAILED)
    assert detail.task.error_code == "budget_spent"
    assert f"tokens of this day for {ANSWERS['big']} are spent" in detail.task.error
    assert detail.steps[0].attempts <= 1
    await talk(engine, "b" * 16)


async def test_a_step_that_is_under_way_when_the_budget_ends_is_written_to_its_end(start_engine: Start) -> None:
    engine = await start(start_engine, "stop", day_tokens=1, when_foreseen="off")
    task = await engine.tasks.submit("Write", key="t" * 16, plan=TWO_STEPS)
    detail = await until(engine, task.id, TaskState.FAILED)
    assert detail.steps[0].text == "yes"
    assert detail.task.steps_done == 1


# what is foreseen


async def test_more_than_a_budget_has_left_is_asked_about_before_it_runs_and_goes_on_with_a_yes(
    start_engine: Start,
) -> None:
    engine = await start(start_engine, "warn", day_tokens=100)
    task = await engine.tasks.submit("Write a long story about the sea", key="t" * 16, plan=TWO_STEPS)
    detail = await until(engine, task.id, TaskState.WAITING)
    assert detail.task.reason is Reason.BUDGET
    assert detail.steps[0].attempts == 0
    assert detail.task.forecast is not None
    assert detail.task.forecast.tokens > 100
    assert not detail.task.forecast.large, "its budget says it"
    await engine.tasks.approve(task.id, yes=True)
    assert (await until(engine, task.id, TaskState.DONE)).task.over_budget


@pytest.mark.parametrize(
    "budgets",
    [
        {"day_tokens": 100_000},
        {"day_tokens": 100, "when_foreseen": "off"},
        {"models": {ANSWERS["small"]: {"day_tokens": 1}}},
        {},
    ],
)
async def test_what_fits_or_has_no_budget_runs_at_once(start_engine: Start, budgets: dict[str, Any]) -> None:
    engine = await start(start_engine, "ask", **budgets)
    task = await engine.tasks.submit("Write a long story about the sea", key="t" * 16)
    assert (await until(engine, task.id, TaskState.DONE)).result == "yes"


async def test_of_a_task_that_has_begun_nothing_is_foreseen_again(start_engine: Start) -> None:
    engine = await start(start_engine, "warn", day_tokens=5_000)
    task = await engine.tasks.submit("Write", key="t" * 16, plan=TWO_STEPS)
    assert (await until(engine, task.id, TaskState.DONE)).task.steps_done == 2


@given(st.floats(0, 5000), Calls)
@settings(max_examples=30, deadline=None)
async def test_it_asks_where_it_would_pass_a_budget_that_is_not_spent(foreseen: float, calls: list[Any]) -> None:
    clock = Clock(now=lambda: NOON)
    with TemporaryDirectory() as folder:
        store = await Store.open(Path(folder) / "tale.db", clock)
        try:
            await store.add_calls(calls)
            budgets = Budgets(store, BudgetSettings(day_tokens=2000), clock)
            [use] = await budgets.uses()
            asks = await budgets.check(SMALL, foreseen)
        finally:
            await store.close()
    assert (asks is not None) == (not use.is_spent and use.spent + foreseen > 2000)
