"""Work that is asked for far more often than it is worth doing."""

from __future__ import annotations

import asyncio

from textual.app import App

from tale_tui.ui.base_screen import BaseScreen
from tale_tui.ui.work_throttle import WorkThrottle

EVERY_S = 0.02
MANY = 20


class Rig:
    """Counts work, which waits until it may end."""

    def __init__(self, screen: BaseScreen) -> None:
        self.begun = self.ended = 0
        self.may_end = asyncio.Event()
        self.may_end.set()
        self.throttle = WorkThrottle(screen, EVERY_S, self._work, "work")

    async def _work(self) -> None:
        self.begun += 1
        await self.may_end.wait()
        self.ended += 1


async def _rig(app: App[None]) -> Rig:
    screen = BaseScreen()
    await app.push_screen(screen)
    return Rig(screen)


async def _passes(times: int = 3) -> None:
    await asyncio.sleep(times * EVERY_S)


async def test_however_often_it_is_asked_for_it_is_done_once() -> None:
    app = App[None]()
    async with app.run_test():
        rig = await _rig(app)
        for _ in range(MANY):
            rig.throttle.request()
        assert rig.throttle.waits
        assert rig.begun == 0
        await _passes()
        assert (rig.begun, rig.ended, rig.throttle.waits) == (1, 1, False)
        rig.throttle.request()
        await _passes()
        assert rig.ended == 2


async def test_what_is_being_done_is_not_interrupted_and_followed_once() -> None:
    app = App[None]()
    async with app.run_test():
        rig = await _rig(app)
        rig.may_end.clear()
        rig.throttle.request()
        await _passes()
        for _ in range(MANY):
            rig.throttle.request()
            await asyncio.sleep(EVERY_S / 4)
        assert (rig.begun, rig.ended) == (1, 0)
        rig.may_end.set()
        await _passes(5)
        assert (rig.begun, rig.ended, rig.throttle.waits) == (2, 2, False)


async def test_what_is_done_otherwise_is_not_done_once_more() -> None:
    app = App[None]()
    async with app.run_test():
        rig = await _rig(app)
        rig.throttle.drop()
        rig.throttle.request()
        rig.throttle.drop()
        await _passes()
        assert (rig.begun, rig.throttle.waits) == (0, False)
