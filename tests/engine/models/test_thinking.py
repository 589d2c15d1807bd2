"""Thinking and answer, told apart by tags, wherever the text is cut."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tale_tui.engine.models.backend import ThinkingCorrected
from tale_tui.engine.models.reply_parser import CodeTracker, Part, ThinkSplitter

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


def read(parts: list[Part]) -> tuple[str, str]:
    """Thinking and answer, as a reader has them in the end."""
    found = {True: "", False: ""}
    for part in parts:
        if isinstance(part, ThinkingCorrected):
            found = {part.thinking: (found[True] + found[False]).strip(), not part.thinking: ""}
        else:
            text, thinking = part
            assert text
            found[thinking] += text
    return found[True], found[False]


def split(pieces: list[str], *, written: str = "", holds_back: bool = False) -> tuple[str, str]:
    splitter = ThinkSplitter(written, holds_back=holds_back)
    return read([part for piece in pieces for part in splitter.feed(piece)] + splitter.flush())


def pieces_of(whole: str, cuts: list[int]) -> list[str]:
    ends = [0, *sorted(min(cut, len(whole)) for cut in cuts), len(whole)]
    return [whole[start:end] for start, end in pairwise(ends)]


@pytest.mark.parametrize(("whole", "thinking", "answer"), CASES)
def test_thinking_at_the_beginning_is_taken_out(whole: str, thinking: str, answer: str) -> None:
    assert split([whole]) == (thinking, answer)
    assert split(list(whole)) == (thinking, answer)


ANYTHING = st.lists(
    st.sampled_from(
        [
            "<think>",
            "</think>",
            "<",
            "</",
            "think",
            ">",
            " ",
            "    ",
            "\t",
            "\n",
            "a",
            "bc",
            "`",
            "```",
            "~~~",
            "- ",
            "> ",
        ]
    )
).map("".join)
CUTS = st.lists(st.integers(0, 80), max_size=8)


@given(whole=ANYTHING, cuts=CUTS, holds_back=st.booleans(), written=st.sampled_from(["", "x", "```\n", "`a", "<think"]))
def test_where_it_is_cut_does_not_matter(whole: str, cuts: list[int], holds_back: bool, written: str) -> None:
    expected = split([whole], written=written, holds_back=holds_back)
    assert split(pieces_of(whole, cuts), written=written, holds_back=holds_back) == expected
    assert split(list(whole), written=written, holds_back=holds_back) == expected


@given(whole=ANYTHING, cuts=CUTS)
def test_where_code_is_cut_does_not_matter(whole: str, cuts: list[int]) -> None:
    one, other = CodeTracker(), CodeTracker()
    one.feed(whole)
    for piece in pieces_of(whole, cuts):
        other.feed(piece)
    assert one.inside is other.inside


@given(
    before=st.text("ab <>\n"),
    inside=st.lists(st.sampled_from(["</think>", "a", "\n", " ", "<b>", "*"])).map("".join),
    fence=st.sampled_from(["```", "~~~", "````", "```python"]),
    cuts=CUTS,
)
def test_a_tag_in_a_block_of_code_is_text(before: str, inside: str, fence: str, cuts: list[int]) -> None:
    whole = f"{before}\n\n{fence}\n{inside}</think>"
    thinking, answer = split(pieces_of(whole, cuts))
    assert (thinking, answer) == ("", whole)


@given(
    thought=st.lists(st.sampled_from(["hm", " ", "\n", "\n```\nx = 1\n```\n", "`a`", "<b>"])).map("".join),
    answer=st.sampled_from(["Four.", "The tag </think> ends it.", "```\n</think>\n```"]),
    cuts=CUTS,
    holds_back=st.booleans(),
)
def test_what_stands_before_a_tag_that_nothing_opened_is_thinking(
    thought: str, answer: str, cuts: list[int], holds_back: bool
) -> None:
    whole = f"I think. {thought}\n</think>\n\n{answer}"
    found = split(pieces_of(whole, cuts), holds_back=holds_back)
    assert found == (f"I think. {thought}".strip(), answer)


@pytest.mark.parametrize(
    ("whole", "thinking", "answer"),
    [
        ("Two and two.</think>Four.", "Two and two.", "Four."),
        ("\nTwo.\n</think>\n\nFour.", "Two.", "Four."),
        ("</think>\n\nFour.", "", "Four."),
        ("I write `</think>` here.", "", "I write `</think>` here."),
        ("I write `` `</think> `` here.", "", "I write `` `</think> `` here."),
        ("- a\n  ```\n  </think>\n  ```\nb", "", "- a\n  ```\n  </think>\n  ```\nb"),
        ("> ~~~\n> </think>", "", "> ~~~\n> </think>"),
        ("1. ```\n   </think>", "", "1. ```\n   </think>"),
        ("So:\n\n    </think>\n", "", "So:\n\n    </think>\n"),
        ("So\n    it is.</think>Four.", "So\n    it is.", "Four."),
        ("List:\n\n    - it is.</think>Four.", "List:\n\n    - it is.", "Four."),
        ("```\nx\n```\nSo.</think>Four.", "```\nx\n```\nSo.", "Four."),
        ("```\nx\n```</think>Four.", "```\nx\n```", "Four."),
        ("One ` tick.\nSo.</think>Four.", "One ` tick.\nSo.", "Four."),
        ("a <think> b </think> c </think>d", "a <think> b </think> c", "d"),
        ("Two.</think><think>more</think>Four.", "Two.more", "Four."),
        ("Two.</think>", "Two.", ""),
        ("Two.</thin", "", "Two.</thin"),
    ],
)
def test_the_end_of_thinking_without_its_beginning(whole: str, thinking: str, answer: str) -> None:
    assert split([whole]) == (thinking, answer)
    assert split(list(whole)) == (thinking, answer)


def test_what_is_held_back_comes_as_thinking_and_becomes_the_answer_where_no_tag_comes() -> None:
    splitter = ThinkSplitter(holds_back=True)
    assert splitter.feed("Four") == [("Four", True)]
    assert splitter.feed(".<") == [(".", True)]
    assert splitter.flush() == [("<", True), ThinkingCorrected(thinking=False)]


def test_what_is_held_back_stays_thinking_where_it_was_cut_off() -> None:
    splitter = ThinkSplitter(holds_back=True)
    assert splitter.feed("I think of") + splitter.flush(whole=False) == [("I think of", True)]


def test_text_comes_at_once() -> None:
    splitter = ThinkSplitter()
    assert splitter.feed("Hel") == [("Hel", False)]
    assert splitter.feed("lo <think>") == [("lo <think>", False)]


def test_behind_a_beginning_nothing_is_thinking() -> None:
    assert split([" <think>x</think>"], written="x") == ("", " <think>x</think>")
