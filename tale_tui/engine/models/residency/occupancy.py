"""Who is in memory and who is at work, as far as that is known without asking."""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tale_tui.engine.types import BackendName, LoadedModel, ModelRef, Role

Lane = tuple[ModelRef, Role | None]
"""A model and the role whose process it is in; None where the roles share it."""


class Occupancy:
    """What is believed of models in memory, and the calls that are under way.

    Args:
        monotonic: the clock, in seconds.
        trust_s: how long something is believed.
    """

    def __init__(self, monotonic: Callable[[], float], trust_s: float) -> None:
        self._monotonic = monotonic
        self._trust_s = trust_s
        self._resident: dict[Lane, tuple[LoadedModel, float]] = {}
        """What was in memory, and until when that is believed."""
        self._calls: Counter[ModelRef] = Counter()
        self._idle: defaultdict[ModelRef, asyncio.Event] = defaultdict(asyncio.Event)
        self._last_call: dict[ModelRef, float] = {}

    def believe(self, model: LoadedModel) -> None:
        """A model was seen in memory."""
        self._resident[model.ref, model.role] = (model, self._monotonic() + self._trust_s)

    def refresh(self, ref: ModelRef, role: Role) -> None:
        """A model answered for a role, so it is in memory still, where it was believed to be."""
        for lane in ((ref, None), (ref, role)):
            if lane in self._resident:
                self.believe(self._resident[lane][0])

    def doubt(self, ref: ModelRef) -> None:
        """It may be gone."""
        for role in (None, *Role):
            self._resident.pop((ref, role), None)

    def clear(self) -> None:
        """Nothing is in memory any more."""
        self._resident.clear()

    def resident(self, ref: ModelRef, role: Role | None = None) -> LoadedModel | None:
        """A model that is taken to be in memory, for this role or for any; None where that is not known."""
        now = self._monotonic()
        for lane in ((ref, None), *((ref, one) for one in Role if role in (None, one))):
            model, until = self._resident.get(lane, (None, 0.0))
            if model and now < until:
                return model
        return None

    def last_seen(self, backend: BackendName) -> set[ModelRef]:
        """The models of a backend that were in memory when they were last looked at."""
        return {ref for ref, _ in self._resident if ref.backend is backend}

    # at work

    @contextmanager
    def call(self, ref: ModelRef) -> Iterator[None]:
        """A model is at work meanwhile."""
        self._calls[ref] += 1
        self._idle[ref].clear()
        try:
            yield
        finally:
            self._calls[ref] -= 1
            self._last_call[ref] = self._monotonic()
            if not self._calls[ref]:
                self._idle[ref].set()

    def busy(self, ref: ModelRef) -> bool:
        """Whether a model is at work."""
        return self._calls[ref] > 0

    async def idle(self, ref: ModelRef) -> None:
        """Wait until a model is not at work."""
        while self.busy(ref):
            await self._idle[ref].wait()

    def idle_s(self, ref: ModelRef) -> float:
        """Seconds since a model was last at work; without end where it never was, 0 while it is."""
        if self.busy(ref):
            return 0.0
        return self._monotonic() - self._last_call[ref] if ref in self._last_call else float("inf")
