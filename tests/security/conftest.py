"""A driver that keeps every byte the application would write to a terminal, and what may be among them."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from textual import events
from textual.app import App
from textual.drivers.headless_driver import HeadlessDriver
from textual.pilot import Pilot
from textual.screen import Screen

from support.window import Window
from tale_tui.config.first_frame import FirstFrameSettings
from tale_tui.config.paths import Paths
from tale_tui.config.settings import Settings
from tale_tui.domain.clock import Clock
from tale_tui.domain.models import BackendName
from tale_tui.engine.api import EngineApi
from tale_tui.engine.engine import Engine
from tale_tui.engine.models.backend import ChatRequest
from tale_tui.engine.models.scripted import Script, ScriptedBackend, spoken
from tale_tui.ui.app import TaleApp
from tale_tui.ui.chat.models import tell_demo_once
from tale_tui.ui.engine_bridge import Bridge

WAY_TO_A_WORKER = 3
"""Widgets that pass a message on until the work for it begins: the prompt, the lines around it, the screen."""
MODEL = "demo"
CORPUS: dict[str, dict[str, str]] = json.loads(
    (Path(__file__).parent.parent / "data" / "hostile-text.json").read_text(encoding="utf-8")
)

OURS = re.compile(
    r"\x1b\[[0-9;:]*m"  # colours and weights
    r"|\x1b\[[0-9;]*[ABCDGHJKf]"  # the cursor
    r"|\x1b\[\?[0-9;]+\$?[hlp]"  # modes
    r"|\x1b\[[<>=?][0-9;]*u"  # the keyboard
    r"|\x1b\]22;[a-z-]*(?:\x1b\\|\x07)"  # the shape of the pointer
)
"""Every sequence that Textual itself writes while an application runs."""
CONTROL = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\u200b\ufeff\u00ad\u2028\u2029"
    r"\ud800-\udfff\U000e0000-\U000e0fff]"
)


def capturing(written: list[str]) -> type[HeadlessDriver]:
    """A driver that is not headless for the application, so that it paints; nowhere for the bytes to go but a list."""

    class CapturingDriver(HeadlessDriver):
        @property
        def is_headless(self) -> bool:
            return False

        def write(self, data: str) -> None:
            written.append(data)

    return CapturingDriver


class QuickPilot(Pilot[Any]):
    """Waits for what was posted to be done and painted; Textual's own way sleeps each time."""

    async def pause(self, delay: float | None = None) -> None:
        for _ in range(WAY_TO_A_WORKER):
            done = asyncio.Event()
            self.app.call_later(done.set)
            await done.wait()
            await super().pause(0)

    async def press(self, *keys: str) -> None:
        for key in keys:
            self.app.post_message(events.Key(key, key if len(key) == 1 else None))
            await self.pause()


def foreign(written: list[str]) -> str:
    """What is left that Textual did not mean: a character that a terminal could obey, with what stands around it."""
    text = OURS.sub("", "".join(written)).replace("\r", "").replace("\n", "")
    found = CONTROL.search(text)
    return "" if found is None else repr(text[max(0, found.start() - 40) : found.end() + 40])


@asynccontextmanager
async def captured(app: App[Any], size: tuple[int, int] = (100, 30)) -> AsyncIterator[tuple[Pilot[Any], list[str]]]:
    """Run an application on a capturing driver."""
    written: list[str] = []
    app.driver_class = capturing(written)
    async with app.run_test(headless=False, size=size, tooltips=True, notifications=True) as pilot:
        yield pilot, written


@pytest.fixture
def run_captured() -> Callable[..., Any]:
    return captured


@pytest.fixture
def corpus() -> dict[str, dict[str, str]]:
    return CORPUS


@pytest.fixture
def foreign_in() -> Callable[[list[str]], str]:
    return foreign


@dataclass
class Terminal:
    """What only a terminal has: text that is pasted, and every byte that was written."""

    window: Window
    written: list[str]

    async def paste(self, text: str) -> None:
        """Put text into the prompt as a terminal does that brackets what is pasted."""
        self.window.prompt.fill("")
        self.window.chat.post_message(events.Paste(text))
        await self.window.pilot.pause()

    async def say(self, text: str) -> None:
        """Send a message and wait for the end of its turn."""
        self.window.prompt.fill(text)
        await self.window.press("enter")
        await self.rest()

    async def paste_and_send(self, text: str) -> None:
        """Paste a message, send it and wait for the end of its turn."""
        await self.paste(text)
        await self.say(self.window.prompt.text)

    async def rest(self) -> None:
        """Wait until nothing is under way."""
        # A worker is there only when what was posted has been taken up.
        await self.window.pilot.pause()
        await self.window.rest()

    async def run(self, command: str, kind: type[Screen[Any]]) -> None:
        """Run a command that opens a screen, and wait for it."""
        self.window.chat.run_command(*command.split(" ", 1))
        await self.window.dialog(kind)

    async def leave(self) -> None:
        """Close what is open over the chat."""
        await self.window.press("escape")
        await self.window.closed()

    async def read(self) -> str:
        """All of the transcript, painted page by page."""
        view, pages = self.window.chat.view, []
        view.action_home()
        while True:
            await self.window.pilot.pause()
            pages.append(self.window.painted)
            if view.following:
                return "\n".join(pages)
            view.action_page(1)

    def unharmed(self) -> None:
        """Nothing foreign was written, and the application goes on."""
        assert len("".join(self.written)) > 1000
        assert foreign(self.written) == ""
        assert self.window.app.is_running, self.window.app.crash
        assert self.window.app.crash is None


@pytest.fixture
def open_app(paths: Paths, clock: Clock) -> Callable[..., AbstractAsyncContextManager[tuple[Window, Terminal]]]:
    """Opens the application on the capturing driver.

    Args of what it gives: a function of the request that makes the script of a reply, the names of the models, and the
    beginning of the id of the session to be opened.
    """

    @asynccontextmanager
    async def opened(
        answer: Callable[[ChatRequest], Script] = lambda request: spoken("An answer."),
        *,
        models: tuple[str, ...] = (MODEL,),
        session: str = "",
        load: bool = True,
    ) -> AsyncIterator[tuple[Window, Terminal]]:
        @asynccontextmanager
        async def open_engine() -> AsyncIterator[EngineApi]:
            backends = {BackendName.SCRIPTED: ScriptedBackend(answer, models=models, window=1_000_000)}
            settings = Settings(ux=f"scripted/{models[0]}", task=f"scripted/{models[-1]}")
            window.engine = await Engine.start(paths, settings, clock, backends=backends, load=load)
            try:
                yield window.engine
            finally:
                await window.engine.stop()

        # As at every start but the first one in a data folder.
        tell_demo_once(paths.data)
        app = TaleApp(Bridge(open_engine), paths, FirstFrameSettings(), session_id=session, clock=clock)
        window = Window(app, QuickPilot(app))
        async with captured(app) as (_, written):
            terminal = Terminal(window, written)
            await window.until(
                lambda: window.controller and app.chat.line.model.state != "starting", "the engine is there"
            )
            await terminal.rest()
            yield window, terminal

    return opened
