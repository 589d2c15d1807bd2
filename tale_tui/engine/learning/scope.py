"""What a task shows of how much it asks: features by name, each with a value, read in bounded time.

Nothing here is learned. Three things make a task hard, and each has its features: how long its answer will be, how
many things are wanted, and how much design or reasoning it takes. A single function is simple by all three: an answer
of some lines, one wish, and a pattern that every textbook has.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from functools import lru_cache
from importlib.resources import files
from itertools import chain, pairwise
from math import log, sqrt

from tale_tui.engine.detect.features import PATTERNS, Token, pieces_of, tokenize
from tale_tui.engine.detect.lexicon import KNOWN_WORDS, Lexicon

FILE = "scope.txt"
READ_CHARS = 900
"""So much of the beginning of a text is read word by word, and half of it of the end: wishes stand there."""
READ_TOKENS = 140
FEW_WORDS = 8
CLASSES = ("LINE", "EDIT", "UNIT", "PIECE", "WHOLE", "DEEP", "FULL", "SLIGHT", "TECH", "LANG", "CALC")
COUNTED_MOST = 4
"""A class that is named more often than this counts no more."""
WORDS_SCALE, PIECES_SCALE, KINDS_SCALE = 2.5, 1.5, 1.0
"""Length of each of these blocks of features, however many there are in a text."""
TOKENS_PER_WORD = 1.3
LONG_TOKENS = 700
"""Tokens from which on an answer is a long one."""

_ASKED_LENGTH = re.compile(
    r"\b(\d{1,3}(?:[,.]\d{3})+|\d{2,5})[ -]*(?:words?|wörtern?|worten?|mots|palabras|parole|palavras|słów|слов\w*)\b"
    r"|(\d{2,5})\s?字",
    re.IGNORECASE,
)
_ASKED_PAGES = re.compile(
    r"\b(\d{1,2}|two|three|four|five|ten)[ -]*(?:pages?|seiten|páginas|pagine|chapters?)\b", re.IGNORECASE
)
_ITEM = re.compile(r"^\s*(?:[-*•]|\(?\d{1,2}[.)]|\(?[a-h][.)])\s+\S", re.MULTILINE)
_WISH = re.compile(
    r"\b(?:must|should|needs? to|has to|have to|make sure|ensure|includ(?:e|ing)|also|additionally|at least|at most|"
    r"without|then|finally|as well as|with|muss|soll|sollte|inklusive|mit|ohne|avec|sans|con|sin|senza|com|sem)\b",
    re.IGNORECASE,
)
_CLAUSE = re.compile(r"[,;、，]|\b(?:and|und|et|y|e|i|и)\b", re.IGNORECASE)
_QUOTED = re.compile(r"[\"“«„「][^\"”»“」]{12,}[\"”»“」]")
_PASTED = re.compile(r"[:：]\s*(\S.{24,})", re.DOTALL)
_EXAMPLES = ("fence", "code", "sql", "trace", "bullets", "formula", "quote", "given after colon", "given after break")


@lru_cache(1)
def scope_words() -> Lexicon:
    """The packaged classes of words, read when they are first wanted."""
    return Lexicon(files(__package__).joinpath(FILE).read_text("utf-8").splitlines())


def extract(text: str) -> dict[str, float]:
    """The features of a task.

    Args:
        text: as the user wrote it, of any length; of a long one its beginning and its end are read.
    """
    text = text.strip()
    read = text if len(text) <= READ_CHARS * 3 // 2 else f"{text[:READ_CHARS]}\n{text[-READ_CHARS // 2 :]}"
    tokens = tokenize(read)[:READ_TOKENS]
    kinds = [scope_words().class_of(token.text) for token in tokens]
    found = dict(_measures(text, read, tokens, kinds))
    found |= _block("w", _words(tokens), WORDS_SCALE)
    pieces = dict.fromkeys(chain.from_iterable(_pieces(token.text) for token in tokens if token.text.isalpha()), 0.0)
    found |= dict.fromkeys(pieces, _each(PIECES_SCALE, len(pieces)))
    found |= _block("k", _sequences(tokens, kinds), KINDS_SCALE)
    return found


def _measures(text: str, read: str, tokens: list[Token], kinds: list[str]) -> Iterator[tuple[str, float]]:
    """Length, wishes, classes of words, and what is pasted."""
    words = len(tokens)
    instruction = len(_PASTED.sub("", _QUOTED.sub("", read)))
    yield "log chars", log(1 + len(text)) / 3
    yield "log instruction", log(1 + instruction) / 3
    yield "short", float(words <= FEW_WORDS)
    yield "long instruction", max(0.0, log(max(instruction, 1) / 200))
    wishes = len(_WISH.findall(read)) + len(_ITEM.findall(read))
    yield "wishes", log(1 + wishes) / 2
    yield "clauses", log(1 + len(_CLAUSE.findall(read))) / 2
    counted = Counter(kind for kind in kinds if kind)
    for kind in CLASSES:
        if count := counted[kind]:
            yield f"has {kind}", 0.5
            yield f"many {kind}", (min(count, COUNTED_MOST) - 1) / 2
    present = [kind for kind in CLASSES if counted[kind]]
    for number, one in enumerate(present):
        for other in present[number + 1 :]:
            yield f"{one} and {other}", 0.5
    if len(present) == 0:
        yield "no class", 0.5
    first = next((kind for kind in kinds if kind), "")
    yield f"first {first}", 0.5
    for name in _EXAMPLES:
        if PATTERNS[name].search(read[:READ_CHARS]):
            yield f"shows {name}", 0.5
    if asked := _asked_tokens(read):
        yield "asked length", log(asked / 250)
        yield "asked", 0.5


def _asked_tokens(text: str) -> float:
    """Tokens that are asked for in words or characters; 0 where no length is named."""
    lengths = [int(re.sub(r"\D", "", words or characters)) for words, characters in _ASKED_LENGTH.findall(text)]
    if lengths:
        return max(lengths) * TOKENS_PER_WORD
    return float(LONG_TOKENS) if _ASKED_PAGES.search(text) else 0.0


def _words(tokens: list[Token]) -> set[str]:
    texts = [token.text for token in tokens]
    return {*texts, *map(" ".join, pairwise(texts)), "^ " + " ".join(texts[:2])}


def _sequences(tokens: list[Token], kinds: list[str]) -> set[str]:
    """What is done to what: classes of neighbours, those of the detector where a word says nothing of scope."""
    row = [kind or token.kind for token, kind in zip(tokens, kinds, strict=True)]
    row = [kind for kind in row if kind != "_"][:40]
    return {
        *row,
        *map(" ".join, pairwise(row)),
        *map(" ".join, zip(row, row[1:], row[2:], strict=False)),
    }


@lru_cache(KNOWN_WORDS)
def _pieces(word: str) -> tuple[str, ...]:
    """The pieces of a word, as names of features."""
    return tuple([f"p {piece}" for piece in pieces_of(word)])


def _block(mark: str, names: set[str], scale: float) -> dict[str, float]:
    each = _each(scale, len(names))
    return {f"{mark} {name}": each for name in names}


def _each(scale: float, count: int) -> float:
    """What each of so many features counts, so that all of them together are as long as `scale`."""
    return scale / sqrt(max(count, 1))
