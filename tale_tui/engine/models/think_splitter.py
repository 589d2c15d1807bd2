"""Thinking told from the answer by the tags in it."""

from __future__ import annotations

import re
from enum import Enum, auto

from tale_tui.engine.models.backend import SortedAnew
from tale_tui.engine.models.code_tracker import CodeTracker

OPEN = "<think>"
CLOSE = "</think>"
_TAG = re.compile(f"{OPEN}|{CLOSE}")

Part = tuple[str, bool] | SortedAnew
"""A text with True where it is thinking, or that all before it is to be taken otherwise."""


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
                    parts.append(SortedAnew(thinking=False))
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
                    parts.append(SortedAnew(thinking=True))
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
