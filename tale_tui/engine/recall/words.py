"""Texts as the index of words sees them, and the words of a question that are worth looking for. Pure functions."""

from __future__ import annotations

import re

from tale_tui.engine.detect.lexicon import fold, lexicon

WORDS_ASKED = 16
"""Of a question so many different words are looked for, the first."""

_RUN_ON = re.compile("[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\u0e00-\u0e7f\U00020000-\U0003ffff]+")
"""Scripts that set no spaces between words: Chinese, Japanese, Thai."""
_WORDS = re.compile(r"\w+")
_EMPTY_CLASSES = frozenset(
    {
        "BE", "DO", "CAN", "SHOULD", "PLEASE", "YOU", "ME", "WE", "THIS", "THAT", "NOW", "WHAT", "WHEN", "WHERE", "WHY",
        "HOW", "MANY", "WHO", "WITH", "GREET", "THANKS", "ACK", "LIGHT",
    }
)  # fmt: skip
"""Classes of the lexicon that say nothing about what a question is about."""
_EMPTY = frozenset(
    """
    a an the of in on at to for from by and or not no so as if than then there here into out up about over has have had
    s t get got any some all both each only just very too also again theres they them he she his her
    der die das den dem des ein eine einen einem einer und oder nicht von vom zu zum zur im am an auf bei beim mit nach
    fur aus hat haben habe hatten hatte wurde wurden worden sich noch uber wegen um ums als dass bezuglich hinsichtlich
    le la les l un une des du de d et ou ne pas au aux en dans sur pour par avec avons ai a est ce c qu s
    el los las unos unas del y o al por con para ha he hemos se
    il lo gli i uno della dello dei delle e alla al nel nella con per ha ho abbiamo si
    o os um uma do da dos das em no na com het een van en op te
    """.split()  # noqa: SIM905 - a list of words, line by line a language
)
"""Words that every text of a language has, folded."""


def index_words(text: str) -> str:
    """A text as it is indexed: runs of a script without spaces become pairs of letters, a single letter stays."""
    return _RUN_ON.sub(lambda found: f" {' '.join(_pairs(found[0]))} ", fold(text))


def asked_words(text: str) -> tuple[str, ...]:
    """The words of a question that an item may have, in their order; none of them twice.

    Args:
        text: as the user wrote it.
    """
    class_of = lexicon().class_of
    found: dict[str, None] = {}
    for word in _WORDS.findall(_RUN_ON.sub(lambda run: f" {' '.join(_pairs(run[0]))} ", fold(text))):
        if word not in _EMPTY and class_of(word) not in _EMPTY_CLASSES and (len(word) > 1 or word.isdigit()):
            found[word] = None
        if len(found) == WORDS_ASKED:
            break
    return tuple(found)


def _pairs(run: str) -> list[str]:
    return [run[place : place + 2] for place in range(len(run) - 1)] or [run]
