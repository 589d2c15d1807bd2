"""Where a message is written: the prompt, and above it what is told, banners, what waits to be sent, completions."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from textual import events, on
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.message import Message
from textual.reactive import reactive
from textual.widget import Widget
from textual.widgets import Static

from tale_tui.formatting.symbols import signs
from tale_tui.ui.text import fitted, spread
from tale_tui.ui.widgets.banner import Banner, BannerBar
from tale_tui.ui.widgets.chip import ChipShown, chip_line
from tale_tui.ui.widgets.notice_line import NoticeLine
from tale_tui.ui.widgets.prompt import Prompt

COMPLETION_ROWS_MAX = 8
"""Rows that are shown at once; the others scroll past the chosen one."""

_LEFT = 3
"""Cells before the text, so that it stands under what the prompt holds."""

_GAP = 2

WAITING_ROWS_MAX = 3
"""Messages that are shown; of more there is a number."""

_WAITING_LABEL = "queued"

BannerSlot = Literal["input", "engine", "progress", "role", "tasks"]
"""What a banner is about; of several the one whose name comes first here is shown."""

BORDER_CELLS = 10
"""Cells of the lower border that the chip leaves free: the corners, and what is beside the box."""

CHIP_LEFT = 1
"""Cells before the chip where it has a line."""

PLACEHOLDER = "Write a message, or / for commands"


@dataclass(frozen=True, slots=True)
class CompletionRow:
    """One completion."""

    text: str
    """What stands in the prompt afterwards."""
    label: str
    hint: str = ""


class Completion(Widget):
    """Rows, one of them chosen. It takes no focus: the prompt keeps it and moves the choice."""

    ALLOW_SELECT = False

    rows: reactive[tuple[CompletionRow, ...]] = reactive((), layout=True)
    """What the text may become; nothing is shown while it is empty."""
    chosen: reactive[int] = reactive(0)
    """The index of the chosen row."""

    @dataclass
    class Picked(Message):
        """A row was clicked."""

        row: CompletionRow

    @property
    def row(self) -> CompletionRow | None:
        return self.rows[self.chosen] if self.rows else None

    def __init__(self) -> None:
        super().__init__()
        self._height = 0
        """Of the most rows since the list was opened: it keeps that, so that nothing moves while words are typed."""

    def watch_rows(self, rows: tuple[CompletionRow, ...]) -> None:
        """Of other rows the first is chosen; without any the list is hidden."""
        self._height = max(self._height, min(len(rows), COMPLETION_ROWS_MAX)) if rows else 0
        self.chosen = 0
        self.display = bool(rows)

    def choose(self, text: str) -> None:
        """Choose the row that stands for a text, where there is one."""
        self.chosen = next((number for number, row in enumerate(self.rows) if row.text == text), self.chosen)

    def move(self, step: int) -> None:
        """Choose another row, round the ends."""
        if self.rows:
            self.chosen = (self.chosen + step) % len(self.rows)

    def on_mount(self) -> None:
        """There is nothing to complete at first."""
        self.display = False

    def on_click(self, event: events.Click) -> None:
        """Take the row under the pointer."""
        index = self._first + event.y
        if index < len(self.rows):
            self.post_message(self.Picked(self.rows[index]))

    def get_content_height(self, container: object, viewport: object, width: int) -> int:
        """One line for each row, up to `COMPLETION_ROWS_MAX`; never less than before while the list is open."""
        return self._height

    @property
    def _first(self) -> int:
        """The index of the row at the top."""
        shown = max(min(self.size.height, COMPLETION_ROWS_MAX), 1)
        return min(max(self.chosen - shown + 1, 0), max(len(self.rows) - shown, 0))

    def render(self) -> Content:
        """The rows, their hints in one column."""
        width = self.size.width
        column = max((len(row.label) for row in self.rows), default=0) + _LEFT + _GAP
        first = self._first
        lines = []
        for index, row in enumerate(self.rows[first : first + max(self.size.height, 1)], first):
            mark = signs().prompt if index == self.chosen else " "
            label = f" {mark} {row.label}".ljust(column)
            text = f"{label}{row.hint}"[:width].ljust(width)
            line = Content(text).stylize("$muted", min(len(label), width))
            lines.append(line.stylize("$accent bold", 0, len(label)) if index == self.chosen else line)
        return Content("\n").join(lines)


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
        if event.y < min(len(self.waiting), WAITING_ROWS_MAX):
            self.post_message(self.TakenBack(self.waiting[event.y].id))

    def get_content_height(self, container: object, viewport: object, width: int) -> int:
        """One line for each message, and one that counts those above `WAITING_ROWS_MAX`."""
        return min(len(self.waiting), WAITING_ROWS_MAX + 1)

    def render(self) -> Content:
        """The messages, and at the right of the first what the keys do with them."""
        width = self.size.width
        lines = []
        for index, message in enumerate(self.waiting[:WAITING_ROWS_MAX]):
            hint = Content(f"  {self.hint} ").stylize("$muted") if index == 0 else Content("")
            label = f"   {_WAITING_LABEL} {signs().prompt} "
            text = fitted(" ".join(message.text.split()), width - len(label) - hint.cell_length)
            lines.append(spread(Content.assemble((label, "$muted"), text), hint, width))
        if len(self.waiting) > WAITING_ROWS_MAX:
            more = len(self.waiting) - WAITING_ROWS_MAX
            lines.append(Content(f"   and {more} more").stylize("$muted"))
        return Content("\n").join(lines)


class Composer(Vertical):
    """What is told, banners, the queue, completions and the prompt, from top to bottom; each takes room only when it is
    needed, but for the first: a blank line stands there anyway.

    Args:
        complete: the rows for what stands in the prompt; called at every change, so it has to be quick.
        keymap: binding id -> keys, as the user chose them.
        line: shows what is told; otherwise the chip, where the prompt has no box.
    """

    marker: reactive[str] = reactive("", init=False)
    """What is being written, where it is no new message, such as `editing`."""
    chip: reactive[ChipShown | None] = reactive(None, init=False)
    """What the message will become: in the lower border of the box, or in the line where there is no box."""

    class Typed(Message):
        """What stands in the prompt changed."""

        def can_replace(self, message: Message) -> bool:
            """One of several is enough."""
            return isinstance(message, Composer.Typed)

    def __init__(
        self, complete: Callable[[str], Sequence[CompletionRow]], keymap: Mapping[str, str], line: NoticeLine
    ) -> None:
        super().__init__(id="composer")
        self._complete = complete
        self._banners: dict[BannerSlot, Banner] = {}
        self._closed_at: str | None = None
        self.notice_line = line
        line.otherwise = self._chip_without_box
        self.banner = BannerBar()
        self.queue = QueueList()
        self.completion = Completion()
        self.prompt = Prompt(PLACEHOLDER, keymap)
        self._mark = Static(signs().prompt, id="prompt-mark", markup=False)
        self._box = Horizontal(self._mark, self.prompt, id="prompt-box")

    def compose(self) -> ComposeResult:
        """The parts from top to bottom."""
        yield self.notice_line
        yield self.banner
        yield self.queue
        yield self.completion
        yield self._box

    def on_resize(self) -> None:
        """The chip moves where the box comes or goes, and has another width."""
        self.watch_chip()
        self.notice_line.refresh()

    def watch_chip(self) -> None:
        """Say what the message will become."""
        if self.chip is None:
            self._box.border_subtitle = None
        else:
            self._box.border_subtitle = chip_line(self.chip, max(self.size.width, 1) - BORDER_CELLS)
        if not self._box.styles.border_bottom[0]:
            self.notice_line.refresh()

    def _chip_without_box(self, width: int) -> Content:
        """The chip, where no border has it."""
        if self.chip is None or self._box.styles.border_bottom[0]:
            return Content("")
        line = chip_line(self.chip, width - CHIP_LEFT)
        return Content(" " * CHIP_LEFT) + line

    def watch_marker(self, marker: str) -> None:
        """Say before the prompt what is being written."""
        self._mark.update(f"{marker} {signs().prompt}" if marker else signs().prompt)
        self.set_class(bool(marker), "-marked")

    def set_banner(self, slot: BannerSlot, banner: Banner | None) -> None:
        """Say something above the prompt until it is no longer true; None takes it away."""
        if banner is None:
            self._banners.pop(slot, None)
        else:
            self._banners[slot] = banner
        self.banner.shown = next((self._banners[one] for one in get_args(BannerSlot) if one in self._banners), None)

    def put_before(self, text: str) -> None:
        """Put `text` into the prompt, before what is being written there."""
        self.prompt.fill(f"{text}\n\n{self.prompt.text}" if self.prompt.text else text)
        self.prompt.focus()

    def complete_again(self) -> None:
        """What the prompt may become is not what it was a moment ago; what the user chose stays chosen."""
        if self.prompt.text != self._closed_at:
            chosen = self.completion.row
            self._show_completions(self._complete(self.prompt.text))
            if chosen is not None:
                self.completion.choose(chosen.text)
            self.post_message(self.Typed())

    def close_completion(self) -> bool:
        """Hide the completions until the text changes; False where none were shown."""
        shown = self.prompt.completing
        self._closed_at = self.prompt.text
        self._show_completions(())
        return shown

    def _show_completions(self, rows: Sequence[CompletionRow]) -> None:
        self.completion.rows = tuple(rows)
        self.prompt.completing = bool(rows)

    @on(Prompt.Changed)
    def _complete_what_is_written(self, event: Prompt.Changed) -> None:
        event.stop()
        self._closed_at = None
        self._show_completions(self._complete(self.prompt.text))
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
        self._show_completions(self._complete(event.text))
        row = self.completion.row
        self._show_completions(())
        self.post_message(Prompt.Submitted(row.text.strip() if row is not None else event.text))

    @on(Completion.Picked)
    def _take_clicked(self, event: Completion.Picked) -> None:
        event.stop()
        self.prompt.focus()
        self.prompt.fill(event.row.text)
