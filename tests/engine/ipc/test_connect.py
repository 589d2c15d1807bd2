"""Finding an engine without being one, and what an engine of ours is given."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack

import pytest
from filelock import FileLock

from tale_tui.config.paths import Paths
from tale_tui.config.settings import Settings
from tale_tui.domain.clock import Clock
from tale_tui.domain.errors import EngineLost, TaleError, WrongState
from tale_tui.engine.chat.turn import TurnManager
from tale_tui.engine.ipc import connect
from tale_tui.engine.ipc.connect import find_engine, open_engine
from tale_tui.engine.ipc.endpoint import lock_path


async def test_where_no_engine_runs_there_is_none(paths: Paths, tmp_path: object) -> None:
    async with find_engine(paths) as engine:
        assert engine is None
    with FileLock(lock_path(paths.data), timeout=0):
        """It does not hold the lock."""
    paths.data.rename(paths.data.with_name("elsewhere"))
    async with find_engine(paths) as engine:
        assert engine is None


async def test_one_that_runs_is_found_and_never_replaced(paths: Paths, clock: Clock) -> None:
    async with AsyncExitStack() as stack:
        async with open_engine(paths, Settings(), clock, backends={}, load=False) as client:
            engine = await stack.enter_async_context(find_engine(paths))
            assert engine is not None
            assert await engine.sessions.list() == await client.sessions.list()
        with pytest.raises(EngineLost):
            await engine.sessions.list()


async def test_one_that_does_not_answer_is_an_error(paths: Paths, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connect, "TAKEOVER_TIMEOUT_S", 0.1)
    with FileLock(lock_path(paths.data), timeout=0), pytest.raises(EngineLost):
        async with find_engine(paths):
            raise AssertionError("must not open")


async def test_settings_are_read_only_where_the_engine_is_made(paths: Paths, clock: Clock) -> None:
    asked: list[str] = []

    def settings(who: str) -> Settings:
        asked.append(who)
        return Settings()

    async with (
        open_engine(paths, lambda: settings("first"), clock, backends={}, load=False),
        open_engine(paths, lambda: settings("second"), clock, backends={}, load=False) as second,
    ):
        assert await second.sessions.list() == ()
    assert asked == ["first"]


async def test_an_engine_that_cannot_close_all_of_it_gives_the_folder_back(
    paths: Paths, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(self: TurnManager) -> None:
        raise ZeroDivisionError("a bug")

    with monkeypatch.context() as patch:
        patch.setattr(TurnManager, "close", broken)
        with pytest.raises(TaleError, match="Closing turns broke off"):
            async with open_engine(paths, Settings(), clock, backends={}, load=False):
                pass
    async with open_engine(paths, Settings(), clock, backends={}, load=False) as client:
        assert not (await client.control.status()).background


async def test_an_engine_says_how_it_is_and_ends_only_without_a_window(paths: Paths, clock: Clock) -> None:
    ended = asyncio.Event()
    async with open_engine(paths, Settings(), clock, backends={}, load=False, works_queue=False) as client:
        status = await client.control.status()
        assert (status.background, status.works_queue, status.watched) == (False, False, 0)
        assert status.tasks.open == 0
        with pytest.raises(WrongState, match="end it there"):
            await client.control.stop()
    async with (
        open_engine(paths, Settings(), clock, backends={}, load=False, ends=ended.set),
        find_engine(paths) as engine,
    ):
        assert engine is not None
        assert (await engine.control.status()).background
        await engine.control.stop()
        assert ended.is_set()
