"""How the context window of a model is divided: what each part of a prompt may have. Pure functions.

The question, the system prompt, the rules of the user and room for an answer always have theirs; what is left is for
what is remembered, for the digest of older turns and, all the rest, for the newest turns.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from tale_tui.engine.chat.token_estimate import LENIENT_RATIO, BytesPerToken, same_for_all
from tale_tui.engine.recall.offer import WINDOW_SHARE

MESSAGE_TOKENS = 6
"""What a template adds to each message, about."""
PROMPT_TOKENS = 12
"""What a template adds once, about."""
MARGIN_TOKENS = 32
"""Never planned with, as every number here is an estimate."""
ANSWER_SHARE = 4
"""An answer may always have one part in so many of the window, and more where the prompt leaves it."""
DIGEST_SHARE = 6
"""The digest of older turns may take one part in so many of what a prompt has room for."""
QUESTION_SHARE = 2
"""Beside a question that takes more than one part in so many there is no room for what is remembered."""


@dataclass(frozen=True, slots=True)
class TokenBudget:
    """How much there is to fill, in tokens."""

    window: int
    """The context window, prompt and answer together."""
    max_tokens: int
    """The most that the answer may have, where there is room."""
    history: int | None = None
    """Beyond this many no older turn is added, even where the window has room; None for no such limit."""
    ratio: BytesPerToken = field(default_factory=BytesPerToken)
    """Bytes per token to count with, rather too few: more tokens are planned for than there will be."""
    lenient: BytesPerToken = field(default_factory=lambda: same_for_all(LENIENT_RATIO))
    """Bytes per token, rather too many: a message that is too long even so is too long for certain."""
    counted: Mapping[str, int] = field(default_factory=dict)
    """Texts that the model's own tokenizer counted -> their tokens."""

    def tokens(self, text: str) -> int:
        """How many tokens a text has: as it was counted, else rather too many."""
        known = self.counted.get(text)
        return self.ratio.tokens(text) if known is None else known

    def least_tokens(self, text: str) -> int:
        """How many tokens a text has at least."""
        known = self.counted.get(text)
        return self.lenient.tokens(text) if known is None else known

    @property
    def reserve(self) -> int:
        """What is kept for the answer."""
        return max(1, min(self.max_tokens, self.window // ANSWER_SHARE))

    @property
    def budget(self) -> int:
        """What the prompt may have."""
        return max(0, self.window - self.reserve - MARGIN_TOKENS)

    @property
    def limit(self) -> int:
        """What the prompt may have where something can be left out."""
        return self.budget if self.history is None else min(self.budget, self.history)


@dataclass(frozen=True, slots=True)
class PromptNeeds:
    """How long what goes into a prompt is, in tokens."""

    fixed: int
    """What is never cut: the system prompt, the rules, the question, and what the template adds."""
    question: int
    """Of that, the question."""
    recall: int = 0
    """All that is remembered and near it."""
    digest: int = 0
    """Of older turns."""


@dataclass(frozen=True, slots=True)
class PromptShares:
    """What each part may have, in tokens. Together with the answer and the margin never more than the window."""

    fixed: int
    recall: int
    digest: int
    turns: int
    answer: int
    excess: int
    """By how many tokens what is never cut is longer than what there is; then nothing else has any."""


def divide(room: TokenBudget, needs: PromptNeeds) -> PromptShares:
    """Divide a window.

    Args:
        room: what there is.
        needs: what is wanted.
    """
    excess = max(0, needs.fixed - room.budget)
    left = max(0, room.limit - needs.fixed)
    has_room = needs.question <= room.limit // QUESTION_SHARE
    recall = min(needs.recall, room.limit // WINDOW_SHARE, left) if has_room else 0
    digest = min(needs.digest, room.limit // DIGEST_SHARE, left - recall)
    return PromptShares(
        fixed=needs.fixed - excess,
        recall=recall,
        digest=digest,
        turns=left - recall - digest,
        answer=room.reserve,
        excess=excess,
    )
