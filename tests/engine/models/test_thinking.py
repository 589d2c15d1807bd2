"""Thinking in literal tags, told from the answer wherever the pieces are cut."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tale_tui.engine.models.thinking import ThinkSplitter

CASES = [
    ("Hello.", "", "Hello."),
    ("<think>two and two</think>Four.", "two and two", "Four."),
    ("\n <think>\nhm\n</think>\n\nFour.", "hm", "Four."),
    ("<think>\n\n</think>\n\nFour.", "", "Four."),
    ("<think></think>", "", ""),
    ("<think>never ends", "never ends", ""),
    ("<think>a < b </ c </thin d</think>x", "a < b </ c </thin d", "x"),
    ("<think>one</think> <think>two</think> three", "onetwo", "three"),
    ("The tag <think> opens thinking.</think>", "", "The tag <think> opens thinking.</think>"),
    ("  indented", "", "  indented"),
    ("<thinker>", "", "<thinker>"),
    ("<th", "", "<th"),
    ("<think>x</thi", "x</thi", ""),
    ("<think>x</think>\n<th", "x", "<th"),
    ("   ", "", "   "),
]


def split(pieces: list[str], *, answering: bool = False) -> tuple[str, str]:
    splitter = ThinkSplitter(answering=answering)
    parts = [part for piece in pieces for part in splitter.feed(piece)] + splitter.flush()
    assert all(text for text, _ in parts)
    return "".join(text for text, thinks in parts if thinks), "".join(text for text, thinks in parts if not thinks)


@pytest.mark.parametrize(("whole", "thinking", "answer"), CASES)
def test_thinking_at_the_beginning_is_taken_out(whole: str, thinking: str, answer: str) -> None:
    assert split([whole]) == (thinking, answer)
    assert split(list(whole)) == (thinking, answer)


@given(
    whole=st.lists(st.sampled_from(["<think>", "</think>", "<", "</", "think", ">", " ", "\n", "a", "bc"])).map(
        "".join
    ),
    cuts=st.lists(st.integers(0, 60), max_size=6),
)
def test_where_it_is_cut_does_not_matter(whole: str, cuts: list[int]) -> None:
    places = [0, *sorted(min(cut, len(whole)) for cut in cuts), len(whole)]
    pieces = [whole[start:end] for start, end in pairwise(places)]
    assert split(pieces) == split([whole])


def test_text_comes_at_once() -> None:
    splitter = ThinkSplitter()
    assert splitter.feed("Hel") == [("Hel", False)]
    assert splitter.feed("lo <think>") == [("lo <think>", False)]


def test_behind_a_beginning_nothing_is_thinking() -> None:
    assert split([" <think>x</think>"], answering=True) == ("", " <think>x</think>")
