"""A turn: what it says, as it grows, and the lines that show it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tale_tui.ui.markdown.lines import Line, RenderedLines, TextPart
from tale_tui.ui.text import plain
from tale_tui.ui.transcript import parts
from tale_tui.ui.transcript.parts import FrameTime, header

if TYPE_CHECKING:
    from tale_tui.domain.conversation import Message
    from tale_tui.ui.markdown.layout import Body
    from tale_tui.ui.transcript.parts import LiveFigures


class TurnText:
    """A message and what has come of it since.

    Attributes:
        message: as it was given last.
        live: how far it is, while it is made.
        thinking: what the model thought; safe text.
        edition: another number when the text is not the old one with more at its end.
        thoughts_edition: the same for `thinking`.
        length: characters of the text.
        line_feeds: in the text.
    """

    __slots__ = (
        "_fresh",
        "_text",
        "_thought_span",
        "_thought_tokens",
        "edition",
        "length",
        "line_feeds",
        "live",
        "message",
        "thinking",
        "thoughts_edition",
    )

    def __init__(self, message: Message) -> None:
        self.message = message
        self.live: LiveFigures | None = None
        self.thinking = message.thinking
        self.edition = self.thoughts_edition = 0
        self.length, self.line_feeds = len(message.text), message.text.count("\n")
        self._text = message.text
        self._fresh: list[str] | tuple[()] = ()
        """What has come and is not joined to the text yet."""
        self._thought_span: tuple[float, float] | None = None
        self._thought_tokens = 0

    @property
    def text(self) -> str:
        """All of it so far; a reply as Markdown."""
        if self._fresh:
            self._text += "".join(self._fresh)
            self._fresh = ()
        return self._text

    @property
    def thought_took(self) -> tuple[float, int] | None:
        """Seconds and tokens that were thought, where that was seen."""
        if self._thought_span is None:
            return None
        start, end = self._thought_span
        return end - start, self._thought_tokens

    def append(self, text: str) -> None:
        """More of the answer."""
        if not self._fresh:
            self._fresh = []
        self._fresh.append(plain(text).plain)
        self.length += len(self._fresh[-1])
        self.line_feeds += text.count("\n")

    def think(self, text: str, monotonic: float) -> None:
        """More of what the model thinks, at `monotonic`."""
        self._thought_span = (self._thought_span[0] if self._thought_span else monotonic, monotonic)
        self.thinking += plain(text).plain

    def set_live(self, live: LiveFigures | None) -> None:
        """How far the reply is; how many tokens were thought is remembered."""
        if live is not None and live.phase == "thinking":
            self._thought_tokens = live.tokens
        self.live = live

    def replace(self, message: Message) -> None:
        """The message as it is now."""
        if not message.text.startswith(self.text):
            self.edition += 1
        if not message.thinking.startswith(self.thinking):
            self.thoughts_edition += 1
        self._text, self.thinking = message.text, message.thinking
        self.length, self.line_feeds = len(message.text), message.text.count("\n")
        self.message = message


TEXT_SHOWN = 250_000
"""Characters of a message that are shown before the reader asks for more; copying always gives all."""

SLICE = 32_000
"""Characters that are read at once (about 20 ms): a longer message appears in several steps."""

LINES_AROUND = 2
"""Lines of a turn besides its text: the header, and the empty line below."""

HEAD, THOUGHT, BODY, FOOT = range(4)


@dataclass(frozen=True, slots=True)
class RenderContext:
    """How turns are drawn now.

    Attributes:
        width: cells of the text column.
        moment: tells the present.
        think_key: the key that opens and closes thoughts.
        go_on_key: the key that goes on with a reply that broke off.
        open_key: the key that shows all of a card's text, and folds it.
        retry_key: the key that tries a task again.
        resume_key: the key that goes on with a paused task.
        reclassify_key: the key that makes talk of a task and a task of talk.
        same_model: whether tasks are done by the model that talks.
    """

    width: int
    moment: Callable[[], FrameTime]
    think_key: str = "t"
    go_on_key: str = "g"
    open_key: str = "enter"
    retry_key: str = "r"
    resume_key: str = "space"
    reclassify_key: str = "F8"
    same_model: bool = False


class TurnBlock:
    """A message and its lines.

    Args:
        message: as it is now.
        content: what has come of it, where that is known already.

    Attributes:
        content: what it says.
        whole: whether all of it is set on lines; who changes anything takes it back.
        keys: what the line below it says while it is chosen; empty for an empty line.
        offer: whether the line below it offers to make a task of it.
        begins_view: whether the model is shown nothing that is above it.
        unfolded: what is shown whole, by the names that `Unfold` has.
        height: lines at the width that it was last set for, else an estimate.
        sheets: its lines and rows, by part; empty while it has none.
    """

    __slots__ = (
        "_body",
        "_body_edition",
        "_fed",
        "_thoughts",
        "_thoughts_edition",
        "_thoughts_fed",
        "_width",
        "begins_view",
        "content",
        "height",
        "keys",
        "offer",
        "sheets",
        "unfolded",
        "whole",
    )

    def __init__(self, message: Message, content: TurnText | None = None) -> None:
        self.content = content or TurnText(message)
        self.whole = False
        self.keys: tuple[TextPart, ...] = ()
        self.offer = False
        self.begins_view = False
        self.unfolded: frozenset[str] = frozenset()
        self.height = 0
        self._width = 0
        self.sheets: list[RenderedLines] | tuple[()] = ()
        self._body: Body | None = None
        self._body_edition = 0
        self._fed = 0
        self._thoughts: Body | None = None
        self._thoughts_edition = 0
        self._thoughts_fed = 0

    # what it says

    @property
    def growing(self) -> bool:
        """Whether more of it may come and is shown."""
        return self.content.message.state == "streaming"

    @property
    def written(self) -> str:
        """The text that is shown."""
        return self.content.text

    def append(self, text: str) -> None:
        """More of the text."""
        self.content.append(text)
        self.whole = False

    def think(self, text: str, monotonic: float) -> None:
        """More of what the model thinks, at `monotonic`."""
        self.content.think(text, monotonic)
        self.whole = False

    def set_live(self, live: LiveFigures | None) -> None:
        """How far it is; None when it is not being made any more."""
        self.content.set_live(live)
        self.whole = False

    def replace(self, message: Message) -> None:
        """The message as it is now."""
        self.content.replace(message)
        self.whole = False

    # its lines

    def estimate(self, width: int) -> int:
        """About how many lines it will have; no work that depends on its length."""
        return self.content.line_feeds + self.content.length // max(width, 1) + 1 + LINES_AROUND

    def forget(self) -> None:
        """Give the lines back; the height stays as it was found."""
        self.sheets, self._body, self._thoughts = (), None, None
        self._fed = self._thoughts_fed = 0
        self.whole = False

    def lay_out(self, context: RenderContext) -> None:
        """Bring the lines up to date; `whole` tells whether a further call is needed."""
        if context.width != self._width:
            self.forget()
            self._width = context.width
        whole = self._lay_body()
        self.sheets = [self._head(context), self._thought(context), self._middle(), self._foot(context)]
        self.height = sum(len(sheet.lines) for sheet in self.sheets)
        self.whole = whole

    def refresh_head(self, context: RenderContext) -> None:
        """Draw the first line anew, for another time or another picture of the spinner."""
        if self.sheets:
            self.sheets[HEAD] = self._head(context)

    def refresh_foot(self, context: RenderContext) -> None:
        """Draw the last lines anew, for other keys."""
        if self.sheets:
            self.sheets[FOOT] = self._foot(context)

    def line(self, number: int) -> tuple[int, Line]:
        """Line `number` from the top, and the part that it is of."""
        for part, sheet in enumerate(self.sheets):
            if number < len(sheet.lines):
                return part, sheet.lines[number]
            number -= len(sheet.lines)
        raise IndexError(number)

    def first_line(self, part: int) -> int:
        """The number of the first line of a part."""
        return sum(len(sheet.lines) for sheet in self.sheets[:part])

    @property
    def codes(self) -> list[str]:
        """The text of each block of code, as it was written."""
        return self.sheets[BODY].codes

    # its parts

    def _lay_body(self) -> bool:
        from tale_tui.ui.markdown.document import MarkdownDocument, VerbatimDocument
        from tale_tui.ui.markdown.layout import Body, Options

        if self._body is None or self._body_edition != self.content.edition:
            document = VerbatimDocument() if self.content.message.author == "user" else MarkdownDocument()
            self._body, self._fed = Body(document, Options(self._width, unfolded=self.unfolded)), 0
            self._body_edition = self.content.edition
        end = min(self._shown, self._fed + SLICE)
        if end > self._fed:
            self._body.document.feed(plain(self.written[self._fed : end]).plain)
            self._fed = end
        whole = self._fed >= self._shown
        self._body.update(finished=whole and not self.growing)
        return whole

    @property
    def _shown(self) -> int:
        """How many characters are shown."""
        length = len(self.written)
        return length if parts.ALL_TEXT in self.unfolded else min(length, TEXT_SHOWN)

    @property
    def left_out(self) -> int:
        """Characters that are not shown, once all that is shown is set."""
        return len(self.written) - self._shown if self._fed >= self._shown else 0

    def _head(self, context: RenderContext) -> RenderedLines:
        pieces = header(self.content.message, self.content.live, context.moment(), self._width, context.go_on_key)
        return parts.head(pieces, self._width, begins_view=self.begins_view)

    def _thought(self, context: RenderContext) -> RenderedLines:
        if not self.content.thinking:
            return RenderedLines()
        opened = parts.THINKING in self.unfolded
        busy = self.growing and not self.content.text
        sheet = parts.thought(
            self.content.thinking, self.content.thought_took, context.think_key, opened=opened, busy=busy
        )
        if opened:
            self._lay_thoughts(finished=not busy)
            parts.join(sheet, self._thoughts.sheet if self._thoughts else RenderedLines())
        return sheet

    def _lay_thoughts(self, *, finished: bool) -> None:
        from tale_tui.ui.markdown.document import VerbatimDocument
        from tale_tui.ui.markdown.layout import Body, Options
        from tale_tui.ui.markdown.lines import MUTED

        if self._thoughts is None or self._thoughts_edition != self.content.thoughts_edition:
            self._thoughts = Body(VerbatimDocument(), Options(self._width, MUTED))
            self._thoughts_fed = 0
            self._thoughts_edition = self.content.thoughts_edition
        end = min(len(self.content.thinking), TEXT_SHOWN)
        self._thoughts.document.feed(plain(self.content.thinking[self._thoughts_fed : end]).plain)
        self._thoughts_fed = end
        self._thoughts.update(finished=finished)

    def _middle(self) -> RenderedLines:
        """The text, or what stands in its place."""
        if self._body is not None and self._body.sheet.lines:
            return self._body.sheet
        if not self.growing:
            return RenderedLines() if self.content.message.error else parts.no_text()
        return RenderedLines() if self.content.thinking else parts.indicator(self.content.live)

    def _foot(self, context: RenderContext) -> RenderedLines:
        notes = [parts.offer(context.reclassify_key)] if self.offer else []
        return parts.foot(self.content.message.error, self.left_out, self.keys, self._width, notes)
