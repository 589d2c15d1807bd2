"""One key, one meaning on all screens: what a letter does in one place it does in every other."""

from __future__ import annotations

import importlib
import pkgutil
from collections import defaultdict

from textual.binding import Binding
from textual.dom import DOMNode

import tale_tui.ui

MEANINGS = {
    "a": {"approve", "acknowledge", "acknowledge all", "all"},
    "b": {"copy code", "by"},
    "c": {"copy", "copy it"},
    "d": {"details", "remove", "forget"},
    "e": {"edit", "export"},
    "f": {"fork", "file"},
    "g": {"go on"},
    "i": {"to the chat", "insert", "import"},
    "j": {"down", "turn below"},
    "k": {"up", "turn above"},
    "m": {"model", "other model"},
    "n": {"decline", "next", "refuse", "keep now", "remember"},
    "o": {"link", "server", "open"},
    "p": {"plan", "pull another", "pin"},
    "r": {"ask again", "try again", "retry", "look again", "restore"},
    "s": {"save", "save files"},
    "t": {"thoughts", "why so"},
    "v": {"editor"},
    "w": {"works"},
    "u": {"undo"},
    "x": {"cancel", "forget"},
    "B": {"budgets"},
    "C": {"checkpoints"},
    "J": {"move down"},
    "K": {"move up", "move"},
    "L": {"learning"},
    "M": {"remembered"},
    "N": {"before"},
    "P": {"plan anew"},
    "R": {"retry from"},
    "S": {"sort"},
    "U": {"redo"},
}
"""Two stand beside each other where no place has both, and nothing is lost by taking one for the other: `f` and `o` in
the first dialog of all, which has no conversation behind it; `p` in the list of models, and where things are
remembered, which have no plan; `d` there asks before it forgets, and all details stand below the list; `n` there begins
something new, and goes on in a conversation that is searched, where no task asks for a yes by a key; `b` and `e` where
only numbers are shown, which can neither be copied as code nor changed; `x` where what was learned is shown, which no
task is and which asks first; `d`, `i` and `o` in a plan that may be changed, of which nothing is stored before the user
says so and each change can be undone; `d`, `i`, `n` and `r` where checkpoints are shown, which are neither tasks nor
messages, and of which `d` and `r` ask first."""


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
    assert found["x"] == {"cancel", "forget"}
    assert {key: words for key, words in found.items() if not words <= MEANINGS.get(key, set())} == {}
