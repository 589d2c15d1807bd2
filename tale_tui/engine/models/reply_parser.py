"""From what a server streams to `TextPiece`: cleaned, thinking told from text, nothing of a partial answer repeated."""

from __future__ import annotations

from enum import Enum, auto

from tale_tui.domain.text import Cleaner
from tale_tui.engine.models.backend import TextPiece

OPEN = "<think>"
CLOSE = "</think>"


class _Position(Enum):
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
        self._position = _Position.ANSWER if answering else _Position.START
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
            if self._position is _Position.ANSWER:
                parts.append((rest, False))
                break
            rest = self._think(rest, parts) if self._position is _Position.THINKING else self._begin(rest)
        return parts

    def flush(self) -> list[tuple[str, bool]]:
        """End the answer: what was held back and is no tag after all."""
        held, self._held = self._held, ""
        if self._position in (_Position.START, _Position.ANSWER):
            return [(held, False)] if held else []
        held = held.strip() if self._position is _Position.AFTER else held.rstrip()
        return [(held, self._position is _Position.THINKING)] if held else []

    def _begin(self, text: str) -> str:
        """Look for the opening tag; returns what is left to look at, and holds back what cannot be told yet."""
        body = text.lstrip()
        if body.startswith(OPEN):
            self._position = _Position.THINKING
            self._thought = False
            return body[len(OPEN) :]
        if OPEN.startswith(body):  # the beginning of a tag, or nothing yet
            self._held = text
            return ""
        kept = text if self._position is _Position.START else body
        self._position = _Position.ANSWER
        return kept

    def _think(self, text: str, parts: list[tuple[str, bool]]) -> str:
        """Pass thinking on up to the closing tag; returns what follows it."""
        if not self._thought:
            text = text.lstrip()
        thought, tag, rest = text.partition(CLOSE)
        if tag:
            self._position = _Position.AFTER
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


class Continuation:
    """A partial answer that is to be continued, and what of the continuation the reader has already.

    A model continues badly behind a blank at the end, so it is asked to continue without it, and then brings the blank
    itself.

    Args:
        partial: the beginning of the answer, as it is shown.
        echoed: whether the server sends it again, in front of the rest and in one piece with it, as llama-server does.
    """

    def __init__(self, partial: str, *, echoed: bool) -> None:
        self.prefix = partial.rstrip()
        """What the model is given; empty where there is nothing to continue."""
        self._echo = self.prefix if echoed else ""
        self._blank = partial[len(self.prefix) :]

    def feed(self, piece: str) -> str:
        """Take the next piece of the continuation, return what of it is new."""
        if self._echo and piece:
            piece, self._echo = piece.removeprefix(self._echo), ""
        while self._blank and piece:
            if piece[0] != self._blank[0]:
                self._blank = ""
                break
            piece, self._blank = piece[1:], self._blank[1:]
        return piece


class ReplyParser:
    """Makes the pieces of one answer.

    Args:
        continuation: the partial answer that the server was asked to continue, if any.
    """

    def __init__(self, continuation: Continuation | None = None) -> None:
        self._continuation = continuation
        self._text = Cleaner()
        self._thinking = Cleaner()
        self._splitter = ThinkSplitter(answering=continuation is not None)
        self._tokens = 0
        """Tokens that came and are in no piece yet."""

    def text(self, piece: str, *, tokens: int = 1) -> list[TextPiece]:
        """Take a piece of the answer as the server sent it, `<think>` tags included.

        Args:
            piece: any text.
            tokens: how many tokens the server made for it.
        """
        if not piece:
            return []
        self._tokens += tokens
        rest = self._thinking.flush()
        safe = self._text.feed(piece)
        return self._made((rest, True), *self._split(safe))

    def thinking(self, piece: str, *, tokens: int = 1) -> list[TextPiece]:
        """Take a piece of thinking that the server told from the answer itself."""
        if not piece:
            return []
        self._tokens += tokens
        return self._made((self._thinking.feed(piece), True))

    def flush(self) -> list[TextPiece]:
        """End the answer: return what was held back."""
        rest = self._thinking.flush()
        last = self._split(self._text.flush())
        return self._made((rest, True), *last, *self._splitter.flush())

    def _split(self, safe: str) -> list[tuple[str, bool]]:
        if self._continuation is not None:
            safe = self._continuation.feed(safe)
        return self._splitter.feed(safe)

    def _made(self, *parts: tuple[str, bool]) -> list[TextPiece]:
        """Pieces of the parts that are not empty; the first carries all tokens that came since the last one."""
        pieces: list[TextPiece] = []
        for text, thinking in parts:
            if text:
                pieces.append(TextPiece(text, thinking, self._tokens))
                self._tokens = 0
        return pieces
