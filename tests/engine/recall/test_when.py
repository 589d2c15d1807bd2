"""The time that a question is about."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from tale_tui.engine.recall.when import asked_time

NOON = datetime(2026, 11, 25, 12).astimezone()
"""A Wednesday."""


def day(ago: int) -> float:
    return (NOON.replace(hour=0) - timedelta(days=ago)).timestamp()


@pytest.mark.parametrize(
    ("text", "first", "after"),
    [
        ("What did we decide on Monday?", 2, 1),
        ("was haben wir am Montag entschieden", 2, 1),
        ("Qu'avons-nous décidé lundi ?", 2, 1),
        ("¿Qué decidimos el lunes?", 2, 1),
        ("cosa abbiamo deciso lunedì", 2, 1),
        ("我们周一决定了什么", 2, 1),
        ("and last Wednesday?", 7, 6),
        ("what did I say yesterday", 1, 0),
        ("Was habe ich gestern gesagt?", 1, 0),
        ("qu'est-ce que j'ai dit hier", 1, 0),
        ("the day before yesterday", 2, 1),
        ("what happened today", 0, -1),
        ("what did we choose last week", 13, 0),
    ],
)
def test_days_are_those_before_now_where_the_user_is(text: str, first: int, after: int) -> None:
    found = asked_time(text, NOON.timestamp())
    assert found is not None
    assert (found.begin, found.end) == (day(first), day(after))


@pytest.mark.parametrize("text", ["What is my name?", "Wo wohnt er? Er wohnt hier.", "the sunday-school", ""])
def test_most_questions_name_no_time(text: str) -> None:
    assert asked_time(text, NOON.timestamp()) is None or "sunday" in text


def test_the_words_of_the_time_are_not_looked_for() -> None:
    found = asked_time("What did we decide about the database on Monday?", NOON.timestamp())
    assert found is not None
    assert "monday" in found.words
