"""The keys that the user gave to bindings: what they are now, and what is wrong with them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches

from textual.binding import Binding, BindingType

from tale_tui.formatting.units import key_name

KeyPlace = tuple[str, Sequence[BindingType]]
"""Where bindings work, in words (`In the prompt`), and the bindings."""


def keys_now(bindings: Iterable[BindingType], keymap: Mapping[str, str]) -> list[Binding]:
    """Bindings with the keys that the user gave them.

    Args:
        bindings: as they are declared.
        keymap: binding id -> keys, comma separated.
    """
    return [
        binding.with_key(keymap[binding.id]) if binding.id and binding.id in keymap else binding
        for binding in bindings
        if isinstance(binding, Binding)
    ]


def complaints(places: Sequence[KeyPlace], keymap: Mapping[str, str]) -> list[str]:
    """A sentence for each id that does not exist, and for each key that two things have in the same place.

    Args:
        places: all of them whose ids are to be known.
        keymap: binding id -> keys, comma separated.
    """
    known = {binding.id: binding for _, bindings in places for binding in keys_now(bindings, {}) if binding.id}
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
    named = [(binding.id, {key.strip() for key in binding.key.split(",")}) for binding in bindings if binding.id]
    for winner, keys in named:
        for loser, others in named:
            # Of two that were both given the key, the one that is named later loses it.
            lost = loser not in keymap or loser > winner
            if winner in keymap and winner != loser and lost and keys & others:
                key = key_name(min(keys & others))
                said.append(f"The settings give {key} to {winner}; {loser} does not have it any more.")
    return said
