"""What the learning view shows, read while it is shown, and what its keys change."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from tale_tui.domain.errors import TaleError
from tale_tui.formatting.learning import last_event

if TYPE_CHECKING:
    from tale_tui.domain.forecasts import ForecastHistory
    from tale_tui.domain.learning import LearnedPart, LearnedState
    from tale_tui.domain.models import Role, RoleStatus
    from tale_tui.engine.api import EngineApi
    from tale_tui.ui.base_screen import BaseScreen


class LearningController:
    """Reads for the screen, and only while it is shown.

    Args:
        screen: does the work in the background, and tells.
        paint: shows what was read.
        engine: that is asked; None while there is none.

    Attributes:
        engine: likewise.
        states: of all parts; None while nothing was read.
        history: how near the last forecasts were; None likewise.
        roles: the models that serve.
        running: how many tasks run.
        asking: how many of them wait for the user.
    """

    def __init__(self, screen: BaseScreen, paint: Callable[[], None], engine: EngineApi | None) -> None:
        self._screen = screen
        self._paint = paint
        self.engine = engine
        self.states: tuple[LearnedState, ...] | None = None
        self.history: ForecastHistory | None = None
        self.roles: dict[Role, RoleStatus] = {}
        self.running = self.asking = 0
        self._told = ""
        """What was last said to be wrong."""

    # reading

    def read(self) -> None:
        """Read all anew, soon. What is being read is not interrupted by it, but followed by this."""
        if self.engine is not None:
            self._screen.spawn(self._read, self.engine, group="read")

    def rest(self) -> None:
        """It is shown no longer: what is being read is not wanted."""
        self._screen.workers.cancel_group(self._screen, "read")

    async def _read(self, engine: EngineApi) -> None:
        try:
            status = await engine.control.status()
            self.roles = {one.role: one for one in status.roles}
            self.running, self.asking = status.tasks.running, status.tasks.waiting + status.tasks.interrupted
            self.states = await engine.learning.learned()
            self.history = await engine.learning.history()
            self._told = ""
        except TaleError as error:
            if error.sentence != self._told:
                self._told = error.sentence
                raise
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
        detail = "The program goes on as it came, and learns from what comes now. Nothing is deleted: u brings it back."
        if await self._screen.ask(ConfirmDialog(f"{verb}?", verb, "Keep", detail=detail)):
            event = await engine.learning.reset(part)
            self._screen.say(f"tale-tui learning undo {event.id} brings it back, and so does u.", title="Forgotten")
            await self._read(engine)

    async def switch(self, engine: EngineApi, state: LearnedState) -> None:
        """Have a part learn from now on, or no longer.

        Raises:
            ReadOnly: nothing may be changed here.
        """
        await engine.learning.switch(state.part, on=not state.enabled)
        await self._read(engine)
