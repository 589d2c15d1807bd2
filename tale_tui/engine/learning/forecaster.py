"""All that was learned of the models of this machine, and forecasts from it. Loads numpy: import it in a thread."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from statistics import median
from threading import Lock

from tale_tui.domain.constants import REMEMBERED_CHARACTERS
from tale_tui.domain.forecasts import RUNS_MIN, Estimate, LengthBudget
from tale_tui.engine.learning.history import LearnedRun
from tale_tui.engine.learning.length_budget import LengthBudgets
from tale_tui.engine.learning.length_forecast import LengthForecast, LengthGuess, ReadPrompt, read_prompt
from tale_tui.engine.learning.ratio_forecast import RatioForecast
from tale_tui.formatting.units import plural

PROMPTS_REMEMBERED = 64
"""Texts that were asked about last, and are not read again for the next question."""
SECONDS_PER_TOKEN = 0.07
"""Of a model whose like never ran here."""
READ_PER_WRITTEN = 20.0
"""So many tokens are read in the time in which one is written."""
FRAME_TOKENS = 80.0
"""What a prompt has besides the text of the task: instructions and the template."""
CHARACTERS_PER_TOKEN, BYTES_PER_TOKEN = 4.3, 3.0
"""Of plain letters, and of others."""
_PROMPT_SPREAD, _SPEED_SPREAD = 0.08, 0.15
_UNKNOWN_SPEED_SPREAD = 0.6


@dataclass(frozen=True, slots=True)
class StepForecast:
    """What is foreseen of one call of a model."""

    kind: str
    prompt_tokens: Estimate
    completion_tokens: Estimate
    seconds: Estimate
    runs: int
    why: str


@dataclass(frozen=True, slots=True)
class _Guesses:
    """The forecasts of one run, as they are held against what came."""

    length: LengthGuess
    prompt: Estimate
    seconds: Estimate
    speed_spread: float


class _ModelForecasts:
    """What was learned of one model."""

    def __init__(self, model: str) -> None:
        self.lengths = LengthForecast(model)
        self.budgets = LengthBudgets()
        self._prompts = RatioForecast(_PROMPT_SPREAD)
        self.speed = RatioForecast(_SPEED_SPREAD)

    def foresee(self, prompt: ReadPrompt, text: str, seconds_per_token: float) -> _Guesses:
        read = self._prompts.foresee(supposed_prompt_tokens(text))
        length = self.lengths.foresee(prompt)
        spread = length.spread if self.speed.ratio is not None else length.spread + _UNKNOWN_SPEED_SPREAD
        work = length.estimate.middle + read.middle / READ_PER_WRITTEN
        return _Guesses(length, read, self.speed.foresee(work, spread, otherwise=seconds_per_token), spread)

    def learn(self, prompt: ReadPrompt, run: LearnedRun, guesses: _Guesses, *, same_task: bool) -> None:
        self.lengths.learn(prompt, run.completion_tokens, guesses.length, same_task=same_task)
        self.budgets.learn(prompt, run.completion_tokens)
        if run.prompt_tokens is not None:
            self._prompts.learn(supposed_prompt_tokens(run.text), run.prompt_tokens, guesses.prompt)
        if run.seconds is not None:
            read = run.prompt_tokens or guesses.prompt.middle
            work = run.completion_tokens + read / READ_PER_WRITTEN
            self.speed.learn(work, run.seconds, guesses.seconds, guesses.speed_spread)


class Forecaster:
    """Learns from runs, in the order in which they were, and foresees. One thread at a time has it, the others wait:
    who asked may be gone before its thread is."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._remembered = lru_cache(PROMPTS_REMEMBERED)(read_prompt)
        self._models: dict[str, _ModelForecasts] = {}

    @property
    def runs(self) -> int:
        """So many it has learned from, of all models."""
        with self._lock:
            return sum(model.lengths.runs for model in self._models.values())

    def learn(self, runs: Iterable[LearnedRun]) -> None:
        """Learn from runs: each is foreseen from what was before its task, and then compared."""
        with self._lock:
            for task in _by_task(runs):
                self._learn_task(task)

    def _learn_task(self, runs: Sequence[LearnedRun]) -> None:
        usual, foreseen = self._seconds_per_token(), []
        for run in runs:
            known = self._models.setdefault(run.model, _ModelForecasts(run.model))
            prompt = read_prompt(run.text, run.complexity)
            foreseen.append((known, prompt, run, known.foresee(prompt, run.text, usual)))
        learned = set[str]()
        for known, prompt, run, guesses in foreseen:
            known.learn(prompt, run, guesses, same_task=run.model in learned)
            learned.add(run.model)

    def foresee(self, model: str, texts: Sequence[str], complexity: str | None = None) -> list[StepForecast]:
        """What calls of a model will read, write and take.

        Args:
            model: as `backend/model`, the name alone of one that ran here, or one that never did; empty for none.
            texts: what is asked in each.
            complexity: of the task that they belong to, where it was judged.
        """
        with self._lock:
            model = self._known_as(model)
            return [self._foresee(model, text, complexity) for text in texts]

    def budget(self, model: str, text: str, complexity: str | None = None) -> LengthBudget:
        """What the answer of a model to a text may write; arguments as of `foresee`."""
        with self._lock:
            known = self._of(self._known_as(model))
            prompt = self._read(text, complexity)
            return known.budgets.budget(prompt, known.lengths.foresee(prompt))

    def _read(self, text: str, complexity: str | None) -> ReadPrompt:
        """A text that is asked about: when its task is foreseen, and again when its limit is wanted."""
        read = self._remembered if len(text) <= REMEMBERED_CHARACTERS else read_prompt
        return read(text, complexity)

    def _of(self, model: str) -> _ModelForecasts:
        """What was learned of a model; nothing of one that never ran here."""
        return self._models.get(model) or _ModelForecasts(model)

    def _known_as(self, name: str) -> str:
        """The model that has run here under a name, whatever its backend; the name itself where none has."""
        if name in self._models:
            return name
        return next((model for model in self._models if model.partition("/")[2] == name), name)

    def _foresee(self, model: str, text: str, complexity: str | None) -> StepForecast:
        prompt = self._read(text, complexity)
        known = self._of(model)
        guesses = known.foresee(prompt, text, self._seconds_per_token())
        return StepForecast(
            prompt.signs.kind.value,
            guesses.prompt,
            guesses.length.estimate,
            guesses.seconds,
            known.lengths.runs,
            _why(guesses.length, known.lengths.runs, asked=prompt.signs.asked_tokens is not None),
        )

    def _seconds_per_token(self) -> float:
        """Of a model that never ran here: as others here."""
        known = [model.speed.ratio for model in self._models.values() if model.speed.ratio is not None]
        return median(known) if known else SECONDS_PER_TOKEN


def _by_task(runs: Iterable[LearnedRun]) -> list[list[LearnedRun]]:
    """The runs of each task together, in the order in which tasks began."""
    tasks: dict[str | int, list[LearnedRun]] = {}
    for number, run in enumerate(runs):
        tasks.setdefault(run.task or number, []).append(run)
    return list(tasks.values())


def _why(guess: LengthGuess, runs: int, *, asked: bool) -> str:
    if guess.recurs:
        return f"the same text was asked before; {plural(runs, 'run')} of this model"
    if asked:
        return "the text says how long"
    if not runs:
        return "no run of this model yet: what is usual"
    if runs < RUNS_MIN:
        return f"median of {plural(runs, 'run')} of this model"
    return f"the nearest of {plural(runs, 'run')} of this model"


def supposed_prompt_tokens(text: str) -> float:
    """About how many tokens the prompt of a task has."""
    others = len(text) - len(text.encode("ascii", "ignore"))
    return FRAME_TOKENS + (len(text) - others) / CHARACTERS_PER_TOKEN + others * 2 / BYTES_PER_TOKEN
