"""Cards as a model is shown them: a digest of the result, or a sentence on how the task is. Pure functions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from tale_tui.engine.chat.telling import tell
from tale_tui.engine.task_types import Task
from tale_tui.engine.types import Message

DIGEST_CHARS = 1200
"""Of the result of a task so much is shown in later turns: about 300 tokens."""
LEAST_SHARE = 0.5
"""A digest ends at the end of a paragraph, a line or a word, where one lies behind this share of it."""
LEFT_OUT = "\n\n[The rest of this result is left out here.]"


def open_cards(messages: Iterable[Message]) -> bool:
    """Whether there is a card without a result, of whose task something has to be known."""
    return any(message.task_id is not None and not message.text.strip() for message in messages)


def with_cards(messages: Iterable[Message], tasks: Mapping[str, Task], now: float) -> tuple[Message, ...]:
    """The messages, cards replaced by what a model is shown of them.

    Args:
        messages: of a conversation.
        tasks: by id, those whose cards have no result; a card whose task is not among them is left out by `fit`.
        now: seconds since the epoch.
    """
    return tuple(_shown(message, tasks, now) if message.task_id else message for message in messages)


def digest(text: str, limit: int = DIGEST_CHARS) -> str:
    """The beginning of a text, cut where it hurts least."""
    text = text.strip()
    if len(text) <= limit:
        return text
    head = text[:limit]
    for mark in ("\n\n", "\n", " "):
        at = head.rfind(mark)
        if at >= limit * LEAST_SHARE:
            head = head[:at]
            break
    fence = "\n```" if head.count("```") % 2 else ""
    return f"{head.rstrip()}{fence}{LEFT_OUT}"


def _shown(card: Message, tasks: Mapping[str, Task], now: float) -> Message:
    if card.text.strip():
        return replace(card, text=digest(card.text))
    task = tasks.get(card.task_id or "")
    return card if task is None else replace(card, text=f"The task {tell(task, now)}")
