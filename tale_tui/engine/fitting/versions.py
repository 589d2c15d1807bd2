"""What one part has learned, with the way back: one change at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from tale_tui.domain.learning import LearningEvent
from tale_tui.engine.fitting.journal import LearningHistory, LearningJournal


class LearnedVersions:
    """Changes what is in use.

    Args:
        journal: of the part.
        reload: uses what is in the file of the weights now.
        now: seconds since the epoch.

    Attributes:
        turn: is had by who changes the weights.
    """

    def __init__(
        self, journal: LearningJournal, reload: Callable[[], Awaitable[None]], now: Callable[[], float]
    ) -> None:
        self.journal = journal
        self.reload = reload
        self.now = now
        self.turn = asyncio.Lock()

    async def history(self) -> LearningHistory:
        """What was learned when."""
        return await asyncio.to_thread(self.journal.read)

    async def recover(self) -> None:
        """Go back to what was in use before a change that was cut off.

        Raises:
            OSError: it cannot be put back.
        """
        async with self.turn:
            if await asyncio.to_thread(self.journal.recover):
                await self.reload()

    async def reset(self) -> LearningEvent:
        """Forget everything; what comes from now on is learned from.

        Raises:
            OSError: it cannot be written.
        """
        async with self.turn:
            event = await asyncio.to_thread(self.journal.reset, self.now())
            await self.reload()
        return event

    async def undo(self, event_id: str) -> LearningEvent:
        """Go back to what was in use before an event.

        Raises:
            BadInput, CannotUndo: there is none, or it cannot be undone.
            OSError: it cannot be written.
        """
        async with self.turn:
            event = await asyncio.to_thread(self.journal.undo, event_id, self.now())
            await self.reload()
        return event
