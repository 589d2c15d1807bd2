"""What a task is called where nobody named it: its request without the words that only ask for it."""

from __future__ import annotations

import re

from tale_tui.engine.constants import TASK_TITLE_WORDS
from tale_tui.engine.store.rows import first_words

_YOU = r"(?:(?:can|could|would|will) you|i(?: would|'d|\u2019d)? (?:like|need|want) you to)\b"
_ASKING = re.compile(
    rf"(?:(?:hi|hey|hello|ok|okay)\b[\s,.!:-]*)?(?:please\b[\s,]*{_YOU}|please\b|{_YOU})(?:\s*(?:please|kindly)\b)?[\s,]+",
    re.IGNORECASE,
)
"""A greeting, and the words that ask for something."""
WORDS_MIN = 2
"""Where fewer words are left, nothing is cut."""


def task_title(text: str) -> str:
    """The title of a task.

    Args:
        text: the request, safe.
    Returns:
        The first words of what is to be done, one line: `Write a letter` of "Could you please write a letter?"
    """
    asking = _ASKING.match(text)
    rest = text[asking.end() :] if asking else ""
    if len(rest.split()) < WORDS_MIN:
        return first_words(text, TASK_TITLE_WORDS)
    return first_words(rest[0].upper() + rest[1:], TASK_TITLE_WORDS).rstrip("?.! ")
