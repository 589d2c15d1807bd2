"""What the learning view shows, read while it is shown, and what its keys change."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from tale_tui.formatting.learning import last_event
from tale_tui.formatting.units import key_name
from tale_tui.ui.live_screen import LiveController

if TYPE_CHECKING:
    from tale_tui.domain.forecasts import ForecastHistory
    from tale_tui.domain.learning import LearnedPart, LearnedState
    from tale_tui.engine.api import EngineApi
    from tale_tui.ui.base_screen import BaseScreen


class LearningController(LiveController):
    """Reads for the screen, and only while it is shown.

    Args:
        screen: does the work in the background, and tells.
        paint: shows what was read.
        engine: that is asked; None while there is none.

    Attributes:
        states: of all parts; None while nothing was read.
        history: how near the last forecasts were; None likewise.
    """

    def __init__(self, screen: BaseScreen, paint: Callable[[], None], engine: EngineApi | None) -> None:
        super().__init__(screen, paint, engine)
        self.states: tuple[LearnedState, ...] | None = None
        self.history: ForecastHistory | None = None

    # reading

    async def _read(self, engine: EngineApi) -> None:
        with self.telling_once():
            await self.read_status(engine)
            self.states = await engine.learning.learned()
            self.history = await engine.learning.history()
        self._paint()

    # changing

    def undo(self, state: LearnedState) -> None:
        """Go back to what was in use before the last thing that a part learned, or forgot."""
        event = last_event(state)
        if self.engine is not None and event is not None:
            self._screen.spawn(self._undo, self.engine, event.id, group="change")

    async def _undo(self, engine: EngineApi, event_id: str) -> None:
        await engine.learning.undo(event_id)
        self._screen.say("What was in use before it serves.", title=f"Undone: {event_id}")
        await self._read(engine)

    def forget(self, part: LearnedPart) -> None:
        """Forget all that a part has learned, after asking."""
        if self.engine is not None:
            self._screen.spawn(self._forget, self.engine, part, group="change")

    async def _forget(self, engine: EngineApi, part: LearnedPart) -> None:
        from tale_tui.ui.dialogs.confirm import ConfirmDialog

        verb = f"Forget what {part} has learned"
        # While there is nothing to undo yet, there is no key for it.
        key = key_name(self._screen.key_of("learning.undo"))
        way = f"{key} brings it back" if key else "it can be undone"
        detail = f"The program goes on as it came, and learns from what comes now. Nothing is deleted: {way}."
        if await self._screen.ask(ConfirmDialog(f"{verb}?", verb, "Keep", detail=detail)):
            event = await engine.learning.reset(part)
            also = f", and so does {key}" if key else ""
            self._screen.say(f"tale-tui learning undo {event.id} brings it back{also}.", title="Forgotten")
            await self._read(engine)

    async def switch(self, engine: EngineApi, state: LearnedState) -> None:
        """Have a part learn from now on, or no longer.

        Raises:
            ReadOnly: nothing may be changed here.
        """
        await engine.learning.switch(state.part, on=not state.enabled)
        await self._read(engine)
