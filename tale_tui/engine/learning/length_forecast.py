"""How long a model's answer to a text will be, learned from its own runs.

What came is compared with what was supposed (`forecast_prior`): the logarithm of the ratio is what is learned. Its
middle is the model's own wordiness; around that stands a small Gaussian process over the nearest of its last prompts,
in which the same text, like words, the same kind and the same complexity each say their part. Where a run of errors
shows that the model has changed, what came before is moved by as much and counts for less.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Hashable
from dataclasses import dataclass
from statistics import median

import numpy as np
from numpy.typing import NDArray

from tale_tui.domain.forecasts import RUNS_MIN, Estimate
from tale_tui.engine.learning.answer_kinds import AnswerSigns, answer_signs
from tale_tui.engine.learning.conformal import AdaptiveInterval
from tale_tui.engine.learning.forecast_prior import prior_tokens
from tale_tui.engine.learning.neighbours import PROMPTS_MAX, PromptMemory, Vector, words_vector

NEIGHBOURS = 32
"""Runs that one forecast is made from."""
LATELY = 60
"""Runs of which the middle is a model's wordiness, and as many that are neighbours whatever their text."""
_SAME_TEXT, _LIKE_WORDS, _SAME_KIND, _SAME_COMPLEXITY = 0.12, 0.24, 0.05, 0.02
"""Variances of the logarithm that are explained by each."""
_NOISE = 0.025
"""What is left where the same text is asked again."""
_ASKED_SHARE = 0.25
"""How much less answers differ where the text says how long they are to be."""
_AGEING = 0.02
"""Variance that is added for what came before a change of the model."""
SUPPOSED_RUNS = 2
"""What is supposed of a model counts as so many runs, as long as there are fewer than `RUNS_MIN`."""
SAME_FROM = 0.999
"""Likeness of two texts that count as one."""
CHANGE_RUNS = 8
"""So many errors in a row can show that the model has changed."""
CHANGE_LEAST = 0.3
"""How large the middle one must be, as a logarithm."""
CHANGE_SURPRISE = 1.0
"""How large they must be on average, next to the spread that was expected of each; each counts for 2 at most."""
ERROR_MAX = 1.5
"""What is further off than that counts as that far: an answer that broke off says little."""


@dataclass(frozen=True, slots=True)
class ReadPrompt:
    """A text as forecasts see it."""

    signs: AnswerSigns
    vector: Vector
    complexity: str | None = None

    @property
    def group(self) -> tuple[Hashable, Hashable]:
        """What it shares with others beside its words: the kind of its answer, and its complexity."""
        return self.signs.kind, self.complexity


def read_prompt(text: str, complexity: str | None = None) -> ReadPrompt:
    """Read a text once, for as many forecasts as are wanted."""
    return ReadPrompt(answer_signs(text), words_vector(text), complexity)


@dataclass(frozen=True, slots=True)
class LengthGuess:
    """The length that is foreseen of one answer."""

    estimate: Estimate
    spread: float
    """The standard deviation that was expected of the logarithm of its error."""
    recurs: bool = False
    """Whether the same text was asked before."""


class LengthForecast:
    """Learns from the runs of one model.

    Args:
        model: its name, for what is supposed of it.

    Attributes:
        runs: how many it has learned from.
    """

    def __init__(self, model: str) -> None:
        self._model = model
        self.runs = 0
        self._memory = PromptMemory()
        self._errors = np.zeros(PROMPTS_MAX)
        """Of each remembered run, the logarithm of what came, divided by what was supposed."""
        self._age = np.zeros(PROMPTS_MAX)
        """The variance that is added to each."""
        self._kind = np.zeros(PROMPTS_MAX, dtype=np.int64)
        self._complexity = np.zeros(PROMPTS_MAX, dtype=np.int64)
        self._asked = np.zeros(PROMPTS_MAX, dtype=bool)
        self._numbers: dict[Hashable, int] = {}
        self._middle = 0.0
        self._missed: deque[tuple[float, float]] = deque(maxlen=CHANGE_RUNS)
        """The last errors, and the same next to the spread that was expected."""
        self._interval = AdaptiveInterval()

    def foresee(self, prompt: ReadPrompt) -> LengthGuess:
        """The length of an answer in tokens."""
        supposed, spread = prior_tokens(prompt.signs, self._model, prompt.complexity)
        shift, recurs = 0.0, False
        if self.runs:
            shift, spread, recurs = self._shift(prompt, spread)
        middle = max(1.0, supposed * math.exp(shift))
        return LengthGuess(self._interval.around(middle, spread), spread, recurs)

    def learn(
        self, prompt: ReadPrompt, tokens: int, guess: LengthGuess | None = None, *, same_task: bool = False
    ) -> None:
        """A run has ended.

        Args:
            prompt: what was asked.
            tokens: how long the answer was, above 0.
            guess: what was foreseen before; None foresees it now, from what was known before.
            same_task: it is another step of the task that was learned from last. They are wrong together, so of
                their errors the first one says all.
        """
        guess = guess or self.foresee(prompt)
        error = _clipped(math.log(tokens / guess.estimate.middle))
        if not same_task:
            self._interval.learn(error, guess.spread)
        supposed, _ = prior_tokens(prompt.signs, self._model, prompt.complexity)
        place = self._memory.add(prompt.vector)
        self._errors[place] = math.log(tokens / supposed)
        self._age[place] = 0.0
        kind, complexity = prompt.group
        self._kind[place] = self._number(kind)
        self._complexity[place] = self._number(complexity)
        self._asked[place] = prompt.signs.asked_tokens is not None
        self.runs += 1
        if not same_task:
            self._missed.append((error, max(-2.0, min(2.0, error / guess.spread))))
            self._look_for_change()
        self._middle = self._middle_of_last(LATELY)

    def _number(self, group: Hashable) -> int:
        return self._numbers.setdefault(group, len(self._numbers))

    def _last(self, count: int) -> NDArray[np.intp]:
        """The places of the last runs."""
        count = min(count, len(self._memory))
        return (self._memory.count - 1 - np.arange(count)) % PROMPTS_MAX

    def _middle_of_last(self, count: int) -> float:
        places = self._last(count)
        free = places[~self._asked[places]]
        return float(np.median(self._errors[free])) if len(free) else 0.0

    def _shift(self, prompt: ReadPrompt, prior_spread: float) -> tuple[float, float, bool]:
        """How far what is supposed is off, how sure that is, and whether the text was seen before."""
        asked = prompt.signs.asked_tokens is not None
        likeness = self._memory.likeness(prompt.vector)
        known = len(likeness)
        chosen = np.flatnonzero(self._asked[:known] == asked)
        if len(chosen) > NEIGHBOURS:
            of_kind = 0.2 * (self._kind[chosen] == self._number(prompt.signs.kind))
            order = np.argpartition(-(likeness[chosen] + of_kind), NEIGHBOURS - 1)[:NEIGHBOURS]
            chosen = chosen[order]
        like = likeness[chosen]
        same = like > SAME_FROM
        recurs = bool(same.any())
        if asked:  # what the text says is right for every model, but for a few runs that know better
            middle = 0.0
        else:
            middle = self._middle
            if self.runs < RUNS_MIN and not recurs:
                weight = self.runs / (self.runs + SUPPOSED_RUNS)
                return middle * weight, self._early_spread(prior_spread), False
        if not len(chosen):
            return middle, prior_spread, False
        share = _ASKED_SHARE if asked else 1.0
        kind, complexity = self._kind[chosen], self._complexity[chosen]
        gram = self._memory.among(chosen)
        covariance = share * (
            _LIKE_WORDS * np.square(np.maximum(gram, 0))
            + _SAME_TEXT * (gram > SAME_FROM)
            + _SAME_KIND * (kind[:, None] == kind)
            + _SAME_COMPLEXITY * (complexity[:, None] == complexity)
        )
        covariance[np.diag_indices(len(chosen))] += _NOISE + self._age[chosen]
        to_prompt = share * (
            _LIKE_WORDS * np.square(np.maximum(like, 0))
            + _SAME_TEXT * same
            + _SAME_KIND * (kind == self._number(prompt.signs.kind))
            + _SAME_COMPLEXITY * (complexity == self._number(prompt.complexity))
        )
        errors = np.clip(self._errors[chosen] - middle, -ERROR_MAX, ERROR_MAX)
        solved = np.linalg.solve(covariance, np.column_stack([errors, to_prompt]))
        explained = float(to_prompt @ solved[:, 1])
        all_of_it = share * (_LIKE_WORDS + _SAME_TEXT + _SAME_KIND + _SAME_COMPLEXITY) + _NOISE
        return middle + float(to_prompt @ solved[:, 0]), math.sqrt(max(_NOISE, all_of_it - explained)), recurs

    def _early_spread(self, prior_spread: float) -> float:
        """How wrong a median of few runs may be: at least as much as is supposed, and more where they differ more."""
        errors = np.clip(self._errors[: self.runs], -ERROR_MAX, ERROR_MAX)
        own = float(np.mean(np.square(errors - np.median(errors))))
        variance = (SUPPOSED_RUNS * prior_spread**2 + self.runs * own) / (SUPPOSED_RUNS + self.runs)
        return math.sqrt(max(prior_spread**2, variance) * (1 + 1 / self.runs))

    def _look_for_change(self) -> None:
        """Where the last errors are surprisingly large on one side, what came before them is of another model."""
        if len(self._missed) < CHANGE_RUNS or self.runs < 2 * CHANGE_RUNS:
            return
        by = median(error for error, _ in self._missed)
        surprise = sum(scaled for _, scaled in self._missed) / CHANGE_RUNS
        if abs(by) < CHANGE_LEAST or abs(surprise) < CHANGE_SURPRISE or by * surprise < 0:
            return
        earlier = np.ones(len(self._memory), dtype=bool)
        earlier[self._last(CHANGE_RUNS)] = False
        places = np.flatnonzero(earlier)
        self._errors[places] += np.where(self._asked[places], 0.0, by)
        self._age[places] += _AGEING
        self._interval.forget(0)
        self._missed.clear()


def _clipped(error: float) -> float:
    return max(-ERROR_MAX, min(ERROR_MAX, error))
