"""Painting the transcript: the lines that are on the screen, and sending only those that change.

Strips go to the compositor as they were painted, past the cache of `Widget.render_lines`: a strip that keeps its
identity keeps the bytes that it was turned into, so scrolling costs next to nothing.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import ClassVar, NamedTuple

from textual.geometry import Region
from textual.reactive import reactive
from textual.scroll_view import ScrollView
from textual.strip import Strip

from tale_tui.formatting.symbols import ASCII, signs
from tale_tui.ui.markdown.lines import ACCENT, MUTED, PANEL, Line, TextPart
from tale_tui.ui.markdown.wrap import cells
from tale_tui.ui.transcript.header import is_ours
from tale_tui.ui.transcript.layout import TOP, TurnLayout
from tale_tui.ui.transcript.paint import COMPONENTS, LEFT, PANEL_COMPONENT, Bar, LineStyle, Painter, Palette
from tale_tui.ui.transcript.parts import with_caret
from tale_tui.ui.transcript.turn import BODY, FOOT, HEAD, TurnBlock

RIGHT = 2
"""Cells at the right of the text: a space and the scroll bar."""


class ShownLines(NamedTuple):
    """A line that is on the screen."""

    turn: int
    number: int
    """Of the line in its turn."""
    part: int
    line: Line


class TranscriptCanvas(ScrollView, can_focus=True, inherit_bindings=False):
    """Turns painted.

    Args:
        empty: what is said where there are no turns.
        clock: seconds since the epoch.
        monotonic: seconds of the clock that `LiveFigures.started` is of.
    """

    ALLOW_SELECT = True
    COMPONENT_CLASSES: ClassVar[set[str]] = {*COMPONENTS.values(), PANEL_COMPONENT}
    DEFAULT_CSS = """
    TranscriptCanvas {
        overflow-x: hidden;
        overflow-y: auto;
        scrollbar-gutter: stable;
        scrollbar-size-vertical: 1;
        & > .transcript--muted { color: $muted; }
        & > .transcript--user { color: $user; }
        & > .transcript--model { color: $ux; }
        & > .transcript--task { color: $task; }
        & > .transcript--success { color: $success; }
        & > .transcript--accent { color: $accent; }
        & > .transcript--error { color: $error; }
        & > .transcript--warning { color: $warning; }
        & > .transcript--code { color: $foreground; background: $panel; }
        & > .transcript--link { color: $foreground; }
        & > .transcript--heading { color: $foreground; }
        & > .transcript--marked { color: $background; background: $accent; }
        & > .transcript--panel { background: $surface; }
    }
    """

    code_theme: reactive[str] = reactive("", init=False)
    """The Pygments style for code; empty for the one of the theme."""

    def __init__(
        self,
        *,
        empty: str = "",
        clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
        id: str | None = None,  # noqa: A002  (Textual's own name for it)
        classes: str | None = None,
    ) -> None:
        super().__init__(id=id, classes=classes)
        self.auto_links = False
        self.stack = TurnLayout()
        self.top = TOP
        self.empty = empty
        self.clock = clock
        self.monotonic = monotonic
        self.unseen = False
        self._painter: Painter | None = None
        self._rows: list[Strip] | None = None

    # what subclasses add

    def look(self, number: int) -> LineStyle:
        """How a turn looks."""
        turn = self.stack.turns[number]
        if turn.is_card:
            return LineStyle(Bar.TASK)
        if is_ours(turn.message):
            return LineStyle(Bar.OURS)
        return LineStyle(Bar.USER if turn.message.author == "user" else Bar.MODEL)

    def keys_below(self) -> tuple[TextPart, ...]:
        """The keys of the chosen turn, where their line is below the screen; they take its last line then."""
        return ()

    def fit(self) -> None:
        """Follow the size of the widget."""

    def selected(self, shown: ShownLines) -> tuple[int, int] | None:
        """The part of a line's row that is selected; None for nothing."""
        return None

    def notify_style_update(self) -> None:
        """Other colours: paint anew."""
        super().notify_style_update()
        self.forget_paint()

    def watch_code_theme(self) -> None:
        """Other colours of code."""
        self.forget_paint()

    def forget_paint(self) -> None:
        """Paint everything anew."""
        self._painter = self._rows = None
        self.refresh()

    def repaint(self) -> None:
        """Send the lines that differ from those that are on the screen."""
        if not self.is_attached or not self.size:
            return
        before, rows = self._rows, self._paint_rows()
        self._rows = rows
        if before is None or len(before) != len(rows):
            self.refresh()
            return
        changed = [
            Region(0, y, _changed_cells(old, new), 1)
            for y, (old, new) in enumerate(zip(before, rows, strict=True))
            if old is not new and old != new
        ]
        if changed:
            self.refresh(*changed)

    def render_lines(self, crop: Region) -> list[Strip]:
        """The lines of the screen within `crop`."""
        self.fit()
        if self._rows is None:
            self._rows = self._paint_rows()
        blank = Strip.blank(self.size.width, self.rich_style)
        strips = [self._rows[y] if y < len(self._rows) else blank for y in crop.line_range]
        background = self.background_colors[1]
        for line_filter in self.get_line_filters():
            strips = [strip.apply_filter(line_filter, background) for strip in strips]
        if crop.column_span != (0, self.size.width):
            strips = [strip.crop(*crop.column_span) for strip in strips]
        return strips

    @property
    def painter(self) -> Painter:
        """Paints in the colours of now."""
        if self._painter is None:
            theme = self.code_theme or self.app.theme_variables.get("code-theme", "")
            self._painter = Painter(Palette(self, theme), self.size.width)
        return self._painter

    def shown(self) -> Iterator[ShownLines]:
        """The lines on the screen from top to bottom, as far as there are turns."""
        left = self.size.height
        number, line = self.top
        while left > 0 and number < len(self.stack):
            turn = self.stack.seen(number)
            for place in range(line, min(turn.height, line + left)):
                yield ShownLines(number, place, *turn.line(place))
            left -= max(turn.height - line, 0)
            number, line = number + 1, 0

    def _paint_rows(self) -> list[Strip]:
        painter, height = self.painter, self.size.height
        rows: list[Strip] = []
        looks: dict[int, LineStyle] = {}
        for shown in self.shown():
            turn = self.stack.turns[shown.turn]
            if (look := looks.get(shown.turn)) is None:
                look = looks[shown.turn] = self.look(shown.turn)
            rows.append(self._row(painter, turn, shown, look))
        if not rows:
            rows = self._say_empty(painter, height)
        rows += [painter.blank] * (height - len(rows))
        if rows and (keys := self.keys_below()):
            rows[-1] = painter.strip(Line(keys, 0), LineStyle(Bar.CHOSEN))
        if self.unseen and rows:
            rows[-1] = painter.over(rows[-1], *self._hint())
        return rows

    def _row(self, painter: Painter, turn: TurnBlock, shown: ShownLines, look: LineStyle) -> Strip:
        last = shown.part == FOOT and shown.number == turn.height - 1
        if (last and not turn.keys) or (shown.part == HEAD and shown.number < turn.first_line(HEAD + 1) - 1):
            look = look._replace(bar=Bar.NONE)
        if (selected := self.selected(shown)) is not None:
            return painter.paint(shown.line, look, selected)
        if shown.part == BODY and turn.growing and turn.text and shown.number == turn.first_line(FOOT) - 1:
            width = self.stack.setting.width if self.stack.setting else 0
            return painter.paint(with_caret(shown.line, width), look)
        return painter.strip(shown.line, look)

    def _say_empty(self, painter: Painter, height: int) -> list[Strip]:
        if not self.empty:
            return []
        words = self.empty[: max(self.size.width - LEFT, 0)]
        return [painter.blank] * min(1, height - 1) + [painter.plain((TextPart(words, MUTED),))]

    def on_hint(self, x: int, y: int) -> bool:
        """Whether a cell of the screen belongs to the hint that there is more below."""
        hint, start = self._hint()
        return self.unseen and y == self.size.height - 1 and start <= x < start + cells(hint.text)

    def _hint(self) -> tuple[TextPart, int]:
        """The hint, and the cell where it begins: it ends where the text column does."""
        arrow = "v" if signs() == ASCII else "↓"
        hint = TextPart(f" {arrow} more below {signs().dot} end ", PANEL | ACCENT)
        width = self.stack.setting.width if self.stack.setting else 0
        return hint, LEFT + width - cells(hint.text)


def _changed_cells(old: Strip, new: Strip) -> int:
    """How many cells from the left have to be sent for `new` to replace `old`: not the blanks that both end with."""
    ends = [list(strip)[-1] for strip in (old, new) if strip]
    if len(ends) == 2 and ends[0].style == ends[1].style:
        blanks = [len(end.text) - len(end.text.rstrip(" ")) for end in ends]
        return max(new.cell_length - min(blanks), 1)
    return new.cell_length
