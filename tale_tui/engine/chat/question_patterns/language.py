"""What a language contributes: regular expressions for whole messages, by what is asked.

Written without accents, in small letters, as `plain_of` gives them. What points with a word like `it` is a question
only where there is a task to be meant.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class LanguagePatterns:
    """Regular expressions for one language."""

    status: tuple[str, ...]
    """How a task is."""
    pointing: tuple[str, ...]
    """The same, of `it`."""
    every: tuple[str, ...]
    """Of all tasks."""
    last: tuple[str, ...]
    """What the user asked for last."""
    last_task: tuple[str, ...]
    cancel: tuple[str, ...]
    cancel_it: tuple[str, ...]
    cancel_all: tuple[str, ...]
    before: str
    """Courtesies at the beginning: alternatives."""
    after: str
    """The same at the end."""
    around: tuple[str, ...] = ()
    """What is running at all: of all tasks, where there is one to be meant."""
    decided: tuple[str, ...] = ()
    """What was decided, and about what."""
