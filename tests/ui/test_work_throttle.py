"""Work that is asked for far more often than it is worth doing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from textual.app import App

from support.waiting import until
from tale_tui.ui.base_screen import BaseScreen
from tale_tui.ui.work_throttle import WorkThrottle

PAUSE_S = 0.02
MANY = 20


class Rig:
    """Counts work, which waits until it may end."""

    def __init__(self, screen: BaseScreen) -> None:
        self.screen = screen
        self.begun = self.ended = 0
        self.may_end = asyncio.Event()
        self.may_end.set()
        self.throttle = WorkThrottle(screen, PAUSE_S, self._work, "work")

    async def _work(self) -> None:
        self.begun += 1
        await self.may_end.wait()
        self.ended += 1

    async def done(self, times: int) -> None:
        """It is done so often, and not once more."""
        await until(lambda: self.ended == times, f"it is done {times} times")
        await asyncio.sleep(3 * PAUSE_S)
        assert (self.begun, self.ended) == (times, times)


@pytest.fixture
async def rig() -> AsyncIterator[Rig]:
    app = App[None]()
    async with app.run_test():
        screen = BaseScreen()
        await app.push_screen(screen)
        yield Rig(screen)


async def test_however_often_it_is_asked_for_it_is_done_once_a_moment_later(rig: Rig) -> None:
    for _ in range(MANY):
        rig.throttle.request()
    assert rig.begun == 0
    await rig.done(1)
    rig.throttle.request()
    await rig.done(2)


async def test_what_is_being_done_is_not_interrupted_and_is_done_once_more_for_all_that_ask_meanwhile(rig: Rig) -> None:
    rig.may_end.clear()
    rig.throttle.request()
    await until(lambda: rig.begun, "it is being done")
    for _ in range(MANY):
        rig.throttle.request()
        await asyncio.sleep(PAUSE_S / 4)
    rig.throttle.begin()
    assert (rig.begun, rig.ended) == (1, 0)
    rig.may_end.set()
    await rig.done(2)


async def test_it_is_done_at_once_and_not_once_more_in_a_moment(rig: Rig) -> None:
    rig.throttle.request()
    rig.throttle.begin()
    await rig.done(1)


async def test_what_is_done_otherwise_is_not_done_once_more(rig: Rig) -> None:
    rig.throttle.drop()
    rig.throttle.request()
    rig.throttle.drop()
    await rig.done(0)


async def test_work_that_was_cancelled_before_its_first_step_does_not_hold_up_the_next(rig: Rig) -> None:
    rig.throttle.begin()
    rig.screen.workers.cancel_all()
    await asyncio.sleep(PAUSE_S)
    assert rig.begun == 0
    rig.throttle.begin()
    await rig.done(1)
