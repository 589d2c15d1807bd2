"""Which of several tasks is meant: where the beginning of an id fits more than one, or none was named."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from textual.types import CSSPathType

from tale_tui.formatting.tasks import short_state, short_times, sign, tone
from tale_tui.ui.dialogs.filter_dialog import FilterDialog
from tale_tui.ui.widgets.pick_list import PickList, PickRow

if TYPE_CHECKING:
    from tale_tui.domain.tasks import Task

_TONES = {"work": "task", "look": "warning", "ok": "success", "bad": "error", "quiet": "muted"}


class ChooseTaskDialog(FilterDialog[str]):
    """A list of tasks. The result is the whole id of one."""

    CSS_PATH: ClassVar[CSSPathType | None] = ["dialog.tcss", "choose_task.tcss"]

    def __init__(self, tasks: Sequence[Task], now: float, *, title: str, verb: str) -> None:
        """Take the tasks.

        Args:
            tasks: those that may be meant, in the order in which they are shown.
            now: the present, in seconds since the epoch.
            title: what is asked: `Which task is to be cancelled?`
            verb: what will be done with the chosen one, in a word.
        """
        super().__init__(title, enter=verb, placeholder="type to find one by its id or title")
        self._rows = [_row(task, now) for task in tasks]

    def filtered(self, words: str) -> None:
        """Tasks whose id or title has every word."""
        wanted = words.lower().split()
        rows = [row for row in self._rows if all(word in row.title.lower() for word in wanted)]
        self.picks.show(rows, words=words, empty="No task is called so.")

    def on_pick_list_chosen(self, event: PickList.Chosen) -> None:
        self.dismiss(event.key)


def _row(task: Task, now: float) -> PickRow:
    cells = (short_state(task, now), short_times(task, now))
    return PickRow(task.id, f"{task.shown}  {task.title}", cells, sign(task), _TONES[tone(task)])
