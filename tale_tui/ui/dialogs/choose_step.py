"""Which step of a task is run again first."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from textual import on
from textual.binding import Binding, BindingType
from textual.widget import Widget

from tale_tui.domain.tasks import StepState, TaskDetail
from tale_tui.domain.text import clean_line
from tale_tui.formatting.symbols import signs
from tale_tui.ui.dialogs.dialog import FITTED, Dialog
from tale_tui.ui.widgets.pick_list import PickList, PickRow

_SIGNS = {
    StepState.PENDING: ("waiting", "muted"),
    StepState.RUNNING: ("working", "task"),
    StepState.DONE: ("done", "success"),
    StepState.FAILED: ("wrong", "error"),
}
_TITLE_LIMIT = 48


class StepDialog(Dialog[str]):
    """Shows the steps of a plan. The result is the key of the chosen one; it and what builds on it are run again."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "choose", "run again from here", id="steps.choose", tooltip="Run it again from this step on"),
    ]

    def __init__(self, detail: TaskDetail) -> None:
        """Take the steps.

        Args:
            detail: of a task with several.
        """
        super().__init__(f'Run "{clean_line(detail.task.title, _TITLE_LIMIT)}" again from')
        self._detail = detail

    def body(self) -> Iterable[Widget]:
        """The list; the first step that is not done is chosen."""
        rows = [
            PickRow(
                step.spec.key,
                clean_line(step.spec.title or step.spec.key),
                sign=getattr(signs(), _SIGNS[step.state][0]),
                tone=_SIGNS[step.state][1],
            )
            for step in self._detail.steps
        ]
        waiting = next((step.spec.key for step in self._detail.steps if step.state is not StepState.DONE), "")
        picks = PickList(rows, chosen=waiting, id="focus-first")
        picks.add_class(FITTED)
        yield picks

    @on(PickList.Chosen)
    def _take(self, event: PickList.Chosen) -> None:
        self.dismiss(event.key)
