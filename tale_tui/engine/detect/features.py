"""What a message shows: names of features in four blocks, read in bounded time.

Nothing here is learned. Every feature is a name that is there or is not; how often is never counted.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from tale_tui.engine.detect.lexicon import fold, lexicon, runs_on

HEAD_CHARS = 300

TAIL_CHARS = 140
"""A request stands at the beginning or the end of a message; what is pasted between them is told by its shape."""

HEAD_TOKENS = 100

TAIL_TOKENS = 30
"""So many of them are read: in most languages that is all of both ends, where every letter is a word it is a part."""

CLASS_TOKENS = 30
"""Tokens of each end whose classes are read in sequence."""

CLASS_ORDERS = (1, 2, 3, 4)

OPENING_WORDS = 8
"""Words at the beginning of a sentence whose classes are read together."""

WORD_PIECES = (3, 5)
"""Lengths of the pieces of words, in characters."""

LONGEST_WORD = 24

_TOKEN = re.compile(
    r"\n+|\d+(?:[.,:]\d+)*|[^\s\d!-/:-@\[-`{-~。、，！？：；「」『』（）…“”«»„–—।؟¿¡・]+"
    r"|[?？؟]|[!！]|[:：;；]|[.。।…]+|[,，、]|[\"“”«»„「」『』`]+|[{}\[\]()（）=<>$\\/+*%^|&#_~@-]+"
)

_SIGNS = {"?": "?", "？": "?", "؟": "?", "!": "!", "！": "!", ":": ":", "：": ":", ";": ":", "；": ":", ",": ","}

_SIGNS |= {"，": ",", "、": ","}

_ENDS = frozenset("?!.¶")

_SIGN_KINDS = frozenset({"?", "!", ":", ",", ".", '"', "#", "0", "¶"})


@dataclass(frozen=True, slots=True)
class Features:
    """The features of one message, block by block.

    Attributes:
        words: words, neighbours, and how the message and its sentences begin and end.
        spelled: each word once; `pieces_of` cuts it into letters that follow each other, most of which a typing
            error or an inflected form leaves alone.
        classes: sequences of word classes, the same in every language.
        shape: length, layout, signs, pasted blocks.
    """

    words: tuple[str, ...]
    spelled: tuple[str, ...]
    classes: tuple[str, ...]
    shape: tuple[str, ...]


class Token(NamedTuple):
    """A word or a sign.

    Attributes:
        text: as folded; signs in one form.
        kind: its class; `_` for a word of none, `0` for a number.
    """

    text: str
    kind: str


def extract(text: str) -> Features:
    """The features of a message.

    Args:
        text: as the user wrote it, of any length; only its ends are read letter by letter.
    """
    text = text.strip()
    tokens = tokenize(ends_of(text))
    if len(tokens) > HEAD_TOKENS + TAIL_TOKENS:
        tokens = tokens[:HEAD_TOKENS] + tokens[-TAIL_TOKENS:]
    sentences = split_sentences(tokens)
    return Features(
        tuple(dict.fromkeys(_words(tokens, sentences))),
        tuple(sorted({token.text for token in tokens if token.kind not in _SIGN_KINDS})),
        tuple(dict.fromkeys(_classes(tokens, sentences))),
        tuple(dict.fromkeys((*shape(text), *_beginnings(tokens, sentences)))),
    )


def ends_of(text: str) -> str:
    """The beginning and the end of a text, with a line break where something was left out."""
    if len(text) <= HEAD_CHARS + TAIL_CHARS:
        return text
    return f"{text[:HEAD_CHARS]}\n{text[-TAIL_CHARS:]}"


def tokenize(text: str) -> list[Token]:
    """Words and signs with their classes."""
    known = lexicon()
    folded = fold(text)
    run_on = runs_on(folded)
    tokens = []
    for found in _TOKEN.findall(folded):
        first = found[0]
        if first == "\n":
            tokens.append(Token("¶", "¶"))
        elif first.isdigit():
            tokens.append(Token("0" if len(found) > 1 else found, "0"))
        elif first in _SIGNS:
            tokens.append(Token(_SIGNS[first], _SIGNS[first]))
        elif first in ".。।…":
            tokens.append(Token(".", "."))
        elif first in '"“”«»„「」『』`':
            tokens.append(Token('"', '"'))
        elif first.isalpha():
            word = found[:LONGEST_WORD]
            parts = known.split(word) if run_on else (word,)
            tokens.extend([Token(part, known.class_of(part) or "_") for part in parts])
        else:
            tokens.append(Token(found[:3], "#"))
    return tokens


def split_sentences(tokens: list[Token]) -> list[list[Token]]:
    """Tokens by sentence, the sign at the end included; no sentence is empty."""
    sentences: list[list[Token]] = [[]]
    for token in tokens:
        if token.text not in _ENDS:
            sentences[-1].append(token)
        elif sentences[-1]:
            sentences[-1].append(token)
            sentences.append([])
    return [sentence for sentence in sentences if sentence]


def pieces_of(word: str) -> list[str]:
    """The pieces of one word with its borders marked."""
    marked = f"<{word}>"
    return [marked[cut] for cut in _cuts(len(marked))]


@lru_cache
def _cuts(length: int) -> tuple[slice, ...]:
    """Where a marked word of this length is cut; words are short, so there are few lengths."""
    return tuple(slice(at, at + size) for size in WORD_PIECES for at in range(length - size + 1))


def _words(tokens: list[Token], sentences: list[list[Token]]) -> Iterator[str]:
    last = ""
    for token in tokens:
        yield token.text
        if last:
            yield f"{last} {token.text}"
        last = token.text
    if not sentences:
        return
    first = [token.text for token in sentences[0][:3]]
    for length in range(1, len(first) + 1):
        yield "^ " + " ".join(first[:length])
    for sentence in sentences[1:]:
        yield "| " + sentence[0].text
        yield "| " + " ".join(token.text for token in sentence[:2])
    yield " ".join(token.text for token in sentences[-1][-2:]) + " $"


def _classes(tokens: list[Token], sentences: list[list[Token]]) -> Iterator[str]:
    for part in (tokens[:CLASS_TOKENS], tokens[max(CLASS_TOKENS, len(tokens) - CLASS_TOKENS) :]):
        row = found = _joined(part)
        yield from row
        for order in CLASS_ORDERS[1:]:
            found = [f"{before} {kind}" for before, kind in zip(found, row[order - 1 :], strict=False)]
            yield from found
    for number, sentence in enumerate(sentences):
        row = _joined(sentence[:OPENING_WORDS])
        mark = "|" if number else "^"
        for order in CLASS_ORDERS:
            if len(row) >= order:
                yield f"{mark} {' '.join(row[:order])}"
        if not number and len(sentences) == 1 and len(sentence) <= OPENING_WORDS:
            yield f"{mark} {' '.join(row)} $"
    if sentences:
        row = _joined(sentences[-1][-5:])
        for order in CLASS_ORDERS[:3]:
            yield " ".join(row[-order:]) + " $"


def _joined(tokens: list[Token]) -> list[str]:
    """Classes in sequence; words of no class that follow each other count as one."""
    row: list[str] = []
    for token in tokens:
        if token.kind != "_" or not row or row[-1] not in ("_", "="):
            row.append(token.kind)
        else:
            row[-1] = "="
    return row


_COURTESY = frozenset({"PLEASE", "GREET", "THANKS", "ACK", "NOW", ",", "!", "."})

_WORK = frozenset({"MAKE", "CHANGE", "EXPLAIN", "SOLVE"})

_ASKED = frozenset({"CAN", "YOU", "PLEASE", "ME", "WE", "NOW", "DO", "HOW", "THAT"})


def _beginnings(tokens: list[Token], sentences: list[list[Token]]) -> Iterator[str]:
    """What the sentences begin with, together with how much there is around it."""
    size = max(0, len(tokens) - 1).bit_length()  # doubles: 0, 1, 2, 3-4, 5-8, ...
    yield f"tokens {size}"
    yield f"sentences {min(len(sentences), 8)}"
    kinds = {token.kind for token in tokens}
    for kind in kinds - {"_"}:
        yield f"has {kind} {min(size, 4)}"
    if not sentences:
        return
    first = next((token.kind for token in sentences[0] if token.kind not in _COURTESY), "none")
    asks = "?" if tokens[-1].kind == "?" else "."
    yield f"opens {first}"
    yield f"opens {first} {asks} {size}"
    yield f"ends {asks} {size}"
    if first in ("WHAT", "WHO", "WHEN", "WHERE", "WHY", "HOW", "BE", "DO"):
        yield f"asks {first} {size} {bool(kinds & _WORK)} {'ART' in kinds}"
    for number, sentence in enumerate(sentences):
        if _orders(sentence):
            yield "orders"
            yield f"orders {'first' if not number else 'later'} {min(len(sentence) // 4, 6)}"
            yield f"orders {'ART' if any(token.kind == 'ART' for token in sentence) else 'no ART'}"
    if kinds & _WORK and "ART" in kinds and "YOU" not in kinds:
        yield f"work and result {asks}"
    if "NEED" in kinds and "ART" in kinds:
        yield f"needs a result {asks}"


def _orders(sentence: list[Token]) -> bool:
    """Whether a sentence asks for work: a verb of work first, or after `can you`, `please`, `now`."""
    for token in sentence[:7]:
        if token.kind in _WORK:
            return True
        if token.kind not in _ASKED and token.kind not in _COURTESY:
            return False
    return False


LOOK_CHARS = 320
"""So much of a text is searched for patterns; the rest counts by its length alone."""

PATTERNS = {
    "fence": re.compile(r"```|~~~"),
    "inline code": re.compile(r"`[^`\n]+`|\b\w+\([^()\n]{0,40}\)|\b\w+_\w+\b|\b[a-z]+[A-Z]\w+"),
    "code": re.compile(
        r"[;{}]\s*(?:\n|$)|\b(?:def|class|function|fn|func|return|import|const|let|var|public|void|for|while|print)\b"
        r"[^\n.?!]{0,40}[(){}=:;]|</?[a-zA-Z][^>\n]{0,60}>|=>|==|!=|\+=|&&|\|\||::|->"
    ),
    "sql": re.compile(r"\b(?:select\b.{1,80}\bfrom|insert into|create table|group by|left join)\b", re.IGNORECASE),
    "trace": re.compile(
        r"Traceback|(?:Error|Exception)\b|\bat [\w.$<>]+\([\w.]+:\d+\)|\b[Ll]ine \d+|panic|[Ss]egfault|errno"
        r"|[Ee]xit code|undefined reference|[Ss]tack ?trace|core dumped|error TS\d+|\bE\d{4}\b|fatal:"
    ),
    "log": re.compile(r"\b(?:ERROR|WARN|INFO|DEBUG|FATAL)\b|\d\d:\d\d:\d\d"),
    "path": re.compile(
        r"(?:^|\s)(?:~|\.{0,2})/[\w.-]+/|[A-Z]:\\|\b[\w-]{1,40}\.(?:py|js|ts|c|cpp|rs|go|java|csv|json|txt|md|sh|ya?ml|log|sql|html|css|xlsx|pdf|docx)\b"
    ),
    "address": re.compile(r"https?://|www\.|@\w+\.\w"),
    "mail": re.compile(
        r"^(?:subject|betreff|from|to|objet|asunto|oggetto)\s*:|\b(?:dear|hi) [A-Z]\w+,", re.IGNORECASE | re.MULTILINE
    ),
    "bullets": re.compile(
        r"(?:^|\n)[ \t]{0,8}(?:[-*•]|\(?\d{1,2}[.)]|[a-d][.)])\s.*\n[ \t]{0,8}(?:[-*•]|\(?\d{1,2}[.)]|[a-d][.)])\s"
    ),
    "formula": re.compile(
        r"\d\s*[-+*/^=×÷]\s*\(?\d|\b[a-z]\s*[=^]\s*[-\d(a-z]|\b[fgh]\([a-z]\)|\\(?:frac|int|sum|sqrt|begin|\[)|\$\$|[∫∑√≤≥∈∀∂]"
    ),
    "percent": re.compile(r"\d\s?%"),
    "money": re.compile(r"[$€£¥]\s?\d|\d\s?(?:[$€£¥]|usd|eur|euros?|dollars?|bucks)", re.IGNORECASE),
    "quote": re.compile(r"[\"“«„「『][^\"”»“」』]{25,}"),
    "short quote": re.compile(r"[\"“«„「『][^\"”»“」』\n]{1,24}[\"”»“」』]"),
    "given after colon": re.compile(r"[:：]\s*\S.{14}", re.DOTALL),
    "given after break": re.compile(r"[:：]\s*\n\s*\S"),
    "asks of all": re.compile(r"\b(?:in|at|under|max|about|around|exactly|only|least|most)\s+\d+\s+\w", re.IGNORECASE),
    "placeholder": re.compile(r"\[[A-Za-z_ ]{2,20}\]|\{[A-Za-z_ ]{2,20}\}|<[A-Z_ ]{3,20}>"),
    "smile": re.compile(r"[:;]-?[)(DPp]|[\U0001F300-\U0001FAFF]|\b(?:lol|haha|hehe|jaja|www)\b", re.IGNORECASE),
    "command": re.compile(r"^\s*[/$>]\s?\w"),
}

_QUOTES = frozenset('"“«„「『')

_COLONS = frozenset(":：")

NEEDED: dict[str, frozenset[str]] = {
    "fence": frozenset("`~"),
    "bullets": frozenset("\n"),
    "percent": frozenset("%"),
    "mail": frozenset(":,"),
    "quote": _QUOTES,
    "short quote": _QUOTES,
    "given after colon": _COLONS,
    "given after break": _COLONS,
    "placeholder": frozenset("[{<"),
    "command": frozenset("/$>"),
}
"""Signs of which a pattern needs one: where none of them is, it is not searched for."""


def shape(text: str) -> Iterator[str]:
    """Names of what is seen in a stripped text."""
    looked = text[:LOOK_CHARS]
    size = _size_bucket(len(text))
    yield f"chars {size}"
    lines = looked.count("\n")
    yield f"lines {min(_size_bucket(lines), 6)}"
    characters = set(looked)
    for name, pattern in PATTERNS.items():
        needed = NEEDED.get(name)
        if (needed is None or not characters.isdisjoint(needed)) and pattern.search(looked):
            yield name
    marks = looked.count("?") + looked.count("？") + looked.count("؟")
    yield f"question marks {min(marks, 3)}"
    if marks:
        yield f"question marks {min(marks, 3)} in {size}"
    if looked.count("!") + looked.count("！"):
        yield "exclaims"
    if text[-1:] in (".", "。", "।"):
        yield "full stop"
    if text[-1:] in (":", "："):
        yield "ends open"
    signs = sum(map(looked.count, "{}()[];=<>_\\|#$"))
    yield f"signs {min(_size_bucket(signs), 6)}"
    yield f"commas {min(_size_bucket(looked.count(',') + looked.count('，') + looked.count('、')), 5)}"
    yield f"digits {min(_size_bucket(sum(map(looked.count, '0123456789'))), 6)}"
    if not looked.isascii():
        yield "beyond ascii"
    if lines and "\n\n" in looked:
        yield "paragraphs"


def _size_bucket(count: int) -> int:
    """A length on a scale of half octaves: finer than doubling where most messages lie."""
    if count <= 1:
        return count
    octave = count.bit_length()
    return octave * 2 - (count < 3 << (octave - 2))
