"""What a task writes or wrote, passage by passage: the paper of the transcript with headers of its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual import events
from textual.binding import BindingType
from textual.message import Message as TextualMessage

from tale_tui.domain.conversation import Author, Message, MessageState
from tale_tui.ui.keys import binding
from tale_tui.ui.markdown.lines import MUTED, STRONG, CopyCode, Link, RenderedLines, TextPart, Unfold
from tale_tui.ui.markdown.wrap import cells
from tale_tui.ui.text import plain_line
from tale_tui.ui.transcript import parts
from tale_tui.ui.transcript.feed import FedPaper
from tale_tui.ui.transcript.layout import TOP
from tale_tui.ui.transcript.paint import Bar, LineStyle
from tale_tui.ui.transcript.turn import BODY, RenderContext, TurnBlock
from tale_tui.ui.widgets.line import fitted

_OVERLAP_LINES = 2
"""Lines that two screens have in common when a screen is scrolled."""
_GAP = 2


@dataclass(frozen=True, slots=True)
class Passage:
    """A text with a header."""

    key: str
    """Tells it from the others; another one for a text that is written anew."""
    title: str
    note: str = ""
    """Said quietly at the right of the header."""
    text: str = ""
    """Markdown, unless it is `literal`. Foreign text, as are the title and the note."""
    thinking: str = ""
    growing: bool = False
    """Whether more of it will come by `stream`."""
    literal: bool = False
    """Whether it is shown as it was written."""


class PassageTurn(TurnBlock):
    """A passage on paper."""

    __slots__ = ("passage",)

    def __init__(self, passage: Passage) -> None:
        super().__init__(_message(passage))
        self.passage = passage

    def _head(self, setting: RenderContext) -> RenderedLines:
        width = self._width
        title, note = header(plain_line(self.passage.title).plain, plain_line(self.passage.note).plain, width)
        gap = TextPart(" " * max(width - cells(title) - cells(note), 0))
        return parts.head((TextPart(title, MUTED | STRONG, 0), gap, TextPart(note, MUTED)), width, begins_view=False)


def header(title: str, note: str, width: int) -> tuple[str, str]:
    """Title and note of a passage as they fit beside each other: a short title leaves its room to the note."""
    note = fitted(note, max(width // 2, width - cells(title) - _GAP, 0))
    return fitted(title, max(width - cells(note) - _GAP, 1)), note


def _message(passage: Passage) -> Message:
    return Message(
        passage.key,
        "",
        None,
        Author.USER if passage.literal else Author.ASSISTANT,
        passage.text,
        0.0,
        MessageState.STREAMING if passage.growing else MessageState.COMPLETE,
        passage.thinking,
    )


class TaskText(FedPaper, can_focus=True, inherit_bindings=False):
    """Passages that can be read, selected and copied while the last one grows."""

    BINDING_GROUP_TITLE = "In a task"
    BINDINGS: ClassVar[list[BindingType]] = [
        binding("task.up", "up,k", "lines(-1)", "Up", "One line up"),
        binding("task.down", "down,j", "lines(1)", "Down", "One line down"),
        binding("task.page_up", "pageup", "page(-1)", "Page up", "One page up"),
        binding("task.page_down", "pagedown", "page(1)", "Page down", "One page down"),
        binding("task.first", "home,g", "home", "Top", "To the first line"),
        binding("task.last", "end,G", "end", "End", "To the last line, and follow what comes"),
        binding("task.thinking", "v", "think", "Thoughts", "Open or close what the model thought"),
    ]
    DEFAULT_CSS = """
    TaskText {
        height: 1fr;
        width: 1fr;
        & > .transcript--model { color: $task; }
    }
    """

    @dataclass
    class CopyWanted(TextualMessage):
        """A block of code is to be copied."""

        code: str

    @dataclass
    class LinkChosen(TextualMessage):
        """A link is to be opened."""

        url: str

    def on_resize(self) -> None:
        """Set all anew for another width."""
        self.fit()

    def show(self, passages: Sequence[Passage], *, follow: bool, anew: bool = False) -> None:
        """Show these passages. What is being read stays where it is, unless it is another task.

        Args:
            passages: in order.
            follow: whether the end is followed where they are shown for the first time.
            anew: whether nothing of what was shown belongs to them.
        """
        shown = [turn.message.id for turn in self.stack.turns]
        same = 0
        while not anew and same < min(len(shown), len(passages)) and shown[same] == passages[same].key:
            self._renew(self.stack.turns[same], passages[same])
            same += 1
        fresh = anew or same == 0
        if same < len(shown):
            self.stack.cut(same)
        for passage in passages[same:]:
            self.stack.add(PassageTurn(passage))
        if fresh:
            self.following = follow
            self.unseen = False
            self.top = TOP
        if same < len(shown) or fresh:
            self.top = min(self.top, TOP) if not self.stack.turns else self.top
            if self.top.turn >= len(self.stack):
                self.top = TOP
            self.reset()
        self.update_now()

    def _renew(self, turn: TurnBlock, passage: Passage) -> None:
        if not isinstance(turn, PassageTurn) or turn.passage == passage:
            return
        # What has streamed in is ahead of what was stored.
        ahead = passage.growing and turn.text.startswith(passage.text)
        message = _message(passage)
        turn.passage = passage
        if not ahead:
            turn.replace(message)
        elif self.stack.setting is not None:
            turn.refresh_head(self.stack.setting)

    def stream(self, key: str, text: str, *, thinking: bool) -> None:
        """More of the passage `key`; nothing happens where there is none."""
        (self.stream_thinking if thinking else self.stream_text)(key, text)

    def look(self, number: int) -> LineStyle:
        """No bars: one speaks alone."""
        return LineStyle(Bar.NONE)

    # keys and mouse

    def action_lines(self, step: int) -> None:
        """Scroll one line."""
        self.scroll_lines(step)

    def action_page(self, step: int) -> None:
        """Scroll one screen."""
        self.scroll_lines(step * max(self.size.height - _OVERLAP_LINES, 1))

    def action_home(self) -> None:
        """To the first line."""
        self.go_to(TOP)

    def action_end(self) -> None:
        """To the last line, and follow what comes."""
        self.following = True
        self.settle()

    def action_think(self) -> None:
        """Open or close the thoughts of the last passage that has some."""
        turn = next((turn for turn in reversed(self.stack.turns) if turn.thinking), None)
        if turn is not None:
            self._unfold(turn, parts.THINKING)

    def _unfold(self, turn: TurnBlock, name: str) -> None:
        turn.unfolded ^= frozenset({name})
        turn.forget()
        self.screen.clear_selection()
        self.go_to(self.top)

    def on_click(self, event: events.Click) -> None:
        """Do what is written where the click was; select a word or a row with two or three."""
        if event.chain > 1:
            event.prevent_default()
            (self.select_word if event.chain == 2 else self.select_row)(event.x, event.y)
            return
        shown, target = self.target_at(event.x, event.y)
        if self.on_hint(event.x, event.y):
            self.action_end()
        elif shown is not None and self.text_selection is None:
            turn = self.stack.turns[shown.turn]
            match target:
                case Link(url):
                    self.post_message(self.LinkChosen(url))
                case CopyCode(number):
                    self.post_message(self.CopyWanted(turn.sheet(BODY).codes[number]))
                case Unfold(name):
                    self._unfold(turn, name)
