"""The rows of a set, in the groups that its tables are printed by."""

from __future__ import annotations

import json
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

Row = dict[str, Any]
"""A line of a file; `lang` is always there."""
Found = TypeVar("Found")

GROUPED_BY = ("label", "source", "subset", "author", "lang")
FEW = 20
"""A share of fewer rows than this moves by a twentieth or more with each of them, and is marked."""
SCRIPTS = {
    "HIRAGANA": "ja",
    "KATAKANA": "ja",
    "HANGUL": "ko",
    "CJK": "zh",
    "CYRILLIC": "Cyrillic",
    "ARABIC": "Arabic",
    "DEVANAGARI": "Devanagari",
}
"""Beginning of the name of a letter -> the language, or only the script where it has several; the first that is there
counts."""
SCRIPT_SHARE = 0.2
"""So much of its letters makes a text one of a script: code and names around it are Latin."""


def read_rows(folder: Path, name: str) -> list[Row]:
    """The rows of one file of a folder of open sets.

    A row that does not say its language has that of the row of the same text elsewhere (its id before a hyphen), else
    what its letters tell.
    """
    known = {
        row["id"]: row["lang"]
        for file in sorted(folder.glob("*.jsonl"))
        for row in _lines(file)
        if "id" in row and "lang" in row
    }
    rows = _lines(folder / name)
    for row in rows:
        row.setdefault("lang", known.get(row["id"].partition("-")[0]) or language_of(row["text"]))
    return rows


def language_of(text: str) -> str:
    """A language or a script by the letters of a text; `Latin` where nothing else is told."""
    letters = [unicodedata.name(letter, "").split()[0:1] for letter in text if letter.isalpha()]
    for script, language in SCRIPTS.items():
        if sum(name == [script] for name in letters) > SCRIPT_SHARE * len(letters):
            return language
    return "Latin"


def print_groups(rows: Sequence[tuple[Row, Found]], figures: Callable[[list[Found]], str]) -> None:
    """A line for all rows, and one for each group of them.

    Args:
        rows: each with what was found about it.
        figures: the columns of some of it.
    """
    _print_line("all", [found for _, found in rows], figures)
    for key in GROUPED_BY:
        groups: dict[str, list[Found]] = defaultdict(list)
        for row, found in rows:
            if key in row:
                groups[str(row[key])].append(found)
        if len(groups) > 1:
            for name, group in sorted(groups.items()):
                _print_line(f"{key} {name}", group, figures)


def _print_line(name: str, found: list[Found], figures: Callable[[list[Found]], str]) -> None:
    print(f"{name:<28}{len(found):>6}{'*' if len(found) < FEW else ' '} {figures(found)}")


def _lines(file: Path) -> list[Row]:
    return [json.loads(line) for line in file.read_text("utf-8").splitlines() if line.strip()]
