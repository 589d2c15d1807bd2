"""Reading JSON of any shape: what is not as it should be counts as absent and is never an exception."""

from __future__ import annotations

import json
import re

_TOKEN = re.compile(
    r"""
    (?P<string> "(?:[^"\\]|\\.)*" )
    | (?P<single> '(?:[^'\\]|\\.)*' (?=\s*[:,\]}/\#]) )
    | (?P<comment> (?<!:)//[^\n]* | /\*.{0,1000}?\*/ | \#[^\n]* )
    | (?P<word> \b(?:True|False|None)\b )
    | (?P<name> (?<=[{,\s])[A-Za-z_]\w*(?=\s*:) )
    """,
    re.DOTALL | re.VERBOSE,
)
_LAST_COMMA = re.compile(r'("(?:[^"\\]|\\.)*")|,(?=\s*[}\]])', re.DOTALL)
_WORDS = {"True": "true", "False": "false", "None": "null"}
_MOST = 2**53
"""Larger numbers are no count and no duration, and do not fit into a float."""


def read_object(text: str | bytes) -> dict[str, object] | None:
    """The JSON object in `text`; None where there is no JSON, or another kind of it."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):  # RecursionError: brackets nested some thousand deep
        return None
    return value if isinstance(value, dict) else None


def mended(text: str) -> str:
    """A text in which what models write for JSON is JSON: without comments and without a comma behind the last item,
    with strings and names in double quotes, with the words of JSON in place of Python's. Strings keep what they say.

    Args:
        text: that begins with what is meant for JSON.
    """
    return _LAST_COMMA.sub(lambda found: found[1] or "", _TOKEN.sub(_token, text))


def _token(found: re.Match[str]) -> str:
    match found.lastgroup:
        case "single":
            inner = found[0][1:-1].replace("\\'", "'")
            return '"' + re.sub(r'(?<!\\)"', '\\"', inner) + '"'
        case "comment":
            return ""
        case "word":
            return _WORDS[found[0]]
        case "name":
            return f'"{found[0]}"'
        case _:
            return found[0]


def as_object(value: object) -> dict[str, object]:
    """`value` where it is an object, else an empty one."""
    return value if isinstance(value, dict) else {}


def as_objects(value: object) -> list[dict[str, object]]:
    """The objects in a list; none where it is no list (some servers send null for an empty one)."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def as_text(value: object) -> str:
    """`value` where it is a string, else an empty one."""
    return value if isinstance(value, str) else ""


def as_parts(value: object) -> str:
    """The text of a message's content: a string, or the texts in a list of parts; other parts are left out."""
    if not isinstance(value, list):
        return as_text(value)
    return "".join(item if isinstance(item, str) else as_text(as_object(item).get("text")) for item in value)


def as_texts(value: object) -> tuple[str, ...]:
    """The strings in a list; none where it is no list."""
    return tuple(item for item in value if isinstance(item, str)) if isinstance(value, list) else ()


def as_number(value: object) -> float | None:
    """`value` where it is a number of 0 or more, else None: unknown."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < _MOST:
        return None
    return float(value)


def as_count(value: object) -> int | None:
    """`value` where it is a whole number of 0 or more, else None: unknown."""
    number = as_number(value)
    return int(number) if number is not None and number.is_integer() else None


def as_vectors(value: object) -> tuple[tuple[float, ...], ...]:
    """A list of lists of finite numbers, all of one length; empty for anything else."""
    rows = value if isinstance(value, list) else []
    vectors = tuple(tuple(map(_finite, row)) if isinstance(row, list) else () for row in rows)
    lengths = {len(row) for row in vectors}
    fit = len(lengths) == 1 and 0 not in lengths and not any(None in row for row in vectors)
    return tuple(tuple(part for part in row if part is not None) for row in vectors) if fit else ()


def _finite(value: object) -> float | None:
    """`value` where it is a number that is no infinity, else None."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < _MOST:
        return None
    return float(value)
