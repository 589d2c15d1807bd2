"""The window on an engine with a scripted backend, in folders and with a clock of its own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from textual.pilot import Pilot

from tale_tui.engine.api import EngineApi
from tale_tui.engine.engine import Engine
from tale_tui.engine.errors import TaleError
from tale_tui.engine.models.scripted import Answer, Script, ScriptedBackend, spoken
from tale_tui.engine.types import BackendName, MessageState
from tale_tui.engine.world import World
from tale_tui.first_look import FirstLook
from tale_tui.paths import Paths
from tale_tui.settings import Settings
from tale_tui.ui.app import TaleApp
from tale_tui.ui.bridge import Bridge
from tale_tui.ui.screens.chat import ChatScreen
from tale_tui.ui.terminal.notifications import Manners

PATIENCE_S = 20.0
"""After so long a condition is not going to come true any more."""
MODEL = "scripted/demo"


async def _at_once(seconds: float) -> None:
    """What a scripted backend waits with here: not at all."""
    await asyncio.sleep(0)


@dataclass
class Window:
    """A running application and what a test wants to know of it."""

    app: TaleApp
    pilot: Pilot[int]
    backend: ScriptedBackend

    @property
    def chat(self) -> ChatScreen:
        return self.app.chat

    @property
    def engine(self) -> EngineApi:
        assert self.chat._desk is not None
        return self.chat._desk.engine

    @property
    def prompt(self) -> Any:
        return self.chat.composer.prompt

    @property
    def messages(self) -> list[Any]:
        """Those on the screen, oldest first."""
        desk = self.chat._desk
        return list(desk.conversation.branch._messages.values()) if desk else []

    @property
    def toasts(self) -> list[str]:
        """What was told so far, as sentences."""
        return [notification.message for notification in self.app._notifications]

    async def until(self, condition: Callable[[], Any], what: str) -> None:
        """Wait for a condition; `what` names it where it does not come true."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + PATIENCE_S
        while not condition():
            assert loop.time() < deadline, f"never: {what}"
            await asyncio.sleep(0.002)
        await self.pilot.pause()

    async def ready(self) -> None:
        """Wait for the engine and the model."""
        await self.until(lambda: self.chat.line.model.state == "ready", "the model is ready")
        await self.until(lambda: not self.app.workers, "nothing is being opened")

    async def write(self, text: str) -> None:
        """Put text into the prompt as typing does in the end."""
        self.prompt.replace(text, *self.prompt.selection)
        await self.pilot.pause()

    async def say(self, text: str) -> None:
        """Write a message and send it."""
        await self.write(text)
        await self.pilot.press("enter")

    async def answered(self, count: int = 1) -> None:
        """Wait until so many replies are complete and nothing is under way."""
        await self.until(
            lambda: (
                sum(one.author == "assistant" and one.state is MessageState.COMPLETE for one in self.messages) >= count
                and not self.chat._desk.turns.writing
            ),
            f"{count} complete replies",
        )


OpenWindow = Callable[..., AbstractAsyncContextManager[Window]]


@pytest.fixture
def open_window(paths: Paths, world: World, monkeypatch: pytest.MonkeyPatch) -> Iterator[OpenWindow]:
    """Opens windows on the folders of the test, one after the other.

    Args of what it gives: the scripts of the backend (or a function of the request), the size of the terminal, what
    `TaleApp` and `ScriptedBackend` take, whether messages are judged, and settings.
    """
    monkeypatch.setenv("TEXTUAL_ANIMATIONS", "none")

    @asynccontextmanager
    async def opened(
        answers: list[Script] | Answer | None = None,
        *,
        size: tuple[int, int] = (120, 40),
        session_id: str = "",
        look: FirstLook | None = None,
        backend: ScriptedBackend | None = None,
        gate: asyncio.Event | None = None,
        broken: TaleError | None = None,
        ux: str = MODEL,
        task: str = "",
        detect: bool = False,
        detection: dict[str, Any] | None = None,
        manners: Manners | None = None,
        **settings: Any,
    ) -> AsyncIterator[Window]:
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
            started = await Engine.start(paths, chosen, world, backends={BackendName.SCRIPTED: used})
            try:
                yield started
            finally:
                await started.stop()

        app = TaleApp(Bridge(engine), paths, look or FirstLook(), session_id=session_id, world=world)
        app.chat.manners = manners
        async with app.run_test(size=size, notifications=True) as pilot:
            yield Window(app, pilot, used)

    return opened
