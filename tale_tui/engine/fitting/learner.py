"""Begins fits when they are worth it and nobody waits for anything, and notes what came of them.

A fit measures itself on what is kept apart and writes nothing that does worse. It has the lowest priority, and takes
some seconds.
"""

from __future__ import annotations

import asyncio
import logging
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from tale_tui.domain.constants import LEARNING_IDLE_S
from tale_tui.domain.errors import StoreError, TaleError
from tale_tui.domain.learning import LearningReport
from tale_tui.engine.fitting.journal import LearningHistory
from tale_tui.engine.fitting.versions import LearnedVersions
from tale_tui.engine.unexpected import error_of

log = logging.getLogger(__name__)


class LearningSubject(Protocol):
    """What learns, and from what."""

    @property
    def words(self) -> tuple[str, str]:
        """What it is, and what it learns from, as in `the detector`, `corrections`."""
        ...

    @property
    def enough(self) -> int:
        """So many new examples are worth a fit."""
        ...

    async def examples(self, history: LearningHistory, now: float) -> tuple[int, int]:
        """How many examples of the user there are until a time, and how many of them are new.

        Raises:
            StoreError: they cannot be read.
        """
        ...

    def packaged(self) -> tuple[int, float | None]:
        """What the weights of the program were measured on, and the share that they had right; reads a file."""
        ...

    async def fit(self, history: LearningHistory, now: float) -> LearningReport:
        """Learn from those until a time; what is better is in the file of the weights afterwards.

        Raises:
            StoreError, OSError: there is no fit.
        """
        ...


class DatedExample(Protocol):
    """Something that the user said or had done, and that can be learned from."""

    @property
    def created(self) -> float:
        """When it came, in seconds since the epoch."""
        ...


class FittedSubject(ABC):
    """What is the same for all that learn: how much there is to learn from, and how good the program's weights are.

    Args:
        facts: of the weights of the program; reads a file.
        share: the fact that says how much of what was kept apart was right.
    """

    def __init__(self, facts: Callable[[], Mapping[str, float]], share: str) -> None:
        self._facts = facts
        self._share = share

    async def examples(self, history: LearningHistory, now: float) -> tuple[int, int]:
        """See `LearningSubject.examples`."""
        found = await self._found(history, now)
        return len(found), sum(one.created > history.looked for one in found)

    def packaged(self) -> tuple[int, float | None]:
        """See `LearningSubject.packaged`."""
        facts = self._facts()
        return int(facts.get("kept_apart", 0)), facts.get(self._share)

    @abstractmethod
    async def _found(self, history: LearningHistory, now: float) -> Sequence[DatedExample]:
        """What is learned from; what is still to come by a time is an error of the clock."""


class Learner:
    """Has one subject learn.

    Args:
        subject: what learns.
        versions: what it has learned before.
        busy: whether a model is at work for anybody.
        complain: told where learning breaks off for a reason that nobody foresaw.
        enabled: False never learns.
        idle_s: how long to wait for quiet, in seconds.
    """

    def __init__(
        self,
        subject: LearningSubject,
        versions: LearnedVersions,
        busy: Callable[[], bool],
        complain: Callable[[TaleError], None] = lambda error: None,
        *,
        enabled: bool = True,
        idle_s: float = LEARNING_IDLE_S,
    ) -> None:
        self.subject = subject
        self.versions = versions
        self.enabled = enabled
        self._busy = busy
        self._complain = complain
        self._idle_s = idle_s
        self.task: asyncio.Task[None] | None = None
        """Learns, or waits for quiet; done where nothing is left to learn, None before the first nudge."""

    def nudge(self) -> None:
        """There may be enough to learn from; returns at once."""
        if self.enabled and (self.task is None or self.task.done()):
            self.task = asyncio.create_task(self._learn(), name="learning")
            self.task.add_done_callback(self._look_at)

    async def close(self) -> None:
        """Learn nothing more; a fit that runs is ended and leaves everything as it was."""
        self.enabled = False
        if self.task is not None:
            self.task.cancel()
            await asyncio.wait([self.task])

    def _look_at(self, task: asyncio.Task[None]) -> None:
        if error := error_of(task, f"Learning from {self.subject.words[1]}"):
            self._complain(error)

    async def _learn(self) -> None:
        name, source = self.subject.words
        try:
            await self._wait_for_quiet()
            while await self._is_worth_it():
                async with self.versions.turn:
                    await self._fit()
                await self._wait_for_quiet()
        except (StoreError, OSError) as error:
            log.warning("%s could not learn from %s: %s", name, source, error)

    async def _is_worth_it(self) -> bool:
        history = await self.versions.history()
        _, new = await self.subject.examples(history, self.versions.now())
        return new >= self.subject.enough

    async def _wait_for_quiet(self) -> None:
        busy = True
        while busy:
            await asyncio.sleep(self._idle_s)
            busy = self._busy()

    async def _fit(self) -> None:
        (name, source), now = self.subject.words, self.versions.now()
        await asyncio.to_thread(self.versions.journal.prepare)
        history = await self.versions.history()
        count, _ = await self.subject.examples(history, now)
        report = await self.subject.fit(history, now)
        await asyncio.to_thread(self.versions.journal.add_fit, report, now)
        if report.error:
            log.warning("%s could not learn from %s: %s", name, source, report.error)
            return
        figures = f"{report.before:.4f} before, {report.after:.4f} after, on what is kept apart"
        if report.kept:
            await self.versions.reload()
            log.info("%s has learned from %d %s: %s", name, count, source, figures)
        else:
            log.info("what %s learned from %d %s is dropped: %s", name, count, source, figures)
