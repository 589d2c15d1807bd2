"""What a reply cost, in words."""

from __future__ import annotations

from tale_tui.domain.models import Usage
from tale_tui.formatting.usage import UsageWords, usage_words


def test_every_figure_has_its_words() -> None:
    usage = Usage(prompt_tokens=1900, completion_tokens=412, ttft_ms=310.0, total_ms=4200.0, tokens_per_second=38.2)
    words = usage_words(usage)
    assert words == UsageWords(first="0.31 s", total="4.20 s", rate="38 tok/s", read="1.9k", written="412 tok")
    assert words.tokens == "1.9k + 412 tok"


def test_what_is_unknown_is_empty() -> None:
    assert usage_words(None) == UsageWords()
    assert usage_words(Usage(completion_tokens=1900)) == UsageWords(written="1.9k tok")
    assert usage_words(Usage(ttft_ms=1500.0, tokens_per_second=4.25)) == UsageWords(first="1.50 s", rate="4.2 tok/s")


def test_what_was_read_stands_only_beside_what_was_written() -> None:
    assert usage_words(Usage(completion_tokens=7)).tokens == "7 tok"
    assert usage_words(Usage(prompt_tokens=7)).tokens == ""
