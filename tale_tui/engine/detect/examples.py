"""The messages that the detector learns from: those that come with the program, and the user's corrections."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import TextIO

FOLDER = "examples"
KEPT_APART = "zoe"
"""The author whose examples are never learned from: every fit is measured on them."""
LABELS = {"chat": 0.0, "task": 1.0}
CLEAR = 0.25
"""A label nearer than this to 0 or 1 is a verdict; between them two sensible people differ."""
CORRECTION_WEIGHT = 4.0
"""How many examples one correction counts: the user's own words are few and mean it."""


class BadExample(ValueError):
    """A line that is no example."""


@dataclass(frozen=True, slots=True)
class Example:
    """A message with its verdict.

    Attributes:
        text: the message.
        p: 1 for a task, 0 for chat, between them where it is disputed.
        author: who wrote it; messages of one author are never on both sides of a measurement.
        weight: how many examples it counts.
    """

    text: str
    p: float
    author: str = ""
    weight: float = 1.0

    @property
    def is_clear(self) -> bool:
        """Whether the label is a verdict."""
        return self.p <= CLEAR or self.p >= 1 - CLEAR


def packaged_examples() -> list[Example]:
    """All examples that come with the program, in the order of their files."""
    found = sorted(files(__package__).joinpath(FOLDER).iterdir(), key=lambda each: each.name)
    return [
        example
        for each in found
        if each.name.endswith(".jsonl")
        for example in parse_examples(each.read_text("utf-8").splitlines())
    ]


def read_corrections(source: Path | TextIO) -> list[Example]:
    """The user's corrections: lines of `text` and `label`; other fields are ignored.

    Args:
        source: a file, or an open stream.
    Raises:
        BadExample: a line is none; it is named by its number.
        OSError: the file cannot be read.
    """
    text = source.read_text("utf-8") if isinstance(source, Path) else source.read()
    return list(parse_examples(text.splitlines(), weight=CORRECTION_WEIGHT))


def parse_examples(lines: Iterable[str], weight: float = 1.0) -> list[Example]:
    """Examples from JSON lines; empty ones are skipped.

    Raises:
        BadExample: a line is none; it is named by its number.
    """
    examples = []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            data = json.loads(line)
            text, label = data["text"], data["label"]
            p = LABELS[label] if isinstance(label, str) else float(label)
        except (KeyError, TypeError, ValueError) as error:
            raise BadExample(f"line {number} is no example") from error
        if not isinstance(text, str) or not 0 <= p <= 1:
            raise BadExample(f"line {number} is no example")
        examples.append(Example(text, p, str(data.get("author", "")), weight))
    return examples
