"""How near forecasts of completion tokens are, each made before its run."""

from __future__ import annotations

import math
import random
from collections import defaultdict
from pathlib import Path
from statistics import fmean, median
from typing import NamedTuple

from rows import Row, print_groups, read_rows

from support.scripted_history import OBEYED_SPREAD, TOKENS_PER_WORD, scripted_history
from tale_tui.domain.forecasts import NEAR_SHARE, Estimate
from tale_tui.engine.learning.complexity import ComplexityModel
from tale_tui.engine.learning.length_budget import LengthBudgets
from tale_tui.engine.learning.length_forecast import LengthForecast, read_prompt

USERS = range(1, 13)
"""Seeds of the made-up histories."""
RUNS = 200
CHANGES_AT = 100
SUMMED = 10


class Outcome(NamedTuple):
    """One forecast, and what came."""

    estimate: Estimate
    tokens: int
    usual: float
    """The median of the model."""


def print_open(folder: Path) -> None:
    """Of `tokens.jsonl` the first forecast of each row, by a model that never ran here, and their sums."""
    rows = read_rows(folder, "tokens.jsonl")
    lengths: dict[str, list[int]] = defaultdict(list)
    for row in rows:
        lengths[row["reference_model"]].append(row["reference_answer_tokens"])
    levels = ComplexityModel.load()
    outcomes: list[tuple[Row, Outcome]] = []
    for row in rows:
        model = row["reference_model"]
        prompt = read_prompt(row["text"], levels.classify(row["text"]).label)
        estimate = LengthForecast(model).foresee(prompt).estimate
        outcomes.append((row, Outcome(estimate, row["reference_answer_tokens"], median(lengths[model]))))
    print_groups(outcomes, _figures)
    by_source: dict[str, list[Outcome]] = defaultdict(list)
    for row, outcome in outcomes:
        by_source[row["source"]].append(outcome)
    sums = [
        _is_near(sum(each.estimate.middle for each in some), sum(each.tokens for each in some))
        for found in by_source.values()
        for some in (found[start : start + SUMMED] for start in range(0, len(found) - SUMMED + 1, SUMMED))
    ]
    if sums:
        print(f"sums of {SUMMED} of one source: near {fmean(sums):.3f} of {len(sums)}")


def print_own() -> None:
    """Forecasts over the histories of made-up users: at the beginning and later, of what recurs, around a change, and
    where each prompt has its learned budget in it; then how many answers the limits would have cut."""
    parts: dict[str, list[Outcome]] = defaultdict(list)
    for user in USERS:
        for changes_at in (None, CHANGES_AT):
            _follow(user, changes_at, parts)
        _follow_told(user, parts)
    print_groups([({"source": name}, each) for name, found in sorted(parts.items()) for each in found], _figures)
    for changes_at in (None, CHANGES_AT):
        cut = sum(_cut(user, changes_at) for user in USERS)
        print(f"of {RUNS * len(USERS)} answers, {'a change' if changes_at else 'no change'}: {cut} would be cut")


def _follow(user: int, changes_at: int | None, parts: dict[str, list[Outcome]]) -> None:
    """What was foreseen of one history, by part of it."""
    learner, before = LengthForecast(""), list[int]()
    for number, run in enumerate(scripted_history(RUNS, seed=user, changes_at=changes_at)):
        prompt = read_prompt(run.text)
        guess = learner.foresee(prompt)
        if before:
            found = Outcome(guess.estimate, run.completion_tokens, median(before))
            if changes_at is None:
                parts[f"runs {'2-10' if number < 10 else '11-50' if number < 50 else '51-200'}"].append(found)
                if number >= 50:
                    kind = "recurs" if run.recurs else "says its length" if run.budget else "is new"
                    parts[f"51-200, {kind}"].append(found)
            elif changes_at - 40 <= number < changes_at + 60:
                after = number - changes_at
                part = "before" if after < 0 else "0-20 after" if after < 20 else "20-60 after"
                parts[f"a change, {part}"].append(found)
        learner.learn(prompt, run.completion_tokens, guess)
        before.append(run.completion_tokens)


def _follow_told(user: int, parts: dict[str, list[Outcome]]) -> None:
    """The same where the learned budget stands in each prompt: a made-up model keeps to it where it would have written
    more."""
    learner, budgets, chance, before = LengthForecast(""), LengthBudgets(), random.Random(user), list[int]()
    for number, run in enumerate(scripted_history(RUNS, seed=user)):
        prompt = read_prompt(run.text)
        guess = learner.foresee(prompt)
        told, tokens = budgets.budget(prompt, guess).words, run.completion_tokens
        if told is not None and tokens > (most := told * TOKENS_PER_WORD):
            tokens = max(1, round(most * math.exp(chance.gauss(0, OBEYED_SPREAD))))
        if number >= 50:
            found = Outcome(guess.estimate, tokens, median(before))
            parts["51-200, told its budget"].append(found)
            if run.recurs or run.budget:
                parts["51-200, told, recurs or says"].append(found)
        learner.learn(prompt, tokens, guess)
        budgets.learn(prompt, tokens)
        before.append(tokens)


def _cut(user: int, changes_at: int | None) -> int:
    """Answers of a model that knows of no budget that would have been cut at its limit."""
    learner, budgets, cut = LengthForecast(""), LengthBudgets(), 0
    for run in scripted_history(RUNS, seed=user, changes_at=changes_at):
        prompt = read_prompt(run.text)
        guess = learner.foresee(prompt)
        cut += run.completion_tokens > budgets.budget(prompt, guess).limit
        learner.learn(prompt, run.completion_tokens, guess)
        budgets.learn(prompt, run.completion_tokens)
    return cut


def _is_near(foreseen: float, tokens: int) -> bool:
    return abs(foreseen - tokens) <= NEAR_SHARE * tokens


def _figures(found: list[Outcome]) -> str:
    near = fmean(_is_near(each.estimate.middle, each.tokens) for each in found)
    usual = fmean(_is_near(each.usual, each.tokens) for each in found)
    covered = fmean(each.estimate.holds(each.tokens) for each in found)
    ratio = median(each.estimate.high / each.estimate.low for each in found)
    return f"near {near:.3f}  median alone {usual:.3f}  covered {covered:.3f}  high/low {ratio:.2f}"
