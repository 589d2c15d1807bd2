"""The last line of a dialog: the keys that matter for what has the focus. Each can be clicked."""

from __future__ import annotations

from textual.content import Content
from textual.reactive import reactive
from textual.style import Style
from textual.widget import Widget

from tale_tui.ui.words import key_name

LEAVING = ("leave", "later", "stop")
"""Actions that go back: one of them at most can be done at a time."""
_GAP = 3
"""Cells between two keys."""


class KeyLine(Widget):
    """Shows the bindings that are made to be shown; the one that leaves stands last and never gives way."""

    ALLOW_SELECT = False
    # The keys are clickable and look like the rest of the line.
    auto_links = False
    DEFAULT_CSS = """
    KeyLine { height: 1; width: 1fr; }
    """

    enter: reactive[str] = reactive("")
    """What the enter key does, where no binding says so; empty where it does nothing."""

    def __init__(self, enter: str = "") -> None:
        """Begin.

        Args:
            enter: what the enter key does, where no binding says so.
        """
        super().__init__()
        self.set_reactive(KeyLine.enter, enter)

    def on_mount(self) -> None:
        """Follow the focus: each widget has keys of its own."""
        self.screen.bindings_updated_signal.subscribe(self, lambda _: self.refresh())

    def render(self) -> Content:
        """As many keys as there is room for."""
        keys, leave = self._keys()
        room = self.size.width - leave.cell_length
        shown = []
        for key in keys:
            room -= key.cell_length + _GAP
            if room < 0:
                break
            shown.append(key)
        return Content(" " * _GAP).join([*shown, leave] if leave else shown)

    def _keys(self) -> tuple[list[Content], Content]:
        """The keys in the order in which they are declared, and the one that leaves."""
        keys = {"enter": _key("enter", "enter", self.enter)} if self.enter else {}
        for key, active in self.screen.active_bindings.items():
            binding = active.binding
            if not binding.show or not active.enabled or binding.action in keys:
                continue
            keys[binding.action] = _key(key, binding.key_display or key_name(key), binding.description)
        leave = next((keys.pop(action) for action in LEAVING if action in keys), Content(""))
        return list(keys.values()), leave


def _key(key: str, name: str, words: str) -> Content:
    line = Content.assemble((name, "$foreground"), " ", (words, "$muted"))
    return line.stylize(Style.from_meta({"@click": f"app.simulate_key('{key}')"}))
