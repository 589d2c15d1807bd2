"""What tasks are called."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tale_tui.engine.store.task_titles import task_title

TITLES = [
    ("Can you write a Python function for primes?", "Write a Python function for primes"),
    ("could you please Compare three databases", "Compare three databases"),
    ("Please, summarise this file.", "Summarise this file"),
    ("Hey, can you translate the manual!", "Translate the manual"),
    ("I'd like you to plan a trip", "Plan a trip"),
    ("I need you to plan a trip", "Plan a trip"),
    ("write a letter.", "write a letter."),
    ("Can you help?", "Can you help?"),
    ("Candles: write about them", "Candles: write about them"),
    ("Willow trees in winter, a poem", "Willow trees in winter, a poem"),
    ("I need a table of rivers", "I need a table of rivers"),
    ("Can you write a Python function to calculate the sequence?", "Write a Python function to calculate the sequence"),
    ("One two three four five six seven eight nine ten eleven", "One two three four five six seven eight nine ten …"),
    ("Hello world program in C", "Hello world program in C"),
    ("hello, please write one", "Write one"),
    ("please could you write one", "Write one"),
    ("I want you to write one", "Write one"),
    ("Will your code work?", "Will your code work?"),
    ("please", "please"),
    ("???", "???"),
    ("please, éclair recipes", "Éclair recipes"),
    ("Schreib mir einen Brief", "Schreib mir einen Brief"),
]


@pytest.mark.parametrize(("text", "title"), TITLES)
def test_a_title_says_what_is_to_be_done(text: str, title: str) -> None:
    assert task_title(text) == title


@given(st.text(alphabet="Cancoulyupe ,?.hi\n", min_size=1).filter(str.strip))
def test_every_text_has_a_title_of_one_line(text: str) -> None:
    title = task_title(text)
    assert title.strip()
    assert "\n" not in title
