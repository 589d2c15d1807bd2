"""The last line of a dialog and of the tasks: the keys that matter now. Each can be clicked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from textual.binding import ActiveBinding
from textual.content import Content
from textual.reactive import reactive
from textual.style import Style
from textual.widget import Widget

from tale_tui.domain.models import Role, RoleState, RoleStatus
from tale_tui.domain.text import clean_line
from tale_tui.formatting.symbols import signs
from tale_tui.formatting.units import key_name
from tale_tui.ui.text import fitted, spread
from tale_tui.ui.widgets.status_line import KeyHint, hints_that_fit
from tale_tui.ui.widgets.text_button import TextButton

LEAVING = ("leave", "later", "stop")
"""Actions that go back: one of them at most can be done at a time."""

_GAP = 3
"""Cells between two keys."""

_LABEL_CELLS = 30
"""Of what a button says, at most: it may name a thing."""

_NAME_SHARE = 0.2
"""Of the line that the name of a model takes at most."""

ROLE_COLOURS = {Role.UX: "$ux", Role.TASK: "$task"}
"""The colours of the two roles, everywhere."""

_STATES = {"unset": "absent", "idle": "absent", "loading": "working", "ready": "resident"}


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

    def __init__(self, enter: str = "", *, helps: bool = False) -> None:
        """Begin.

        Args:
            enter: what the enter key does, where no binding says so.
            helps: whether the help names all keys, which is said where not all of them have room.
        """
        super().__init__()
        self._helps = helps
        self.set_reactive(KeyLine.enter, enter)

    def on_mount(self) -> None:
        """Follow the focus: each widget has keys of its own."""
        self.screen.bindings_updated_signal.subscribe(self, lambda _: self.refresh())

    def render(self) -> Content:
        """As many keys as there is room for."""
        keys, leave = self._keys()
        last = [leave] if leave else []
        shown = self._fitting(keys, last)
        if len(shown) < len(keys) and (rest := self._help()):
            last.insert(0, rest)
            shown = self._fitting(keys, last)
        return Content(" " * _GAP).join([*shown, *last])

    def _fitting(self, keys: Sequence[Content], last: Sequence[Content]) -> list[Content]:
        """As many keys as there is room for before the last ones."""
        room = self.size.width - sum(key.cell_length for key in last) - _GAP * (len(last) - 1)
        shown = []
        for key in keys:
            room -= key.cell_length + _GAP
            if room < 0:
                break
            shown.append(key)
        return shown

    def _help(self) -> Content:
        """The key that shows all of them; empty where it does not."""
        # A dialog does not name the keys of the whole application, which work in it all the same.
        bindings = self.app.screen_stack[0].active_bindings.items() if self._helps else ()
        found = (key for key, active in bindings if active.binding.action == "help")
        return next((_key(key, key_name(key), "all keys") for key in found), Content(""))

    def _keys(self) -> tuple[list[Content], Content]:
        """The keys in the order in which they are declared, and the one that leaves."""
        keys = {"enter": _key("enter", "enter", self.enter)} if self.enter else {}
        for key, active in self.screen.active_bindings.items():
            binding = active.binding
            if not binding.show or not active.enabled or binding.action in keys:
                continue
            keys[binding.action] = _key(key, binding.key_display or key_name(key), _words(active))
        leave = next((keys.pop(action) for action in LEAVING if action in keys), Content(""))
        return list(keys.values()), leave


def _words(active: ActiveBinding) -> str:
    """What a key does: with a button, what that says."""
    if isinstance(active.node, TextButton):
        label = fitted(active.node.label, _LABEL_CELLS)
        return label[:1].lower() + label[1:]
    return active.binding.description


def _key(key: str, name: str, words: str) -> Content:
    line = Content.assemble((name, "$foreground"), " ", (words, "$muted"))
    return line.stylize(Style.from_meta({"@click": f"app.simulate_key('{key}')"}))


@dataclass(frozen=True, slots=True)
class ModelSign:
    """A model and how it is."""

    name: str
    """Safe text."""
    state: str
    """Of `RoleState`, or `working` while it is at work."""
    colour: str


def model_signs(roles: Mapping[Role, RoleStatus], *, working: bool) -> tuple[ModelSign, ...]:
    """The models of the roles; one that has both stands there once, in the colour of the one that answers.

    Args:
        roles: as far as they are known.
        working: whether a task runs.
    """
    shown: dict[str, ModelSign] = {}
    served = roles_by_model(roles)
    for role in (Role.UX, Role.TASK):
        status = roles.get(role)
        if status is None or status.ref is None:
            continue
        busy = role is Role.TASK and working and status.state is RoleState.READY
        name = clean_line(status.ref.model)
        key = str(status.ref)
        shown[key] = ModelSign(name, "working" if busy else status.state.value, ROLE_COLOURS[served[key]])
    return tuple(shown.values())


def roles_by_model(roles: Mapping[Role, RoleStatus]) -> dict[str, Role]:
    """`backend/model` -> its role; one that has both answers first of all."""
    found = ((role, roles.get(role)) for role in (Role.TASK, Role.UX))
    return {str(status.ref): role for role, status in found if status is not None and status.ref is not None}


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
        return spread(left, hints_that_fit(self.keys, width - left.cell_length - 1, _GAP), width)

    def _model(self, model: ModelSign, room: int) -> Content:
        sign = signs().working if model.state == "working" else getattr(signs(), _STATES.get(model.state, "failed"))
        return Content.assemble((sign, model.colour), " ", (fitted(model.name, room), model.colour), "  ")
