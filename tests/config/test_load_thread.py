"""What is heavy is loaded one after the other, beside the event loop."""

from __future__ import annotations

import asyncio
import threading

import pytest

from tale_tui.config.load_thread import in_load_thread


async def test_what_is_asked_for_is_loaded_one_after_the_other() -> None:
    may_end, order = threading.Event(), []

    def first() -> str:
        may_end.wait(10)
        order.append("first")
        return "one"

    def second(word: str) -> str:
        order.append("second")
        return word

    begun = asyncio.gather(in_load_thread(first), in_load_thread(second, "two"))
    await asyncio.sleep(0)
    await asyncio.to_thread(may_end.set)  # the loop goes on meanwhile, and so do other threads
    assert await begun == ["one", "two"]
    assert order == ["first", "second"]


async def test_what_cannot_be_loaded_holds_nothing_up() -> None:
    def broken() -> None:
        raise OSError("not there")

    with pytest.raises(OSError, match="not there"):
        await in_load_thread(broken)
    assert await in_load_thread(threading.get_ident) != threading.get_ident()
