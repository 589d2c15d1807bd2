"""How fast models write now, for the last line of the chat: asked for while something is written, and only then."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tale_tui.domain.errors import EngineLost
from tale_tui.ui.base_screen import BaseScreen
from tale_tui.ui.widgets.status_line import StatusLine

if TYPE_CHECKING:
    from collections.abc import Callable

    from tale_tui.engine.api import EngineApi

LOOK_S = 1.0


class SpeedMeter:
    """Looks once a second.

    Args:
        screen: has the timer and the worker; nothing is asked for while it is not in front.
        engine: is asked.
        line: shows it.
        busy: whether a reply is on its way.
    """

    def __init__(self, screen: BaseScreen, engine: EngineApi, line: StatusLine, busy: Callable[[], bool]) -> None:
        self._screen = screen
        self._engine = engine
        self._line = line
        self._busy = busy
        self._timer = screen.set_interval(LOOK_S, self._look)

    def stop(self) -> None:
        """Another engine is there, or none."""
        self._timer.stop()
        self._line.speed = None

    def _look(self) -> None:
        if not self._screen.is_current:
            return
        if self._busy() or self._line.tasks.running:
            self._screen.spawn(self._read, group="speed", exclusive=True)
        else:
            self._line.speed = None

    async def _read(self) -> None:
        try:
            self._line.speed = (await self._engine.metrics.activity()).tokens_per_second
        except EngineLost:  # the bridge says so
            self._line.speed = None
