"""Where the weights of `engine/learning/forecast_prior.py` come from: `python tests/benchmarks/forecast/fit.py`.

A ridge fit, with large errors counted less, over `answer_lengths.tsv`: prompts that were written for this, each with
about how many tokens a typical model answers (judged by hand). Prints the weights, and how near they are on the tenth
that was left out.
"""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np

from tale_tui.engine.learning.answer_kinds import AnswerKind, AnswerSigns, answer_signs

RIDGE, LARGE_ERROR, ROUNDS, FOLDS = 1.0, 0.4, 20, 10
ANSWERED_SHORT = (AnswerKind.EXPLANATION, AnswerKind.FACT, AnswerKind.CALCULATION)
NAMES = [*AnswerKind, "log words", "long", "short", "large", "clauses", "given", "foreign", "large code", "few words"]


def columns(signs: AnswerSigns) -> list[float]:
    """What a text says, as numbers."""
    plain = (signs.log_words, signs.long, signs.short, signs.large, signs.clauses, signs.given, signs.foreign)
    large_code = signs.large * (signs.kind is AnswerKind.CODE)
    few_words = float(signs.kind in ANSWERED_SHORT and signs.log_words < 2.2)
    return [*(float(signs.kind is kind) for kind in AnswerKind), *plain, large_code, few_words]


def fit(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """The weights."""
    weights, counts = np.zeros(x.shape[1]), np.ones(len(y))
    for _ in range(ROUNDS):
        weights = np.linalg.solve(x.T @ (x * counts[:, None]) + RIDGE * np.eye(x.shape[1]), x.T @ (counts * y))
        counts = 1 / np.maximum(1, np.abs(y - x @ weights) / LARGE_ERROR)
    return weights


if __name__ == "__main__":
    lines = Path(__file__).with_name("answer_lengths.tsv").read_text("utf-8").splitlines()
    examples = [line.replace("\\n", "\n").rsplit("\t", 1) for line in lines]
    known = [(answer_signs(text), float(tokens)) for text, tokens in examples]
    known = [(signs, tokens) for signs, tokens in known if signs.asked_tokens is None]
    x = np.array([columns(signs) for signs, _ in known])
    logs = np.array([math.log(tokens) for _, tokens in known])
    y = logs - logs.mean()
    fold = np.arange(len(y)) % FOLDS
    errors = np.concatenate(
        [x[fold == one] @ fit(x[fold != one], y[fold != one]) - y[fold == one] for one in range(FOLDS)]
    )
    print(f"{len(y)} examples; left out, within 30 %: {np.mean(np.abs(np.expm1(errors)) <= 0.3):.2f}")
    for name, weight in zip(NAMES, fit(x, y), strict=True):
        print(f"{name:<12} {weight:+.2f}")
