"""What the help shows: the keys as they are now, by place, and the commands."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from textual.binding import Binding

from tale_tui.ui.commands import COMMANDS, MARK
from tale_tui.ui.keymap import Place, keys_now
from tale_tui.ui.screens.help import HelpGroup
from tale_tui.ui.words import key_name

KEY_CELLS = 20
"""Cells that the keys of one binding take: more of them would push the words away."""


def help_groups(places: Sequence[Place], keymap: Mapping[str, str]) -> list[HelpGroup]:
    """The keys of each place.

    Args:
        places: the most important one first.
        keymap: binding id -> keys, comma separated: what the user set.
    """
    return [HelpGroup.of(title, map(_shortened, keys_now(bindings, keymap))) for title, bindings in places]


def _shortened(binding: Binding) -> Binding:
    """The binding with its first key, and with others as far as there is room for them in the column."""
    first, *others = binding.key.split(",")
    shown, used = [first], len(key_name(first))
    for key in others:
        used += len(key_name(key)) + 1
        if used <= KEY_CELLS:
            shown.append(key)
    return binding if not others else binding.with_key(",".join(shown))


def command_lines() -> list[tuple[str, str]]:
    """Each command with what it does."""
    return [(f"{MARK}{command.name} {command.argument}".rstrip(), command.summary) for command in COMMANDS]
