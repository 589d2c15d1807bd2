"""How hard a task is, with a probability for each level, from weights that were learned elsewhere.

An ordinal logistic regression: one score says how much is asked, two thresholds cut it into three levels. Plain
Python, no other library.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from importlib.resources import files
from math import exp, isfinite
from pathlib import Path

from tale_tui.domain.complexity import LEVELS, Complexity
from tale_tui.domain.constants import REMEMBERED_CHARACTERS
from tale_tui.engine.detect.lexicon import lexicon
from tale_tui.engine.detect.model import BadWeights
from tale_tui.engine.fitting.loaded import LearnedModel
from tale_tui.engine.learning.scope import extract, scope_words

FORMAT = 1
FILE = "weights.json"
LEARNED_FILE = "complexity.json"
"""Weights refitted over what tasks took, in the data folder."""
STEPS = 1000
"""Weights are stored as whole thousandths."""
JUDGED_KEPT = 64
"""Tasks whose estimate is remembered: one is asked for again and again while it is taken in, foreseen and begun."""
MOST_SCORE = 50.0
"""Scores beyond this change no probability that a float can tell apart."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ComplexityWeights:
    """What was learned.

    Attributes:
        thresholds: added to the score, for at least medium and for complex; the first is the higher one.
        features: name of a feature -> what it adds to the score, times its value.
        facts: how it was made, for people: number of examples, share of right levels on the part kept apart.
    """

    thresholds: tuple[float, float]
    features: Mapping[str, float]
    facts: Mapping[str, float] = field(default_factory=dict)

    def dump(self) -> str:
        """As text that `parse` reads; the same weights always give the same text."""
        rows = sorted(self.features.items())
        data = {
            "format": FORMAT,
            "thresholds": [round(each * STEPS) for each in self.thresholds],
            "facts": dict(self.facts),
            "names": "\t".join(name for name, _ in rows),
            "weights": [round(weight * STEPS) for _, weight in rows],
        }
        return json.dumps(data, ensure_ascii=False, separators=(",", ":"))

    @classmethod
    def parse(cls, text: str | bytes) -> ComplexityWeights:
        """Read what `dump` wrote.

        Raises:
            BadWeights: it is something else, or of another version.
        """
        try:
            data = json.loads(text)
            if data["format"] != FORMAT:
                raise BadWeights(f"weights of format {data['format']}")
            medium, hard = (each / STEPS for each in data["thresholds"])
            weights = [each / STEPS for each in data["weights"]]
            names = data["names"].split("\t") if data["names"] else []
            if not (isfinite(medium + hard + sum(weights)) and medium >= hard):
                raise BadWeights("numbers that no fit gives")
            return cls((medium, hard), dict(zip(names, weights, strict=True)), dict(data["facts"]))
        except (AttributeError, KeyError, IndexError, TypeError, ValueError, RecursionError, OverflowError) as error:
            raise BadWeights(str(error)) from error


@dataclass(frozen=True, slots=True)
class ComplexityEstimate:
    """How hard a task is.

    Attributes:
        shares: the probability of each level, from simple to complex; their sum is 1.
    """

    shares: tuple[float, float, float]

    @property
    def label(self) -> Complexity:
        """The likeliest level."""
        return LEVELS[self.shares.index(max(self.shares))]

    @property
    def p(self) -> float:
        """The probability of the label."""
        return max(self.shares)

    @property
    def simple(self) -> float:
        """The probability that it is simple."""
        return self.shares[0]


class ComplexityModel:
    """Judges tasks.

    Args:
        weights: what was learned.
    """

    def __init__(self, weights: ComplexityWeights) -> None:
        self._weights = weights
        self._estimate = lru_cache(JUDGED_KEPT)(self._judge)

    @classmethod
    def load(cls, learned: Path | None = None) -> ComplexityModel:
        """A model with the best weights that can be read.

        Args:
            learned: weights refitted on this machine; those of the program serve where there are none, or where they
                are damaged or of another version.
        Raises:
            BadWeights: those of the program are damaged.
            OSError: those of the program are not there.
        """
        if learned is not None and learned.exists():
            try:
                return cls(ComplexityWeights.parse(learned.read_bytes()))
            except (BadWeights, OSError) as error:
                log.warning("the learned weights of complexity cannot be used, those of the program serve: %s", error)
        return cls(packaged_weights())

    def classify(self, text: str) -> ComplexityEstimate:
        """How hard a task is.

        Args:
            text: of any length and content; an empty one is simple.
        """
        return self._estimate(text) if len(text) <= REMEMBERED_CHARACTERS else self._judge(text)

    def _judge(self, text: str) -> ComplexityEstimate:
        if not text.strip():
            return ComplexityEstimate((1.0, 0.0, 0.0))
        known = self._weights.features
        score = sum(known.get(name, 0.0) * value for name, value in extract(text).items())
        medium, hard = (_logistic(score + threshold) for threshold in self._weights.thresholds)
        return ComplexityEstimate((1 - medium, medium - hard, hard))


def packaged_weights() -> ComplexityWeights:
    """The weights that come with the program.

    Raises:
        BadWeights: they are damaged.
        OSError: they are not there.
    """
    return ComplexityWeights.parse(files(__package__).joinpath(FILE).read_bytes())


class ComplexityModels(LearnedModel[ComplexityModel]):
    """Hands out the model that judges tasks, loaded in a thread.

    Args:
        learned: where weights that were refitted on this machine are.
    """

    def __init__(self, learned: Path) -> None:
        super().__init__(learned, _load_whole)

    async def level(self, text: str) -> Complexity:
        """How hard a task is."""
        return (await self.get()).classify(text).label

    def level_now(self, text: str) -> Complexity | None:
        """The same without waiting; None before the weights are loaded."""
        return self.loaded.classify(text).label if self.loaded is not None and text else None

    async def simple(self, text: str) -> float:
        """The probability that a task is simple."""
        return (await self.get()).classify(text).simple


def _load_whole(learned: Path) -> ComplexityModel:
    """A model that reads nothing more with its first task."""
    scope_words()
    lexicon()
    return ComplexityModel.load(learned)


def _logistic(score: float) -> float:
    return 1 / (1 + exp(-min(max(score, -MOST_SCORE), MOST_SCORE)))
