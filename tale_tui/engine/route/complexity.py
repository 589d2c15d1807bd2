"""How hard a task is, by what its text asks for: a plain rule, in memory, without a model.

Three questions, as the scale is defined: how long will the answer be, how many things are wanted, and does it take
reasoning or design. Simple is a short answer to one plain wish; complex is two of long, many and hard.
"""

from __future__ import annotations

import re
from enum import StrEnum

SHORT_TOKENS, LONG_TOKENS = 200, 700
"""Up to so many tokens an answer is short; from so many on it is long."""
TOKENS_PER_WORD = 1.3
MANY_WISHES = 4
"""Deliverables and hard constraints that make a task one of many parts."""
TERSE, WORDY = 25, 60
"""Words of a wish. Up to the first it is said in a sentence and gets a short answer; from the second on it describes
what it wants at length and gets a long one."""

_ASKED_LENGTH = re.compile(r"\b(\d{1,3}(?:,\d{3})+|\d{2,5})[ -]*(?:words?|wörter|worte|mots|palabras)\b", re.IGNORECASE)
_BRIEF = re.compile(
    r"\b(brief(ly)?|short|one[- ](?:sentence|line|word|liner)|in a sentence|tl;?dr|just the|only the|kurz|knapp|"
    r"a couple of|translate|rephrase|fix (?:this|the) (?:typo|grammar|spelling))\b",
    re.IGNORECASE,
)
_LONG = re.compile(
    r"\b(essay|article|report|chapter|screenplay|tutorial|guide|curriculum|detailed|in detail|in-depth|"
    r"comprehensive|complete|full|step[- ]by[- ]step|production|end[- ]to[- ]end|app|application|website|game|"
    r"system|project|business plan|roadmap|lesson plan|ausführlich|detailliert|vollständig)\b",
    re.IGNORECASE,
)
_HARD = re.compile(
    r"\b(design|architect\w*|prove|proof|derive|optimi[sz]e|trade-?offs?|algorithm|strategy|analy[sz]e|evaluate|"
    r"compare|debug|refactor|migrate|concurren\w*|distributed|scal(?:e|able|ability)|secur(?:e|ity)|best practices|"
    r"pros and cons|implement\w*|integrat\w*|model(?:l?ing)?|simulat\w*|plan|entwirf|beweise)\b",
    re.IGNORECASE,
)
_ITEM = re.compile(r"^\s*(?:[-*•]|\d{1,2}[.)]|[a-h]\))\s+\S", re.MULTILINE)
_WISH = re.compile(
    r"\b(?:must|should|needs? to|has to|have to|make sure|ensure|include|including|also|additionally|at least|"
    r"at most|without|then|finally|as well as)\b",
    re.IGNORECASE,
)
_WORD = re.compile(r"\w+")


class Complexity(StrEnum):
    """How hard a task is."""

    SIMPLE = "simple"
    MEDIUM = "medium"
    COMPLEX = "complex"


def complexity(text: str) -> Complexity:
    """How hard a task is, by its text."""
    words = len(_WORD.findall(text))
    wishes = len(_ITEM.findall(text)) + len(_WISH.findall(text))
    hard = len(_HARD.findall(text))
    tokens = _expected_tokens(text, words)
    marks = (tokens >= LONG_TOKENS) + (wishes >= MANY_WISHES) + (hard > 1)
    if marks > 1:
        return Complexity.COMPLEX
    if tokens <= SHORT_TOKENS and wishes <= 1 and hard <= 1:
        return Complexity.SIMPLE
    return Complexity.MEDIUM


def _expected_tokens(text: str, words: int) -> float:
    """How long an answer is wanted, roughly, in tokens."""
    if asked := [int(number.replace(",", "")) for number in _ASKED_LENGTH.findall(text)]:
        return max(asked) * TOKENS_PER_WORD
    if _LONG.search(text):
        return LONG_TOKENS
    if _BRIEF.search(text) or words <= TERSE:
        return SHORT_TOKENS
    return LONG_TOKENS if words >= WORDY else (SHORT_TOKENS + LONG_TOKENS) / 2
