"""The detector that is in use: loaded off the event loop, and loaded again when it has learned."""

from __future__ import annotations

import asyncio
from pathlib import Path

from tale_tui.engine.detect.detector import Detector


class Detectors:
    """Hands out the detector.

    Args:
        learned: where weights that were refitted on this machine are; those of the program serve where there are none.
    """

    def __init__(self, learned: Path) -> None:
        self.learned = learned
        self._detector: Detector | None = None
        self._loading = asyncio.Lock()

    async def get(self) -> Detector:
        """The detector; the first call loads it, which takes some ten milliseconds in a thread."""
        if self._detector is None:
            async with self._loading:
                if self._detector is None:
                    self._detector = await asyncio.to_thread(Detector.load, self.learned)
        return self._detector

    async def reload(self) -> None:
        """Take the weights that are in the file now; until they are read the old ones serve."""
        async with self._loading:
            self._detector = await asyncio.to_thread(Detector.load, self.learned)
