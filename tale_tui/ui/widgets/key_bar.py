"""The last line of a screen that is no conversation: the models at the left, the keys that matter now at the right."""

from __future__ import annotations

from dataclasses import dataclass

from textual.content import Content
from textual.reactive import reactive
from textual.widget import Widget

from tale_tui.ui.signs import signs
from tale_tui.ui.widgets.line import fitted, spread
from tale_tui.ui.widgets.status_line import KeyHint

_GAP = 3
"""Cells between two keys."""
_NAME_SHARE = 0.2
"""Of the line that the name of a model takes at most."""
_STATES = {"unset": "absent", "idle": "absent", "loading": "working", "ready": "resident"}


@dataclass(frozen=True, slots=True)
class ModelSign:
    """A model and how it is."""

    name: str
    """Safe text."""
    state: str
    """Of `engine.RoleState`, or `working` while it is at work."""
    colour: str


class KeyBar(Widget):
    """Models and keys; keys give way from the end, but the last one stays."""

    ALLOW_SELECT = False
    auto_links = False
    DEFAULT_CSS = """
    KeyBar { height: 1; width: 1fr; }
    """

    models: reactive[tuple[ModelSign, ...]] = reactive(())
    """From the one that answers to the one that works."""
    keys: reactive[tuple[KeyHint, ...]] = reactive(())
    """What can be done now, the most wanted first; the last one is shown wherever there is room for any."""

    def render(self) -> Content:
        """One line."""
        width = self.size.width
        left = Content.assemble(" ", *(self._model(model, int(width * _NAME_SHARE)) for model in self.models))
        least = sum(hint.shown("").cell_length + _GAP for hint in (*self.keys[:2], *self.keys[-1:]))
        if width - left.cell_length < least:
            left = Content(" ")
        return spread(left, self._keys(width - left.cell_length - 1), width)

    def _model(self, model: ModelSign, room: int) -> Content:
        sign = signs().working if model.state == "working" else getattr(signs(), _STATES.get(model.state, "failed"))
        return Content.assemble((sign, model.colour), " ", (fitted(model.name, room), model.colour), "  ")

    def _keys(self, room: int) -> Content:
        if not self.keys or room <= 0:
            return Content("")
        *first, last = (hint.shown("$foreground") for hint in self.keys)
        shown, used = [last], last.cell_length + 1
        for hint in first:
            used += hint.cell_length + _GAP
            if used > room:
                break
            shown.insert(-1, hint)
        return Content(" " * _GAP).join(shown) + " " if last.cell_length < room else Content("")
