"""Keys: how bindings are declared, which keys they have now, and what is wrong with those that the user gave them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from textual.binding import Binding, BindingType
from textual.screen import Screen

from tale_tui.formatting.units import key_name

KeyPlace = tuple[str, Sequence[BindingType]]
"""Where bindings work, in words (`In the prompt`), and the bindings."""


def binding(name: str, keys: str, action: str, description: str, tooltip: str, *, priority: bool = False) -> Binding:
    """A binding that the help lists, and no line of keys by itself.

    Args:
        name: its id, by which the user gives it other keys: `tasks.cancel`.
        keys: comma separated.
        action: as Textual writes it.
        description: in a word or two.
        tooltip: what it does, for the help.
        priority: whether it comes before what the widget with the focus does with the key.
    """
    return Binding(keys, action, description, show=False, tooltip=tooltip, id=name, priority=priority)


def moving_keys(name: str, row: str) -> list[BindingType]:
    """The keys that move the choice in a list.

    Args:
        name: what their ids begin with.
        row: what a line is called, for the help.
    """
    return [
        binding(f"{name}.up", "up,k", "move(-1)", "Up", f"Choose the {row} above"),
        binding(f"{name}.down", "down,j", "move(1)", "Down", f"Choose the {row} below"),
        binding(f"{name}.page_up", "pageup", "page(-1)", "Page up", "One page up"),
        binding(f"{name}.page_down", "pagedown", "page(1)", "Page down", "One page down"),
        binding(f"{name}.first", "home", "end(-1)", "First", f"Choose the first {row}"),
        binding(f"{name}.last", "end", "end(1)", "Last", f"Choose the last {row}"),
    ]


def keys_by_id(screen: Screen[Any]) -> dict[str, str]:
    """Binding id -> its first key, of all bindings of a screen that can do something now."""
    found: dict[str, str] = {}
    for key, active in screen.active_bindings.items():
        if active.binding.id is not None:
            found.setdefault(active.binding.id, key)
    return found


def keys_now(bindings: Iterable[BindingType], keymap: Mapping[str, str]) -> list[Binding]:
    """Bindings with the keys that the user gave them.

    Args:
        bindings: as they are declared.
        keymap: binding id -> keys, comma separated.
    """
    return [
        one.with_key(keymap[one.id]) if one.id and one.id in keymap else one
        for one in bindings
        if isinstance(one, Binding)
    ]


def complaints(places: Sequence[KeyPlace], keymap: Mapping[str, str]) -> list[str]:
    """A sentence for each id that does not exist, and for each key that two things have in the same place.

    Args:
        places: all of them whose ids are to be known.
        keymap: binding id -> keys, comma separated.
    """
    # Nobody needs this for the first frame, and few at all.
    from difflib import get_close_matches

    known = {one.id: one for _, bindings in places for one in keys_now(bindings, {}) if one.id}
    rooms = {name.partition(".")[0] for name in known}
    said = []
    for name in keymap:
        if name not in known and name.partition(".")[0] in rooms:
            near = get_close_matches(name, known, n=1)
            hint = f" Did you mean {near[0]}?" if near else ""
            said.append(f"The settings give a key to {name!r}, which does not exist.{hint}")
    for _, bindings in places:
        said += _clashes(keys_now(bindings, keymap), keymap)
    return said


def _clashes(bindings: Sequence[Binding], keymap: Mapping[str, str]) -> list[str]:
    said = []
    named = [(one.id, {key.strip() for key in one.key.split(",")}) for one in bindings if one.id]
    for winner, keys in named:
        for loser, others in named:
            # Of two that were both given the key, the one that is named later loses it.
            lost = loser not in keymap or loser > winner
            if winner in keymap and winner != loser and lost and keys & others:
                key = key_name(min(keys & others))
                said.append(f"The settings give {key} to {winner}; {loser} does not have it any more.")
    return said
