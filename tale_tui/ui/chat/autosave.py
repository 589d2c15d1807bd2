"""What is kept while it is written and read: the draft and the place of the reader."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from textual.timer import Timer

from tale_tui.domain.errors import TaleError
from tale_tui.domain.text import clean
from tale_tui.ui.base_screen import BaseScreen
from tale_tui.ui.chat.conversation import Conversation
from tale_tui.ui.widgets.prompt import Prompt

KEEP_AFTER_S = 1.0
"""What is typed is kept after so long."""

_LOG = logging.getLogger(__name__)


class DraftAutosave:
    """Keeps them: with the session where there is one, else in a file of this window.

    Args:
        screen: has the timers.
        conversation: what is on the screen.
        prompt: gets what was kept.
        draft: gives what is being written as a new message.
        drafts: the files.
    """

    def __init__(
        self, screen: BaseScreen, conversation: Conversation, prompt: Prompt, draft: Callable[[], str], drafts: Drafts
    ) -> None:
        self._screen = screen
        self._conversation = conversation
        self._prompt = prompt
        self._draft = draft
        self._drafts = drafts
        self._timer: Timer | None = None
        self._in_file = ""

    @property
    def waits(self) -> bool:
        """Whether something is to be kept in a moment."""
        return self._timer is not None

    def schedule(self) -> None:
        """Keep them in a moment; what happens meanwhile is in it."""
        if self._timer is None:
            self._timer = self._screen.set_timer(KEEP_AFTER_S, self._due)

    def _due(self) -> None:
        self._timer = None
        self._screen.spawn(self.save, group="keep", exclusive=True)

    async def save(self) -> None:
        """Keep them now."""
        made = self._conversation.session is not None
        await self._keep_in_file("" if made else self._draft())
        with suppress(TaleError):  # a place and a draft are not worth a message; the log of the engine has it
            await self._conversation.save_view(self._draft())

    async def _keep_in_file(self, text: str) -> None:
        if text != self._in_file:
            self._in_file = text
            try:
                await asyncio.to_thread(self._drafts.keep, text)
            except OSError as error:
                _LOG.warning("what is being written cannot be kept: %s", error)

    async def restore(self) -> None:
        """Put what a window that was left wrote for a new conversation into an empty prompt."""
        prompt = self._prompt
        if prompt.text or self._conversation.session is not None:
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
        engine = self._conversation.engine
        for last in await engine.sessions.list(limit=1):
            messages = (await engine.sessions.transcript(last.id)).messages
            return bool(messages) and messages[0].text.strip() == draft.strip()
        return False


_SUFFIX = ".txt"


class Drafts:
    """One file for each window, named by its process; the file of a window that is gone is found by the next one.

    Every method reads or writes files.

    Args:
        folder: where they are; it need not exist.
        pid: of this process.
    """

    def __init__(self, folder: Path, pid: int) -> None:
        self._folder = folder
        self._own = folder / f"{pid}{_SUFFIX}"

    def keep(self, text: str) -> None:
        """Keep `text`; an empty one leaves nothing.

        Raises:
            OSError: it cannot be kept.
        """
        if not text.strip():
            self._own.unlink(missing_ok=True)
            return
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        new = self._own.with_suffix(".new")
        descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
        new.replace(self._own)

    def take(self) -> str:
        """What the window that was left last wrote, which is this window's from now on; foreign text.

        Raises:
            OSError: it cannot be read.
        """
        if not self._folder.is_dir():
            return ""
        left = [path for path in self._folder.glob(f"*{_SUFFIX}") if not _lives(path.stem)]
        for path in sorted(left, key=lambda one: one.stat().st_mtime, reverse=True):
            text = path.read_text(encoding="utf-8", errors="replace")
            path.replace(self._own)
            return text
        return ""


def _lives(pid: str) -> bool:
    """Whether a window of this process is there; a name that is no process belongs to nobody."""
    if not pid.isdecimal() or int(pid) == os.getpid():
        return False
    with suppress(ProcessLookupError):  # that is the answer
        with suppress(PermissionError):  # it is there, and somebody else's
            os.kill(int(pid), 0)
        return True
    return False
