"""All keys and all commands, grouped by where they work: first those that work where the focus is, found by typing."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual import on
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.content import Content
from textual.geometry import Size
from textual.types import CSSPathType
from textual.widget import Widget
from textual.widgets import Input

from tale_tui.domain.text import clean_line
from tale_tui.formatting.slash import MARK
from tale_tui.formatting.units import key_name
from tale_tui.ui.commands import COMMANDS
from tale_tui.ui.dialogs.dialog import Dialog, Reader
from tale_tui.ui.keys import KeyPlace, binding, keys_now
from tale_tui.ui.text import NoMarkup, plain_line
from tale_tui.ui.widgets.line_input import LineInput
from tale_tui.ui.widgets.prompt import CHANGING, MOVING, SELECTING

_COLUMN_CELLS = 26
"""The widest column of keys; what is longer stands in a line of its own."""

_GAP = 2

_WORDS_MIN = 14
"""Cells that the words keep where there is little room."""

_BINDING_CELLS = 20
"""Cells that the keys of one binding take: more of them would push the words away."""


HERE = "Keys here"
"""The title of the keys that work where the focus is."""

EDITING = frozenset(one.id for one in (*MOVING, *SELECTING, *CHANGING) if isinstance(one, Binding))
"""The bindings of every editor: they stand with those of the prompt, last."""

NOTHING = "No key and no command has these words."


@dataclass(frozen=True, slots=True)
class HelpGroup:
    """Keys that work in the same place, or commands."""

    title: str
    """Where they work: `In the prompt`."""
    lines: tuple[tuple[str, str], ...]
    """What is pressed or typed, and what it does."""

    def having(self, words: Sequence[str]) -> HelpGroup:
        """The group with the lines that have all of the words, given in small letters, in them or in the title."""
        lines = [line for line in self.lines if all(word in f"{self.title} {' '.join(line)}".lower() for word in words)]
        return HelpGroup(self.title, tuple(lines))

    @classmethod
    def of(cls, title: str, bindings: Iterable[Binding]) -> HelpGroup:
        """A group from bindings: the keys of one action stand together, its tooltip says what they do."""
        keys: dict[str, list[str]] = {}
        words: dict[str, str] = {}
        for one in bindings:
            names = [one.key_display] if one.key_display else map(key_name, one.key.split(","))
            keys.setdefault(one.action, []).extend(names)
            words.setdefault(one.action, one.tooltip or one.description)
        return cls(title, tuple((" ".join(keys[action]), words[action]) for action in keys))


class HelpScreen(Dialog[None]):
    """The help: keys and commands in two columns where there is room, fewer of them while words are typed."""

    CSS_PATH: ClassVar[CSSPathType | None] = ["dialog.tcss", "help.tcss"]
    BINDINGS: ClassVar[list[BindingType]] = [
        binding("help.up", "up", "scroll(-1)", "Up", "One line up"),
        binding("help.down", "down", "scroll(1)", "Down", "One line down"),
        binding("help.page_up", "pageup", "page(-1)", "Page up", "One page up"),
        binding("help.page_down", "pagedown", "page(1)", "Page down", "One page down"),
    ]

    def __init__(self, groups: Sequence[HelpGroup], commands: Sequence[tuple[str, str]]) -> None:
        """Take what is shown.

        Args:
            groups: the keys by place, the most important place first.
            commands: each with what it does: `("/new", "begin another conversation")`.
        """
        super().__init__("Help")
        self.groups = [*groups, HelpGroup("Commands", tuple(commands))]
        """All there is, the commands last, whatever is typed."""

    def body(self) -> Iterable[Widget]:
        """The line to type into, and two columns that scroll."""
        yield LineInput(placeholder="type to find a key or a command", id="focus-first")
        reader = Reader(Horizontal(HelpColumn(), HelpColumn()), NoMarkup(NOTHING, id="nothing", classes="quiet"))
        reader.can_focus = False
        yield reader

    def on_mount(self) -> None:
        """Show everything."""
        self._show("")

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        event.stop()
        self._show(event.value)

    def _show(self, words: str) -> None:
        """Show what has all of the words; two columns of about the same length, groups unbroken."""
        groups = [group for one in self.groups if (group := one.having(words.lower().split())).lines]
        lengths = [len(group.lines) + 2 for group in groups]
        split = min(range(len(groups) + 1), key=lambda n: abs(sum(lengths[:n]) - sum(lengths[n:])))
        for column, shown in zip(self.query(HelpColumn), (groups[:split], groups[split:]), strict=True):
            column.show(shown)
        self.query_one("#nothing").display = not groups
        self.query_one(Reader).scroll_home(animate=False)

    def action_scroll(self, step: int) -> None:
        """Move what is shown by a line."""
        self.query_one(Reader).scroll_relative(y=step, animate=False)

    def action_page(self, direction: int) -> None:
        """Move what is shown by a page."""
        reader = self.query_one(Reader)
        reader.scroll_relative(y=direction * reader.size.height, animate=False)


class HelpColumn(Widget):
    """Groups below each other: keys in one column, what they do in another, which keeps its edge where it wraps."""

    def __init__(self) -> None:
        super().__init__(classes="column")
        self._groups: Sequence[HelpGroup] = ()
        self._cells = 0

    def show(self, groups: Sequence[HelpGroup]) -> None:
        """Show other groups; without any there is no column."""
        self._groups = groups
        widest = max((len(key) for group in groups for key, _ in group.lines), default=0)
        self._cells = min(widest, _COLUMN_CELLS) + _GAP
        self.display = bool(groups)
        self.refresh(layout=True)

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


def here_first(places: Sequence[KeyPlace], active: Collection[str], focused: Sequence[BindingType]) -> list[KeyPlace]:
    """The places with one before them: what can be done now where the focus is. No key stands in two.

    Args:
        places: that of the screen first.
        active: the ids of the bindings that can do something now.
        focused: the bindings of what has the focus.
    """
    near = [bindings for _, bindings in places[:1]]
    if any(bindings is focused for _, bindings in places[1:]):
        near.insert(0, focused)
    here = [
        one
        for bindings in near
        for one in bindings
        if isinstance(one, Binding) and one.id in active and one.id not in EDITING
    ]
    rest = [(title, [one for one in bindings if one not in here]) for title, bindings in places]
    return [(HERE, here), *((title, bindings) for title, bindings in rest if bindings)]


def _shortened(long: Binding) -> Binding:
    """The binding with its first key, and with others as far as there is room for them in the column."""
    first, *others = long.key.split(",")
    shown, used = [first], len(key_name(first))
    for key in others:
        used += len(key_name(key)) + 1
        if used <= _BINDING_CELLS:
            shown.append(key)
    return long if not others else long.with_key(",".join(shown))


def command_lines() -> list[tuple[str, str]]:
    """Each command with what it does."""
    return [(f"{MARK}{command.name} {command.argument}".rstrip(), command.summary) for command in COMMANDS]
