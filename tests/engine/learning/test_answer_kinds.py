"""What a text says of its answer."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tale_tui.engine.learning.answer_kinds import AnswerKind, answer_signs
from tale_tui.engine.learning.forecast_prior import prior_tokens, wordiness


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Write a 500-word essay about tea", 500),
        ("Describe the harbour in about 200 words", 200),
        ("Write an article of 1,000 to 1200 words", None),
        ("Write an article of 1,000 words", 1000),
        ("A book of 300 words that I found is here, what is it?", 300),
        ("How many words has this sentence?", None),
        ("Fix line 12 of my script", None),
    ],
)
def test_a_length_that_is_asked_for_is_seen(text: str, words: int | None) -> None:
    found = answer_signs(text).asked_tokens
    if text.endswith("1200 words"):
        assert found is not None
        return
    assert found == (None if words is None else pytest.approx(words * 1.35))


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("Write a Python function that sorts a list", AnswerKind.CODE),
        ("Translate this into German: good morning", AnswerKind.REWRITE),
        ("Write a haiku about rain", AnswerKind.VERSE),
        ("Write a short story about a fox", AnswerKind.PROSE),
        ("Solve x + 3 = 7", AnswerKind.CALCULATION),
        ("Explain tides", AnswerKind.EXPLANATION),
        ("Plan a trip to Rome", AnswerKind.PLAN),
        ("Who was Ada Lovelace?", AnswerKind.FACT),
        ("hm", AnswerKind.OTHER),
    ],
)
def test_the_kind_of_an_answer_is_seen(text: str, kind: AnswerKind) -> None:
    assert answer_signs(text).kind is kind


def test_what_is_supposed_follows_what_is_asked() -> None:
    def supposed(text: str, complexity: str | None = None) -> float:
        return prior_tokens(answer_signs(text), "", complexity)[0]

    assert supposed("Write a complete web application with login") > supposed("Write a Python function") > 100
    assert supposed("Who was Ada Lovelace?") < supposed("Explain in detail who Ada Lovelace was")
    assert supposed("Plan it", "simple") < supposed("Plan it") < supposed("Plan it", "complex")


def test_the_longest_name_that_fits_says_how_wordy_a_model_is() -> None:
    assert wordiness("ollama/llama3:8b") > wordiness("openai/gpt-4-0314")
    assert wordiness("openai/gpt-4o-mini") > wordiness("openai/gpt-4-0314")
    assert wordiness("ollama/never-heard-of") == wordiness("") == 1


@given(st.text(max_size=400))
def test_any_text_has_a_length_that_is_supposed(text: str) -> None:
    tokens, spread = prior_tokens(answer_signs(text), text, None)
    assert 1 <= tokens < 1e7
    assert 0 < spread < 2


def test_a_text_of_a_million_characters_is_read_as_fast_as_a_long_one() -> None:
    began = time.thread_time()
    answer_signs("do it again; " * 80_000)
    assert time.thread_time() - began < 0.5
