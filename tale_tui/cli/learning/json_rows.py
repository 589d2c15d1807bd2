"""Lines of JSON with an id and a text, on standard input, as the commands that judge many texts at once read them."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from typing import Any

from tale_tui.cli.stdin import read_lines
from tale_tui.domain.errors import BadInput


def json_rows() -> Iterator[dict[str, Any]]:
    """The lines of standard input, checked one by one; empty ones are skipped.

    Raises:
        BadInput: one is no JSON, or has no id or no text; the sentence says which.
    """
    for number, line in enumerate(read_lines(), 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line, parse_constant=_finite, parse_float=_finite)
        except (ValueError, RecursionError) as error:
            raise BadInput(f'Line {number} is not JSON. Write lines like {{"id": 1, "text": "Hello"}}.') from error
        if not isinstance(row, dict) or "id" not in row or not isinstance(row.get("text"), str):
            raise BadInput(f'Line {number} has no id or no text. Write lines like {{"id": 1, "text": "Hello"}}.')
        yield row


def _finite(number: str) -> float:
    """Python also reads `NaN`, `Infinity` and `1e999`, which no other program would read in the answer."""
    if not math.isfinite(value := float(number)):
        raise ValueError(f"{number} is no number of JSON")
    return value
