"""What a reply cost, in words: the window, line mode and the commands choose what they have room for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tale_tui.formatting.units import count, duration, rate, token_count

if TYPE_CHECKING:
    from tale_tui.domain.models import Usage


@dataclass(frozen=True, slots=True)
class UsageWords:
    """The figures of a reply; what is unknown is empty."""

    first: str = ""
    """The time to its first text: `0.31 s`."""
    total: str = ""
    """The time that it took in all: `4.20 s`."""
    rate: str = ""
    """`38 tok/s`."""
    read: str = ""
    """Tokens of the prompt: `1.9k`."""
    written: str = ""
    """`412 tok`."""

    @property
    def tokens(self) -> str:
        """What was read and written: `1.9k + 412 tok`, `412 tok`; empty where it is not known what was written."""
        return f"{self.read} + {self.written}" if self.read and self.written else self.written


def usage_words(usage: Usage | None) -> UsageWords:
    """The figures of a reply in words; all empty where nothing was counted."""
    if usage is None:
        return UsageWords()
    return UsageWords(
        first="" if usage.ttft_ms is None else duration(usage.ttft_ms / 1000),
        total="" if usage.total_ms is None else duration(usage.total_ms / 1000),
        rate="" if usage.tokens_per_second is None else rate(usage.tokens_per_second),
        read="" if usage.prompt_tokens is None else count(usage.prompt_tokens),
        written="" if usage.completion_tokens is None else token_count(usage.completion_tokens),
    )
