"""Takes the row of every call: it is stored with the reply or the step that came of it, else as soon as possible."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Protocol

from tale_tui.domain.constants import CALLS_UNSTORED_MAX
from tale_tui.domain.errors import TaleError
from tale_tui.domain.metrics import CallRecord
from tale_tui.engine.unexpected import BackgroundTasks, attempt

log = logging.getLogger(__name__)

WRITING = "Storing calls of models"


class CallStore(Protocol):
    """Where rows are kept."""

    async def add_calls(self, calls: Sequence[CallRecord]) -> None:
        """Keep calls, in the next transaction."""
        ...


class CallRecorder:
    """Implements `call_meter.CallLog`. No row is written on the event loop, and none is lost while it cannot be stored.

    Args:
        store: where they are kept.
        stored: is told how many were, each time.

    Attributes:
        recorded: how many were stored since the start.
    """

    def __init__(self, store: CallStore, stored: Callable[[int], None] = lambda _: None) -> None:
        self._store = store
        self._stored = stored
        self._held: dict[str, CallRecord] = {}
        """The last call for each reply and step that is not stored yet."""
        self._waiting: deque[CallRecord] = deque(maxlen=CALLS_UNSTORED_MAX)
        self._background = BackgroundTasks(self._complain)
        self._writing: asyncio.Task[None] | None = None
        self._complained = False
        self.recorded = 0

    def record(self, call: CallRecord) -> None:
        """See `CallLog.record`. Of several calls for one reply or step only the last is stored with it."""
        owner = call.labels.owner
        if not owner:
            self._add(call)
            return
        self.release(owner)
        self._held[owner] = call

    @contextmanager
    def storing(self, owner: str) -> Iterator[CallRecord | None]:
        """Store the call of a reply or a step together with it, in this block; where that fails it is stored alone.

        Args:
            owner: as `CallLabels.owner`.
        Yields:
            The call; None where there was none.
        """
        call = self._held.pop(owner, None)
        try:
            yield call
        except TaleError:
            if call is not None:
                self._add(call)
            raise
        if call is not None:
            self._count(1)

    def release(self, owner: str) -> None:
        """Nothing will be stored with the call of this reply or step: it is stored alone."""
        if (call := self._held.pop(owner, None)) is not None:
            self._add(call)

    async def close(self) -> None:
        """Store what there is."""
        for owner in list(self._held):
            self.release(owner)
        if self._waiting:  # a database that could not be written may be well again
            self._begin()
        if self._writing is not None:
            await asyncio.wait([self._writing])
        if self._waiting:
            log.warning("%d calls of models were not kept", len(self._waiting))

    def _add(self, call: CallRecord) -> None:
        self._waiting.append(call)
        self._begin()

    def _begin(self) -> None:
        if self._writing is None or self._writing.done():
            self._writing = self._background.start(self._write(), WRITING)

    async def _write(self) -> None:
        while self._waiting:
            calls = tuple(self._waiting)
            self._waiting.clear()
            try:
                await attempt(self._store.add_calls(calls), WRITING)
            except TaleError as error:
                self._waiting.extendleft(reversed(calls))
                self._complain(error)
                return
            self._complained = False
            self._count(len(calls))

    def _complain(self, error: TaleError) -> None:
        if not self._complained:
            self._complained = True
            log.warning("calls of models are not kept yet: %s", error.sentence)

    def _count(self, calls: int) -> None:
        self.recorded += calls
        self._stored(calls)
