"""The line that words to be found are typed into, with how many there are at its right."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal
from textual.message import Message
from textual.widgets import Input, Static

from tale_tui.ui.keys import binding
from tale_tui.ui.widgets.line_input import LineInput


class FindLine(LineInput):
    """Where the words are typed; its keys go from place to place."""

    BINDING_GROUP_TITLE = "While words are found"
    # Before those of every Input, for which enter is another thing. The arrows are for terminals that do not tell
    # shift+enter from enter.
    BINDINGS: ClassVar[list[BindingType]] = [
        binding("find.next", "enter", "move(1)", "Next", "The next place that has the words", priority=True),
        binding("find.previous", "shift+enter", "move(-1)", "Before", "The place before", priority=True),
        binding("find.down", "down", "move(1)", "Next", "The next place that has the words", priority=True),
        binding("find.up", "up", "move(-1)", "Before", "The place before", priority=True),
    ]

    def action_move(self, step: int) -> None:
        """Ask for the next place, or for the one before."""
        self.post_message(FindBar.Moved(step))


class FindBar(Horizontal):
    """Shown while something is looked for. `Changed` and `Moved` go out; what was found comes in by `tell`."""

    DEFAULT_CSS = """
    FindBar {
        height: 1;
        width: 1fr;
        max-width: 104;
        padding: 0 1;
        .find--label { width: auto; color: $accent; margin-right: 1; }
        .find--count { width: 22; text-align: right; color: $muted; }
        FindLine { width: 1fr; background: transparent; padding: 0; }
    }
    """

    @dataclass
    class Changed(Message):
        """Other words are looked for."""

        words: str

    @dataclass
    class Moved(Message):
        """The next place (1) or the one before (-1) is wanted."""

        step: int

    def __init__(self) -> None:
        super().__init__(id="find")
        self.display = False
        self.line = FindLine(placeholder="words to find")
        self._count = Static("", classes="find--count", markup=False)

    def compose(self) -> ComposeResult:
        # The line comes with the first words that are looked for. An Input asks for the screen in front as soon as it
        # is made, and where tasks begin at once (Python 3.12 and later) the first screen is not in front by then.
        yield Static("find", classes="find--label", markup=False)
        yield self._count

    def open(self, words: str = "") -> None:
        """Show it with words; without any, with those that were found last, to be typed over."""
        self.display = True
        if not self.line.is_attached:
            self.mount(self.line, before=self._count)
        # At once: what is typed next belongs to the line.
        self.screen.set_focus(self.line)
        if words:
            self.line.value = words
            self.line.action_end()
        else:
            self.line.select_all()
        self.post_message(self.Changed(self.line.value))

    def close(self) -> None:
        """Hide it."""
        self.display = False

    def tell(self, number: int, turns: int) -> None:
        """Say in which of how many turns the place is; of none where there is none."""
        nothing = "not here" if self.line.value else ""
        self._count.update(f"turn {number} of {turns}" if turns else nothing)

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        event.stop()
        if self.display:
            self.post_message(self.Changed(event.value))
