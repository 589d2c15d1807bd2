"""Classes of words: what a word does in a message, whatever the language it is written in.

`lexicon.txt` lists them. Sequences of classes carry what was learned from one language over to the others.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from importlib.resources import files

FILE = "lexicon.txt"
KNOWN_WORDS = 20_000
"""Words whose class is remembered: a bound on memory, far above one conversation."""
SHORTEST_STEM = 3
_ACCENTS = re.compile("[\u0300-\u036f]")
_CONTRACTION = re.compile(r"(?<=\w)['’](?=(?:s|t|m|re|ve|ll|d)\b)")
_RUN_ON = re.compile("[\u0e00-\u0e7f\u1100-\u11ff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")
"""Thai, Korean, Japanese and Chinese: words are not set apart, or carry endings without end."""


def fold(text: str) -> str:
    """A text as the lexicon is written: lower case, no accents, contractions as one word. Idempotent."""
    text = text.casefold()
    if not text.isascii():
        plain = _ACCENTS.sub("", unicodedata.normalize("NFKD", text))
        text = unicodedata.normalize("NFKC", plain).replace("ı", "i")
    return _CONTRACTION.sub("", text)


def runs_on(text: str) -> bool:
    """Whether a folded text has words of a script that does not set them apart."""
    return not text.isascii() and _RUN_ON.search(text) is not None


class Lexicon:
    """Word classes, looked up by word.

    Args:
        lines: `CLASS word word* ...`; a `*` stands for any ending; `#` begins a comment.
    """

    def __init__(self, lines: list[str]) -> None:
        self._words: dict[str, str] = {}
        self._stems: dict[str, str] = {}
        self._run_on: dict[str, str] = {}
        for line in lines:
            name, *words = line.split() or ["#"]
            if name != "#":
                for word in words:
                    self._add(name, word)
        self._beginning: dict[str, list[str]] = {}
        for word in sorted(self._run_on, key=len, reverse=True):
            self._beginning.setdefault(word[0], []).append(word)
        self._longest_stem = max(map(len, self._stems), default=0)
        self.class_of = lru_cache(KNOWN_WORDS)(self._class_of)

    def _add(self, name: str, word: str) -> None:
        folded = fold(word.rstrip("*"))
        if _RUN_ON.search(folded):
            self._run_on.setdefault(folded, name)
        elif word.endswith("*"):
            self._stems.setdefault(folded, name)
        else:
            self._words.setdefault(folded, name)

    def split(self, word: str) -> list[str]:
        """The parts of a folded run of letters: itself, or the words and letters of a script without spaces."""
        if not runs_on(word):
            return [word]
        parts, at = [], 0
        while at < len(word):
            letter = word[at]
            part = next((each for each in self._beginning.get(letter, ()) if word.startswith(each, at)), letter)
            parts.append(part)
            at += len(part)
        return parts

    def _class_of(self, word: str) -> str:
        """The class of a folded word; empty for one that is not known."""
        name = self._words.get(word) or self._run_on.get(word)
        if name:
            return name
        for length in range(min(len(word), self._longest_stem), SHORTEST_STEM - 1, -1):
            name = self._stems.get(word[:length])
            if name:
                return name
        return ""


@lru_cache(1)
def lexicon() -> Lexicon:
    """The packaged lexicon, read when it is first wanted."""
    return Lexicon(files(__package__).joinpath(FILE).read_text("utf-8").splitlines())
