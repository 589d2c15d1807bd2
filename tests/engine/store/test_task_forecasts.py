"""Forecasts of tasks, kept; and the runs that they are learned from."""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from support.calls import new_call
from tale_tui.domain.errors import NoSuchTask
from tale_tui.domain.forecasts import NOTHING, Estimate, TaskForecast
from tale_tui.domain.metrics import CallKind, CallOutcome
from tale_tui.domain.models import ModelRef
from tale_tui.domain.tasks import Priority, Reason, TaskState
from tale_tui.engine.store.store import Store


@pytest.fixture
def forecast(ref: ModelRef) -> TaskForecast:
    return TaskForecast(
        *("verse", Estimate(85, 80, 95), Estimate(60, 30, 110), Estimate(4, 2, 8), Estimate(1, 0, 3), 12),
        why="the nearest of 12 runs",
        ref=ref,
        complexity="simple",
        cost=Estimate(0.2, 0.1, 0.5),
    )


async def test_a_forecast_is_read_as_it_was_kept(store: Store, hand_in: Any, forecast: TaskForecast) -> None:
    for number, kept in enumerate((forecast, replace(forecast, cost=None, ref=None, complexity=None, runs=0))):
        task = await hand_in(f"Task {number}")
        assert await store.task_forecast(task.id) is None
        await store.add_forecast(task.id, kept)
        assert await store.task_forecast(task.id) == kept


async def test_the_first_forecast_of_a_task_stays(store: Store, hand_in: Any, forecast: TaskForecast) -> None:
    task = await hand_in()
    await store.add_forecast(task.id, forecast)
    await store.add_forecast(task.id, replace(forecast, kind="code"))
    assert await store.task_forecast(task.id) == forecast


async def test_a_task_must_be_there(store: Store, forecast: TaskForecast) -> None:
    with pytest.raises(NoSuchTask):
        await store.add_forecast("nobody", forecast)
    with pytest.raises(NoSuchTask):
        await store.task_forecast("nobody")


async def test_what_came_stands_beside_what_was_foreseen(
    store: Store, hand_in: Any, carry_out: Any, forecast: TaskForecast
) -> None:
    task = await hand_in()
    await store.add_forecast(task.id, forecast)
    assert await store.forecast_outcomes(50) == ()
    await carry_out(task)
    [found] = await store.forecast_outcomes(50)
    assert (found.task_id, found.kind, found.actual_tokens) == (task.id, "verse", 34)
    assert found.completion_tokens == forecast.completion_tokens
    assert not found.is_near


async def test_a_forecast_that_came_after_the_end_foresaw_nothing(
    store: Store, hand_in: Any, carry_out: Any, forecast: TaskForecast
) -> None:
    task = await hand_in()
    await carry_out(task)
    await store.add_forecast(task.id, forecast)
    assert await store.forecast_outcomes(50) == ()


async def test_an_end_that_is_still_to_come_is_no_history(
    store: Store, path: Path, hand_in: Any, carry_out: Any, forecast: TaskForecast
) -> None:
    task = await hand_in()
    await store.add_forecast(task.id, forecast)
    await carry_out(task)
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE task SET finished = 1e12")
    connection.close()
    assert await store.forecast_outcomes(50) == ()


async def test_an_interval_that_somebody_broke_is_nothing(
    store: Store, path: Path, hand_in: Any, forecast: TaskForecast
) -> None:
    task = await hand_in()
    await store.add_forecast(task.id, forecast)
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE task_forecast SET seconds_low = 99, prompt_tokens = -1")
    connection.close()
    found = await store.task_forecast(task.id)
    assert found is not None
    assert (found.seconds, found.prompt_tokens) == (NOTHING, NOTHING)
    assert found.completion_tokens == forecast.completion_tokens


def step_call(ref: ModelRef, task_id: str, step: str = "answer", **more: Any) -> Any:
    return new_call(ref, kind=CallKind.STEP, task_id=task_id, step=step, **more)


async def test_runs_are_the_steps_that_models_wrote_to_their_end(
    store: Store, hand_in: Any, ref: ModelRef, plans: Any
) -> None:
    one, three = await hand_in("Write a function"), await hand_in("Write a book", plans["three"])
    await store.add_calls(
        [
            step_call(ref, one.id, completion_tokens=40, total_ms=5_000.0, load_ms=1_000.0, complexity="simple"),
            step_call(ref, one.id, outcome=CallOutcome.FAILED),
            new_call(ref, task_id=one.id),
            step_call(ref, three.id, "write"),
            step_call(ref, "gone"),
        ]
    )
    newest, first = await store.last_runs(2**62, 10)
    assert (first.text, first.completion_tokens, first.seconds) == ("Write a function", 40, 4.0)
    assert (first.complexity, first.ref) == ("simple", ref)
    assert newest.text == "Write\nWrite them.\nWrite a book"
    assert (newest.complexity, newest.seconds) == (None, None)
    assert await store.last_runs(newest.n, 10) == (first,)
    assert await store.next_runs(first.n, 10) == (newest,)
    assert await store.last_runs(2**62, 1) == (newest,)


async def test_open_tasks_are_those_that_hold_a_slot_or_wait_for_one(
    store: Store, hand_in: Any, forecast: TaskForecast
) -> None:
    low = await hand_in(priority=Priority.LOW)
    first, runs, paused = await hand_in(), await hand_in(), await hand_in()
    await store.add_forecast(runs.id, forecast)
    await store.claim_task(runs.id, 1_760_000_000.0)
    await store.change_task(paused.id, TaskState.PAUSED, expect=frozenset({TaskState.QUEUED}), reason=Reason.USER)
    found = await store.open_tasks(10)
    assert [(one.id, one.running) for one in found] == [(runs.id, True), (first.id, False), (low.id, False)]
    assert (found[0].seconds, found[1].seconds) == (forecast.seconds, None)
    assert [one.id for one in await store.open_tasks(1)] == [runs.id]
    assert len(await store.open_tasks(10, at_least=3)) == 3
    assert await store.open_tasks(10, at_least=4) == ()
    assert await store.open_tasks(10, at_least=3, besides=first.id) == ()
    assert len(await store.open_tasks(10, at_least=2, besides=first.id)) == 3


async def test_ended_tasks_are_read_with_what_they_took_the_newest_first(
    store: Store, hand_in: Any, carry_out: Any
) -> None:
    for number in range(3):
        await carry_out(await hand_in(f"Task {number}"))
    await hand_in("Not done yet")
    found = await store.ended_tasks(2)
    assert [task.text for task in found] == ["Task 2", "Task 1"]
    details = [await store.task_detail(task.id) for task in await store.tasks()]
    [last] = [detail.task for detail in details if detail.text == "Task 2"]
    assert (found[0].ref, found[0].completion_tokens) == (last.ref, last.completion_tokens)
    assert (found[0].steps, found[0].finished) == (1, last.finished)
