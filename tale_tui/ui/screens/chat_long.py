"""A message that is longer than the model's window: cut to what fits, or put into a file that is named instead."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

CHARACTERS_PER_TOKEN = 3
"""Less than nearly all text has, so that what is cut to it fits."""
SHARE_FOR_MESSAGE = 0.6
"""The part of the window that a message may take: the rest is for the system prompt and the answer."""
DEFAULT_WINDOW = 2048
"""Tokens, where nobody knows how large the window is."""


def room(window: int | None) -> int:
    """Characters that a message may have in a window of so many tokens; None where it is not known."""
    return int((window or DEFAULT_WINDOW) * SHARE_FOR_MESSAGE * CHARACTERS_PER_TOKEN)


def trimmed(text: str, window: int | None) -> str:
    """The beginning of `text` that fits, cut between two words where there are any."""
    limit = room(window)
    if len(text) <= limit:
        # It was said to be too long all the same: half of it is a beginning.
        limit = len(text) // 2
    cut = text[:limit]
    head, space, _ = cut.rpartition(" ")
    return head if space and len(head) > limit // 2 else cut


def kept_in_file(text: str, folder: Path, window: int | None) -> tuple[str, Path]:
    """Put the whole text into a file of its own, and make the message that is sent instead.

    Args:
        text: all of it.
        folder: where the file is made.
        window: of the model, in tokens.
    Returns:
        The message, which names the file and holds the beginning of it, and the file.
    Raises:
        OSError: the file cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    descriptor, name = tempfile.mkstemp(prefix="message-", suffix=".txt", dir=folder)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
    path = Path(name)
    head = f"The whole text is in the file {path.name} ({len(text):,} characters). It begins:\n\n"
    return head + trimmed(text, window)[: max(room(window) - len(head), 1)], path
