"""All keys and all commands, grouped by where they work."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual.binding import Binding
from textual.containers import Horizontal
from textual.content import Content
from textual.types import CSSPathType
from textual.widget import Widget

from tale_tui.engine.text import clean_line
from tale_tui.ui.screens.dialog import Dialog, Reader
from tale_tui.ui.text import NoMarkup, plain_line
from tale_tui.ui.words import key_name

_KEY_CELLS = 26
"""The widest column of keys; a longer one pushes its words to the right."""


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
            Horizontal(*(NoMarkup(_column(column), classes="column") for column in columns if column)),
            id="focus-first",
        )


def _column(groups: Sequence[HelpGroup]) -> Content:
    cells = min(max(len(key) for group in groups for key, _ in group.lines), _KEY_CELLS)
    blocks = []
    for group in groups:
        lines = [plain_line(group.title, style="bold")]
        lines += [
            Content.assemble(f"{clean_line(key):<{cells}}  ", plain_line(words, style="$muted"))
            for key, words in group.lines
        ]
        blocks.append(Content("\n").join(lines))
    return Content("\n\n").join(blocks)
