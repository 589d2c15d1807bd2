"""Taking thinking out of an answer that carries it between literal <think> tags."""

from __future__ import annotations

from enum import Enum, auto

OPEN = "<think>"
CLOSE = "</think>"


class _Place(Enum):
    """Where in the answer the next character lies."""

    START = auto()
    """Nothing but white space came yet."""
    THINKING = auto()
    AFTER = auto()
    """White space behind the thinking; more thinking may follow."""
    ANSWER = auto()


class ThinkSplitter:
    """Splits an answer into thinking and text while it streams; a tag may be cut anywhere between two pieces.

    Only thinking at the beginning is taken out: later a model may be writing about the tag. White space at the edges
    of the thinking goes, white space of the answer stays.

    Args:
        answering: True where the beginning of the answer is there already, so that no thinking can follow.
    """

    def __init__(self, *, answering: bool = False) -> None:
        self._place = _Place.ANSWER if answering else _Place.START
        self._held = ""
        """What may be the beginning of a tag, or white space whose owner is not known yet."""
        self._thought = False
        """Whether the thinking that is open has had any text."""

    def feed(self, piece: str) -> list[tuple[str, bool]]:
        """Take the next piece.

        Returns:
            Parts in order, each with True where it is thinking; none is empty.
        """
        parts: list[tuple[str, bool]] = []
        rest = self._held + piece
        self._held = ""
        while rest:
            if self._place is _Place.ANSWER:
                parts.append((rest, False))
                break
            rest = self._think(rest, parts) if self._place is _Place.THINKING else self._begin(rest)
        return parts

    def flush(self) -> list[tuple[str, bool]]:
        """End the answer: what was held back and is no tag after all."""
        held, self._held = self._held, ""
        if self._place in (_Place.START, _Place.ANSWER):
            return [(held, False)] if held else []
        held = held.strip() if self._place is _Place.AFTER else held.rstrip()
        return [(held, self._place is _Place.THINKING)] if held else []

    def _begin(self, text: str) -> str:
        """Look for the opening tag; returns what is left to look at, and holds back what cannot be told yet."""
        body = text.lstrip()
        if body.startswith(OPEN):
            self._place = _Place.THINKING
            self._thought = False
            return body[len(OPEN) :]
        if OPEN.startswith(body):  # the beginning of a tag, or nothing yet
            self._held = text
            return ""
        kept = text if self._place is _Place.START else body
        self._place = _Place.ANSWER
        return kept

    def _think(self, text: str, parts: list[tuple[str, bool]]) -> str:
        """Pass thinking on up to the closing tag; returns what follows it."""
        if not self._thought:
            text = text.lstrip()
        thought, tag, rest = text.partition(CLOSE)
        if tag:
            self._place = _Place.AFTER
            thought = thought.rstrip()
        else:
            shown = thought.rstrip()
            keep = len(shown[: len(shown) - _beginning_of(CLOSE, shown)].rstrip())
            thought, self._held = thought[:keep], thought[keep:]
        if thought:
            self._thought = True
            parts.append((thought, True))
        return rest


def _beginning_of(tag: str, text: str) -> int:
    """How many characters at the end of `text` are a beginning of `tag`."""
    return next((size for size in range(len(tag) - 1, 0, -1) if text.endswith(tag[:size])), 0)
