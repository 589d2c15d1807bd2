"""The detector learns from the user's corrections."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Protocol

from tale_tui.domain.constants import CORRECTIONS_MIN
from tale_tui.domain.learning import LearnedPart, LearningReport
from tale_tui.engine.detect.model import FORMAT, DetectorWeights, packaged_weights
from tale_tui.engine.fitting.journal import LearningHistory, LearningJournal
from tale_tui.engine.fitting.learner import FittedSubject
from tale_tui.engine.fitting.process import run_fit


class Correction(Protocol):
    """What the user said that a message is."""

    @property
    def text(self) -> str:
        """The message."""
        ...

    @property
    def is_task(self) -> bool:
        """What it is."""
        ...

    @property
    def created(self) -> float:
        """When it was said, in seconds since the epoch."""
        ...


class Corrections(Protocol):
    """Where they are kept."""

    async def labels(self) -> Sequence[Correction]:
        """Of each text what was said of it last, oldest first."""
        ...


class CorrectionLearning(FittedSubject):
    """Implements `LearningSubject` for the detector.

    Args:
        corrections: where they are kept.
        learned: the file of the weights.
    """

    words = ("the detector", "corrections")
    enough = CORRECTIONS_MIN

    def __init__(self, corrections: Corrections, learned: Path) -> None:
        super().__init__(lambda: packaged_weights().facts, "accuracy")
        self._corrections = corrections
        self._learned = learned

    async def fit(self, history: LearningHistory, now: float) -> LearningReport:
        """See `LearningSubject.fit`."""
        return await refit(self._learned, await self._found(history, now))

    async def _found(self, history: LearningHistory, now: float) -> list[Correction]:
        """Those that are learned from; one that is still to come is an error of the clock."""
        labels = await self._corrections.labels()
        return [one for one in labels if one.created <= now and not history.is_left_out(one.created)]


def detection_journal(learned: Path) -> LearningJournal:
    """What the detector has learned, beside its weights."""
    return LearningJournal(learned, LearnedPart.DETECTION, FORMAT, DetectorWeights.parse)


async def refit(learned: Path, corrections: Iterable[Correction]) -> LearningReport:
    """Fit over the examples of the program and corrections, in a process of its own.

    Args:
        learned: the weights in use, and where better ones are written; in one step, so that whoever reads meanwhile
            gets the old ones.
        corrections: the user's, oldest first.
    Raises:
        OSError: the process cannot be started.
    """
    examples = [{"text": each.text, "label": "task" if each.is_task else "chat"} for each in corrections]
    return await run_fit("tale_tui.engine.detect.training", (str(learned), "--corrections", "-"), examples)
