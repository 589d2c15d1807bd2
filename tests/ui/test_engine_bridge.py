"""The bridge: opening, listening, failing, closing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import pytest
from textual.message import Message

from support.scripted_engine import ScriptedEngine
from support.waiting import until
from tale_tui.domain.errors import ReadOnly
from tale_tui.domain.events import Notice
from tale_tui.domain.models import BackendName, Role
from tale_tui.engine.models.scripted import DEMO_MODEL, ScriptedBackend
from tale_tui.ui.engine_bridge import Bridge


class Listener:
    """What is posted to, and a way to wait for it."""

    def __init__(self) -> None:
        self.heard: list[Any] = []
        self._changed = asyncio.Event()

    def post_message(self, message: Any) -> bool:
        self.heard.append(message)
        self._changed.set()
        return True

    async def hears(self, count: int) -> list[Any]:
        while len(self.heard) < count:
            self._changed.clear()
            await asyncio.wait_for(self._changed.wait(), 10)
        return self.heard


def opener(engine: Any, log: list[str]) -> Callable[[], AbstractAsyncContextManager[Any]]:
    @asynccontextmanager
    async def opened() -> AsyncIterator[Any]:
        log.append("open")
        if isinstance(engine, BaseException):
            raise engine
        try:
            yield engine
        finally:
            await asyncio.sleep(0)
            log.append("closed")

    return opened


@pytest.mark.parametrize("kind", [Bridge.Ready, Bridge.Failed, Bridge.Crashed, Bridge.Happened])
def test_what_a_screen_is_told_the_application_does_not_hear_again(kind: type[Message]) -> None:
    assert not kind.bubble


async def test_it_says_that_the_engine_is_there_and_passes_facts_on() -> None:
    log: list[str] = []
    engine = ScriptedEngine()
    engine.notices = (Notice("a", "b"), Notice("c", "d"))
    bridge, listener = Bridge(opener(engine, log)), Listener()
    bridge.subscribe(listener)  # type: ignore[arg-type]
    bridge.open()
    bridge.open()
    ready, *roles, first, second = await listener.hears(5)
    assert ready.engine is engine
    assert [told.fact.status.role for told in roles] == [Role.UX, Role.TASK]
    assert [first.fact.title, second.fact.title] == ["a", "c"]
    await bridge.close()
    assert log == ["open", "closed"]
    assert engine.watchers == []


async def test_every_listener_gets_a_message_of_its_own() -> None:
    bridge, one, two = Bridge(opener(ScriptedEngine(), [])), Listener(), Listener()
    bridge.subscribe(one)  # type: ignore[arg-type]
    bridge.subscribe(two)  # type: ignore[arg-type]
    bridge.open()
    assert (await one.hears(1))[0] is not (await two.hears(1))[0]
    await bridge.close()


async def test_an_engine_that_cannot_be_opened_can_be_tried_again() -> None:
    log: list[str] = []
    bridge, listener = Bridge(opener(ReadOnly("No."), log)), Listener()
    bridge.subscribe(listener)  # type: ignore[arg-type]
    bridge.open()
    (failed,) = await listener.hears(1)
    assert isinstance(failed, Bridge.Failed)
    assert bridge.error is failed.error
    bridge.open()
    assert bridge.error is None
    await listener.hears(2)
    assert log == ["open", "open"]
    await bridge.close()


@pytest.mark.parametrize(
    ("error", "kind"), [(ReadOnly("Gone."), Bridge.Failed), (RuntimeError("a bug"), Bridge.Crashed)]
)
async def test_an_engine_that_ends_with_an_error_is_told(error: Exception, kind: type) -> None:
    log: list[str] = []
    engine = ScriptedEngine()
    engine.errors["control.watch"] = error
    bridge, listener = Bridge(opener(engine, log)), Listener()
    bridge.subscribe(listener)  # type: ignore[arg-type]
    bridge.open()
    _, last = await listener.hears(2)
    assert isinstance(last, kind)
    assert log == ["open", "closed"]


async def test_closing_while_it_opens_waits_for_nothing() -> None:
    @asynccontextmanager
    async def never() -> AsyncIterator[Any]:
        await asyncio.Event().wait()
        yield None

    bridge, listener = Bridge(never), Listener()
    bridge.subscribe(listener)  # type: ignore[arg-type]
    bridge.open()
    await asyncio.sleep(0)
    await bridge.close()
    assert listener.heard == []


async def test_closing_without_opening_is_no_error() -> None:
    await Bridge(opener(ScriptedEngine(), [])).close()


async def test_an_engine_that_does_not_end_is_given_up() -> None:
    @asynccontextmanager
    async def stubborn() -> AsyncIterator[Any]:
        try:
            yield ScriptedEngine()
        finally:
            await asyncio.Event().wait()

    bridge, listener = Bridge(stubborn), Listener()
    bridge.subscribe(listener)  # type: ignore[arg-type]
    bridge.open()
    await listener.hears(1)
    await bridge.close(timeout_s=0.01)


async def test_it_can_be_opened_again_after_closing() -> None:
    log: list[str] = []
    bridge, listener = Bridge(opener(ScriptedEngine(), log)), Listener()
    bridge.subscribe(listener)  # type: ignore[arg-type]
    bridge.open()
    await listener.hears(1)
    await bridge.close()
    bridge.open()
    await until(lambda: [type(told) for told in listener.heard].count(Bridge.Ready) == 2, "it is ready again")
    await bridge.close()
    assert log == ["open", "closed", "open", "closed"]


async def test_an_open_window_has_its_model_loaded_before_anything_is_sent(start_engine: Any) -> None:
    backend = ScriptedBackend()
    # As a command starts it, which touches no model before it wants one.
    engine = await start_engine({BackendName.SCRIPTED: backend}, load=False, ux=f"scripted/{DEMO_MODEL}")
    assert backend.loads == []
    bridge = Bridge(opener(engine, []))
    bridge.open()
    await until(lambda: backend.loads == [DEMO_MODEL], "the model is loaded")
    assert backend.requests == []
    await bridge.close()
