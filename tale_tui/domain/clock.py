"""The clock and the source of ids: what makes two runs differ, in one place, so that tests can replace it."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass

ID_ALPHABET = "23456789abcdefghjkmnpqrstuvwxyz"
"""Letters and digits that cannot be mistaken for each other (no 0 o 1 l i)."""
ID_LENGTH = 16
"""Characters of an id as it is stored: 79 bits."""
ID_SHOWN = 4
"""Characters of an id as it is shown, at least."""


def random_id() -> str:
    """A new id that nobody has had before and nobody can guess."""
    return "".join(secrets.choice(ID_ALPHABET) for _ in range(ID_LENGTH))


@dataclass(frozen=True, slots=True)
class Clock:
    """What the engine takes from outside besides settings.

    Attributes:
        now: seconds since the epoch.
        monotonic: seconds of a clock that only goes forward, for durations.
        new_id: a new id.
    """

    now: Callable[[], float] = time.time
    monotonic: Callable[[], float] = time.monotonic
    new_id: Callable[[], str] = random_id
