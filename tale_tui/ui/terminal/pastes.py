"""Finds what was pasted in what a terminal sends: whole, whatever it holds, and apart from the keys around it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

START = "\x1b[200~"
END = "\x1b[201~"
HELD_FROM = 2
"""Characters of START that are held back at the end of a read: ESC alone is a key and must not wait."""


@dataclass(frozen=True, slots=True)
class Pasted:
    """The text between the two marks of a bracketed paste, as it came."""

    text: str


class Pastes:
    """Splits a stream into keys (str) and pastes.

    A parser of keys must not see a paste: an escape sequence in it would be obeyed as a key, or end it early.
    """

    def __init__(self) -> None:
        self._held = ""
        self._paste: str | None = None

    @property
    def waiting(self) -> bool:
        """Whether a beginning is held back that a time-out shall let go."""
        return bool(self._held)

    def feed(self, text: str) -> Iterator[str | Pasted]:
        """What the next read brings, in order."""
        text, self._held = self._held + text, ""
        while text:
            if self._paste is None:
                keys, start, text = text.partition(START)
                if start:
                    self._paste = ""
                else:
                    keys = self._hold(keys)
                if keys:
                    yield keys
            else:
                looked = max(0, len(self._paste) - len(END))
                self._paste += text
                at = self._paste.find(END, looked)
                if at < 0:
                    return
                pasted, text = self._paste[:at], self._paste[at + len(END) :]
                self._paste = None
                yield Pasted(pasted)

    def let_go(self) -> str:
        """What was held back, once nothing came after it: it was keys."""
        held, self._held = self._held, ""
        return held

    def _hold(self, keys: str) -> str:
        for length in range(len(START) - 1, HELD_FROM - 1, -1):
            if keys.endswith(START[:length]):
                self._held = START[:length]
                return keys[:-length]
        return keys
