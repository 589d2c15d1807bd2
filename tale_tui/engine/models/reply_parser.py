"""From what a server streams to `TextPiece`: cleaned, thinking told from text, nothing of a partial answer repeated."""

from __future__ import annotations

from tale_tui.domain.text import Cleaner
from tale_tui.engine.models.backend import SortedAnew, TextPiece
from tale_tui.engine.models.think_splitter import Part, ThinkSplitter

Piece = TextPiece | SortedAnew


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
        holds_back: whether the model is one whose thinking has an end and no beginning.
    """

    def __init__(self, continuation: Continuation | None = None, *, holds_back: bool = False) -> None:
        self._continuation = continuation
        self._text = Cleaner()
        self._thinking = Cleaner()
        self._splitter = ThinkSplitter(continuation.prefix if continuation else "", holds_back=holds_back)
        self._tokens = 0
        """Tokens that came and are in no piece yet."""

    def text(self, piece: str, *, tokens: int = 1) -> list[Piece]:
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

    def thinking(self, piece: str, *, tokens: int = 1) -> list[Piece]:
        """Take a piece of thinking that the server told from the answer itself."""
        if not piece:
            return []
        self._tokens += tokens
        self._splitter.told()
        return self._made((self._thinking.feed(piece), True))

    def flush(self, *, whole: bool = True) -> list[Piece]:
        """End the answer: return what was held back.

        Args:
            whole: whether the model ended it by itself.
        """
        rest = self._thinking.flush()
        last = self._split(self._text.flush())
        return self._made((rest, True), *last, *self._splitter.flush(whole=whole))

    def _split(self, safe: str) -> list[Part]:
        if self._continuation is not None:
            safe = self._continuation.feed(safe)
        return self._splitter.feed(safe)

    def _made(self, *parts: Part) -> list[Piece]:
        """Pieces of the parts that are not empty; the first carries all tokens that came since the last one."""
        pieces: list[Piece] = []
        for part in parts:
            if isinstance(part, SortedAnew):
                pieces.append(part)
                continue
            text, thinking = part
            if text:
                pieces.append(TextPiece(text, thinking, self._tokens))
                self._tokens = 0
        return pieces
