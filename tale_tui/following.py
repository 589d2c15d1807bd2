"""A turn as text: what comes is handed on as it comes. Line mode and `chat -m` share it."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from typing import assert_never

from tale_tui.engine import (
    EngineLost,
    ModelLoading,
    PromptProgress,
    Routed,
    TextDelta,
    ThinkingDelta,
    TurnCancelled,
    TurnDone,
    TurnEvent,
    TurnFailed,
    TurnStarted,
    Usage,
)
from tale_tui.ui.words import count, duration, rate

TurnEnd = TurnDone | TurnFailed | TurnCancelled


def figures(usage: Usage | None) -> list[str]:
    """What a reply cost, in words: time to its first text, speed, length; what is unknown is left out."""
    words = []
    if usage is not None and usage.ttft_ms is not None:
        words.append(duration(usage.ttft_ms / 1000))
    if usage is not None and usage.tokens_per_second is not None:
        words.append(rate(usage.tokens_per_second))
    if usage is not None and usage.completion_tokens is not None:
        words.append(f"{count(usage.completion_tokens)} tok")
    return words


async def follow(
    events: AsyncGenerator[TurnEvent, None],
    *,
    text: Callable[[str], None],
    waits: Callable[[str], None],
    reads: Callable[[int, int], None] | None = None,
) -> TurnEnd:
    """Hand out a turn as it happens.

    Args:
        events: the turn; the caller closes it.
        text: gets each piece of the answer.
        waits: gets a few words when something begins that takes time.
        reads: gets how much of the prompt was read, and how long it is, in tokens.
    Returns:
        The event that ended it.
    Raises:
        EngineLost: nothing ended it.
    """
    thinking = False
    async for event in events:
        match event:
            case TextDelta(text=piece):
                text(piece)
            case ThinkingDelta():
                if not thinking:
                    waits("thinking")
                thinking = True
            case ModelLoading(ref=ref):
                waits(f"loading {ref.model}")
            case PromptProgress(done=done, total=total):
                if reads is not None:
                    reads(done, total)
            case TurnStarted() | Routed():
                pass
            case TurnDone() | TurnFailed() | TurnCancelled():
                return event
            case _:
                assert_never(event)
    raise EngineLost("The engine ended in the middle of the answer. Ask again.")
