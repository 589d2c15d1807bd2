"""The lower part of the chat: what waits, what may be meant, and the prompt."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.message import Message
from textual.reactive import reactive
from textual.widget import Widget
from textual.widgets import Static

from tale_tui.ui.signs import signs
from tale_tui.ui.widgets.completion import Completion, Row
from tale_tui.ui.widgets.notice_bar import NoticeBar, Standing
from tale_tui.ui.widgets.prompt import Prompt
from tale_tui.ui.widgets.queue_list import QueueList

Slot = Literal["input", "engine", "progress", "role", "tasks"]
"""What a standing notice is about; where there are several, the one that stands first here is shown."""
PLACEHOLDER = "Write a message, or / for commands"


class Composer(Vertical):
    """Notices, the queue, completions and the prompt, from top to bottom; each takes room only when it is needed.

    Args:
        complete: the rows for what stands in the prompt; called at every change, so it has to be quick.
        keymap: binding id -> keys, as the user chose them.
    """

    marker: reactive[str] = reactive("", init=False)
    """What is being written, where it is no new message, such as `editing`."""

    @dataclass
    class Sent(Message):
        """The user wants to send `text`, which is no longer in the prompt."""

        text: str

    class Typed(Message):
        """What stands in the prompt changed."""

        def can_replace(self, message: Message) -> bool:
            """One of several is enough."""
            return isinstance(message, Composer.Typed)

    def __init__(self, complete: Callable[[str], Sequence[Row]], keymap: Mapping[str, str]) -> None:
        super().__init__(id="composer")
        self._complete = complete
        self._standing: dict[Slot, Standing] = {}
        self._closed_at: str | None = None
        self.notice = NoticeBar()
        self.queue = QueueList()
        self.completion = Completion()
        self.prompt = Prompt(PLACEHOLDER, keymap)
        self._mark = Static(signs().prompt, id="prompt-mark", markup=False)

    def compose(self) -> ComposeResult:
        """The parts from top to bottom."""
        yield self.notice
        yield self.queue
        yield self.completion
        yield Horizontal(self._mark, self.prompt, id="prompt-box")

    def watch_marker(self, marker: str) -> None:
        """Say before the prompt what is being written."""
        self._mark.update(f"{marker} {signs().prompt}" if marker else signs().prompt)
        self.set_class(bool(marker), "-marked")

    def stand(self, slot: Slot, standing: Standing | None) -> None:
        """Say something above the prompt until it is no longer true; None takes it away."""
        if standing is None:
            self._standing.pop(slot, None)
        else:
            self._standing[slot] = standing
        self.notice.shown = next((self._standing[one] for one in get_args(Slot) if one in self._standing), None)

    def put_before(self, text: str) -> None:
        """Put `text` into the prompt, before what is being written there."""
        self.prompt.fill(f"{text}\n\n{self.prompt.text}" if self.prompt.text else text)
        self.prompt.focus()

    def hold(self, chip: Widget) -> None:
        """Put something at the right end of the prompt, in place of what is there."""
        box = self.query_one("#prompt-box")
        for before in box.children:
            if before not in (self._mark, self.prompt):
                before.remove()
        box.mount(chip)

    def complete_again(self) -> None:
        """What the prompt may become is not what it was a moment ago."""
        if self.prompt.text != self._closed_at:
            self._offer(self._complete(self.prompt.text))
            self.post_message(self.Typed())

    def close_completion(self) -> bool:
        """Hide the completions until the text changes; False where none were shown."""
        shown = self.prompt.completing
        self._closed_at = self.prompt.text
        self._offer(())
        return shown

    def _offer(self, rows: Sequence[Row]) -> None:
        self.completion.offer(rows)
        self.prompt.completing = bool(rows)

    @on(Prompt.Changed)
    def _offer_what_fits(self, event: Prompt.Changed) -> None:
        event.stop()
        self._closed_at = None
        self._offer(self._complete(self.prompt.text))
        self.post_message(self.Typed())

    @on(Prompt.CompletionMoved)
    def _move_choice(self, event: Prompt.CompletionMoved) -> None:
        event.stop()
        self.completion.move(event.step)

    @on(Prompt.CompletionTaken)
    def _take_choice(self, event: Prompt.CompletionTaken) -> None:
        event.stop()
        if (row := self.completion.row) is not None:
            self.prompt.fill(row.text)

    @on(Prompt.CompletionRun)
    def _run_choice(self, event: Prompt.CompletionRun) -> None:
        event.stop()
        # What was typed since the list was made counts, not what the list was made for.
        self.completion.offer(self._complete(event.text))
        row = self.completion.row
        self._offer(())
        self.post_message(self.Sent(row.text.strip() if row is not None else event.text))

    @on(Completion.Picked)
    def _take_clicked(self, event: Completion.Picked) -> None:
        event.stop()
        self.prompt.focus()
        self.prompt.fill(event.row.text)

    @on(Prompt.Submitted)
    def _send(self, event: Prompt.Submitted) -> None:
        event.stop()
        self.post_message(self.Sent(event.text))
