"""A small engine that remembers what it was asked, to try the link without models and a database."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from tale_tui.domain.conversation import Session, View
from tale_tui.domain.errors import EmptyMessage
from tale_tui.domain.events import EngineMoved, Fact, Notice, TextDelta, ThinkingDelta, TurnEvent
from tale_tui.domain.models import ModelRef


class SmallEngine:
    """Has the verbs that the tests call, each of which is in one group. `streams` counts the streams that are open."""

    def __init__(self, read_only: bool = False) -> None:
        self.read_only = read_only
        self.stopped = asyncio.Event()
        self.streams = 0
        self.closed_stream = asyncio.Event()
        self.views: list[tuple[str, View]] = []
        self.made: list[str] = []
        self.slow = asyncio.Event()
        self.chat = self.sessions = self.control = self

    async def list(self, *, limit: int = 1000) -> tuple[Session, ...]:
        return tuple(Session(id=f"s{n}", title="[/] \u4e16", created=1.5, updated=2.5) for n in range(min(limit, 3)))

    async def save_view(self, session_id: str, view: View) -> None:
        self.views.append((session_id, view))

    async def rename(self, session_id: str, title: str) -> Session:
        await self.slow.wait()
        return Session(id=session_id, title=title, created=0, updated=0)

    async def create(self, *, title: str = "", system: str = "") -> Session:
        self.made.append(title)
        await self.slow.wait()
        return Session(id="new", title=title, created=0, updated=0)

    async def send(
        self, session_id: str, text: str, *, key: str, ref: ModelRef | None = None
    ) -> AsyncGenerator[TurnEvent, None]:
        if not text:
            raise EmptyMessage("There is nothing in the message.")
        self.streams += 1
        try:
            yield ThinkingDelta("hm", 1)
            yield TextDelta(f"{text} {ref} {key}", 2)
            if text == "for ever":
                await asyncio.Event().wait()
        finally:
            self.streams -= 1
            self.closed_stream.set()

    async def watch(self, *, window: bool = False) -> AsyncGenerator[Fact, None]:
        yield Notice("hello", "from the engine")
        await self.stopped.wait()
        yield EngineMoved(here=False)

    async def stop(self) -> None:
        self.stopped.set()


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    folder.mkdir(mode=0o700)
    return folder


@pytest.fixture
def small_engine() -> type[SmallEngine]:
    return SmallEngine
