"""What the window of a model is filled with, part by part, and the digests of older turns. Frozen, plain data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from tale_tui.domain.models import ModelRef


class PartName(StrEnum):
    """The parts of a window, in the order in which a model is shown them."""

    SYSTEM = "system"
    RULES = "rules"
    """What the user wants heeded in every conversation."""
    DIGEST = "digest"
    """Of the turns that are left out."""
    TURNS = "turns"
    """The newest ones, whole."""
    RECALL = "recall"
    """What is remembered of other conversations."""
    QUESTION = "question"
    ANSWER = "answer"
    """What is kept for it, or what it took."""


class ScriptClass(StrEnum):
    """Scripts whose texts are about as long in tokens."""

    LATIN = "latin"
    """Code and numbers too."""
    HAN = "han"
    """Chinese, Japanese and Korean."""
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class ContextPart:
    """One part, in tokens."""

    name: PartName
    tokens: int
    limit: int | None = None
    """What it may have at most; None where nothing limits it but the window."""


@dataclass(frozen=True, slots=True)
class ConversationDigest:
    """What was said in the older turns of a conversation, in short. It belongs to one path through its messages."""

    message_id: str
    """The last message that is in it; all those above it are too."""
    text: str
    """Safe text."""
    turns: int
    """How many turns are in it."""
    ref: ModelRef | None
    """The model that wrote it; None where it only quotes what the user wrote."""
    created: float
    """In seconds since the epoch."""


@dataclass(frozen=True, slots=True)
class ContextReport:
    """What a model would be shown of a conversation if the next message were sent now."""

    session_id: str
    ref: ModelRef | None
    """The model that would be asked; None where none is known."""
    window: int
    """Its context window as it is served, in tokens."""
    parts: tuple[ContextPart, ...]
    turns: int
    """Of the conversation, on the branch that is shown."""
    turns_shown: int
    """Of them, those that are in the prompt as they were written."""
    digest: ConversationDigest | None
    """That which is in the prompt, else the one that goes furthest; None where there is none."""
    digest_shown: bool
    """Whether it is in the prompt, as not all turns have room."""
    summaries: bool
    """Whether older turns are summarised at all."""
    why_none: str = ""
    """Why the last summary was not made, in a sentence; empty where none failed."""

    @property
    def used(self) -> int:
        """Tokens of the prompt."""
        return sum(part.tokens for part in self.parts if part.name is not PartName.ANSWER)

    @property
    def turns_lost(self) -> int:
        """Turns that are neither shown nor in a digest that is."""
        told = self.digest.turns if self.digest is not None and self.digest_shown else 0
        return max(0, self.turns - self.turns_shown - told)


def scaled_parts(parts: Sequence[ContextPart], total: int) -> tuple[ContextPart, ...]:
    """Parts that were estimated, made to add up to what was counted.

    Args:
        parts: as they were estimated.
        total: tokens in all.
    """
    estimated = sum(part.tokens for part in parts)
    if estimated <= 0 or total < 0:
        return tuple(parts)
    scaled = [replace(part, tokens=part.tokens * total // estimated) for part in parts]
    largest = max(range(len(scaled)), key=lambda place: scaled[place].tokens)
    missing = total - sum(part.tokens for part in scaled)
    scaled[largest] = replace(scaled[largest], tokens=scaled[largest].tokens + missing)
    return tuple(scaled)
