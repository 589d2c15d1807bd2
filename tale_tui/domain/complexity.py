"""How hard a task is."""

from __future__ import annotations

from enum import StrEnum


class Complexity(StrEnum):
    """How hard a task is, in rising order.

    Simple is a short answer to one plain wish; complex is two of a long answer, many wishes, and design or reasoning;
    medium is the rest.
    """

    SIMPLE = "simple"
    MEDIUM = "medium"
    COMPLEX = "complex"


LEVELS = tuple(Complexity)
"""From the simplest on."""
