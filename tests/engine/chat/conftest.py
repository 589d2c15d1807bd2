"""A conversation on a scripted engine, with short words for what tests do in it."""

from __future__ import annotations

import itertools
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any

import pytest

from tale_tui.domain.conversation import Message, Transcript
from tale_tui.domain.events import TextDelta, TurnEvent
from tale_tui.domain.models import BackendName, ModelRef
from tale_tui.domain.tasks import Task, TaskDetail
from tale_tui.engine.engine import Engine
from tale_tui.engine.models.scripted import ScriptedBackend

SCRIPTED = BackendName.SCRIPTED
DEMO = ModelRef(SCRIPTED, "demo")


@dataclass
class Talk:
    """One session."""

    engine: Engine
    backend: ScriptedBackend
    session_id: str
    keys: Any = field(default_factory=lambda: (f"key{n}" for n in itertools.count(1)))

    @staticmethod
    async def collect(events: AsyncGenerator[TurnEvent, None]) -> list[TurnEvent]:
        """All that is left of a stream."""
        async with aclosing(events):
            return [event async for event in events]

    @staticmethod
    async def until_text(events: AsyncGenerator[TurnEvent, None]) -> list[TurnEvent]:
        """Up to the first text; the stream stays open."""
        seen: list[TurnEvent] = []
        async for event in events:
            seen.append(event)
            if isinstance(event, TextDelta):
                return seen
        raise AssertionError(f"no text came: {seen}")

    def send(
        self, text: str, *, key: str = "", ref: ModelRef | None = None, as_task: bool | None = None
    ) -> AsyncGenerator[TurnEvent, None]:
        return self.engine.chat.send(self.session_id, text, key=key or next(self.keys), ref=ref, as_task=as_task)

    async def ask(
        self, text: str, *, key: str = "", ref: ModelRef | None = None, as_task: bool | None = None
    ) -> list[TurnEvent]:
        return await self.collect(self.send(text, key=key, ref=ref, as_task=as_task))

    async def reclassify(self, message_id: str, *, as_task: bool) -> list[TurnEvent]:
        return await self.collect(self.engine.chat.reclassify(self.session_id, message_id, as_task=as_task))

    async def tasks(self) -> tuple[Task, ...]:
        return await self.engine.tasks.list(session_id=self.session_id)

    async def ended(self, task_id: str) -> TaskDetail:
        """A task, when it has ended."""
        async with aclosing(self.engine.tasks.follow(task_id)) as events:
            async for _ in events:
                pass
        return await self.engine.tasks.get(task_id)

    async def regenerate(self, message_id: str) -> list[TurnEvent]:
        return await self.collect(self.engine.chat.regenerate(self.session_id, message_id))

    async def resume(self, message_id: str) -> list[TurnEvent]:
        return await self.collect(self.engine.chat.resume(self.session_id, message_id))

    async def edit(self, message_id: str, text: str, key: str) -> list[TurnEvent]:
        return await self.collect(self.engine.chat.edit(self.session_id, message_id, text, key=key))

    async def stored(self) -> Transcript:
        return await self.engine.sessions.transcript(self.session_id)

    async def reply(self) -> Message:
        """The last message."""
        return (await self.stored()).messages[-1]


@pytest.fixture
def talk(start_engine: Callable[..., Awaitable[Engine]]) -> Callable[..., Awaitable[Talk]]:
    """Begins a conversation: with scripts, or with a backend; the rest goes to `start_engine`."""

    async def begin(scripts: Any, **settings: Any) -> Talk:
        backend = scripts if isinstance(scripts, ScriptedBackend) else ScriptedBackend(scripts)
        engine = await start_engine({SCRIPTED: backend}, **settings)
        return Talk(engine, backend, (await engine.sessions.create()).id)

    return begin
