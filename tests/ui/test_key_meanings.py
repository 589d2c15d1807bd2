"""One key, one meaning on all screens: what a letter does in one place it does in every other."""

from __future__ import annotations

import importlib
import pkgutil
from collections import defaultdict

from textual.binding import Binding
from textual.dom import DOMNode

import tale_tui.ui

MEANINGS = {
    "a": {"approve", "acknowledge", "acknowledge all"},
    "b": {"copy code", "by"},
    "c": {"copy", "copy it"},
    "d": {"details"},
    "e": {"edit", "export"},
    "f": {"fork", "file"},
    "g": {"go on"},
    "i": {"to the chat"},
    "j": {"down", "turn below"},
    "k": {"up", "turn above"},
    "m": {"model"},
    "n": {"decline", "next"},
    "o": {"link", "server"},
    "p": {"plan", "pull another"},
    "r": {"ask again", "try again", "retry", "look again"},
    "s": {"save", "save files"},
    "t": {"thoughts"},
    "v": {"editor"},
    "w": {"works"},
    "x": {"cancel"},
    "B": {"budgets"},
    "J": {"move down"},
    "K": {"move up"},
    "N": {"before"},
    "R": {"retry from"},
    "S": {"sort"},
}
"""Two stand beside each other where no place has both, and nothing is lost by taking one for the other: `f` and `o` in
the first dialog of all, which has no conversation behind it; `p` in the list of models; `n` in a conversation that is
searched, where no task asks for a yes by a key; `b` and `e` where only numbers are shown, which can neither be
copied as code nor changed."""


def test_a_letter_means_the_same_everywhere() -> None:
    found: defaultdict[str, set[str]] = defaultdict(set)
    for module in pkgutil.walk_packages(tale_tui.ui.__path__, "tale_tui.ui."):
        for one in vars(importlib.import_module(module.name)).values():
            if not (isinstance(one, type) and issubclass(one, DOMNode) and one.__module__ == module.name):
                continue
            for bound in vars(one).get("BINDINGS", ()):
                assert isinstance(bound, Binding), one
                for key in bound.key.split(","):
                    if len(key) == 1 and key.isalpha():
                        found[key].add(bound.description.lower())
    assert found["x"] == {"cancel"}
    assert {key: words for key, words in found.items() if not words <= MEANINGS.get(key, set())} == {}
