"""The lines above the text of a task, as a widget: as high as what it says."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from textual.content import Content
from textual.geometry import Size
from textual.widget import Widget

from tale_tui.ui.widgets.task_pane_lines import head_lines

if TYPE_CHECKING:
    from tale_tui.engine.task_types import Step, Task

_SHARE = 0.5
"""Of the lines of the pane that it takes at most."""


class TaskHead(Widget):
    """Who a task is, how it goes, and its plan.

    Args:
        clock: seconds since the epoch.
    """

    ALLOW_SELECT = False
    auto_links = False
    DEFAULT_CSS = """
    TaskHead { height: auto; width: 1fr; }
    """

    def __init__(self, *, clock: Callable[[], float] = time.time) -> None:
        super().__init__()
        self.clock = clock
        self._shown: Task | None = None
        self._steps: Sequence[Step] = ()
        self._doing = ""
        self._tokens = 0
        self._height = 0

    def show(self, task: Task | None, steps: Sequence[Step], *, doing: str = "", tokens: int = 0) -> None:
        """Show a task as it is now.

        Args:
            task: which; None for none.
            steps: of its plan; empty while they are not known.
            doing: what is going on in the step that runs.
            tokens: of the step that runs.
        """
        self._shown, self._steps, self._doing, self._tokens = task, steps, doing, tokens
        self.tick()

    def tick(self) -> None:
        """Tell the times anew; a layout only where there are more lines than before, or fewer."""
        height = len(self._lines(self.size.width or self.container_size.width))
        self.refresh(layout=height != self._height)

    def _lines(self, width: int) -> list[Content]:
        if self._shown is None or width <= 0:
            return []
        parent = self.parent
        room = parent.size.height if isinstance(parent, Widget) else 0
        return head_lines(
            self._shown,
            self._steps,
            self.clock(),
            width,
            max(int(room * _SHARE), 1),
            doing=self._doing,
            tokens=self._tokens,
        )

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        """As many lines as there are."""
        self._height = len(self._lines(width))
        return self._height

    def render(self) -> Content:
        """All of them."""
        return Content("\n").join(self._lines(self.size.width))
