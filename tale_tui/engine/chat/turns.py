"""How turns begin, and which ones are under way: one in a session at a time, any number in several."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from functools import partial

from tale_tui.engine.chat.asking import Tools
from tale_tui.engine.chat.judging import Judging
from tale_tui.engine.chat.openings import Opened, Openings
from tale_tui.engine.chat.turn import Turn
from tale_tui.engine.errors import EngineLost, TurnRunning
from tale_tui.engine.events import SessionChanged, TurnEvent
from tale_tui.engine.task_types import Judged
from tale_tui.engine.types import MessageState, ModelRef, QueuedMessage


class Turns:
    """Begins turns and knows those that are under way. Implements `api.ChatApi`, where each verb is described.

    Args:
        tools: what turns work with.
        openings: store their beginnings.
        judging: says what a message is.
    """

    def __init__(self, tools: Tools, openings: Openings, judging: Judging) -> None:
        self._tools = tools
        self._openings = openings
        self._judging = judging
        self._running: dict[str, Turn] = {}
        self._closed = False

    @property
    def busy(self) -> bool:
        """Whether any turn is under way."""
        return bool(self._running)

    def send(
        self, session_id: str, text: str, *, key: str, ref: ModelRef | None = None, as_task: bool | None = None
    ) -> AsyncGenerator[TurnEvent, None]:
        return self._begin(session_id, partial(self._openings.send, session_id, text, key, ref, as_task), key, ref)

    def regenerate(self, session_id: str, message_id: str) -> AsyncGenerator[TurnEvent, None]:
        return self._begin(session_id, partial(self._openings.regenerate, session_id, message_id))

    def edit(self, session_id: str, message_id: str, text: str, *, key: str) -> AsyncGenerator[TurnEvent, None]:
        return self._begin(session_id, partial(self._openings.edit, session_id, message_id, text, key), key)

    def resume(self, session_id: str, message_id: str) -> AsyncGenerator[TurnEvent, None]:
        return self._begin(session_id, partial(self._openings.resume, session_id, message_id))

    async def reclassify(self, session_id: str, message_id: str, *, as_task: bool) -> AsyncGenerator[TurnEvent, None]:
        """A reply to the message that is coming is stopped first."""
        turn = self._running.get(session_id)
        if turn is not None and turn.answers == message_id:
            await turn.stop(MessageState.STOPPED)
        opening = partial(self._openings.reclassify, session_id, message_id, as_task)
        async with aclosing(self._begin(session_id, opening)) as events:
            async for event in events:
                yield event

    async def classify(self, text: str, *, session_id: str = "") -> Judged:
        return await self._judging.classify(text, session_id)

    async def enqueue(self, session_id: str, text: str, *, key: str) -> QueuedMessage:
        queued = await self._tools.store.enqueue(session_id, text, key=key)
        self._tools.publish(SessionChanged(session_id, source=key))
        return queued

    async def dequeue(self, session_id: str, key: str) -> QueuedMessage | None:
        queued = await self._tools.store.dequeue(session_id, key)
        if queued is not None:
            self._tools.publish(SessionChanged(session_id, source=key))
        return queued

    async def stop(self, session_id: str) -> None:
        """Stop the turn of a session, if there is one."""
        if turn := self._running.get(session_id):
            await turn.stop(MessageState.STOPPED)

    async def close(self) -> None:
        """End all turns, so that they can be continued after the next start, and begin no more."""
        self._closed = True
        await asyncio.gather(*(turn.stop(MessageState.INTERRUPTED) for turn in self._running.values()))

    def _begin(
        self, session_id: str, opening: Callable[[], Awaitable[Opened]], source: str = "", ref: ModelRef | None = None
    ) -> AsyncGenerator[TurnEvent, None]:
        turn = Turn(self._tools, session_id, opening, source=source, ref=ref, claim=self._claim, release=self._released)
        return turn.events()

    def _claim(self, turn: Turn) -> None:
        if self._closed:
            raise EngineLost("The engine has been left.")
        if turn.session_id in self._running:
            raise TurnRunning("A reply is still coming in this conversation. Wait for it, or stop it first.")
        self._running[turn.session_id] = turn

    def _released(self, turn: Turn) -> None:
        if self._running.get(turn.session_id) is turn:
            del self._running[turn.session_id]
