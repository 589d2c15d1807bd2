"""The last prompts of a model as vectors of their words, and what is nearest to a new one."""

from __future__ import annotations

import re
import zlib
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float32]

DIMENSIONS = 128
PROMPTS_MAX = 2_000
"""Older prompts of a model are not looked at."""
WORDS_READ = 64
"""Of a prompt."""
FIRST_WORDS = 12
"""Say what is wanted, and count in full; the others count for `REST_WEIGHT`."""
REST_WEIGHT = 0.5
PAIR_WEIGHT = 0.7
_WORD = re.compile(r"\w+|[^\w\s]")


def words_vector(text: str) -> Vector:
    """The words of a text and its pairs of words, hashed to `DIMENSIONS` numbers with a length of 1."""
    words = _WORD.findall(text[: WORDS_READ * 12].lower())[:WORDS_READ]
    places, weights, before = list[int](), list[float](), ""
    for number, word in enumerate(words):
        weight = 1.0 if number < FIRST_WORDS else REST_WEIGHT
        for feature, share in ((word, weight), (f"{before} {word}", weight * PAIR_WEIGHT)):
            place, sign = _place(feature)
            places.append(place)
            weights.append(sign * share)
        before = word
    if not places:
        return np.zeros(DIMENSIONS, dtype=np.float32)
    vector = np.bincount(places, weights, DIMENSIONS).astype(np.float32)
    length = float(np.sqrt(vector @ vector))
    return vector / np.float32(length) if length else vector


@lru_cache(maxsize=20_000)
def _place(feature: str) -> tuple[int, float]:
    number = zlib.crc32(feature.encode(errors="replace"))
    return number % DIMENSIONS, 1.0 if number >> 31 else -1.0


class PromptMemory:
    """The vectors of the last `PROMPTS_MAX` prompts, each with a number and what belongs to it.

    Attributes:
        count: how many prompts were added in all.
    """

    def __init__(self) -> None:
        self.count = 0
        self._vectors = np.zeros((16, DIMENSIONS), dtype=np.float32)

    def __len__(self) -> int:
        """How many are remembered."""
        return min(self.count, PROMPTS_MAX)

    def add(self, vector: Vector) -> int:
        """Remember a prompt, in place of the oldest where there are too many; return its place."""
        place = self.count % PROMPTS_MAX
        if place == len(self._vectors):
            more = min(PROMPTS_MAX, 2 * place) - place
            self._vectors = np.vstack([self._vectors, np.zeros((more, DIMENSIONS), dtype=np.float32)])
        self._vectors[place] = vector
        self.count += 1
        return place

    def likeness(self, vector: Vector) -> Vector:
        """How like each remembered prompt is, by its place: -1 to 1, of the same text 1."""
        return self._vectors[: len(self)] @ vector

    def among(self, places: NDArray[np.intp]) -> Vector:
        """How like prompts are to each other."""
        chosen = self._vectors[places]
        return chosen @ chosen.T
