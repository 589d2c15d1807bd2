"""From features to a probability, with weights that were learned elsewhere. Plain Python, no other library.

A multinomial logistic regression over three kinds of messages: talk, work, and those on which two sensible people
differ. The third is what keeps the answer honest: where it is likely, no probability leaves the middle band.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from importlib.resources import files
from math import exp, isfinite, log, sqrt
from pathlib import Path
from typing import Any

from tale_tui.engine.detect.features import Features, pieces_of

FORMAT = 3
FILE = "weights.json"
STEPS = 1000
"""Weights are stored as whole thousandths: finer steps change no probability that is shown."""
BLOCKS = ("words", "pieces", "classes", "shape")
SCALE = {"words": 5.0, "pieces": 4.0, "classes": 3.0, "shape": 0.25}
"""How much a block weighs before anything is learned: each of the first three is as long as the square root of its
scale, the shape a quarter for every feature. Weights mean something together with these alone: another scale is
another format."""
UNSURE_MOST = 0.699
"""The highest probability of either label for a message that is as likely disputed as `DetectorWeights.doubt` says."""
ONSET = 12
"""Power of the share of `DetectorWeights.doubt` with which the limit sets in: below two thirds of it hardly one is
limited."""
KNOWN_WORDS = 20_000

Pair = tuple[float, float]
"""One number for disputed and one for work; those for talk are zero."""


class BadWeights(ValueError):
    """A file of weights that cannot be used."""


@dataclass(frozen=True, slots=True)
class DetectorWeights:
    """What was learned.

    Attributes:
        bias: of no feature.
        blocks: block -> feature -> its weights as one number, for disputed the real part, for work the imaginary one:
            half as large as a pair, and both halves are added in one step, by the loop of `sum`.
        sharpness: factor on the log-odds of work against talk.
        doubt: probability of being disputed from which on a message stays in the middle band: where it leans to talk,
            and where it leans to work.
        facts: how it was made, for people: number of examples, accuracy on the part kept apart.
    """

    bias: Pair
    blocks: Mapping[str, Mapping[str, complex]]
    sharpness: float = 1.0
    doubt: Pair = (1.0, 1.0)
    facts: Mapping[str, float] = field(default_factory=dict)

    def dump(self) -> str:
        """As text that `parse` reads; the same weights always give the same text."""
        blocks = {}
        for name in BLOCKS:
            rows = sorted(self.blocks[name].items())
            blocks[name] = {
                "names": "\t".join(feature for feature, _ in rows),
                "disputed": [round(both.real * STEPS) for _, both in rows],
                "work": [round(both.imag * STEPS) for _, both in rows],
            }
        data = {
            "format": FORMAT,
            "bias": [round(each * STEPS) for each in self.bias],
            "sharpness": self.sharpness,
            "doubt": list(self.doubt),
            "facts": dict(self.facts),
            "blocks": blocks,
        }
        return json.dumps(data, ensure_ascii=False, separators=(",", ":"))

    @classmethod
    def parse(cls, text: str | bytes) -> DetectorWeights:
        """Read what `dump` wrote.

        Args:
            text: of any content; bytes that are no text are refused like any other damage.
        Raises:
            BadWeights: it is something else, or of another version.
        """
        try:
            data = json.loads(text)
            if data["format"] != FORMAT:
                raise BadWeights(f"weights of format {data['format']}")
            bias = data["bias"][0] / STEPS, data["bias"][1] / STEPS
            doubt = float(data["doubt"][0]), float(data["doubt"][1])
            blocks = {name: _block(data["blocks"][name]) for name in BLOCKS}
            sharpness = float(data["sharpness"])
            if not (all(map(isfinite, (*bias, sharpness))) and min(sharpness, *doubt) > 0):
                raise BadWeights("numbers that no fit gives")
            return cls(bias, blocks, sharpness, doubt, dict(data["facts"]))
        except (AttributeError, KeyError, IndexError, TypeError, ValueError, RecursionError) as error:
            raise BadWeights(str(error)) from error


def _block(data: Mapping[str, Any]) -> dict[str, complex]:
    disputed, work = ([step / STEPS for step in data[name]] for name in ("disputed", "work"))
    if not isfinite(sum(disputed) + sum(work)):
        raise BadWeights("weights that are no numbers")
    names = data["names"].split("\t") if disputed else []
    return {name: complex(*pair) for name, pair in zip(names, zip(disputed, work, strict=True), strict=True)}


def packaged_weights() -> DetectorWeights:
    """The weights that come with the program.

    Raises:
        BadWeights: they are damaged.
        OSError: they are not there.
    """
    return DetectorWeights.parse(files(__package__).joinpath(FILE).read_bytes())


def read_weights(path: Path) -> DetectorWeights:
    """The weights in a file.

    Raises:
        BadWeights: it is something else.
        OSError: it cannot be read.
    """
    return DetectorWeights.parse(path.read_bytes())


class DetectorModel:
    """A probability for features.

    Args:
        weights: what was learned.
    """

    def __init__(self, weights: DetectorWeights) -> None:
        self._weights = weights
        self._spelling = lru_cache(KNOWN_WORDS)(self._spell)

    def shares(self, features: Features) -> tuple[float, float, float]:
        """The probabilities that a message is talk, disputed, work; their sum is 1."""
        both = complex(*self._weights.bias)
        for name, found in (("words", features.words), ("classes", features.classes), ("shape", features.shape)):
            both += _sum(self._weights.blocks[name], found) * factor_of(name, len(found))
        pieces, count = 0j, 0
        for word in features.spelled:
            found_pieces, found_count = self._spelling(word)
            pieces += found_pieces
            count += found_count
        both += pieces * factor_of("pieces", count)
        disputed, work = both.real, both.imag
        top = max(0.0, disputed, work)
        parts = exp(-top), exp(disputed - top), exp(work - top)
        whole = sum(parts)
        return parts[0] / whole, parts[1] / whole, parts[2] / whole

    def probability(self, features: Features) -> float:
        """How likely a message is work."""
        return settle(*self.shares(features), self._weights.sharpness, self._weights.doubt)

    def reasons(self, features: Features) -> Iterator[tuple[str, str, float]]:
        """Block, feature and what it adds to the log-odds of work against talk."""
        for name, found in (("words", features.words), ("classes", features.classes), ("shape", features.shape)):
            known, factor = self._weights.blocks[name], factor_of(name, len(found))
            for feature in found:
                both = known.get(feature)
                if both:
                    yield name, feature, both.imag * factor

    def forget_words(self) -> None:
        """Forget how the words of earlier messages are spelled."""
        self._spelling.cache_clear()

    def _spell(self, word: str) -> tuple[complex, int]:
        pieces = pieces_of(word)
        return _sum(self._weights.blocks["pieces"], pieces), len(pieces)


def _sum(known: Mapping[str, complex], found: Iterable[str]) -> complex:
    return sum(filter(None, map(known.get, found)), 0j)


def factor_of(block: str, count: int) -> float:
    """What a feature of a block counts where the message has so many of them."""
    return SCALE[block] if block == "shape" else SCALE[block] / sqrt(max(count, 1))


def settle(talk: float, disputed: float, work: float, sharpness: float, doubt: Pair) -> float:
    """One probability of work out of three shares.

    Work against talk, sharpened; then its confidence is limited: not at all where nothing is disputed, to
    `UNSURE_MOST` where `disputed` reaches `doubt`, with a power of their ratio between them.
    """
    odds = min(max(sharpness * (log(max(work, 1e-12)) - log(max(talk, 1e-12))), -50.0), 50.0)
    p = 1 / (1 + exp(-odds))
    most = 1 - (1 - UNSURE_MOST) * min(1.0, disputed / doubt[odds >= 0]) ** ONSET
    return min(max(p, 1 - most), most)
