"""What is foreseen of a model that never ran here: how long answers of a kind are as a rule, and how wordy it is.

The weights are a ridge fit over some two hundred examples written for this (tests/benchmarks/forecast; how they are
made: its fit.py). How wordy a model is: the mean length of its answers in the public leaderboard of AlpacaEval 2.0
(tatsu-lab/alpaca_eval), in characters.
"""

from __future__ import annotations

import math

from tale_tui.engine.learning.answer_kinds import AnswerKind, AnswerSigns

TYPICAL_TOKENS = 555.0
"""What the answer to a wish of the commonest kind has, of a model of the typical wordiness."""
CERTAINTY = 0.38
"""How much of what the text says holds for a text in the wild: the rest is the middle of all."""
SPREAD = 0.525
"""Standard deviation of the logarithm of what came, divided by what was foreseen."""
ASKED_SPREAD = 0.25
"""The same where the text says how long it is to be."""

_KINDS = {
    AnswerKind.CODE: 0.47,
    AnswerKind.PROSE: 0.64,
    AnswerKind.VERSE: -0.33,
    AnswerKind.PLAN: 0.71,
    AnswerKind.EXPLANATION: 0.75,
    AnswerKind.LIST: 0.05,
    AnswerKind.REWRITE: -1.51,
    AnswerKind.CALCULATION: -0.24,
    AnswerKind.FACT: -1.22,
    AnswerKind.OTHER: 0.26,
}
_LOG_WORDS, _LONG, _SHORT, _LARGE, _CLAUSES, _GIVEN, _FOREIGN = -0.13, 0.43, -0.80, 0.46, 0.12, -0.58, 0.24
_LARGE_CODE, _FEW_WORDS = 0.13, -0.26
_FEW = 2.2
_ANSWERED_SHORT = (AnswerKind.EXPLANATION, AnswerKind.FACT, AnswerKind.CALCULATION)
_COMPLEXITY = {"simple": -0.15, "medium": 0.0, "complex": 0.15}

_TYPICAL_CHARACTERS = 1900
_WORDINESS = {
    "gpt-4-turbo": 1802,
    "gpt-4o": 1873,
    "gpt-4": 1365,
    "gpt-3.5-turbo": 1328,
    "claude-3-5": 1488,
    "claude-3": 1400,
    "claude-2": 1096,
    "llama-3": 1919,
    "llama3": 1919,
    "mistral-large": 1362,
    "mistral": 1581,
    "mixtral": 1465,
    "qwen1.5": 1549,
    "qwen2": 1626,
    "tulu-2": 1418,
    "vicuna": 1479,
    "wizardlm": 1545,
    "deepseek-llm": 1151,
    "gemini-pro": 1456,
}
"""By the beginning of a model's name; the longest that fits counts. What is not there is typical."""


def prior_tokens(signs: AnswerSigns, model: str, complexity: str | None) -> tuple[float, float]:
    """How long an answer is before anything is known of its model.

    Args:
        signs: what the text says.
        model: its name, as far as one is known.
        complexity: of the task, where it was judged.
    Returns:
        Tokens, and the standard deviation of the logarithm of its error.
    """
    if signs.asked_tokens is not None:
        return max(1.0, signs.asked_tokens), ASKED_SPREAD
    score = (
        _KINDS[signs.kind]
        + _LOG_WORDS * signs.log_words
        + _LONG * signs.long
        + _SHORT * signs.short
        + _LARGE * signs.large
        + _CLAUSES * signs.clauses
        + _GIVEN * signs.given
        + _FOREIGN * signs.foreign
        + _LARGE_CODE * signs.large * (signs.kind is AnswerKind.CODE)
        + _FEW_WORDS * (signs.kind in _ANSWERED_SHORT and signs.log_words < _FEW)
    )
    hard = _COMPLEXITY.get(complexity or "", 0.0)
    return TYPICAL_TOKENS * wordiness(model) * math.exp(CERTAINTY * score + hard), SPREAD


def wordiness(model: str) -> float:
    """How long the answers of a model are, next to those of a typical one."""
    name = model.rpartition("/")[2].lower()
    known = max((start for start in _WORDINESS if name.startswith(start)), key=len, default="")
    return _WORDINESS.get(known, _TYPICAL_CHARACTERS) / _TYPICAL_CHARACTERS
