"""What was counted, in words."""

from __future__ import annotations

import pytest

from tale_tui.domain.metrics import PeriodChange, TokenSums
from tale_tui.formatting.tokens import change_words

SPEED = {"generation_us": 10_000_000, "ttft_calls": 100}
BEFORE = TokenSums(100, 1, total_tokens=10_000, timed_tokens=400, ttft_ms_sum=31_000, **SPEED)
AFTER = TokenSums(90, 2, total_tokens=11_230, timed_tokens=500, ttft_ms_sum=28_000, **SPEED)
SAME = TokenSums(100, total_tokens=10_000)


@pytest.mark.parametrize(
    ("days", "now", "before", "words"),
    [
        (
            1,
            AFTER,
            BEFORE,
            "than the day before: tokens +12 %, calls -10 %, failed 2 after 1, first text 0.28 s after 0.31 s, "
            "50 tok/s after 40 tok/s",
        ),
        (7, SAME, BEFORE, "than the week before: tokens +0 %, calls +0 %, failed 0 after 1"),
        (30, TokenSums(3), TokenSums(3), "than the 30 days before: tokens 0 after 0, calls +0 %"),
        (1, TokenSums(3, total_tokens=70), TokenSums(), ""),
        (1, TokenSums(), TokenSums(), ""),
        (1, TokenSums(), BEFORE, "than the day before: tokens -100 %, calls -100 %, failed 0 after 1"),
    ],
)
def test_a_period_is_compared_with_the_one_before(days: int, now: TokenSums, before: TokenSums, words: str) -> None:
    assert change_words(PeriodChange(days, now, before)) == words
