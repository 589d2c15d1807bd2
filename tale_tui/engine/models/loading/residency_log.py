"""What happened to models in memory: loaded, switched, evicted, died, recovered; kept, and written to the log."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Protocol

from tale_tui.domain.errors import StoreError
from tale_tui.domain.models import BackendName, ModelRef, ResidencyChange

log = logging.getLogger(__name__)


class ResidencyLogStore(Protocol):
    """Where it is kept."""

    async def add_residency(
        self, ref: ModelRef, what: ResidencyChange, *, ms: float | None, size_bytes: int | None, at: float | None
    ) -> None:
        """Keep one event."""
        ...

    async def typical_ms(self, ref: ModelRef, what: ResidencyChange) -> float | None:
        """How long such events took (median); None while there was none."""
        ...

    async def evicts(self, arriving: ModelRef, other: ModelRef) -> bool:
        """Whether the server made one model leave for another one, when that was last loaded."""
        ...


class ResidencyLog:
    """Takes note of events.

    Args:
        store: where they are kept; None keeps none.
        now: seconds since the epoch.
    """

    def __init__(self, store: ResidencyLogStore | None, now: Callable[[], float]) -> None:
        self._store = store
        self._now = now
        self._load_ms: dict[ModelRef, float] = {}
        self._typical_ms: dict[ModelRef, float | None] = {}

    async def note(
        self, ref: ModelRef, what: ResidencyChange, ms: float | None = None, size_bytes: int | None = None
    ) -> None:
        """Something happened to a model.

        Args:
            ref: the model.
            what: the event.
            ms: how long it took.
            size_bytes: of the model in memory.
        """
        log.info("%s: %s%s", ref, what, "" if ms is None else f" in {ms:.0f} ms")
        if what is ResidencyChange.LOAD and ms is not None:
            self._load_ms[ref] = ms
        await self._keep(ref, what, ms, size_bytes)

    async def note_server(self, name: BackendName, away_s: float) -> None:
        """A server is back.

        Args:
            name: which.
            away_s: for how many seconds it was away. It is kept under a model without a name.
        """
        log.info("%s is back after %.1f s", name.value, away_s)
        await self._keep(ModelRef(name, ""), ResidencyChange.RECOVERED, away_s * 1000, None)

    async def _keep(self, ref: ModelRef, what: ResidencyChange, ms: float | None, size_bytes: int | None) -> None:
        if self._store is None:
            return
        try:
            await self._store.add_residency(ref, what, ms=ms, size_bytes=size_bytes, at=self._now())
        except StoreError as error:
            log.warning("that %s had a %s is not kept: %s", ref, what, error.sentence)

    def load_ms(self, ref: ModelRef) -> float | None:
        """How long the last load here took; None where there was none."""
        return self._load_ms.get(ref)

    async def learn(self, ref: ModelRef) -> None:
        """Look up, once, how long loads of a model took before this start."""
        if self._store is None or ref in self._typical_ms:
            return
        try:
            self._typical_ms[ref] = await self._store.typical_ms(ref, ResidencyChange.LOAD)
        except StoreError as error:
            log.warning("how long %s takes to load is not known: %s", ref, error.sentence)

    async def evicts(self, arriving: ModelRef, other: ModelRef) -> bool:
        """Whether the server made one model leave for another one, when that was last loaded."""
        try:
            return self._store is not None and await self._store.evicts(arriving, other)
        except StoreError as error:
            log.warning("whether %s and %s fit together is not known: %s", arriving, other, error.sentence)
            return False

    def typical_load_s(self, ref: ModelRef) -> float | None:
        """How long a load takes, in seconds, from earlier ones; None while none is known."""
        ms = self._typical_ms.get(ref) or self._load_ms.get(ref)
        return None if ms is None else ms / 1000
