"""The signs that running text needs, besides those of `formatting.symbols`, with their ASCII versions."""

from __future__ import annotations

from dataclasses import dataclass

from tale_tui.formatting.symbols import ASCII, signs


@dataclass(frozen=True, slots=True)
class Marks:
    """One cell each."""

    bullets: tuple[str, ...]
    """By depth."""
    quote: str
    continued: str
    """At the left of a line that goes on the one above."""
    done: str
    undone: str
    rule: str
    ellipsis: str


def marks() -> Marks:
    """Those of this terminal."""
    own = signs()
    plain = own == ASCII
    return Marks(
        bullets=("*", "-", "+") if plain else ("•", "◦", "▪"),
        quote="|" if plain else "│",
        continued="\\" if plain else "↪",
        done=own.done,
        undone=own.absent,
        rule=own.rule,
        ellipsis=own.ellipsis,
    )
