"""What the window is filled with, in words."""

from __future__ import annotations

from typing import Any

import pytest

from tale_tui.domain.context import ContextPart, ContextReport, ConversationDigest, PartName, scaled_parts
from tale_tui.domain.models import BackendName, ModelRef
from tale_tui.formatting.context import digest_words, part_lines, turns_words, window_words

REF = ModelRef(BackendName.OLLAMA, "qwen2.5:7b")
DIGEST = ConversationDigest("m9", "The fish is red.", 8, REF, 1_794_139_200.0)
PARTS = (
    ContextPart(PartName.SYSTEM, 40),
    ContextPart(PartName.RULES, 0),
    ContextPart(PartName.DIGEST, 200, 500),
    ContextPart(PartName.TURNS, 700),
    ContextPart(PartName.RECALL, 0, 100),
    ContextPart(PartName.QUESTION, 6),
    ContextPart(PartName.ANSWER, 512),
)


def report(**changes: Any) -> ContextReport:
    given: dict[str, Any] = {
        "session_id": "s",
        "ref": REF,
        "window": 2048,
        "parts": PARTS,
        "turns": 12,
        "turns_shown": 4,
        "digest": DIGEST,
        "digest_shown": True,
        "summaries": True,
    }
    return ContextReport(**{**given, **changes})


def test_the_parts_that_there_are_stand_in_their_order_with_what_is_free() -> None:
    lines = part_lines(report())
    assert [line.label for line in lines] == [
        *("system prompt", "summary of older turns", "newest turns", "next message", "room for the answer", "free"),
    ]
    assert sum(line.tokens for line in lines) == 2048
    assert lines[1].note == "500 at most"
    assert lines[-1].note == ""
    assert window_words(report()) == "946 of 2.0k tokens, qwen2.5:7b"


def test_nothing_is_called_free_while_turns_are_left_out() -> None:
    last = part_lines(report(digest_shown=False))[-1]
    assert (last.label, last.note) == ("not used", "8 turns left out")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, "Of 12 turns the newest 4 are shown as they were written."),
        ({"turns_shown": 12}, "All 12 turns are shown as they were written."),
        ({"turns": 13}, "1 older one is left out."),
        ({"digest": None}, "8 older ones are left out."),
        ({"digest_shown": False}, "8 older ones are left out."),
        ({"turns": 0, "turns_shown": 0, "digest": None}, "Nothing was said yet."),
    ],
)
def test_it_is_said_what_becomes_of_the_turns(changes: dict[str, Any], said: str) -> None:
    assert said in turns_words(report(**changes))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, "8 older turns, summed up by qwen2.5:7b, "),
        ({"turns_shown": 12, "digest_shown": False}, "It is used once not all turns have room."),
        ({"digest_shown": False}, "There is no room for it now."),
        ({"digest": None}, "No summary yet: older turns are summed up while nobody writes."),
        (
            {"digest": None, "turns_shown": 12},
            "No summary yet: older turns are summed up before there is no room for them.",
        ),
        ({"digest": None, "summaries": False}, "Older turns are not summed up (context.summaries is off)."),
        ({"digest": None, "why_none": "It broke off."}, "It broke off. It is tried again when"),
    ],
)
def test_it_is_said_of_what_the_summary_is_or_why_there_is_none(changes: dict[str, Any], said: str) -> None:
    assert said in digest_words(report(**changes))


def test_parts_are_made_to_add_up_to_what_was_counted() -> None:
    scaled = scaled_parts(PARTS, 1_000)
    assert sum(part.tokens for part in scaled) == 1_000
    assert [part.name for part in scaled] == [part.name for part in PARTS]
    assert scaled_parts((), 10) == ()
    assert scaled_parts((ContextPart(PartName.TURNS, 0),), 10) == (ContextPart(PartName.TURNS, 0),)
