"""How long an answer may become before somebody is asked: the upper end of what its model wrote for its like, and
several times that. Its like are texts of the same complexity whose answer is of the same kind; where there are too few
of them, all of the same complexity.
"""

from __future__ import annotations

import math
from collections import defaultdict, deque
from collections.abc import Hashable, Sequence

from tale_tui.domain.forecasts import RUNS_MIN, LengthBudget
from tale_tui.engine.learning.length_forecast import LengthGuess, ReadPrompt

UPPER_SHARE = 0.9
"""The share of what its like wrote that is at most as long as what is usual."""
LIMIT_TIMES = 4
"""A limit is so many times what is usual: whatever is fine is written to its end."""
LIMIT_MIN = 512
"""No limit is below that; the next where it is not learned: a model that thinks may write that for a greeting."""
SUPPOSED_LIMIT_MIN = 2_048
RUNS_KEPT = 200
"""Of each kind and complexity; what was before says nothing any more."""
WORDS_PER_TOKEN = 0.75
WORDS_MIN = 50
"""A model is told of no fewer words."""


class LengthBudgets:
    """Learns from the runs of one model."""

    def __init__(self) -> None:
        self._written: defaultdict[Hashable, deque[int]] = defaultdict(lambda: deque(maxlen=RUNS_KEPT))

    def learn(self, prompt: ReadPrompt, tokens: int) -> None:
        """A run has written so many tokens."""
        for group in _groups(prompt):
            self._written[group].append(tokens)

    def budget(self, prompt: ReadPrompt, guess: LengthGuess) -> LengthBudget:
        """What the answer to a text may write.

        Args:
            prompt: what is asked.
            guess: what is foreseen of it; its upper end is always within.
        """
        known = (self._written[group] for group in _groups(prompt) if group in self._written)
        like = next((written for written in known if len(written) >= RUNS_MIN), ())
        tokens = math.ceil(max(upper_end(like), guess.estimate.high))
        words = None if prompt.signs.asked_tokens is not None else rounded_up(tokens * WORDS_PER_TOKEN)
        limit = max(LIMIT_MIN if like else SUPPOSED_LIMIT_MIN, LIMIT_TIMES * tokens)
        return LengthBudget(tokens, limit, words, len(like))


def upper_end(written: Sequence[int]) -> int:
    """The number that `UPPER_SHARE` of these are at most as high as; 0 of none."""
    return sorted(written)[math.ceil(UPPER_SHARE * len(written)) - 1] if written else 0


def rounded_up(words: float) -> int:
    """The next number up that people say, so that a prompt stays the same as long as hardly anything changed: 50, 300,
    350, 1500.
    """
    words = max(words, WORDS_MIN)
    step = int(10 ** math.floor(math.log10(words))) // 2
    return math.ceil(words / step) * step


def _groups(prompt: ReadPrompt) -> tuple[Hashable, Hashable]:
    """What a text is told together with others by, the nearest first."""
    return (prompt.complexity, prompt.signs.kind), (prompt.complexity, None)
