"""What is kept while it is written and read: the draft and the place of the reader."""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from filelock import FileLock, Timeout

from tale_tui.domain.errors import TaleError
from tale_tui.domain.text import clean
from tale_tui.ui.base_screen import BaseScreen
from tale_tui.ui.chat.conversation import Conversation
from tale_tui.ui.widgets.prompt import Prompt
from tale_tui.ui.work_throttle import WorkThrottle

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
        self._conversation = conversation
        self._prompt = prompt
        self._draft = draft
        self._drafts = drafts
        self._saving = WorkThrottle(screen, KEEP_AFTER_S, self.save, "keep")
        self._in_file = ""

    def schedule(self) -> None:
        """Keep them in a moment; what happens meanwhile is in it."""
        self._saving.request()

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


_LOCK_SUFFIX = ".lock"


class Drafts:
    """One file for each window, named by its process, with a lock that ends with the process; the file of a window that
    is gone is found by the next one, whoever has the number of its process by then.

    Every method reads or writes files.

    Args:
        folder: where they are; it need not exist.
        pid: of this process.
    """

    def __init__(self, folder: Path, pid: int) -> None:
        self._folder = folder
        self._own = folder / f"{pid}{_SUFFIX}"
        # One for all that this process makes: a window whose engine is opened again keeps its file.
        self._lock = FileLock(_lock_of(self._own), timeout=0, thread_local=False, mode=0o600, is_singleton=True)

    def keep(self, text: str) -> None:
        """Keep `text`; an empty one leaves nothing.

        Raises:
            OSError: it cannot be kept.
        """
        if not text.strip():
            if self._lock.is_locked:
                self._own.unlink(missing_ok=True)
                self.close()
            return
        self._claim()
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
        self._claim()
        for path in sorted(self._folder.glob(f"*{_SUFFIX}"), key=_written, reverse=True):
            if path == self._own:
                return path.read_text(encoding="utf-8", errors="replace")
            lock = FileLock(_lock_of(path), timeout=0, mode=0o600)
            with suppress(Timeout, FileNotFoundError):  # its window is there, or another one was faster
                with lock:
                    text = path.read_text(encoding="utf-8", errors="replace")
                    path.replace(self._own)
                _lock_of(path).unlink(missing_ok=True)
                return text
        self.close()
        return ""

    def close(self) -> None:
        """Leave the file to the next window, as the end of the process does."""
        if self._lock.is_locked:
            self._lock.release(force=True)
            _lock_of(self._own).unlink(missing_ok=True)

    def _claim(self) -> None:
        """Have the file of this window; one that an earlier process of the same number left is kept beside it."""
        if self._lock.is_locked:
            return
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        try:
            self._lock.acquire()
        except (Timeout, NotImplementedError) as error:
            raise OSError(f"{self._own} cannot be locked") from error
        if self._own.exists():
            self._own.replace(self._own.with_stem(f"{self._own.stem}-{time.time_ns()}"))


def _lock_of(path: Path) -> Path:
    return path.with_suffix(_LOCK_SUFFIX)


def _written(path: Path) -> float:
    """When it was written; one that another window has just taken comes last."""
    try:
        return path.stat().st_mtime
    except FileNotFoundError:
        return 0.0
