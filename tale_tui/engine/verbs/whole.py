"""Verbs on the engine as a whole."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Protocol

from tale_tui.engine.events import Fact
from tale_tui.engine.task_types import EngineStatus
from tale_tui.engine.types import Finding


class WholeVerbs(Protocol):
    """The engine as a whole."""

    async def status(self) -> EngineStatus:
        """The engine as a whole, read from memory."""
        ...

    async def stop_engine(self) -> None:
        """End an engine that works in the background; its tasks are paused and go on with the next start.

        Raises:
            WrongState: a window is the engine; nothing was changed.
        """
        ...

    async def doctor(self) -> tuple[Finding, ...]:
        """What was found, what is missing and what to do."""
        ...

    def watch(self, *, window: bool = False) -> AsyncGenerator[Fact, None]:
        """Facts as they happen, beginning with the state of both roles.

        Args:
            window: whether somebody sits there who may talk at any moment: the models of the roles are kept in memory
                from then on, also by an engine that was started without one.
        """
        ...
