"""Numbers as they are said."""

from __future__ import annotations

import math

LEAST, MOST = 1, 99
"""Hundredths of a chance: nobody knows 0 or 1."""
_SPARE = 1e-9
"""What a number such as 0.29 may lack of its hundredths in binary."""


def chance(p: float) -> str:
    """A probability in three cells: `.93`. Cut rather than rounded, so that it stays on its side of a bound."""
    return f".{min(max(math.floor(p * 100 + _SPARE), LEAST), MOST):02d}"
