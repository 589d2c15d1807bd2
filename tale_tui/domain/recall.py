"""What is remembered beyond a session: items, where they come from, and how they were found. Frozen, plain data.

Times are seconds since the epoch (UTC).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum


class RecallKind(StrEnum):
    """What an item is."""

    FACT = "fact"
    PREFERENCE = "preference"
    DECISION = "decision"
    RESULT = "result"
    """Of a task."""


class RecallOrigin(StrEnum):
    """How an item came to be kept."""

    ASKED = "asked"
    """The user wanted it remembered."""
    SAID = "said"
    """The user said it in a conversation, and it was recognised."""
    TASK = "task"
    """A task gave it."""


@dataclass(frozen=True, slots=True)
class RecallSource:
    """Where an item comes from."""

    origin: RecallOrigin
    session_id: str = ""
    """Empty where there was none, or it was deleted since."""
    session_title: str = ""
    turn: int = 0
    """Which message of the user in that session, from 1; 0 where it is not one."""
    message_id: str = ""
    task_id: str = ""


@dataclass(frozen=True, slots=True)
class RecallItem:
    """One thing that is remembered."""

    id: str
    text: str
    kind: RecallKind
    source: RecallSource
    said: float
    """When it was said last."""
    pinned: bool = False
    """Never goes by itself, and counts more."""
    uses: int = 0
    """Replies that it was offered for."""
    used: float | None = None
    """When it was offered last."""


@dataclass(frozen=True, slots=True)
class RecallHit:
    """An item that was found."""

    item: RecallItem
    score: float
    """Larger is better; compares within one search only."""
    by_words: int | None = None
    """Its place among those found by words, from 1."""
    by_meaning: int | None = None
    """Its place among those found by meaning, from 1."""
    near: bool = False
    """Whether it is near enough to be offered to a model."""


@dataclass(frozen=True, slots=True)
class RecallContext:
    """What is around an item: what was said, and the last reply that was offered it."""

    said: str = ""
    """The message, or the beginning of it, that the item is of; empty where there is none."""
    session_id: str = ""
    """Of the last reply that was offered it; empty where there is none any more."""
    session_title: str = ""
    used: float | None = None
    """When that reply was begun."""


@dataclass(frozen=True, slots=True)
class RecallState:
    """How recall is."""

    enabled: bool
    items: int = 0
    model: str = ""
    """What turns texts into vectors, as `backend/model`; empty where items are found by words alone."""
    embedded: int = 0
    """Items that have a vector of that model."""
    why: str = ""
    """Why items are found by words alone, in a sentence."""
    fetchable: bool = False
    """Whether there is none and one can be fetched."""
    pinned: int = 0
    """Items that are pinned."""
    kinds: dict[RecallKind, int] = field(default_factory=dict)
    """How many items there are of a kind; none of one that is not named."""
