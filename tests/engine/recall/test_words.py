"""Texts as the index sees them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tale_tui.engine.recall.words import WORDS_ASKED, asked_words, index_words


def test_a_question_is_looked_for_by_the_words_that_say_something() -> None:
    assert asked_words("What did we decide about the database on Monday?") == ("decide", "database", "monday")


@pytest.mark.parametrize(
    ("question", "words"),
    [
        ("Was haben wir am Montag über die Datenbank beschlossen?", ("montag", "datenbank", "beschlossen")),
        ("Was haben wir wegen des Caches entschieden?", ("caches", "entschieden")),
        ("Was wurde bezüglich der Schriftart vereinbart?", ("schriftart", "vereinbart")),
    ],
)
def test_words_that_only_join_others_are_not_looked_for_in_german(question: str, words: tuple[str, ...]) -> None:
    assert asked_words(question) == words


def test_accents_and_case_do_not_count() -> None:
    assert asked_words("Où est la Forêt ?") == ("foret",)


def test_scripts_without_spaces_are_cut_into_pairs() -> None:
    assert index_words("我住在哥德堡").split() == ["我住", "住在", "在哥", "哥德", "德堡"]
    assert "哥德" in asked_words("哥德堡")


@given(st.text(max_size=500))
def test_any_text_gives_words_of_letters_and_digits_alone(text: str) -> None:
    found = asked_words(text)
    assert len(found) <= WORDS_ASKED
    assert len(set(found)) == len(found)
    assert not any('"' in word or " " in word for word in found)
    index_words(text)
