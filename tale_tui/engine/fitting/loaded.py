"""Hands out what learned weights make, loaded when it is first wanted."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Generic, TypeVar

from tale_tui.config.load_thread import in_load_thread

T = TypeVar("T")


class LearnedModel(Generic[T]):
    """One model with the best weights that can be read.

    Args:
        learned: where weights that were refitted on this machine are; those of the program serve where there are none.
        load: reads them; takes some ten milliseconds.
    """

    def __init__(self, learned: Path, load: Callable[[Path], T]) -> None:
        self.learned = learned
        self._load = load
        self._loading = asyncio.Lock()
        self.loaded: T | None = None
        """None until somebody has asked for it."""

    async def get(self) -> T:
        """The model; the first call loads it."""
        if self.loaded is None:
            async with self._loading:
                if self.loaded is None:
                    self.loaded = await in_load_thread(self._load, self.learned)
        return self.loaded

    async def reload(self) -> None:
        """Take the weights that are in the file now; until they are read the old ones serve."""
        async with self._loading:
            self.loaded = await in_load_thread(self._load, self.learned)
