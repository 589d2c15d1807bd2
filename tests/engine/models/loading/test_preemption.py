"""Replies go before tasks of the same model, and of one that has to leave for theirs."""

from __future__ import annotations

import asyncio

import pytest

from tale_tui.domain.models import BackendName, ModelRef
from tale_tui.engine.models.loading.preemption import Preempted, Preemption

ONE, OTHER = (ModelRef(BackendName.OLLAMA, name) for name in ("one:1b", "other:1b"))


async def write(preemption: Preemption, ref: ModelRef, begun: asyncio.Event) -> str:
    try:
        async with preemption.task(ref):
            begun.set()
            await asyncio.Event().wait()
    except Preempted:
        await preemption.replies_ended(ref)
        return "made way"
    return "ended"


async def test_a_task_makes_way_for_a_reply_of_its_model_and_goes_on_after_it() -> None:
    preemption, begun, told = Preemption(0.0), asyncio.Event(), asyncio.Event()
    task = asyncio.create_task(write(preemption, ONE, begun))
    await begun.wait()
    with preemption.reply(ONE, lambda _: told.set()):
        await told.wait()
        for _ in range(10):
            await asyncio.sleep(0)
        assert not task.done()
    assert await task == "made way"


@pytest.mark.parametrize("why", ["another model", "a word came", "it would begin again"])
async def test_a_task_goes_on_where_interrupting_it_would_not_help(why: str) -> None:
    preemption, begun, told = Preemption(0.0), asyncio.Event(), asyncio.Event()
    task = asyncio.create_task(write(preemption, ONE, begun))
    await begun.wait()
    if why == "it would begin again":
        preemption.leave_alone(ONE)
    with preemption.reply(OTHER if why == "another model" else ONE, lambda _: told.set()) as has_word:
        if why == "a word came":
            has_word()
        await asyncio.sleep(0.01)
    assert told.is_set() == (why == "it would begin again")  # the wait is said all the same
    assert not task.done()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_where_a_server_holds_one_model_a_task_of_the_other_makes_way_and_is_named() -> None:
    preemption, begun, told = Preemption(0.0), asyncio.Event(), list[ModelRef]()
    preemption.contend = lambda one, other: one.backend is other.backend
    task = asyncio.create_task(write(preemption, OTHER, begun))
    await begun.wait()
    with preemption.reply(ONE, told.append):
        await asyncio.sleep(0.01)
        assert told == [OTHER]
        assert not task.done(), "it waits for the end of the reply"
    assert await task == "made way"


async def test_a_limit_of_its_own_is_no_interruption() -> None:
    preemption = Preemption(0.0)
    with pytest.raises(TimeoutError):
        async with preemption.task(ONE):
            raise TimeoutError
