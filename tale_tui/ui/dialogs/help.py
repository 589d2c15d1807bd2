"""All keys and all commands, grouped by where they work."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual.binding import Binding
from textual.containers import Horizontal
from textual.content import Content
from textual.geometry import Size
from textual.types import CSSPathType
from textual.widget import Widget

from tale_tui.domain.text import clean_line
from tale_tui.formatting.slash import MARK
from tale_tui.formatting.units import key_name
from tale_tui.ui.commands import COMMANDS
from tale_tui.ui.dialogs.dialog import Dialog, Reader
from tale_tui.ui.keys import KeyPlace, keys_now
from tale_tui.ui.text import plain_line

_COLUMN_CELLS = 26
"""The widest column of keys; what is longer stands in a line of its own."""

_GAP = 2

_WORDS_MIN = 14
"""Cells that the words keep where there is little room."""

_BINDING_CELLS = 20
"""Cells that the keys of one binding take: more of them would push the words away."""


@dataclass(frozen=True, slots=True)
class HelpGroup:
    """Keys that work in the same place, or commands."""

    title: str
    """Where they work: `In the prompt`."""
    lines: tuple[tuple[str, str], ...]
    """What is pressed or typed, and what it does."""

    @classmethod
    def of(cls, title: str, bindings: Iterable[Binding]) -> HelpGroup:
        """A group from bindings: the keys of one action stand together, its tooltip says what they do."""
        keys: dict[str, list[str]] = {}
        words: dict[str, str] = {}
        for binding in bindings:
            names = [binding.key_display] if binding.key_display else map(key_name, binding.key.split(","))
            keys.setdefault(binding.action, []).extend(names)
            words.setdefault(binding.action, binding.tooltip or binding.description)
        return cls(title, tuple((" ".join(keys[action]), words[action]) for action in keys))


class HelpScreen(Dialog[None]):
    """The help: commands and keys in two columns where there is room."""

    CSS_PATH: ClassVar[CSSPathType | None] = ["dialog.tcss", "help.tcss"]

    def __init__(self, groups: Sequence[HelpGroup], commands: Sequence[tuple[str, str]]) -> None:
        """Take what is shown.

        Args:
            groups: the keys by place, the most important place first.
            commands: each with what it does: `("/new", "begin another conversation")`.
        """
        super().__init__("Help", "ctrl+p finds everything")
        self._groups = tuple(groups)
        self._commands = HelpGroup("Commands", tuple(commands))

    def body(self) -> Iterable[Widget]:
        """Two columns of about the same length, groups unbroken."""
        groups = [*self._groups, self._commands] if self._commands.lines else list(self._groups)
        lengths = [len(group.lines) + 2 for group in groups]
        split = min(range(len(groups) + 1), key=lambda n: abs(sum(lengths[:n]) - sum(lengths[n:])), default=0)
        columns = (groups[:split], groups[split:])
        yield Reader(
            Horizontal(*(HelpColumn(column) for column in columns if column)),
            id="focus-first",
        )


class HelpColumn(Widget):
    """Groups below each other: keys in one column, what they do in another, which keeps its edge where it wraps.

    Args:
        groups: at least one.
    """

    def __init__(self, groups: Sequence[HelpGroup]) -> None:
        super().__init__(classes="column")
        self._groups = groups
        widest = max(len(key) for group in groups for key, _ in group.lines)
        self._cells = min(widest, _COLUMN_CELLS) + _GAP

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        """As many lines as it takes at this width."""
        return len(self._lines(width))

    def render(self) -> Content:
        return Content("\n").join(self._lines(self.size.width))

    def _lines(self, width: int) -> list[Content]:
        lines: list[Content] = []
        for group in self._groups:
            lines += [Content("")] * bool(lines)
            lines.append(plain_line(group.title, style="bold"))
            for key, words in group.lines:
                lines += self._key_lines(clean_line(key), plain_line(words, style="$muted"), width)
        return lines

    def _key_lines(self, key: str, words: Content, width: int) -> list[Content]:
        """A key and what it does; a key that is wider than its column has a line of its own."""
        room = max(width - self._cells, _WORDS_MIN)
        indent = min(self._cells, max(width - room, 0))
        first, *others = words.wrap(room) or [Content("")]
        hung = [Content(" " * indent) + line for line in others]
        if len(key) > indent - _GAP:
            return [Content(key), Content(" " * indent) + first, *hung]
        return [Content(key.ljust(indent)) + first, *hung]


def help_groups(places: Sequence[KeyPlace], keymap: Mapping[str, str]) -> list[HelpGroup]:
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
        if used <= _BINDING_CELLS:
            shown.append(key)
    return binding if not others else binding.with_key(",".join(shown))


def command_lines() -> list[tuple[str, str]]:
    """Each command with what it does."""
    return [(f"{MARK}{command.name} {command.argument}".rstrip(), command.summary) for command in COMMANDS]
