"""What stands where a conversation will be: what can be written, what asks for the user, the last conversations.

Every row has its place from the first frame on: what is read later fills it, and nothing moves.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from textual import events
from textual.content import Content
from textual.message import Message
from textual.reactive import reactive
from textual.widget import Widget

from tale_tui.formatting.symbols import ASCII, signs
from tale_tui.ui.text import fitted, spread

SENTENCES = (
    "Write below. A question is answered at once.",
    "Work is handed over: it goes on by itself while you talk.",
)
EXAMPLES = (
    ("a message", "What is memoisation?"),
    ("a task", "Write a function for Fibonacci numbers, with tests"),
)
"""What a message may be, each with an example that a click puts into the prompt."""
ASKING_ROWS = 2
RECENT_ROWS = 3
_LABEL_CELLS = 12
_WIDTH, _SIDE = 72, 3
"""Cells of the block at most, and those that stay free at each side of it."""

_BESIDE = 8
"""Lines of the terminal that are not for the block: the first line, the prompt, the last line, and a notice."""

RowKind = Literal["example", "task", "session"]


@dataclass(frozen=True, slots=True)
class EmptyRow:
    """A row that leads somewhere. Its texts are safe."""

    key: str
    """The id of the task or of the conversation; of an example, its text."""
    title: str
    note: str = ""
    """At the right: what is asked, or when it was."""
    sign: str = ""


@dataclass(frozen=True, slots=True)
class _Line:
    """A line, and where a click on it leads."""

    content: Content
    kind: RowKind = "example"
    key: str = ""


def wordmark() -> tuple[str, ...]:
    """The name of the program, in lines of large letters where the terminal has them."""
    return ("tale",) if signs() is ASCII else ("▀█▀ ▄▀█ █   █▀▀", " █  █▀█ █▄▄ ██▄")


class EmptyState(Widget):
    """Shown while a conversation is empty; it takes no focus and no keys, and each of its rows can be clicked."""

    ALLOW_SELECT = False
    auto_links = False

    asking: reactive[tuple[EmptyRow, ...] | None] = reactive(None)
    """The tasks that go no further without the user; None while they are not known."""
    recent: reactive[tuple[EmptyRow, ...] | None] = reactive(None)
    """The conversations that were last used; None while they are not known."""

    @dataclass
    class RowChosen(Message):
        """A row was clicked."""

        kind: RowKind
        key: str

    def render(self) -> Content:
        """The lines in the middle, as a block of fixed size."""
        left, above, lines = self._placed()
        return Content("\n").join([Content("")] * above + [Content(" " * left) + line.content for line in lines])

    def on_click(self, event: events.Click) -> None:
        """Go where the row leads."""
        _, above, lines = self._placed()
        if above <= event.y < above + len(lines) and (line := lines[event.y - above]).key:
            self.post_message(self.RowChosen(line.kind, line.key))

    def _placed(self) -> tuple[int, int, list[_Line]]:
        """Cells before the lines, lines above them, and the lines.

        They go by the size of the terminal: what is told or completed below them covers lines, and moves none.
        """
        width = max(min(self.size.width - 2 * _SIDE, _WIDTH), 1)
        room = max(self.screen.size.height - _BESIDE, 1)
        lines = self._lines(width, room)
        return max((self.size.width - width) // 2, 0), max((room - len(lines)) // 2, 0), lines

    def _lines(self, width: int, room: int) -> list[_Line]:
        """As many parts as there is room for, the most wanted first."""
        name = [_Line(Content(line).stylize("$accent")) for line in wordmark()]
        sentences = [_Line(Content(fitted(line, width)).stylize("$muted")) for line in SENTENCES]
        examples = [_Line(_example(label, text, width), "example", text) for label, text in EXAMPLES]
        asking = _part("Needs you", self.asking, ASKING_ROWS, "Nothing waits for you.", "task", width)
        recent = _part("Last conversations", self.recent, RECENT_ROWS, "None yet.", "session", width)
        for parts in (
            (name, sentences, examples, asking, recent),
            (sentences, examples, asking, recent),
            (sentences, examples, asking),
            (sentences, examples),
            (sentences,),
        ):
            lines = [line for part in parts for line in (*part, _Line(Content("")))][:-1]
            if len(lines) <= room:
                return lines
        return sentences[:1]


def _example(label: str, text: str, width: int) -> Content:
    return Content.assemble((label.ljust(_LABEL_CELLS), "$muted"), fitted(text, max(width - _LABEL_CELLS, 0)))


def _part(
    title: str, rows: Sequence[EmptyRow] | None, places: int, nothing: str, kind: RowKind, width: int
) -> list[_Line]:
    """A heading and its rows: always as many lines."""
    more = len(rows) - places if rows else 0
    heading = Content.assemble((title, "bold"), (f"  and {more} more" if more > 0 else "", "$muted"))
    lines = [_Line(_row(row, width), kind, row.key) for row in (rows or ())[:places]]
    if rows is not None and not rows:
        lines = [_Line(Content(fitted(nothing, width)).stylize("$muted"))]
    return [_Line(heading), *lines, *[_Line(Content(""))] * (places - len(lines))]


def _row(row: EmptyRow, width: int) -> Content:
    sign = f"{row.sign} " if row.sign else ""
    note = fitted(row.note, width // 2)
    title = fitted(row.title, max(width - len(sign) - len(note) - 2, 0))
    return spread(Content.assemble((sign, "$warning"), title), Content(note).stylize("$muted"), width)
