"""From what a server streams to `TextPiece`: cleaned, nothing of a partial answer repeated, thinking told from text by
the tags in it, but for those that stand in code."""

from __future__ import annotations

import re
from enum import Enum, auto

from tale_tui.domain.text import Cleaner
from tale_tui.engine.models.backend import TextPiece, ThinkingCorrected

Piece = TextPiece | ThinkingCorrected
_FENCE = re.compile(r"(?:[ \t]|>)*(?:(?:[-*+]|\d{1,9}[.)])[ \t]+)*(`{3,}(?=[^`]*$)|~{3,})")
"""What opens a block of code, also inside a list or a quote; behind it stands no other backtick."""
_CLOSED = re.compile(r"(?:[ \t]|>)*(`{3,}|~{3,})[ \t]*$")
_INDENTED = re.compile(r"(?: {4}| {0,3}\t)[ \t]*(?!(?:[-*+]|\d{1,9}[.)])[ \t])")
"""A line of code by its indentation, but for an item of a nested list."""
_TICKS = re.compile(r"`+")
OPEN = "<think>"
CLOSE = "</think>"
_TAG = re.compile(f"{OPEN}|{CLOSE}")

Part = tuple[str, bool] | ThinkingCorrected
"""A text with True where it is thinking, or that all before it is to be taken otherwise."""


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
            if isinstance(part, ThinkingCorrected):
                pieces.append(part)
                continue
            text, thinking = part
            if text:
                pieces.append(TextPiece(text, thinking, self._tokens))
                self._tokens = 0
        return pieces


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
    of the thinking goes, white space of the answer stays. Templates of some models put the opening tag into the
    prompt, so that the answer has only the closing one: what came before it is thinking then, unless it stands in
    code.

    Args:
        written: the beginning of the answer, where it is there already: no tag opens thinking behind it.
        holds_back: what comes is thinking until the closing tag comes; where none does, it was the answer.
    """

    def __init__(self, written: str = "", *, holds_back: bool = False) -> None:
        self._position = _Position.ANSWER if written.strip() else _Position.START
        self._held = ""
        """What may be the beginning of a tag, or white space whose owner is not known yet."""
        self._thought = False
        """Whether the thinking that is open has had any text."""
        self._told = False
        """Whether it is known what was thinking: what comes behind it is the answer, with any tag in it."""
        self._guess = holds_back and not written.strip()
        """Whether what came without a tag is taken for thinking."""
        self._opened = 0
        """Opening tags in the text that are not closed."""
        self._code = CodeTracker()
        if written:
            self._code.feed(written)

    def told(self) -> None:
        """The server itself tells thinking from the answer."""
        self._told, self._guess = True, False

    def feed(self, piece: str) -> list[Part]:
        """Take the next piece.

        Returns:
            Parts in order; no text is empty.
        """
        parts: list[Part] = []
        rest = self._held + piece
        self._held = ""
        while rest:
            match self._position:
                case _Position.ANSWER:
                    rest = self._answer(rest, parts)
                case _Position.THINKING:
                    rest = self._think(rest, parts)
                case _:
                    rest = self._begin(rest)
        return parts

    def flush(self, *, whole: bool = True) -> list[Part]:
        """End the answer: what was held back and is no tag after all.

        Args:
            whole: whether it ended by itself, so that it was the answer where no tag came.
        """
        held, self._held = self._held, ""
        parts: list[Part] = []
        match self._position:
            case _Position.START:
                _say(parts, held, thinking=False)
            case _Position.ANSWER:
                _say(parts, held, thinking=self._guess)
                if self._guess and whole:
                    parts.append(ThinkingCorrected(thinking=False))
            case _Position.AFTER:
                _say(parts, held.strip(), thinking=False)
            case _Position.THINKING:
                _say(parts, held.rstrip(), thinking=True)
        return parts

    def _begin(self, text: str) -> str:
        """Look for a tag at the beginning; returns what is left to look at, and holds back what cannot be told yet."""
        body = text.lstrip()
        if body.startswith(OPEN):
            self._position = _Position.THINKING
            self._thought = False
            self.told()
            return body[len(OPEN) :]
        closable = self._position is _Position.START and not self._told
        if closable and body.startswith(CLOSE):  # nothing was thought
            self._position = _Position.AFTER
            self.told()
            return body[len(CLOSE) :]
        if OPEN.startswith(body) or (closable and CLOSE.startswith(body)):  # the beginning of a tag, or nothing yet
            self._held = text
            return ""
        kept = text if self._position is _Position.START else body
        self._position = _Position.ANSWER
        return kept

    def _think(self, text: str, parts: list[Part]) -> str:
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
            _say(parts, thought, thinking=True)
        return rest

    def _answer(self, text: str, parts: list[Part]) -> str:
        """Pass text on up to a closing tag that nothing opened; returns what follows it."""
        while text and not self._told:
            found = _TAG.search(text)
            if found is None:
                keep = len(text) - max(_beginning_of(OPEN, text), _beginning_of(CLOSE, text))
                self._pass_on(text[:keep], parts)
                self._held = text[keep:]
                return ""
            self._pass_on(text[: found.start()], parts)
            tag, text = found[0], text[found.end() :]
            if not self._code.inside:
                if tag == CLOSE and not self._opened:
                    parts.append(ThinkingCorrected(thinking=True))
                    self._position = _Position.AFTER
                    self.told()
                    return text
                self._opened += 1 if tag == OPEN else -1
            self._pass_on(tag, parts)
        _say(parts, text, thinking=False)
        return ""

    def _pass_on(self, text: str, parts: list[Part]) -> None:
        self._code.feed(text)
        _say(parts, text, thinking=self._guess)


def _say(parts: list[Part], text: str, *, thinking: bool) -> None:
    """Add a text to the parts, joined to the last one where that is of the same kind."""
    if not text:
        return
    match parts:
        case [*_, (before, kind)] if kind is thinking:
            parts[-1] = (before + text, thinking)
        case _:
            parts.append((text, thinking))


def _beginning_of(tag: str, text: str) -> int:
    """How many characters at the end of `text` are a beginning of `tag`."""
    return next((size for size in range(len(tag) - 1, 0, -1) if text.endswith(tag[:size])), 0)


class CodeTracker:
    """Follows blocks and spans of code in Markdown, however it is cut into pieces.

    A span that is not closed on its line counts as code to the end of that line.
    """

    def __init__(self) -> None:
        self._line: list[str] = []
        """What came of the last line."""
        self._fence = ""
        """What opened the block of code that is open."""
        self._may_indent = True
        """Whether the next line is code where it is indented: the one before it is blank, or such code."""

    def feed(self, text: str) -> None:
        """Take what comes next."""
        first, *more = text.split("\n")
        self._line.append(first)
        for line in more:
            self._end_line()
            self._line = [line]

    @property
    def inside(self) -> bool:
        """Whether what comes next stands in code."""
        line = "".join(self._line)
        if self._fence:
            return not self._closes(line)
        if _FENCE.match(line) or (self._may_indent and _INDENTED.match(line)):
            return True
        span = 0
        for ticks in _TICKS.finditer(line):
            size = len(ticks[0])
            span = size if not span else 0 if size == span else span
        return bool(span)

    def _end_line(self) -> None:
        line = "".join(self._line)
        if self._fence:
            self._fence = "" if self._closes(line) else self._fence
            self._may_indent = False
            return
        fence = _FENCE.match(line)
        self._fence = fence[1] if fence else ""
        indented = self._may_indent and _INDENTED.match(line) is not None
        self._may_indent = not fence and (indented or not line.strip())

    def _closes(self, line: str) -> bool:
        closed = _CLOSED.match(line)
        return closed is not None and closed[1].startswith(self._fence)
