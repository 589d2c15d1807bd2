"""The first and the last line of the tasks screen: how many tasks of which kind, the models, the keys that matter."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.screen import Screen

from tale_tui.engine.text import clean_line
from tale_tui.engine.types import Role, RoleState, RoleStatus
from tale_tui.ui.screens.tasks_keys import Situation, hints
from tale_tui.ui.signs import signs
from tale_tui.ui.widgets.key_bar import KeyBar, ModelSign
from tale_tui.ui.widgets.status_line import KeyHint
from tale_tui.ui.widgets.title_bar import TitleBar
from tale_tui.ui.words import count

if TYPE_CHECKING:
    from tale_tui.ui.screens.task_book import Tally

_NAMES_CELLS = 36
"""Cells of the first line that the names of the screens take."""
_COLOURS = {Role.UX: "$ux", Role.TASK: "$task"}


def tally_words(tally: Tally, room: int) -> str:
    """`2 running · 1 needs you · 131 done · 1 failed`; what there is none of is left out.

    Args:
        tally: the numbers.
        room: cells; where they are few, what the first line shows at its left anyway goes first.
    """
    counted = (
        (tally.running, "running", 1),
        (tally.queued, "queued", 2),
        (tally.needs_you, "needs you" if tally.needs_you == 1 else "need you", 1),
        (tally.done, "done", 3),
        (tally.failed, "failed", 4),
    )
    words = ""
    for least in range(1, 5):
        parts = [f"{count(number)} {word}" for number, word, weight in counted if number and weight >= least]
        words = f" {signs().dot} ".join(parts)
        if len(words) <= room:
            break
    return words


class TasksLines:
    """Says in the title bar and in the last line what is so now.

    Args:
        screen: whose keys are shown.
        title: the first line.
        bar: the last line.
    """

    def __init__(self, screen: Screen[None], title: TitleBar, bar: KeyBar) -> None:
        self._screen = screen
        self._title = title
        self._bar = bar
        self._roles: dict[Role, RoleStatus] = {}
        self._working = False

    def keys(self) -> dict[str, str]:
        """The first key of each binding that works now."""
        keys: dict[str, str] = {}
        for key, active in self._screen.active_bindings.items():
            if active.binding.id is not None:
                keys.setdefault(active.binding.id, key)
        return keys

    def role(self, status: RoleStatus) -> None:
        """A role is so now."""
        self._roles[status.role] = status
        self._show_models()

    def refresh(self, situation: Situation, tally: Tally) -> None:
        """Look at everything again; what did not change costs nothing."""
        self._title.note = tally_words(tally, self._screen.size.width - _NAMES_CELLS)
        self._title.running, self._title.asking = tally.running, tally.needs_you
        if self._working != bool(tally.running):
            self._working = bool(tally.running)
            self._show_models()
        if self._screen.is_current:
            keys = self.keys()
            # A list has `enter`; while the filter has the focus it is the filter's own.
            keys.setdefault("tasks.open", "enter")
            self._bar.keys = tuple(KeyHint(keys[name], label) for name, label in hints(situation) if name in keys)

    def _show_models(self) -> None:
        shown: dict[str, ModelSign] = {}
        for role in (Role.UX, Role.TASK):
            status = self._roles.get(role)
            if status is None or status.ref is None:
                continue
            busy = role is Role.TASK and self._working and status.state is RoleState.READY
            name = clean_line(status.ref.model)
            shown[str(status.ref)] = ModelSign(name, "working" if busy else status.state.value, _COLOURS[role])
        self._bar.models = tuple(shown.values())
