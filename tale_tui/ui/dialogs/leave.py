"""What becomes of the tasks that are open when the window is left."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar, Literal

from textual import on
from textual.containers import Horizontal
from textual.types import CSSPathType
from textual.widget import Widget

from tale_tui.domain.tasks import TaskCounts
from tale_tui.formatting.units import plural
from tale_tui.ui.dialogs.dialog import Dialog
from tale_tui.ui.text import NoMarkup
from tale_tui.ui.widgets.text_button import TextButton

Leaving = Literal["background", "pause", "stay"]

_DETAIL_OF_ONE = (
    "In the background it goes on without a window; the next one shows it. "
    "Paused, it keeps what is written and waits for you."
)
_DETAIL = (
    "In the background they go on without a window; the next one shows them. "
    "Paused, they keep what is written and wait for you."
)


def at_work(counts: TaskCounts) -> int:
    """How many tasks would go on if the window stayed."""
    return counts.running + counts.queued


class LeaveDialog(Dialog[Leaving]):
    """Asks what becomes of the tasks. Escape stays, and so does the chosen answer."""

    CSS_PATH: ClassVar[CSSPathType | None] = ["dialog.tcss", "leave.tcss"]

    def __init__(self, counts: TaskCounts) -> None:
        """Take the numbers.

        Args:
            counts: of all tasks; at least one runs or is queued.
        """
        self._number = number = at_work(counts)
        super().__init__(f"Leave while {plural(number, 'task')} {'is' if number == 1 else 'are'} open?", _parts(counts))

    def body(self) -> Iterable[Widget]:
        """What follows from each answer, and the answers."""
        yield NoMarkup(_DETAIL_OF_ONE if self._number == 1 else _DETAIL, id="text")
        yield Horizontal(
            TextButton("Stay", id="focus-first"),
            TextButton("Go on in the background", id="background"),
            TextButton("Pause and leave", id="pause"),
            id="buttons",
        )

    @on(TextButton.Pressed)
    def _answer(self, event: TextButton.Pressed) -> None:
        match event.button.id:
            case "background":
                self.dismiss("background")
            case "pause":
                self.dismiss("pause")
            case _:
                self.dismiss("stay")


def _parts(counts: TaskCounts) -> str:
    parts = [f"{counts.running} running"] * bool(counts.running) + [f"{counts.queued} queued"] * bool(counts.queued)
    return ", ".join(parts)
