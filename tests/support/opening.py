"""Opens the window on an engine with a scripted backend, in folders and with a clock of its own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import pytest

from support.window import Window
from tale_tui.config.first_frame import FirstFrameSettings
from tale_tui.config.paths import Paths
from tale_tui.config.settings import Settings
from tale_tui.domain.clock import Clock
from tale_tui.domain.errors import TaleError
from tale_tui.domain.models import BackendName
from tale_tui.engine.api import EngineApi
from tale_tui.engine.engine import Engine
from tale_tui.engine.ipc.connect import open_engine
from tale_tui.engine.models.scripted import Answer, Script, ScriptedBackend, spoken
from tale_tui.ui.app import TaleApp
from tale_tui.ui.chat.models import tell_demo_once
from tale_tui.ui.engine_bridge import Bridge
from tale_tui.ui.preferences import WindowPreferences

MODEL = "scripted/demo"


async def _at_once(seconds: float) -> None:
    """What a scripted backend waits with here: not at all."""
    await asyncio.sleep(0)


OpenWindow = Callable[..., AbstractAsyncContextManager[Window]]


@pytest.fixture
def open_window(paths: Paths, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> Iterator[OpenWindow]:
    """Opens windows on the folders of the test, one after the other.

    Args of what it gives: the scripts of the backend (or a function of the request), the size of the terminal, what
    `TaleApp` and `ScriptedBackend` take, whether messages are judged, whether the engine is shared by the windows that
    are open at the same time (the first is it, the others reach it over the socket), other folders than those of the
    test, and settings.
    """
    monkeypatch.setenv("TEXTUAL_ANIMATIONS", "none")

    @asynccontextmanager
    async def opened(
        answers: list[Script] | Answer | None = None,
        *,
        size: tuple[int, int] = (120, 40),
        session_id: str = "",
        look: FirstFrameSettings | None = None,
        backend: ScriptedBackend | None = None,
        gate: asyncio.Event | None = None,
        broken: TaleError | None = None,
        overrides: dict[str, object] | None = None,
        ux: str = MODEL,
        task: str = "",
        detect: bool = False,
        detection: dict[str, Any] | None = None,
        manners: WindowPreferences | None = None,
        shared: bool = False,
        folders: Paths | None = None,
        **settings: Any,
    ) -> AsyncIterator[Window]:
        here = folders or paths
        used = backend or ScriptedBackend(answers or [spoken("An ", "answer.")], sleep=_at_once)
        failures = [broken] if broken else []

        @asynccontextmanager
        async def engine() -> AsyncIterator[EngineApi]:
            if gate is not None:
                await gate.wait()
            if failures:
                raise failures.pop()
            detected = {"enabled": detect or detection is not None, **(detection or {})}
            chosen = Settings(ux=ux, task=task or ux, detect=detected, **settings)
            if shared:
                async with open_engine(here, chosen, clock, backends={BackendName.SCRIPTED: used}) as window.engine:
                    yield window.engine
                return
            window.engine = await Engine.start(here, chosen, clock, backends={BackendName.SCRIPTED: used})
            try:
                yield window.engine
            finally:
                await window.engine.stop()

        # As at every start but the first one in a data folder.
        tell_demo_once(here.data)
        look = look or FirstFrameSettings()
        app = TaleApp(Bridge(engine), here, look, overrides=overrides, session_id=session_id, clock=clock)
        app.chat.preferences = manners
        window = Window(app, backend=used)
        async with app.run_test(size=size, notifications=True):
            yield window

    return opened
