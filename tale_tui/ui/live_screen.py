"""What the screens share that show what is so now: they read while they are shown, and say why there is no engine."""

from __future__ import annotations

import time
from abc import abstractmethod
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import ClassVar

from textual import events, on

from tale_tui.domain.clock import Clock
from tale_tui.domain.errors import TaleError
from tale_tui.domain.models import Role, RoleStatus
from tale_tui.domain.tasks import TaskCounts
from tale_tui.engine.api import EngineApi
from tale_tui.ui.base_screen import BaseScreen
from tale_tui.ui.engine_bridge import Bridge
from tale_tui.ui.widgets.key_bar import KeyBar
from tale_tui.ui.widgets.status_line import key_hints


class LiveController:
    """Reads for a screen, and only while it is shown.

    Args:
        screen: does the work in the background, asks and tells.
        paint: shows what was read.
        engine: that is asked; None while there is none.

    Attributes:
        engine: likewise.
        roles: the models that serve.
        counts: of tasks.
    """

    READING: ClassVar[tuple[str, ...]] = ("read",)
    """Groups of workers that nobody wants any more when the screen is left."""

    def __init__(self, screen: BaseScreen, paint: Callable[[], None], engine: EngineApi | None) -> None:
        self._screen = screen
        self._paint = paint
        self.engine = engine
        self.roles: dict[Role, RoleStatus] = {}
        self.counts = TaskCounts()
        self._told = ""
        """What was last said to be wrong."""

    def use(self, engine: EngineApi | None) -> None:
        """There is an engine now, or none any more."""
        self.engine = engine

    def begin(self) -> None:
        """It is shown now."""
        self.refresh()

    def refresh(self) -> None:
        """Read all anew, soon. What is being read is not interrupted by it, but followed by this."""
        if self.engine is not None:
            self._screen.spawn(self._read, self.engine, group="read")

    def tick(self) -> None:
        """Read again what is due; called while it is shown."""
        self.refresh()

    def rest(self) -> None:
        """It is shown no longer: what is being read is not wanted."""
        for group in self.READING:
            self._screen.workers.cancel_group(self._screen, group)

    @abstractmethod
    async def _read(self, engine: EngineApi) -> None:
        """Read all, and show it."""

    async def read_status(self, engine: EngineApi) -> None:
        """Read which models serve, and how many tasks there are."""
        status = await engine.control.status()
        self.roles, self.counts = {one.role: one for one in status.roles}, status.tasks

    @contextmanager
    def telling_once(self) -> Iterator[None]:
        """An error goes through only where it is another one than the last time; what follows the block is done."""
        try:
            yield
        except TaleError as error:
            if error.sentence != self._told:
                self._told = error.sentence
                raise
        else:
            self._told = ""


class LiveScreen(BaseScreen):
    """A screen with a line of keys and a controller that reads while it is shown.

    Args:
        id: of the screen, as its style sheet says it.
        bridge: brings the engine and what it says.
        clock: the time; None for the real one.

    Attributes:
        bar: the last line.
        controller: reads; each screen makes its own.
    """

    TICK_S: ClassVar[float]
    """Between two looks at what is so now."""

    controller: LiveController

    def __init__(self, id: str, bridge: Bridge, clock: Clock | None) -> None:  # noqa: A002  (Textual's word)
        super().__init__(id=id)
        self.bar = KeyBar()
        self._clock = time.time if clock is None else clock.now
        self._bridge = bridge
        self._complaint = ""
        """Why there is no engine."""
        bridge.subscribe(self)

    def on_mount(self) -> None:
        """Look while somebody does."""
        self.set_interval(self.TICK_S, self.tick)
        if self._bridge.error is not None:
            self._no_engine(self._bridge.error)

    @abstractmethod
    def paint(self) -> None:
        """Show all that is known."""

    @on(Bridge.Ready)
    def _use_engine(self, event: Bridge.Ready) -> None:
        self._complaint = ""
        self.controller.use(event.engine)
        self._begin()

    @on(Bridge.Failed)
    def _lose_engine(self, event: Bridge.Failed) -> None:
        self._no_engine(event.error)

    def _no_engine(self, error: TaleError) -> None:
        self._complaint = error.sentence
        self.controller.use(None)
        self.paint()

    @on(events.ScreenResume)
    def _begin(self) -> None:
        """Show what is so now."""
        if self.is_shown:
            self.controller.begin()
            self.paint()

    @on(events.ScreenSuspend)
    def _rest(self) -> None:
        """Behind another mode nothing is read; behind a dialog it goes on."""
        if not self.is_shown:
            self.controller.rest()

    def tick(self) -> None:
        """Look at what is so now, where it is shown."""
        if self.is_shown:
            self.controller.tick()

    def show_hints(self, wanted: Iterable[tuple[str, ...]]) -> None:
        """Show in the last line the keys that matter now; see `key_hints`."""
        self.bar.keys = key_hints(wanted, self.keys())

    def action_again(self) -> None:
        """Read it again; without an engine, try to get one."""
        if self.controller.engine is None:
            self._bridge.open()
        self.controller.refresh()
