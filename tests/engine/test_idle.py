"""Work for when it is quiet: when it begins, and how it gives way."""

from __future__ import annotations

import asyncio

import pytest

from tale_tui.engine import idle
from tale_tui.engine.idle import GivenUp, IdleWork, wait_for_quiet


async def test_it_is_quiet_when_nothing_is_at_work_and_nobody_wrote_for_a_while(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now, busy, waits = 100.0, [False, True, False], []

    async def sleep(seconds: float) -> None:
        nonlocal now
        waits.append(seconds)
        now += seconds

    monkeypatch.setattr(idle.asyncio, "sleep", sleep)
    await wait_for_quiet(lambda: busy.pop(0), lambda: 99.0, lambda: now, 10.0)
    assert waits == [9.0, idle.SHORTEST_WAIT_S]


async def test_what_is_given_up_does_not_end_who_runs_it() -> None:
    work, ended = IdleWork(), asyncio.Event()

    async def long() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    async def runs() -> str:
        with pytest.raises(GivenUp):
            await work.run(long(), "long")
        return await work.run(asyncio.sleep(0, "went on"), "short")

    running = asyncio.create_task(runs())
    while not work.under_way:
        await asyncio.sleep(0)
    await asyncio.sleep(0)  # it has begun
    work.give_up()
    assert await running == "went on"
    assert ended.is_set()
    assert not work.under_way
    work.give_up()


async def test_who_is_cancelled_ends_and_takes_the_work_along() -> None:
    work, ended = IdleWork(), asyncio.Event()

    async def long() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    running = asyncio.create_task(work.run(long(), "long"))
    while not work.under_way:
        await asyncio.sleep(0)
    await asyncio.sleep(0)  # it has begun
    work.give_up()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert ended.is_set()
    assert not work.under_way


async def test_an_error_of_the_work_comes_out_of_it() -> None:
    async def fails() -> None:
        raise ValueError("broken")

    work = IdleWork()
    with pytest.raises(ValueError, match="broken"):
        await work.run(fails(), "fails")
    assert not work.under_way
