"""Which of the items that were found by words and by meaning come first, and which are near enough to be offered.

Pure functions. Both lists are joined by reciprocal rank: what one of them knows nothing of does not sink what the other
found. Recency, use and pins move what is about equal.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tale_tui.domain.recall import RecallHit, RecallItem, RecallKind

RANK_OFFSET = 20
"""Of the reciprocal rank: small enough that the first of one list stays before the fifth of both."""
FOUND = 50
"""Items that each way finds, at most."""
RECENCY_DAYS = 90.0
"""After so long recency counts for a third."""
RECENCY_WEIGHT, USE_WEIGHT, PIN_WEIGHT = 0.08, 0.06, 0.12
"""What each adds to the score at most, as a share of it."""
TIME_WEIGHT, KIND_WEIGHT = 1.0, 0.3
"""What is added where an item was said in the time, or is of the kind, that was asked for."""
USES_FULL = 20
"""More uses count no more."""
DAY_S = 86_400.0

WORDS_NEAR = 0.6
"""An item with this share of the weight of the words asked for is near."""
MEANING_NEAR = 3.9
"""An item that is so many times as near to the question as unrelated texts are to each other is near by meaning."""
MEANING_FOUND = 2.0
"""From so many on it is found by meaning at all: below it an item has no more to do with the question than any text."""


@dataclass(frozen=True, slots=True)
class FoundByMeaning:
    """An item that means something like the question."""

    n: int
    deviations: float
    """How near it is, in standard deviations of how near texts are that have nothing to do with each other."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What besides its words is known of a question."""

    now: float
    """Seconds since the epoch."""
    begin: float | None = None
    """Of the time that it is about."""
    end: float | None = None
    kind: RecallKind | None = None
    """That it asks for."""


def ranked(
    by_words: Mapping[int, float],
    by_meaning: Sequence[FoundByMeaning],
    items: Mapping[int, RecallItem],
    asked: Asked,
) -> tuple[RecallHit, ...]:
    """Items in the order in which they answer a question.

    Args:
        by_words: number of an item -> the share of the words asked for that it has, best first.
        by_meaning: best first.
        items: those of both by number; what is not among them is gone.
        asked: what else is known.
    """
    word_ranks = {n: place for place, n in enumerate(by_words, 1)}
    meaning_ranks = {one.n: place for place, one in enumerate(by_meaning, 1)}
    deviations = {one.n: one.deviations for one in by_meaning}
    hits = []
    for n, item in items.items():
        score = 0.0
        if n in word_ranks:
            score += by_words[n] / (RANK_OFFSET + word_ranks[n])
        if n in meaning_ranks:
            score += 1 / (RANK_OFFSET + meaning_ranks[n])
        score *= _weight(item, asked)
        near = _is_near(by_words.get(n, 0.0), deviations.get(n, 0.0))
        hits.append(RecallHit(item, score, word_ranks.get(n), meaning_ranks.get(n), near))
    return tuple(sorted(hits, key=lambda hit: (-hit.score, -hit.item.said, hit.item.id)))


def _is_near(share: float, deviations: float) -> bool:
    return share >= WORDS_NEAR or deviations >= MEANING_NEAR


def _weight(item: RecallItem, asked: Asked) -> float:
    """1 and what recency, use, a pin, the time and the kind that were asked for add."""
    days = max(0.0, asked.now - item.said) / DAY_S
    weight = 1 + RECENCY_WEIGHT * math.exp(-days / RECENCY_DAYS)
    weight += USE_WEIGHT * min(1.0, math.log1p(item.uses) / math.log1p(USES_FULL)) + PIN_WEIGHT * item.pinned
    if asked.begin is not None and asked.end is not None and asked.begin <= item.said < asked.end:
        weight += TIME_WEIGHT
    return weight + KIND_WEIGHT * (asked.kind is not None and item.kind is asked.kind)
