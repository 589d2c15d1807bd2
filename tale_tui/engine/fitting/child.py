"""What the processes that fit weights have in common."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

CHANGES_SHOWN = 3
SHOWN_CHARACTERS = 50
"""Of a text in a line about a change."""

LAST_OF_ALL = 19
"""Niceness of the process: the lowest priority there is."""


@dataclass(frozen=True, slots=True)
class Changes:
    """What new weights judge differently."""

    count: int
    lines: list[str]
    """Some of it, as in `Write a shop: medium -> complex`."""

    @classmethod
    def between(cls, before: Callable[[str], str], after: Callable[[str], str], texts: Iterable[str]) -> Changes:
        """Compare what texts are by two sets of weights; a text that comes again counts once."""
        judged = [(text, before(text), after(text)) for text in dict.fromkeys(texts)]
        changed = [f"{_shown(text)}: {old} -> {new}" for text, old, new in judged if old != new]
        return cls(len(changed), changed[:CHANGES_SHOWN])


def write_whole(path: Path, text: str) -> None:
    """All or nothing: whoever reads meanwhile gets what was there before.

    Raises:
        OSError: it cannot be written.
    """
    beside = path.with_name(f"{path.name}.new")
    beside.write_text(text, "utf-8")
    beside.replace(path)


def say(facts: Mapping[str, object]) -> None:
    """Tell who began this process how it went; before anything is written: where nobody is there any more, nobody would
    note it.

    Raises:
        OSError: nobody is there.
    """
    sys.stdout.write(json.dumps(facts) + "\n")
    sys.stdout.flush()


def _shown(text: str) -> str:
    words = " ".join(text.split())
    return words if len(words) <= SHOWN_CHARACTERS else f"{words[: SHOWN_CHARACTERS - 1]}…"
