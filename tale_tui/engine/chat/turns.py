"""How turns begin, and which ones are under way: one in a session at a time, any number in several."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import suppress
from functools import partial

from tale_tui.engine.chat.asking import Tools
from tale_tui.engine.chat.turn import Opened, Turn
from tale_tui.engine.errors import EngineLost, NoModel, NoSuchMessage, TurnRunning
from tale_tui.engine.events import TurnEvent
from tale_tui.engine.text import clean
from tale_tui.engine.types import Author, Message, MessageState, ModelRef, QueuedMessage, Role

LONG_TEXT = 1000
"""Characters: a shorter message fits any window, so that nobody needs to know the window before it is stored."""


class Turns:
    """Begins turns and knows those that are under way.

    Args:
        tools: what turns work with.
    """

    def __init__(self, tools: Tools) -> None:
        self._tools = tools
        self._running: dict[str, Turn] = {}
        self._closed = False

    def send(self, session_id: str, text: str, key: str, ref: ModelRef | None) -> AsyncGenerator[TurnEvent, None]:
        """A new message of the user and the reply to it."""
        return self._begin(session_id, partial(self._open_send, session_id, text, key, ref), key, ref)

    def edit(self, session_id: str, message_id: str, text: str, key: str) -> AsyncGenerator[TurnEvent, None]:
        """Another version of a message of the user and the reply to it."""
        return self._begin(session_id, partial(self._open_edit, session_id, message_id, text, key), key)

    def regenerate(self, session_id: str, message_id: str) -> AsyncGenerator[TurnEvent, None]:
        """Another version of a reply."""
        return self._begin(session_id, partial(self._open_regenerate, session_id, message_id))

    def resume(self, session_id: str, message_id: str) -> AsyncGenerator[TurnEvent, None]:
        """The rest of a reply."""
        return self._begin(session_id, partial(self._open_resume, session_id, message_id))

    async def enqueue(self, session_id: str, text: str, key: str) -> QueuedMessage:
        """Store a message that waits for the end of a turn."""
        return await self._tools.store.enqueue(session_id, text, key=key)

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

    async def _open_send(self, session_id: str, text: str, key: str, ref: ModelRef | None) -> Opened:
        await self._check(session_id, text, ref)
        user, reply = await self._tools.store.begin_turn(
            session_id, user_id=key, text=text, reply_ref=self._likely(ref)
        )
        return await self._opened(user, reply)

    async def _open_edit(self, session_id: str, message_id: str, text: str, key: str) -> Opened:
        await self._check(session_id, text, None)
        user, reply = await self._tools.store.begin_edit(session_id, message_id, key, text, self._likely(None))
        return await self._opened(user, reply)

    async def _open_regenerate(self, session_id: str, message_id: str) -> Opened:
        message = await self._tools.store.message(message_id)
        asked = message.id if message.author is Author.USER else message.parent_id
        if asked is None:
            raise NoSuchMessage("There is no message before this one that could be answered again.")
        return Opened(None, await self._tools.store.begin_reply(session_id, asked, self._likely(None)))

    async def _open_resume(self, session_id: str, message_id: str) -> Opened:
        shown = (await self._tools.store.transcript(session_id)).messages
        if not shown or shown[-1].id != message_id:
            raise NoSuchMessage("Only the last reply of a conversation can be continued.")
        return Opened(None, await self._tools.store.reopen_reply(message_id))

    async def _opened(self, user: Message, reply: Message) -> Opened:
        """The beginning of a new turn, or of one that is asked for again: then a reply that was cut off goes on."""
        if reply.state is MessageState.INTERRUPTED:
            reply = await self._tools.store.reopen_reply(reply.id)
        return Opened(user, reply, over=reply.state is not MessageState.STREAMING)

    async def _check(self, session_id: str, text: str, ref: ModelRef | None) -> None:
        """Refuse a message that is longer than the window.

        Raises:
            MessageTooLong: with the numbers.
            NoSuchSession: its session is not there.
        """
        if len(text) < LONG_TEXT:
            return
        session = await self._tools.store.session(session_id)
        with suppress(NoModel):  # then nobody knows a window, and the message is stored whatever its length
            ref = ref or await self._tools.roles.serving(Role.UX)
            await self._tools.prompter.check(clean(text), session.system, ref)

    def _likely(self, ref: ModelRef | None) -> ModelRef | None:
        """The model that will be asked, as far as it is known without asking anybody."""
        return ref or self._tools.roles.status(Role.UX).ref
