"""What the engine has to say while a command works: told on standard error, where it is in nobody's way."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import TYPE_CHECKING, Self

from tale_tui.cli.output import echo_err
from tale_tui.domain.events import Notice

if TYPE_CHECKING:
    from types import TracebackType

    from tale_tui.engine.api import EngineApi


def say_notice(notice: Notice) -> None:
    """Tell one."""
    echo_err(f"{notice.title}: {notice.sentence}")


class TaskNotices:
    """Hears notices while a block lasts, and tells them when asked and at its end: an answer may be half written."""

    def __init__(self, engine: EngineApi) -> None:
        self._engine = engine
        self._heard: list[Notice] = []
        self._hearing: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        """Begin to hear, before anybody else does."""
        self._hearing = asyncio.create_task(self._hear(), name="news")
        await asyncio.sleep(0)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Tell what was heard."""
        if self._hearing is not None:
            self._hearing.cancel()
            await asyncio.gather(self._hearing, return_exceptions=True)
        self.tell()

    def tell(self) -> None:
        """Tell what was heard since the last time."""
        heard, self._heard = self._heard, []
        for notice in heard:
            say_notice(notice)

    async def _hear(self) -> None:
        async with aclosing(self._engine.control.watch()) as facts:
            async for fact in facts:
                if isinstance(fact, Notice):
                    self._heard.append(fact)
