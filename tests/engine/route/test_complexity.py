"""How hard a task is, by plain signs."""

from __future__ import annotations

import pytest

from tale_tui.engine.route.complexity import Complexity, complexity


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Rename this variable to something readable.", Complexity.SIMPLE),
        ("Translate the sentence below to Danish, please.", Complexity.SIMPLE),
        ("Turn my notes into a packing list", Complexity.SIMPLE),
        ("Draft a letter to the landlord of about 300 words about the broken heating.", Complexity.MEDIUM),
        ("Tell the story of a lighthouse keeper in 450 words, and include a storm.", Complexity.MEDIUM),
        (
            "Write a 2,500 word essay and analyse how the tides shaped harbours; compare two of them.",
            Complexity.COMPLEX,
        ),
        (
            "Build a complete website for my bakery.\n- a start page\n- a menu\n- opening hours\n- a form for orders",
            Complexity.COMPLEX,
        ),
        (
            "Design a cache. It must be safe between threads, should expire entries, has to report hits, and include "
            "tests without network; then explain the trade-offs of the algorithm.",
            Complexity.COMPLEX,
        ),
        ("", Complexity.SIMPLE),
    ],
)
def test_length_wishes_and_reasoning_count(text: str, expected: Complexity) -> None:
    assert complexity(text) is expected
