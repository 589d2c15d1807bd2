"""Which step of a task is run again first."""

from __future__ import annotations

from tale_tui.domain.tasks import StepState, TaskDetail
from tale_tui.domain.text import clean_line
from tale_tui.formatting.symbols import signs
from tale_tui.ui.dialogs.pick import PickDialog
from tale_tui.ui.widgets.pick_list import PickRow

_SIGNS = {
    StepState.PENDING: ("waiting", "muted"),
    StepState.RUNNING: ("working", "task"),
    StepState.DONE: ("done", "success"),
    StepState.FAILED: ("wrong", "error"),
    StepState.SKIPPED: ("dash", "muted"),
}
_TITLE_LIMIT = 48


class StepDialog(PickDialog):
    """Shows the steps of a plan. The result is the key of the chosen one; it and what builds on it are run again."""

    def __init__(self, detail: TaskDetail) -> None:
        """Take the steps; the first one that is not done is chosen.

        Args:
            detail: of a task with several.
        """
        rows = [
            PickRow(
                step.spec.key,
                clean_line(step.spec.title or step.spec.key),
                sign=getattr(signs(), _SIGNS[step.state][0]),
                tone=_SIGNS[step.state][1],
            )
            for step in detail.steps
        ]
        waiting = next((step.spec.key for step in detail.steps if not step.is_over), "")
        title = f'Run "{clean_line(detail.task.title, _TITLE_LIMIT)}" again from'
        super().__init__(title, rows, chosen=waiting, verb="run again from here")
