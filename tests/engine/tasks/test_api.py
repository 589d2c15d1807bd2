"""The verbs on tasks, on a whole engine: what is refused, and with what words."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from typing import Any

import pytest

from tale_tui.domain.errors import AmbiguousTask, BadPlan, NoSuchSession, NoSuchTask, TaskTooLong, WrongState
from tale_tui.domain.events import TaskChanged, TaskSeen
from tale_tui.domain.tasks import ENDED, Priority, TaskState
from tale_tui.engine.engine import Engine
from tale_tui.engine.models.scripted import Hold, Script, spoken

Start = Callable[..., Awaitable[Engine]]
DEMO = {"ux": "scripted/demo", "task": "scripted/demo"}


@pytest.fixture
async def engine(start_engine: Start) -> Engine:
    return await start_engine([spoken("Done.")], **DEMO)


async def ended(engine: Engine, task_id: str) -> Any:
    async with asyncio.timeout(20), aclosing(engine.tasks.follow(task_id)) as events:
        async for event in events:
            if isinstance(event, TaskSeen) and event.detail.task.state in ENDED:
                return event.detail
    raise AssertionError("it never ended")


async def test_a_task_is_found_by_the_beginning_of_its_id(engine: Engine) -> None:
    first = await engine.tasks.submit("one", key="aaaa1111aaaa1111")
    await engine.tasks.submit("two", key="aaaa2222aaaa2222")
    assert (await engine.tasks.find("aaaa1")).id == first.id
    with pytest.raises(AmbiguousTask):
        await engine.tasks.find("aaaa")
    with pytest.raises(NoSuchTask):
        await engine.tasks.find("zzzz")


async def test_a_conversation_is_no_task(engine: Engine) -> None:
    session = await engine.sessions.create(title="Otters")
    for call in (engine.tasks.get, engine.tasks.find, engine.tasks.cancel, engine.tasks.pause, engine.tasks.retry):
        with pytest.raises(NoSuchTask, match="conversation"):
            await call(session.id)


async def test_what_is_refused_changes_nothing(engine: Engine) -> None:
    for refused, more in (
        (TaskTooLong, {"text": "x" * 20_000}),
        (BadPlan, {"plan": "{}"}),
        (NoSuchTask, {"after": ("nobody",)}),
        (NoSuchSession, {"session_id": "nobody"}),
    ):
        with pytest.raises(refused):
            await engine.tasks.submit(**{"text": "a task", "key": "k" * 16} | more)
    assert await engine.tasks.list() == ()


async def test_a_task_that_has_ended_is_not_stopped_or_preferred(engine: Engine) -> None:
    task = await engine.tasks.submit("a task", key="k" * 16)
    assert (await ended(engine, task.id)).result == "Done."
    calls: list[Callable[[], Awaitable[Any]]] = [
        lambda: engine.tasks.cancel(task.id),
        lambda: engine.tasks.pause(task.id),
        lambda: engine.tasks.resume(task.id),
        lambda: engine.tasks.approve(task.id, yes=True),
        lambda: engine.tasks.approve(task.id, yes=False),
        lambda: engine.tasks.set_priority(task.id, Priority.HIGH),
        lambda: engine.tasks.move(task.id, before=None),
    ]
    for call in calls:
        with pytest.raises(WrongState, match=r"kkkk \(a task\) is done"):
            await call()


async def test_a_no_to_a_task_that_runs_does_not_stop_it(start_engine: Start) -> None:
    gate = asyncio.Event()
    engine = await start_engine([Script((Hold(gate), *spoken("Done.").steps))], **DEMO)
    task = await engine.tasks.submit("a task", key="k" * 16)
    async with asyncio.timeout(20), aclosing(engine.tasks.follow(task.id)) as events:
        async for event in events:
            if isinstance(event, TaskSeen) and event.detail.task.state is TaskState.RUNNING:
                break
    with pytest.raises(WrongState):
        await engine.tasks.approve(task.id, yes=False)
    gate.set()
    assert (await ended(engine, task.id)).result == "Done."


async def test_every_window_hears_of_a_task(engine: Engine) -> None:
    states = []
    async with asyncio.timeout(20), aclosing(engine.control.watch()) as facts:
        await anext(facts)
        task = await engine.tasks.submit("a task", key="k" * 16)
        async for fact in facts:
            if isinstance(fact, TaskChanged):
                states.append(fact.task.state)
                if fact.task.state in ENDED:
                    break
    assert fact.task == (await engine.tasks.list())[0]
    assert states[-1] is TaskState.DONE
    assert fact.task.id == task.id
