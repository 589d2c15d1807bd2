"""Errors that nobody foresaw: logged whole, told in a sentence, and nobody waits behind them."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tale_tui.domain.errors import DiskFull, TaleError
from tale_tui.engine.unexpected import BackgroundTasks, attempt

TOLD = "Counting broke off because of an error in the application; the log says more."


async def divide() -> None:
    raise ZeroDivisionError("secret of the bug")


async def fill() -> None:
    raise DiskFull("Full.")


async def test_what_nobody_foresaw_is_logged_whole_and_told_in_a_sentence(caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(TaleError) as raised:
        await attempt(divide(), "Counting")
    assert raised.value.sentence == TOLD
    assert isinstance(raised.value.__cause__, ZeroDivisionError)
    assert "in divide" in caplog.text
    assert "secret of the bug" in caplog.text


async def test_an_error_of_ours_stays_as_it_is(caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(DiskFull, match="Full"):
        await attempt(fill(), "Counting")
    assert caplog.text == ""


async def test_an_attempt_gives_what_came_of_it_and_ends_when_it_is_cancelled() -> None:
    ended: list[str] = []

    async def wait(seconds: float) -> str:
        try:
            await asyncio.sleep(seconds)
        finally:
            ended.append("ended")
        return "done"

    assert await attempt(wait(0), "Waiting") == "done"
    waiting = asyncio.create_task(attempt(wait(60), "Waiting"))
    await asyncio.sleep(0.01)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert ended == ["ended"] * 2


async def test_the_owner_is_told_of_work_that_broke_off_and_of_no_other(caplog: pytest.LogCaptureFixture) -> None:
    told: list[Any] = []
    other: list[Any] = []
    tasks = BackgroundTasks(told.append)
    tasks.start(divide(), "Counting")
    tasks.start(fill(), "Filling", other.append)
    tasks.start(asyncio.sleep(0), "Sleeping")
    tasks.start(asyncio.sleep(60), "Sleeping for long")
    await asyncio.sleep(0.01)
    await tasks.close()
    assert [error.sentence for error in told] == [TOLD]
    assert [error.sentence for error in other] == ["Full."]
    assert caplog.text.count("Traceback") == 1
