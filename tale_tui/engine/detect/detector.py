"""The judgement: task or chat, how sure, and why."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from math import exp, log
from pathlib import Path

from tale_tui.engine.detect.evidence import phrases
from tale_tui.engine.detect.features import Features, extract
from tale_tui.engine.detect.lexicon import lexicon
from tale_tui.engine.detect.model import BadWeights, Model, Weights, packaged_weights, read_weights
from tale_tui.engine.detect.rule import rule_probability
from tale_tui.engine.detect.state import DetectState, shift
from tale_tui.engine.task_types import DetectBand, DetectLabel

TASK_FROM = 0.7
"""From this probability on a message becomes a task."""
CHAT_TO = 0.3
"""Up to this probability a message is conversation; between the two the user is asked."""
SUREST = 0.999
"""Nothing is more certain than this: one example in a hundred is labelled wrongly, and people change their minds."""
LEARNED_FILE = "detector.json"
"""Weights refitted over the user's corrections, in the data folder."""

BY_RULE: tuple[str, ...] = ("judged by keywords: the weights could not be loaded",)

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Judgement:
    """What was found about a message.

    Attributes:
        p: probability that it is a task, 0 to 1, calibrated.
        label: the likelier one.
        why: puts the evidence together; that takes a third of the time of a judgement, and is done when it is asked.
    """

    p: float
    label: DetectLabel
    why: Callable[[], tuple[str, ...]] = field(default=tuple, repr=False, compare=False)

    @property
    def evidence(self) -> tuple[str, ...]:
        """The strongest reasons, each as `task: ...` or `chat: ...`."""
        return self.why()

    @property
    def confidence(self) -> float:
        """Probability of the label, 0.5 to 1."""
        return max(self.p, 1 - self.p)

    def band(self, *, task_from: float = TASK_FROM, chat_to: float = CHAT_TO) -> DetectBand:
        """What is done with the message, by the bounds of the settings."""
        if self.p >= task_from:
            return DetectBand.TASK
        return DetectBand.CHAT if self.p <= chat_to else DetectBand.UNSURE


NOTHING = Judgement(1 - SUREST, DetectLabel.CHAT)
"""Of an empty message."""


class Detector:
    """Judges messages; holds the weights.

    Args:
        weights: what was learned; None judges by the keyword rule.
    """

    def __init__(self, weights: Weights | None) -> None:
        self._model = Model(weights) if weights is not None else None

    @classmethod
    def load(cls, learned: Path | None = None) -> Detector:
        """A detector with the best weights that can be read.

        Args:
            learned: weights refitted on this machine; where there are none, those of the program are taken.
        """
        if learned is not None and learned.exists():
            try:
                return cls(read_weights(learned))
            except (BadWeights, OSError) as error:
                _log.warning("the learned weights of the detector cannot be used: %s", error)
        try:
            return cls(packaged_weights())
        except (BadWeights, OSError) as error:
            _log.warning("the weights of the detector cannot be used, the keyword rule serves: %s", error)
        return cls(None)

    @property
    def by_rule(self) -> bool:
        """Whether the keyword rule serves."""
        return self._model is None

    def judge(self, text: str, state: DetectState = DetectState()) -> Judgement:  # noqa: B008  # frozen
        """Judge a message.

        Args:
            text: of any length and content; its ends are read, and the shape of its first part.
            state: what the application is doing.
        """
        features = extract(text)
        if not features.words:
            return NOTHING
        p = rule_probability(features) if self._model is None else self._model.probability(features)
        odds, situation = shift(features, state)
        if odds:
            p = _moved(p, odds)
        p = min(max(p, 1 - SUREST), SUREST)
        label = DetectLabel.TASK if p >= 0.5 else DetectLabel.CHAT
        return Judgement(p, label, lambda: (*situation, *self._reasons(features)))

    def forget_words(self) -> None:
        """Forget the words of earlier messages, as after the start: for measurements."""
        lexicon().class_of.cache_clear()
        if self._model is not None:
            self._model.forget_words()

    def _reasons(self, features: Features) -> tuple[str, ...]:
        return BY_RULE if self._model is None else phrases(self._model.reasons(features))


def _moved(p: float, odds: float) -> float:
    p = min(max(p, 1 - SUREST), SUREST)
    return 1 / (1 + exp(-(log(p / (1 - p)) + odds)))


@lru_cache(1)
def shared() -> Detector:
    """The detector with the weights of the program, loaded when it is first wanted."""
    return Detector.load()


def judge(text: str, state: DetectState = DetectState()) -> Judgement:  # noqa: B008  # frozen
    """Judge a message with the weights of the program: see `Detector.judge`."""
    return shared().judge(text, state)
