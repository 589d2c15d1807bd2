"""What kind of answer a text asks for, and what in it says how long that will be. Pure functions of the text."""

from __future__ import annotations

import math
import re
from enum import StrEnum
from typing import NamedTuple

READ_FIRST, READ_LAST = 400, 200
"""Characters of a long text that are read: at its beginning and its end stands what is wanted."""
SEARCHED = 600
"""Characters in which code that is given is looked for."""


class AnswerKind(StrEnum):
    """What an answer is."""

    CODE = "code"
    PROSE = "prose"
    VERSE = "verse"
    PLAN = "plan"
    """Plans, guides, designs and other documents."""
    EXPLANATION = "explanation"
    LIST = "list"
    REWRITE = "rewrite"
    """Translated, corrected, summarised, or taken out of a text that is given."""
    CALCULATION = "calculation"
    FACT = "fact"
    """A short question."""
    OTHER = "other"


def _words(pattern: str) -> re.Pattern[str]:
    return re.compile(rf"\b(?:{pattern})")


_PATTERNS = {
    AnswerKind.REWRITE: _words(
        r"translat|summar|rephrase|paraphrase|proofread|correct the|fix the (?:typo|grammar|spelling)|extract|classify|"
        r"shorten|reword|spell\b|übersetz|fasse|korrigier|tradu|résum|riassum|переведи|翻译"
    ),
    AnswerKind.CODE: _words(
        r"code\b|coding|python|javascript|typescript|java\b|kotlin|golang|c\+\+|c#|rust\b|sql\b|bash\b|shell script|"
        r"script (?:that|which|to|in)|html|css\b|react|django|flask|function (?:that|which|to|in)|implement|program\b|"
        r"class (?:that|for|in)|regex|regular expression|unit tests?|dockerfile|api\b|app\b|application|website|"
        r"landing page|plugin|module|macro|query\b|algorithm|debug|refactor|compil|shader|workflow|makefile|"
        r"terraform|kubernetes|bot\b|unity|unreal|pygame|swift\b|ios\b|android"
    ),
    AnswerKind.VERSE: _words(
        r"poem|haiku|limerick|sonnet|rap\b|song|lyrics|verse|rhym|gedicht|poème|poema|poesia|стих|трейлер|诗"
    ),
    AnswerKind.CALCULATION: _words(
        r"solve|calculate|prove|proof|integra[lt]|derivative|equation|probability|eigen|convert \d|"
        r"how (?:many|far|much)|how long would|what is \d|sum of|berechne|beweise|calcul|докажи|доказать"
    ),
    AnswerKind.PROSE: _words(
        r"story|tale\b|essay|article|blog post|letter|email|e-mail|speech|toast|dialog(?:ue)?\b|scene|chapter|novel|"
        r"screenplay|script\b|play\b|sketch|press release|product description|review of|debate|adventure|episode|"
        r"geschichte|cuento|lettre|conte\b|рассказ|басн|故事|truyện|物語"
    ),
    AnswerKind.PLAN: _words(
        r"plan\b|strategy|guide|tutorial|roadmap|curriculum|proposal|report|contract|policy|design|architect|outline|"
        r"itinerary|lesson|trip|draft|schema|recipe|business|steps?\b|campaign|routine"
    ),
    AnswerKind.LIST: _words(
        r"list|names? (?:for|of|\w+ )|ideas|suggest|brainstorm|tips|examples of|"
        r"\d+ (?:ways|ideas|tips|questions|names)|ten |five |synonym|quiz|table"
    ),
    AnswerKind.EXPLANATION: _words(
        r"explain|describe|why|how (?:do|does|can|to|is|are|should)|what (?:are|is the difference|happens)|difference|"
        r"compare|discuss|analy[sz]e|pros and cons|benefits|causes|tell me about|history of|erklär|explica|expliq|"
        r"объясни|说明|説明|解释"
    ),
}
"""In this order; the first that is found in what was asked wins."""
_FACT = re.compile(
    r"\s*(?:what(?:'s| is| was| does| time)|who|when|where|which|is|are|was|does|did|can you|hello|hi|hey|thanks|thank|"
    r"tell me a joke)\b",
)
FACT_WORDS = 11
"""A question of at most so many words may have a short answer."""

_LONG = _words(
    r"long\b|detailed|in detail|details\b|in-depth|comprehensive|complete\b|full\b|entire|step[- ]by[- ]step|thorough|"
    r"as much as possible|production|end-to-end|vivid|ausführlich|detallad|détaill"
)
_SHORT = _words(
    r"short\b|brief|concise|one[- ](?:liner|word|line|sentence)|in (?:one|a) (?:word|sentence|line)|just the|only the|"
    r"simple\b|quick|tweet|title|answer yes or no|reply only|name for|kurz|court\b|corto"
)
_LARGE = _words(
    r"app\b|application|website|web app|game\b|clone|platform|framework|system\b|server|business plan|marketing|"
    r"chapter|novel|episode|adventure|campaign|dungeon|screenplay|movie|play in|book|course|curriculum|report\b|"
    r"tutorial|guide|contract|architecture|login|database|week|months?\b"
)
_CLAUSE = re.compile(r"[,;:.!?]|\b(?:and|with|then|also|include|must|should)\b")
_GIVEN = re.compile(r"```|[{};]\s*$|</\w+>|\bTraceback\b|=>|==|\(\)", re.MULTILINE)

_NUMBER_WORDS = {
    "one": 1, "a": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9,
    "ten": 10, "twelve": 12, "fifteen": 15, "twenty": 20, "thirty": 30, "fifty": 50, "hundred": 100,
}  # fmt: skip
_TOKENS_OF = {
    "token": 1.0, "word": 1.35, "wörter": 1.9, "worte": 1.9, "mots": 1.6, "palabras": 1.5, "parole": 1.6,
    "sentence": 24.0, "line": 11.0, "verse": 11.0, "paragraph": 105.0, "page": 600.0, "bullet": 24.0, "stanza": 45.0,
    "character": 0.25,
}  # fmt: skip
"""Tokens of one of what a length is asked for in, roughly."""
_ASKED = re.compile(
    rf"\b(\d{{1,3}}(?:,\d{{3}})+|\d{{1,5}}|{'|'.join(_NUMBER_WORDS)})(?:\s*(?:-|–|to|or)\s*(\d{{1,5}}))?[\s-]*"
    rf"(?:short |long |single |full )?({'|'.join(_TOKENS_OF)})s?\b"
)
_SAYS_LENGTH = _words(
    r"about|around|at most|no more than|at least|max(?:imum)?|up to|exactly|under|within|roughly|in\b|of\b|with\b|"
    r"write|limit|budget|compose|draft|summary|essay|answer|use\b|describe"
)
_ASKED_LINES_MIN = 3
_NEAR = 40
"""Characters before a length within which it must be said that it is one."""


class AnswerSigns(NamedTuple):
    """What a text says of its answer. Counts are logarithms where they have no end."""

    kind: AnswerKind
    asked_tokens: float | None
    """What the text itself says that the answer is to be long; None where it says nothing."""
    log_words: float
    long: float
    short: float
    large: float
    clauses: float
    given: float
    """1 where code or a message of a program stands in the text."""
    foreign: float
    """0 for plain Latin letters, up to 1 for letters of other scripts: they make more tokens."""


def answer_signs(text: str) -> AnswerSigns:
    """Read a text; what it costs hardly grows with its length."""
    words = len(text.split())
    wish = text if len(text) <= READ_FIRST + READ_LAST else f"{text[:READ_FIRST]}\n{text[-READ_LAST:]}"
    wish = wish.lower()
    return AnswerSigns(
        _kind_of(wish, words),
        asked_tokens(wish),
        math.log1p(words),
        float(min(2, len(_LONG.findall(wish)))),
        float(min(2, len(_SHORT.findall(wish)))),
        float(min(3, len(_LARGE.findall(wish)))),
        math.log1p(len(_CLAUSE.findall(wish))),
        float(_GIVEN.search(text, 0, SEARCHED) is not None),
        0.0 if wish.isascii() else min(1.0, len(wish.encode(errors="replace")) / len(wish) - 1),
    )


def _kind_of(text: str, words: int) -> AnswerKind:
    for kind, pattern in _PATTERNS.items():
        if pattern.search(text):
            return kind
    return AnswerKind.FACT if words <= FACT_WORDS and _FACT.match(text) else AnswerKind.OTHER


def asked_tokens(text: str) -> float | None:
    """How long the answer is to be in tokens, where a text in small letters says it, as in `a 12-line poem`."""
    found = None
    for asked in _ASKED.finditer(text):
        low, high, unit = asked.groups()
        count = float(_NUMBER_WORDS.get(low) or low.replace(",", ""))
        if high:
            count = (count + float(high)) / 2
        said = "-" in asked.group(0) or _SAYS_LENGTH.search(text, max(0, asked.start() - _NEAR), asked.start())
        if not said or (unit in ("line", "character", "page") and count < _ASKED_LINES_MIN):
            continue
        found = max(found or 0.0, count * _TOKENS_OF[unit])
    return found or None
