"""Pieces: clean, counted, and never twice."""

from __future__ import annotations

import pytest

from tale_tui.engine.models.backend import TextPiece, ThinkingCorrected
from tale_tui.engine.models.reply_parser import Continuation, Piece, ReplyParser


def text_of(pieces: list[Piece], *, thinking: bool = False) -> str:
    return "".join(one.text for one in pieces if isinstance(one, TextPiece) and one.thinking is thinking)


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
    assert [(one.text, one.thinking, one.tokens) for one in out if isinstance(one, TextPiece)] == [
        ("I", True, 3),
        (" add", True, 1),
        ("Seven", False, 4),
        (".", False, 1),
    ]


def test_thinking_that_the_server_told_apart_is_clean_and_ends_before_the_answer() -> None:
    pieces = ReplyParser()
    out = pieces.thinking("hm \x1b[1mhm\x1b") + pieces.text("So: ") + pieces.text("7") + pieces.flush()
    assert [(one.text, one.thinking) for one in out if isinstance(one, TextPiece)] == [
        ("hm hm", True),
        ("So: ", False),
        ("7", False),
    ]


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


def test_a_tag_in_a_continuation_makes_thinking_of_what_was_written_before() -> None:
    pieces = ReplyParser(Continuation("First I look at", echoed=False))
    out = pieces.text(" it.</think>It is so.") + pieces.flush()
    assert out == [TextPiece(" it.", tokens=1), ThinkingCorrected(thinking=True), TextPiece("It is so.", tokens=0)]


def test_behind_thinking_that_the_server_told_apart_a_tag_is_text() -> None:
    pieces = ReplyParser()
    out = pieces.thinking("hm") + pieces.text("The tag </think> ends it.") + pieces.flush()
    assert text_of(out) == "The tag </think> ends it."
    assert ThinkingCorrected(thinking=True) not in out


def test_a_model_that_is_held_back_and_tells_thinking_apart_is_not_held_back() -> None:
    pieces = ReplyParser(holds_back=True)
    out = pieces.thinking("hm") + pieces.text("So.")
    assert [(one.text, one.thinking) for one in out if isinstance(one, TextPiece)] == [("hm", True), ("So.", False)]
