"""Reading JSON of any shape: what is not as it should be counts as absent and is never an exception."""

from __future__ import annotations

import json

_MOST = 2**53
"""Larger numbers are no count and no duration, and do not fit into a float."""


def read_object(text: str | bytes) -> dict[str, object] | None:
    """The JSON object in `text`; None where there is no JSON, or another kind of it."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):  # RecursionError: brackets nested some thousand deep
        return None
    return value if isinstance(value, dict) else None


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
