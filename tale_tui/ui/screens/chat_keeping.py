"""What is kept while it is written and read: the draft and the place of the reader."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from typing import Any

from textual.screen import Screen
from textual.timer import Timer

from tale_tui.engine.errors import TaleError
from tale_tui.engine.text import clean
from tale_tui.ui.drafts import Drafts
from tale_tui.ui.screens.chat_host import ChatHost
from tale_tui.ui.screens.chat_sending import Sending

KEEP_AFTER_S = 1.0
"""What is typed is kept after so long."""
_LOG = logging.getLogger(__name__)


class Keeping:
    """Keeps them: with the session where there is one, else in a file of this window.

    Args:
        host: the chat.
        sending: knows the draft.
        screen: has the timers.
        drafts: the files.
    """

    def __init__(self, host: ChatHost, sending: Sending, screen: Screen[Any], drafts: Drafts) -> None:
        self._host = host
        self._sending = sending
        self._screen = screen
        self._drafts = drafts
        self._timer: Timer | None = None
        self._in_file = ""

    @property
    def waits(self) -> bool:
        """Whether something is to be kept in a moment."""
        return self._timer is not None

    def soon(self) -> None:
        """Keep them in a moment; what happens meanwhile is in it."""
        if self._timer is None:
            self._timer = self._screen.set_timer(KEEP_AFTER_S, self._keep)

    def _keep(self) -> None:
        self._timer = None
        self._host.spawn(self.now, group="keep", exclusive=True)

    async def now(self) -> None:
        """Keep them now."""
        made = self._host.conversation.session is not None
        await self._keep_in_file("" if made else self._sending.draft)
        with suppress(TaleError):  # a place and a draft are not worth a message; the log of the engine has it
            await self._host.conversation.save_view(self._sending.draft)

    async def _keep_in_file(self, text: str) -> None:
        if text != self._in_file:
            self._in_file = text
            try:
                await asyncio.to_thread(self._drafts.keep, text)
            except OSError as error:
                _LOG.warning("what is being written cannot be kept: %s", error)

    async def bring_back(self) -> None:
        """Put what a window that was left wrote for a new conversation into an empty prompt."""
        prompt = self._host.composer.prompt
        if prompt.text or self._host.conversation.session is not None:
            return
        try:
            draft = clean(await asyncio.to_thread(self._drafts.take))
        except OSError as error:
            _LOG.warning("what was written last cannot be read: %s", error)
            return
        self._in_file = draft
        if draft and await self._was_sent(draft):
            await self._keep_in_file("")
        elif draft and not prompt.text:
            prompt.fill(draft)

    async def _was_sent(self, draft: str) -> bool:
        """Whether a draft begins the last conversation: the window ended between sending it and forgetting it."""
        engine = self._host.conversation.engine
        for last in await engine.sessions.list(limit=1):
            messages = (await engine.sessions.transcript(last.id)).messages
            return bool(messages) and messages[0].text.strip() == draft.strip()
        return False
