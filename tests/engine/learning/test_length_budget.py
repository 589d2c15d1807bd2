"""How long an answer may become: learned from its like, and never near to what is fine."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.scripted_history import scripted_history
from tale_tui.domain.forecasts import RUNS_MIN, LengthBudget
from tale_tui.engine.learning.length_budget import (
    LIMIT_MIN,
    LIMIT_TIMES,
    SUPPOSED_LIMIT_MIN,
    WORDS_MIN,
    LengthBudgets,
    rounded_up,
    upper_end,
)
from tale_tui.engine.learning.length_forecast import LengthForecast, read_prompt

HAIKU, CODE = "Write a haiku about rain", "Write a Python script that sorts files"


class Model:
    """Both that are learned of one."""

    def __init__(self) -> None:
        self.lengths, self.budgets = LengthForecast(""), LengthBudgets()

    def learn(self, text: str, tokens: int, complexity: str | None = None) -> None:
        prompt = read_prompt(text, complexity)
        self.lengths.learn(prompt, tokens)
        self.budgets.learn(prompt, tokens)

    def budget(self, text: str, complexity: str | None = None) -> LengthBudget:
        prompt = read_prompt(text, complexity)
        return self.budgets.budget(prompt, self.lengths.foresee(prompt))


def test_with_fewer_than_ten_runs_what_is_supposed_serves() -> None:
    model = Model()
    for _ in range(RUNS_MIN - 1):
        model.learn(HAIKU, 20)
    found = model.budget(HAIKU)
    assert (found.runs, found.limit >= SUPPOSED_LIMIT_MIN) == (0, True)
    model.learn(HAIKU, 20)
    found = model.budget(HAIKU)
    assert found.runs == RUNS_MIN
    assert LIMIT_MIN <= found.limit < SUPPOSED_LIMIT_MIN


def test_each_complexity_and_kind_has_its_own_and_one_without_runs_that_of_its_complexity() -> None:
    model = Model()
    for number in range(20):
        model.learn(f"{HAIKU} {number}", 30, "simple")
        model.learn(f"{CODE} {number}", 900, "complex")
    verse, code = model.budget(HAIKU, "simple"), model.budget(CODE, "complex")
    assert 4 * verse.tokens < code.tokens
    assert model.budget("Translate this note into Spanish", "complex").runs == 20
    assert model.budget(HAIKU, "medium").runs == 0


def test_a_text_that_says_how_long_is_not_told_a_length() -> None:
    assert Model().budget("Write 300 words on rain").words is None
    assert Model().budget(HAIKU).words is not None


@given(st.lists(st.integers(1, 50_000), max_size=40))
def test_a_limit_is_several_times_what_is_usual_and_what_is_foreseen_is_within(written: list[int]) -> None:
    model = Model()
    for tokens in written:
        model.learn(CODE, tokens)
    found, prompt = model.budget(CODE), read_prompt(CODE)
    assert found.tokens >= model.lengths.foresee(prompt).estimate.high
    assert found.limit >= max(LIMIT_MIN, LIMIT_TIMES * found.tokens)
    if len(written) >= RUNS_MIN:
        assert sum(tokens <= found.tokens for tokens in written) >= 0.9 * len(written)


@given(st.lists(st.integers(1, 1000), min_size=1))
def test_the_upper_end_is_one_of_them(written: list[int]) -> None:
    assert upper_end(written) in written
    assert sum(tokens <= upper_end(written) for tokens in written) >= 0.9 * len(written)


@given(st.floats(0, 1e6))
def test_a_model_is_told_round_numbers_that_are_not_below(words: float) -> None:
    told = rounded_up(words)
    assert words <= told <= max(WORDS_MIN, 1.5 * words) + 1
    assert int(str(told)[2:] or 0) == 0
    assert rounded_up(told) == told


@pytest.mark.parametrize("seed", range(1, 7))
def test_no_answer_of_a_scripted_history_is_cut(seed: int) -> None:
    model = Model()
    for run in scripted_history(200, seed=seed):
        assert run.completion_tokens <= model.budget(run.text).limit
        model.learn(run.text, run.completion_tokens)
