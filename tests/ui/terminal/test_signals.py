"""Signals, without a process of their own: who is called, and what stays ignored. Real ones: tests/process."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Callable, Iterator

import pytest

if sys.platform == "win32":
    pytest.skip("there are no such signals", allow_module_level=True)

from support.waiting import until
from tale_tui.ui.terminal.signals import FATAL, LEAVE, SignalHandlers

Make = Callable[[], tuple[SignalHandlers, list[str]]]


@pytest.fixture
def kept() -> Iterator[None]:
    """The handlers of this process come back, whatever they were."""
    before = {number: signal.getsignal(number) for number in (*FATAL, *LEAVE, signal.SIGTSTP, signal.SIGCONT)}
    for number in before:
        signal.signal(number, signal.SIG_DFL)
    yield
    for number, handler in before.items():
        signal.signal(number, signal.SIG_DFL if handler is None else handler)


@pytest.fixture
async def make(kept: None) -> Make:
    def handlers() -> tuple[SignalHandlers, list[str]]:
        told: list[str] = []
        made = SignalHandlers(
            asyncio.get_running_loop(),
            leave=lambda: told.append("leave"),
            suspend=lambda: told.append("suspend"),
            resumed=lambda: told.append("resumed"),
            restore=lambda: told.append("restore"),
        )
        return made, told

    return handlers


async def test_the_loop_is_told(make: Make) -> None:
    handlers, told = make()
    handlers.listen()
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT, signal.SIGTSTP, signal.SIGCONT):
        os.kill(os.getpid(), number)
    await until(lambda: len(told) == 5, "all are told")
    assert sorted(told) == ["leave", "leave", "leave", "resumed", "suspend"]


async def test_what_was_ignored_stays_so(make: Make) -> None:
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    signal.signal(signal.SIGQUIT, signal.SIG_IGN)
    handlers, told = make()
    handlers.listen(frozenset({signal.SIGTSTP}))
    handlers.guard()
    for number in (signal.SIGHUP, signal.SIGQUIT, signal.SIGTSTP, signal.SIGTERM):
        os.kill(os.getpid(), number)
    await until(lambda: bool(told), "the last one is told")
    assert told == ["leave"]
    handlers.release()
    assert signal.getsignal(signal.SIGQUIT) is signal.SIG_IGN


async def test_the_guard_is_taken_away_with_the_terminal(make: Make) -> None:
    handlers, _ = make()
    handlers.guard()
    handlers.guard()
    assert all(callable(signal.getsignal(number)) for number in FATAL)
    handlers.release()
    assert all(signal.getsignal(number) is signal.SIG_DFL for number in FATAL)


async def test_nothing_is_told_while_the_kernel_has_it(make: Make) -> None:
    handlers, told = make()
    handlers.listen()
    with handlers.unheard():
        os.kill(os.getpid(), signal.SIGCONT)
        assert signal.getsignal(signal.SIGTSTP) is signal.SIG_DFL
    os.kill(os.getpid(), signal.SIGTSTP)
    await until(lambda: bool(told), "it is heard again")
    assert told == ["suspend"]
