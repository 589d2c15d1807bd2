"""What the user sent while a reply streams: it waits above the prompt for its turn."""

from __future__ import annotations

from dataclasses import dataclass

from textual import events
from textual.content import Content
from textual.message import Message
from textual.reactive import reactive
from textual.widget import Widget

from tale_tui.ui.signs import signs
from tale_tui.ui.widgets.line import fitted, spread

ROWS_MAX = 3
"""Messages that are shown; of more there is a number."""
_LABEL = "queued"


@dataclass(frozen=True, slots=True)
class Waiting:
    """A message that waits."""

    id: str
    text: str
    """Safe text; its first line is shown."""


class QueueList(Widget):
    """One line for each message that waits, the next to be sent at the top."""

    ALLOW_SELECT = False

    waiting: reactive[tuple[Waiting, ...]] = reactive((), layout=True)
    """What waits, the next to be sent first; nothing is shown while it is empty."""
    hint: reactive[str] = reactive("")
    """What can be done with them now: keys and words."""

    @dataclass
    class TakenBack(Message):
        """A message was clicked: it is wanted back in the prompt."""

        id: str

    def on_mount(self) -> None:
        """Nothing waits at first."""
        self.display = False

    def watch_waiting(self, waiting: tuple[Waiting, ...]) -> None:
        """Take room only for what is there."""
        self.display = bool(waiting)

    def on_click(self, event: events.Click) -> None:
        """Take the message under the pointer back."""
        if event.y < min(len(self.waiting), ROWS_MAX):
            self.post_message(self.TakenBack(self.waiting[event.y].id))

    def get_content_height(self, container: object, viewport: object, width: int) -> int:
        """One line for each message, and one that counts those above `ROWS_MAX`."""
        return min(len(self.waiting), ROWS_MAX + 1)

    def render(self) -> Content:
        """The messages, and at the right of the first what the keys do with them."""
        width = self.size.width
        lines = []
        for index, message in enumerate(self.waiting[:ROWS_MAX]):
            hint = Content(f"  {self.hint} ").stylize("$muted") if index == 0 else Content("")
            label = f"   {_LABEL} {signs().prompt} "
            text = fitted(" ".join(message.text.split()), width - len(label) - hint.cell_length)
            lines.append(spread(Content.assemble((label, "$muted"), text), hint, width))
        if len(self.waiting) > ROWS_MAX:
            more = len(self.waiting) - ROWS_MAX
            lines.append(Content(f"   and {more} more").stylize("$muted"))
        return Content("\n").join(lines)
