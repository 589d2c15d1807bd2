"""What the processes that fit weights have in common."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Generic, Protocol, TypeVar

EXAMPLES = "examples"
"""The folder with the examples of the program, in the package of what learns."""

CHANGES_SHOWN = 3
SHOWN_CHARACTERS = 50
"""Of a text in a line about a change."""

LAST_OF_ALL = 19
"""Niceness of the process: the lowest priority there is."""


class TrainingExample(Protocol):
    """A text with what it is."""

    @property
    def text(self) -> str:
        """The text."""
        ...


class FittedWeights(Protocol):
    """What was learned."""

    @property
    def facts(self) -> Mapping[str, float]:
        """How it was made, for people."""
        ...

    def dump(self) -> str:
        """As text."""
        ...


E = TypeVar("E", bound=TrainingExample)
W = TypeVar("W", bound=FittedWeights)


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


@dataclass(frozen=True, slots=True)
class RefitResult(Generic[W]):
    """How a refit went.

    Attributes:
        weights: those to use from now on, where they are kept.
        kept: whether the new ones are kept; if not, they were worse.
        before: the share that was right before it, on what was kept apart.
        after: the same after it.
        examples: how many were learned from.
        kept_apart: how many it was measured on.
    """

    weights: W
    kept: bool
    before: float
    after: float
    examples: int
    kept_apart: int


@dataclass(frozen=True, slots=True)
class Training(Generic[E, W]):
    """The command that fits weights: `python -m MODULE OUT [--SOURCE FILE]`.

    Attributes:
        module: what is run.
        source: what the user's examples are, as in `corrections`.
        parse_examples: lines to examples of the user; a line that is none is a ValueError.
        learn: fits over the examples of the program.
        refit: fits over these and those of the user, where some weights are in use.
        parse_weights: text to weights; a ValueError where it is none.
        packaged_weights: those of the program.
        judge: what a text is by some weights.
    """

    module: str
    source: str
    parse_examples: Callable[[Iterable[str]], Sequence[E]]
    learn: Callable[[], W]
    refit: Callable[[Sequence[E], W], RefitResult[W]]
    parse_weights: Callable[[bytes], W]
    packaged_weights: Callable[[], W]
    judge: Callable[[W], Callable[[str], str]]

    def run(self, arguments: Sequence[str] | None) -> int:
        """Fit, write what is kept, and say how it went.

        Args:
            arguments: of the command line; None takes those of this process.
        Returns:
            The exit code: 2 where the examples of the user cannot be read.
        """
        parser = argparse.ArgumentParser(prog=self.module)
        parser.add_argument("out", type=Path)
        parser.add_argument(f"--{self.source}", dest="own", metavar="FILE")
        options = parser.parse_args(arguments)
        if options.own is None:
            weights = self.learn()
            write_whole(options.out, weights.dump())
            say({"kept": True, **weights.facts})
            return 0
        try:
            text = sys.stdin.read() if options.own == "-" else Path(options.own).read_text("utf-8")
            own = self.parse_examples(text.splitlines())
        except (OSError, ValueError) as error:  # text that is no UTF-8 is a ValueError
            say({"kept": False, "error": str(error)})
            return 2
        in_use = self._in_use(options.out)
        found = self.refit(own, in_use)
        changes = Changes.between(self.judge(in_use), self.judge(found.weights), [each.text for each in own])
        say(
            {
                "kept": found.kept,
                "before": found.before,
                "after": found.after,
                self.source: len(own),
                "examples": found.examples,
                "kept_apart": found.kept_apart,
                "changed": changes.count,
                "changes": changes.lines,
            }
        )
        if found.kept:
            write_whole(options.out, found.weights.dump())
        return 0

    def _in_use(self, path: Path) -> W:
        try:
            return self.parse_weights(path.read_bytes())
        except (OSError, ValueError):  # none, or of another version
            return self.packaged_weights()


def examples_of(package: str, parse: Callable[[Iterable[str]], Sequence[E]]) -> list[E]:
    """All examples that come with the program, in the order of their files.

    Args:
        package: of what learns.
        parse: lines to examples.
    """
    found = sorted(files(package).joinpath(EXAMPLES).iterdir(), key=lambda each: each.name)
    return [
        example
        for each in found
        if each.name.endswith(".jsonl")
        for example in parse(each.read_text("utf-8").splitlines())
    ]


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
