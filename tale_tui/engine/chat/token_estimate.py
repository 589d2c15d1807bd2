"""How many tokens a text has, about: from its length in UTF-8 bytes, by the scripts that it is written in.

A tokenizer never makes more tokens than bytes, and bytes per token differ far less between texts of one script than
characters per token do. How many bytes a token of a model has is learned from what its server counts, for each class of
scripts apart: what Chinese showed says nothing about English. Pure functions.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from tale_tui.domain.context import ScriptClass

DEFAULT_RATIO = 3.0
"""Bytes per token before anything was learned: English has about 4.5, code 3, Chinese 2 to 4."""
RATIO_LIMITS = (0.8, 8.0)
"""Bytes per token that a natural text can have; a ratio outside of them was measured on something odd."""
RATIO_SAFETY = 0.9
"""Of a learned ratio this much is counted with: the next text may be of another kind."""
LENIENT_RATIO = 5.0
"""Bytes per token before anything was learned, for the question whether a message is too long for certain."""
RATIO_INERTIA = 0.7
"""The weight of what was known before in a newly learned ratio."""
TEACHES_FROM = 0.5
"""The share of a text from which on a class of scripts that nothing is known of is learned from it."""

_HAN = re.compile("[\u1100-\u11ff\u3000-\u30ff\u3130-\u318f\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff\uff00-\uffef]+")
_NOT_LATIN = re.compile("[^\u0000-\u024f\u1e00-\u1eff\u2000-\u206f]+")


TextRatios = Mapping[ScriptClass, float]
"""Bytes per token, of the classes of which it was learned."""


@dataclass(frozen=True, slots=True)
class BytesPerToken:
    """What is counted with."""

    latin: float = DEFAULT_RATIO
    han: float = DEFAULT_RATIO
    other: float = DEFAULT_RATIO

    def tokens(self, text: str) -> int:
        """How many tokens a text has."""
        if text.isascii():
            return -int(-len(text) // self.latin)
        latin, han, other = script_sizes(text).values()
        return -int(-(latin / self.latin + han / self.han + other / self.other) // 1)

    def scaled(self, factor: float) -> BytesPerToken:
        """So many times as many bytes per token."""
        return BytesPerToken(self.latin * factor, self.han * factor, self.other * factor)

    def at_least(self, ratio: float) -> BytesPerToken:
        """None of them less than this."""
        return BytesPerToken(max(self.latin, ratio), max(self.han, ratio), max(self.other, ratio))


def same_for_all(ratio: float) -> BytesPerToken:
    """One ratio for all classes."""
    return BytesPerToken(ratio, ratio, ratio)


def script_sizes(text: str) -> dict[ScriptClass, int]:
    """How many bytes of a text are of each class; what has no script counts as Latin."""
    whole = text_size(text)
    if whole == len(text):
        return {ScriptClass.LATIN: whole, ScriptClass.HAN: 0, ScriptClass.OTHER: 0}
    runs = "".join(_NOT_LATIN.findall(text))
    if not runs:
        return {ScriptClass.LATIN: whole, ScriptClass.HAN: 0, ScriptClass.OTHER: 0}
    strange, han = text_size(runs), sum(map(text_size, _HAN.findall(runs)))
    return {ScriptClass.LATIN: whole - strange, ScriptClass.HAN: han, ScriptClass.OTHER: strange - han}


def text_size(text: str) -> int:
    """How long a text is, in bytes."""
    return len(text) if text.isascii() else len(text.encode(errors="replace"))


def ratios(learned: TextRatios | None) -> tuple[BytesPerToken, BytesPerToken]:
    """The bytes per token to count with, on the safe side, and those to refuse with, on the other side."""
    known = learned or {}
    usable = {one.value: known[one] * RATIO_SAFETY if one in known else DEFAULT_RATIO for one in ScriptClass}
    lenient = {one.value: known[one] / RATIO_SAFETY if one in known else LENIENT_RATIO for one in ScriptClass}
    return BytesPerToken(**usable), BytesPerToken(**lenient)


def known_ratios(learned: TextRatios, otherwise: float) -> BytesPerToken:
    """What was learned, as it is.

    Args:
        learned: by class.
        otherwise: for a class of which nothing was learned.
    """
    return BytesPerToken(**{one.value: learned.get(one, otherwise) for one in ScriptClass})


def learned_ratios(known: TextRatios | None, texts: Iterable[str], measured: float) -> TextRatios:
    """What is known of a model's bytes per token after one more measurement.

    Each class of scripts is corrected by as much as the text is of it; one of which nothing is known is taken as it was
    measured, where most of the text is of it.

    Args:
        known: before it; None for nothing.
        texts: what was measured.
        measured: bytes per token of it all.
    """
    sizes = dict.fromkeys(ScriptClass, 0)
    for text in texts:
        for one, size in script_sizes(text).items():
            sizes[one] += size
    before = dict(known or {})
    whole = sum(sizes.values())
    expected = sum(size / before.get(one, DEFAULT_RATIO) for one, size in sizes.items())
    if not whole or not expected:
        return before
    factor = measured / (whole / expected)
    least, most = RATIO_LIMITS
    for one, size in sizes.items():
        share = size / whole
        if one in before:
            moved = before[one] * factor ** ((1 - RATIO_INERTIA) * share)
        elif share >= TEACHES_FROM:
            moved = DEFAULT_RATIO * factor
        else:
            continue
        before[one] = min(max(moved, least), most)
    return before
