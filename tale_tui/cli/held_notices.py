"""What the engine has to say beside a result, written where it disturbs nothing."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import TYPE_CHECKING, Self

from tale_tui.cli.output import echo_notice

if TYPE_CHECKING:
    from types import TracebackType

    from tale_tui.domain.events import Notice
    from tale_tui.engine.api import EngineApi


class HeldNotices:
    """Collects the engine's notices while a block lasts, and writes them when asked and at its end: until then an
    answer may be half written."""

    def __init__(self, engine: EngineApi) -> None:
        self._engine = engine
        self._held: list[Notice] = []
        self._reader: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        """Subscribe, before anything else is asked of the engine."""
        self._reader = asyncio.create_task(self._read(), name="notices")
        await asyncio.sleep(0)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Write what is left."""
        if self._reader is not None:
            self._reader.cancel()
            await asyncio.gather(self._reader, return_exceptions=True)
        self.echo()

    def echo(self) -> None:
        """Write what came since the last time."""
        held, self._held = self._held, []
        for notice in held:
            echo_notice(notice)

    async def _read(self) -> None:
        from tale_tui.domain.events import AlertRaised, Notice
        from tale_tui.formatting.alerts import alert_notice

        async with aclosing(self._engine.control.watch()) as facts:
            async for fact in facts:
                if isinstance(fact, Notice):
                    self._held.append(fact)
                elif isinstance(fact, AlertRaised):
                    self._held.append(alert_notice(fact.alert))
