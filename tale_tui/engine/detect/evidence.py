"""Why a message was judged as it was, in a few words for people."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache

MOST = 4
LEAST = 0.02
"""What adds less to the log-odds is no reason."""
KNOWN_FEATURES = 5000
"""Names of shapes whose phrase is remembered; there are about a thousand."""
_PHRASES = (
    (re.compile(r"fence"), "a code block"),
    (re.compile(r"code|inline code"), "code in the text"),
    (re.compile(r"sql"), "a database query in the text"),
    (re.compile(r"trace|log"), "pasted error output"),
    (re.compile(r"given after .*|quote"), "text given to work on"),
    (re.compile(r"bullets|paragraphs"), "several parts"),
    (re.compile(r"formula|digits [3-6]"), "figures to work with"),
    (re.compile(r"orders.*"), "asks for something to be made"),
    (re.compile(r"(?:work and|needs a) result.*"), "names what is wanted"),
    (
        re.compile(r"opens (?:WHAT|WHO|WHEN|WHERE|MANY).*|asks (?:WHAT|WHO|WHEN|WHERE).*"),
        "begins like a quick question",
    ),
    (re.compile(r"opens (?:WHY|HOW).*|asks (?:WHY|HOW).*"), "asks how or why"),
    (re.compile(r"opens (?:BE|DO|CAN|SHOULD).*|asks (?:BE|DO).*"), "begins like a question to you or about a fact"),
    (re.compile(r"opens DEVICE.*"), "a command to a device or an app"),
    (re.compile(r"opens (?:ACK|none).*|has (?:ACK|THANKS|GREET|BYE|FEEL) .*"), "small talk"),
    (re.compile(r"has APPW .*"), "words about the app, its models or its tasks"),
    (re.compile(r"has DID .*"), "about what was done already"),
    (re.compile(r"has (?:MAKE|CHANGE|EXPLAIN|SOLVE) .*"), "a verb of work"),
    (re.compile(r"has ART .*"), "names a kind of result"),
    (re.compile(r"question marks [1-3].*|ends \?.*|has \? .*"), "a question mark"),
    (re.compile(r"(?:chars|tokens|sentences|lines) .*"), "its length"),
    (re.compile(r"smile"), "a smile"),
)


def phrases(reasons: Iterable[tuple[str, str, float]]) -> tuple[str, ...]:
    """The strongest reasons.

    Args:
        reasons: block, feature, and what it adds to the log-odds of work; negative speaks for talk.
    Returns:
        At most `MOST`, the strongest first, each beginning with `task:` or `chat:`. Of what says the same in other
        words the sum counts.
    """
    sums: dict[str, float] = {}
    for block, feature, odds in reasons:
        phrase = _words(feature) if block == "words" else _shape(feature) if block == "shape" else ""
        if phrase:
            sums[phrase] = sums.get(phrase, 0.0) + odds
    strongest = sorted(sums.items(), key=lambda item: (-abs(item[1]), item[0]))[:MOST]
    return tuple(f"{'task' if odds > 0 else 'chat'}: {phrase}" for phrase, odds in strongest if abs(odds) >= LEAST)


def _words(feature: str) -> str:
    """A word or two as the message has them; marks of place and single signs are no reason for people."""
    words = feature.strip("^|$ ")
    if feature[:1] in "^|" or feature.endswith("$") or not words.replace(" ", "").isalpha():
        return ""
    return f"“{words}”"


@lru_cache(KNOWN_FEATURES)
def _shape(feature: str) -> str:
    return next((phrase for pattern, phrase in _PHRASES if pattern.fullmatch(feature)), "")
