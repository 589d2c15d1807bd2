"""The one place where the window holds the engine: opens it behind the first frame and passes its facts on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, aclosing, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from textual.message import Message
from textual.message_pump import MessagePump

from tale_tui.config.load_thread import in_load_thread
from tale_tui.domain.errors import TaleError

if TYPE_CHECKING:
    from tale_tui.config.load import Loaded
    from tale_tui.config.paths import Paths
    from tale_tui.config.settings import Settings
    from tale_tui.domain.events import Fact
    from tale_tui.engine.api import EngineApi

    OpenEngine = Callable[[], AbstractAsyncContextManager[EngineApi]]

STOP_TIMEOUT_S = 5.0
"""How long leaving waits for the engine to put everything away before it is cancelled."""


class Bridge:
    """Opens the engine, listens to it, and closes it.

    The engine lives in one task of its own, which is no worker of a widget: it outlasts the screen, so that a reply
    that is cut by leaving is stored in peace.

    Args:
        open_engine: gives the engine for as long as its block lasts; called in the event loop.
    """

    # Each listener gets its own: from a screen nothing bubbles to the application, which would get it once more.

    @dataclass
    class Ready(Message, bubble=False):
        """The engine can be asked."""

        engine: EngineApi

    @dataclass
    class Failed(Message, bubble=False):
        """The engine could not be opened, or ended with an error; it can be opened again."""

        error: TaleError

    @dataclass
    class Crashed(Message, bubble=False):
        """The engine ended with an error that nobody expected."""

        error: BaseException

    @dataclass
    class Happened(Message, bubble=False):
        """The engine said something."""

        fact: Fact

    def __init__(self, open_engine: OpenEngine) -> None:
        self._open_engine = open_engine
        self._task: asyncio.Task[None] | None = None
        self._leave = asyncio.Event()
        self._opened = False
        self._listeners: list[MessagePump] = []
        self.error: TaleError | None = None
        """Why there is no engine, where it failed."""

    def subscribe(self, listener: MessagePump) -> None:
        """Post what happens to `listener` from now on."""
        self._listeners.append(listener)

    def open(self) -> None:
        """Begin to open the engine; nothing happens where it is open or being opened."""
        if self._task is None or self._task.done():
            self.error = None
            self._leave.clear()
            self._task = asyncio.create_task(self._run(), name="engine")
            self._task.add_done_callback(self._ended)

    async def close(self, timeout_s: float = STOP_TIMEOUT_S) -> None:
        """Let the engine put everything away.

        Args:
            timeout_s: after so many seconds it is cancelled.
        """
        self._leave.set()
        if self._task is not None:
            if self._opened:
                await asyncio.wait([self._task], timeout=timeout_s)
            # What is only being opened has nothing to put away.
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def _post(self, make: Callable[[], Message]) -> None:
        for listener in self._listeners:
            listener.post_message(make())

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._opened = False
        error = None if task.cancelled() else task.exception()
        if isinstance(error, TaleError):
            self.error = error
            self._post(partial(self.Failed, error))
        elif error is not None:
            self._post(partial(self.Crashed, error))

    async def _run(self) -> None:
        async with self._open_engine() as engine:
            if self._leave.is_set():
                return
            self._opened = True
            self._post(partial(self.Ready, engine))
            listening = asyncio.create_task(self._listen(engine), name="facts")
            leaving = asyncio.create_task(self._leave.wait(), name="leave")
            try:
                await asyncio.wait([listening, leaving], return_when=asyncio.FIRST_COMPLETED)
            finally:
                leaving.cancel()
                listening.cancel()
                ends = await asyncio.gather(listening, leaving, return_exceptions=True)
            for end in ends:
                if isinstance(end, Exception):
                    raise end

    async def _listen(self, engine: EngineApi) -> None:
        async with aclosing(engine.control.watch(window=True)) as facts:
            async for fact in facts:
                self._post(partial(self.Happened, fact))


@asynccontextmanager
async def open_engine(
    paths: Paths,
    overrides: Mapping[str, object],
    on_note: Callable[[str], None],
    on_settings: Callable[[Settings], None],
    preload: Callable[[], None],
) -> AsyncIterator[EngineApi]:
    """The engine of the data folder, as long as the block lasts; everything heavy is loaded in the thread for that.

    Args:
        paths: the folders; they exist.
        overrides: dotted key -> value, stronger than environment and file.
        on_note: takes what is worth saying about the settings, a sentence each.
        on_settings: takes the settings, for what the window itself has to do with them.
        preload: imports what the window needs as soon as the engine is there; called in the thread.
    Raises:
        SettingsError: a setting is wrong.
        StoreError, EngineLost, EngineMismatch: the engine cannot be had.
    """
    loaded = await in_load_thread(_load, paths, overrides, preload)
    from tale_tui.config import logs
    from tale_tui.config.process_title import set_process_title
    from tale_tui.engine.ipc.connect import open_engine as open_api
    from tale_tui.ui.markdown import warm

    for note in loaded.notes:
        on_note(note)
    on_settings(loaded.settings)

    def be_engine() -> Settings:
        set_process_title("engine")
        return loaded.settings

    with logs.to_file(paths.log_file, loaded.settings.log_level):
        async with open_api(paths, be_engine) as engine:
            warming = asyncio.create_task(in_load_thread(warm), name="warm the markdown")
            try:
                yield engine
            finally:
                await warming


def _load(paths: Paths, overrides: Mapping[str, object], preload: Callable[[], None]) -> Loaded:
    """Import what the engine and the window need, and read the settings. Takes a few tenths of a second."""
    import tale_tui.engine.engine
    import tale_tui.engine.ipc.connect
    from tale_tui.config import load as settings

    # Named, so that nothing is taken for an import without a use: loading is the use.
    del tale_tui
    preload()
    return settings.load(paths, overrides)
