"""Pieces: clean, counted, and never twice."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tale_tui.engine.models.backend import TextPiece
from tale_tui.engine.models.reply_parser import Continuation, ReplyParser, ThinkSplitter


def text_of(pieces: list[TextPiece], *, thinking: bool = False) -> str:
    return "".join(piece.text for piece in pieces if piece.thinking is thinking)


def test_text_passes_the_border_also_when_a_sequence_is_cut() -> None:
    pieces = ReplyParser()
    out = [one for part in ("red \x1b[", "31m", "rose \x1b]0;title", "\x07!") for one in pieces.text(part)]
    out += pieces.flush()
    assert text_of(out) == "red rose !"


def test_a_sequence_cannot_hide_a_tag() -> None:
    pieces = ReplyParser()
    out = pieces.text("<th\x1b[0mink>secret</think>Answer") + pieces.flush()
    assert text_of(out, thinking=True) == "secret"
    assert text_of(out) == "Answer"


def test_every_token_is_in_a_piece() -> None:
    pieces = ReplyParser()
    parts = ("<think", ">", "I", " add", "</", "think", ">", "Seven", ".")
    out = [one for part in parts for one in pieces.text(part)] + pieces.flush()
    assert [(one.text, one.thinking, one.tokens) for one in out] == [
        ("I", True, 3),
        (" add", True, 1),
        ("Seven", False, 4),
        (".", False, 1),
    ]


def test_thinking_that_the_server_told_apart_is_clean_and_ends_before_the_answer() -> None:
    pieces = ReplyParser()
    out = pieces.thinking("hm \x1b[1mhm\x1b") + pieces.text("So: ") + pieces.text("7") + pieces.flush()
    assert [(one.text, one.thinking) for one in out] == [("hm hm", True), ("So: ", False), ("7", False)]


def test_nothing_makes_no_piece() -> None:
    pieces = ReplyParser()
    assert pieces.text("") == pieces.thinking("") == pieces.flush() == []


@pytest.mark.parametrize(
    ("partial", "echoed", "stream", "new"),
    [
        ("Once upon a", True, ["Once upon a time", ","], " time,"),
        ("Once upon a", True, [" time", ","], " time,"),
        ("I", False, ["I", "s"], "Is"),
        ("Once upon a ", False, [" time"], "time"),
        ("Once upon a ", True, ["Once upon a", " time"], "time"),
        ("End.\n\n", False, ["\n", "\n", "New"], "New"),
        ("End.\n", False, ["\n\nNew"], "\nNew"),
        ("End.\n", False, [" More"], " More"),
    ],
)
def test_a_continuation_repeats_nothing(partial: str, echoed: bool, stream: list[str], new: str) -> None:
    continuation = Continuation(partial, echoed=echoed)
    assert continuation.prefix == partial.rstrip()
    assert "".join(continuation.feed(piece) for piece in stream) == new


def test_a_continuation_is_no_thinking() -> None:
    pieces = ReplyParser(Continuation("The tag", echoed=False))
    assert text_of(pieces.text(" <think> is") + pieces.flush()) == " <think> is"


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
    models_by_backend = [0, *sorted(min(cut, len(whole)) for cut in cuts), len(whole)]
    pieces = [whole[start:end] for start, end in pairwise(models_by_backend)]
    assert split(pieces) == split([whole])


def test_text_comes_at_once() -> None:
    splitter = ThinkSplitter()
    assert splitter.feed("Hel") == [("Hel", False)]
    assert splitter.feed("lo <think>") == [("lo <think>", False)]


def test_behind_a_beginning_nothing_is_thinking() -> None:
    assert split([" <think>x</think>"], answering=True) == ("", " <think>x</think>")
