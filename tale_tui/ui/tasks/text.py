"""What a task writes or wrote, passage by passage: turns with headers of their own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual.binding import BindingType
from textual.message import Message as TextualMessage

from tale_tui.domain.conversation import Author, Message, MessageState
from tale_tui.ui.keys import binding
from tale_tui.ui.markdown.lines import MUTED, STRONG, CopyCode, RenderedLines, Target, TextPart
from tale_tui.ui.markdown.wrap import cells
from tale_tui.ui.text import fitted, plain_line
from tale_tui.ui.transcript import parts
from tale_tui.ui.transcript.layout import TOP
from tale_tui.ui.transcript.scroll_view import TurnScrollView
from tale_tui.ui.transcript.turn import RenderContext, TurnBlock

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
    """A passage and its lines."""

    __slots__ = ("passage",)

    def __init__(self, passage: Passage) -> None:
        super().__init__(_message(passage))
        self.passage = passage

    def _head(self, context: RenderContext) -> RenderedLines:
        width = self._width
        title, note = header(plain_line(self.passage.title).plain, plain_line(self.passage.note).plain, width)
        gap = TextPart(" " * max(width - cells(title) - cells(note), 0))
        return parts.head((TextPart(title, MUTED | STRONG, 0), gap, TextPart(note, MUTED)), width, begins_view=False)


def header(title: str, note: str, width: int) -> tuple[str, str]:
    """Title and note of a passage as they fit beside each other: a short title leaves its room to the note."""
    note = fitted(note, max(width // 2, width - cells(title) - _GAP, 0))
    return fitted(title, max(width - cells(note) - _GAP, 1)), note


def is_ahead(came: str, stored: str, thinking: str) -> bool:
    """Whether the text that streamed in is ahead of what was stored, and did not turn out to be the thinking."""
    return came.startswith(stored) and not (came and thinking and not stored)


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


class TaskText(TurnScrollView):
    """Passages that can be read, selected and copied while the last one grows."""

    BINDING_GROUP_TITLE = "In a task"
    BINDINGS: ClassVar[list[BindingType]] = [
        binding("task.up", "up,k", "lines(-1)", "Up", "One line up"),
        binding("task.down", "down,j", "lines(1)", "Down", "One line down"),
        binding("task.page_up", "pageup", "page(-1)", "Page up", "One page up"),
        binding("task.page_down", "pagedown", "page(1)", "Page down", "One page down"),
        binding("task.first", "home", "home", "Top", "To the first line"),
        binding("task.last", "end", "end", "End", "To the last line, and follow what comes"),
        binding("task.thinking", "t", "think", "Thoughts", "Open or close what the model thought"),
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

    def show(self, passages: Sequence[Passage], *, follow: bool, anew: bool = False) -> None:
        """Show these passages. What is being read stays where it is, unless it is another task.

        Args:
            passages: in order.
            follow: whether the end is followed where they are shown for the first time.
            anew: whether nothing of what was shown belongs to them.
        """
        shown = [turn.content.message.id for turn in self.turn_layout.turns]
        same = 0
        while not anew and same < min(len(shown), len(passages)) and shown[same] == passages[same].key:
            self._renew(self.turn_layout.turns[same], passages[same])
            same += 1
        fresh = anew or same == 0
        if same < len(shown):
            self.turn_layout.cut(same)
        for passage in passages[same:]:
            self.turn_layout.add(PassageTurn(passage))
        if fresh:
            self.following = follow
            self.unseen = False
            self.top = TOP
        if same < len(shown) or fresh:
            self.top = min(self.top, TOP) if not self.turn_layout.turns else self.top
            if self.top.turn >= len(self.turn_layout.turns):
                self.top = TOP
            self.lines_replaced()
        self.throttle.run()

    def _renew(self, turn: TurnBlock, passage: Passage) -> None:
        if not isinstance(turn, PassageTurn) or turn.passage == passage:
            return
        ahead = passage.growing and is_ahead(turn.content.text, passage.text, passage.thinking)
        message = _message(passage)
        turn.passage = passage
        if not ahead:
            turn.replace(message)
        elif self.turn_layout.context is not None:
            turn.refresh_head(self.turn_layout.context)

    def stream(self, key: str, text: str, *, thinking: bool) -> None:
        """More of the passage `key`; nothing happens where there is none."""
        (self.stream_thinking if thinking else self.stream_text)(key, text)

    # keys and the mouse

    def action_lines(self, step: int) -> None:
        """Scroll one line."""
        self.scroll_lines(step)

    def action_think(self) -> None:
        """Open or close the thoughts of the last passage that has some."""
        turn = next((turn for turn in reversed(self.turn_layout.turns) if turn.content.thinking), None)
        if turn is not None:
            self.unfold(turn, parts.THINKING)

    def activate(self, turn: TurnBlock, target: Target | None) -> None:
        """Do what is written where the click was."""
        if isinstance(target, CopyCode):
            self.post_message(self.CopyWanted(turn.codes[target.number]))
        else:
            super().activate(turn, target)
