"""Turns in a view that can be scrolled: painted, selected, and growing while text streams in.

The reader's position is a line of a turn (`TurnLayout`), never a number of lines from the top: what is set anew above
it, or turns out higher than was thought, moves the scroll bar and not the text.

Strips go to the compositor as they were painted, past the cache of `Widget.render_lines`: a strip that keeps its
identity keeps the bytes that it was turned into, so scrolling costs next to nothing.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import ceil
from typing import TYPE_CHECKING, ClassVar

from textual import events
from textual.geometry import Region, Size
from textual.message import Message as TextualMessage
from textual.reactive import reactive
from textual.scroll_view import ScrollView
from textual.selection import Selection
from textual.strip import Strip

from tale_tui.formatting.symbols import ASCII, signs
from tale_tui.ui.markdown.lines import ACCENT, MUTED, PANEL, Line, Link, Target, TextPart, Unfold
from tale_tui.ui.markdown.wrap import cells
from tale_tui.ui.transcript.find import Found, Place, TurnFinder
from tale_tui.ui.transcript.layout import TOP, ScrollAnchor, ScrollPosition, ShownLine, TurnLayout
from tale_tui.ui.transcript.paint import (
    COLUMN,
    COMPONENTS,
    LEFT,
    PANEL_COMPONENT,
    Bar,
    LineStyle,
    Painter,
    Palette,
    changed_regions,
    target_in,
)
from tale_tui.ui.transcript.parts import FrameTime, with_caret
from tale_tui.ui.transcript.text_selection import TextSelection, placed_strip
from tale_tui.ui.transcript.throttle import RepaintThrottle
from tale_tui.ui.transcript.turn import BODY, FOOT, HEAD, RenderContext, TurnBlock

if TYPE_CHECKING:
    from textual.scrollbar import ScrollDown, ScrollTo, ScrollUp

RIGHT = 2
"""Cells at the right of the text: a space and the scroll bar."""
OVERLAP_LINES = 2
"""Lines that two screens have in common when a screen is scrolled."""
_NARROWEST = 8
_NEAR_SCREENS = 3
"""A scroll over at most so many screens sets every turn on the way, so that it goes as far as it should to the line."""
_ABOVE_FOUND = 3
"""Of the screen, what stands above the words that were found: a third."""
_EIGHTHS = 8
"""The scroll bar is drawn in eighths of a cell."""
_TRIPLE_CLICK = 3
"""Clicks in a row that select one."""
_CLOCK_INTERVAL_S = 30.0
"""Between two looks at the clock for headers that say how long ago something was."""


class TurnScrollView(ScrollView, can_focus=True, inherit_bindings=False):
    """Turns, one above the other.

    Args:
        empty: what is said where there are no turns.
        clock: seconds since the epoch.
        monotonic: seconds of the clock that `LiveFigures.started` is of.

    Attributes:
        turn_layout: the turns.
        top: what is at the top of the screen.
        unseen: whether text has come below the screen.
        finder: words that are looked for.
        scroll_anchor: holds the words at the top when the width changes.
    """

    ALLOW_SELECT = True
    COMPONENT_CLASSES: ClassVar[set[str]] = {*COMPONENTS.values(), PANEL_COMPONENT}
    DEFAULT_CSS = """
    TurnScrollView {
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
    following: reactive[bool] = reactive(True, init=False, repaint=False)
    """Whether the last line is held at the bottom while text comes."""

    @dataclass
    class LinkChosen(TextualMessage):
        """The reader wants a link to be opened."""

        url: str
        """Begins with http, https or mailto."""

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
        self.turn_layout = TurnLayout()
        self.top = TOP
        self.empty = empty
        self.clock = clock
        self.monotonic = monotonic
        self.unseen = False
        self.scroll_anchor = ScrollAnchor(self.turn_layout)
        self.finder = TurnFinder(self.turn_layout)
        self._selection = TextSelection(self.turn_layout)
        self.throttle = RepaintThrottle(self, self.update_view, self._unfinished, monotonic)
        self._painter: Painter | None = None
        self._rows: list[Strip] | None = None
        self._fitted = Size(0, 0)

    # what subclasses say

    def context(self, width: int) -> RenderContext:
        """How turns of this width are drawn now."""
        return RenderContext(width, lambda: FrameTime(self.clock(), self.monotonic()))

    def line_style(self, number: int) -> LineStyle:
        """What the lines of a turn look like."""
        return LineStyle(Bar.NONE)

    def first_lines(self) -> tuple[tuple[TextPart, ...], ...]:
        """What takes the first lines of the screen; empty where these show a turn as well."""
        return ()

    def last_line(self) -> tuple[TextPart, ...]:
        """What takes the last line of the screen; empty where that shows a turn as well."""
        return ()

    def activate(self, turn: TurnBlock, target: Target | None) -> None:
        """Do what a click on a turn is for."""
        match target:
            case Link(url):
                self.post_message(self.LinkChosen(url))
            case Unfold(name):
                self.unfold(turn, name)

    # bringing the screen up to date

    def update_view(self) -> None:
        """Bring what is on the screen up to date with the turns, and repaint the lines that have changed by it."""
        layout, height = self.turn_layout, self.size.height
        if height and layout.context is not None:
            self.top = layout.bottom(height) if self.following else layout.fill(layout.clamped(self.top), height)
            total, line = layout.height, layout.lines_above(self.top)
            if line + height >= total:
                self.unseen = False
            self._set_extent(total, line)
            self.repaint()
            layout.forget_far(range(self.top.turn, min(self.top.turn + height, len(layout.turns))))
        self.throttle.updated()

    def _unfinished(self) -> bool:
        return not all(self.turn_layout.turns[shown.turn].whole for shown in self.shown())

    def on_mount(self) -> None:
        """Keep the times in the headers true."""
        self.set_interval(_CLOCK_INTERVAL_S, self.refresh_headers)

    def refresh_headers(self) -> None:
        """Draw the headers on the screen anew, for another time."""
        layout = self.turn_layout
        if layout.context is None:
            return
        for number in {shown.turn for shown in self.shown()}:
            layout.turns[number].refresh_head(layout.context)
        self.repaint()

    def on_resize(self) -> None:
        """Set all anew for another width."""
        self.fit()

    def fit(self) -> None:
        """Follow the size of the widget; the words at the top stay the same."""
        size = self.size
        if size == self._fitted or not size:
            return
        self.scroll_anchor.take(self.top)
        if size.width != self._fitted.width:
            self.forget_paint()
            self.turn_layout.set_context(self.context(max(min(COLUMN, size.width - LEFT - RIGHT), _NARROWEST)))
        self._fitted = size
        self.top = self.scroll_anchor.find(self.top)
        self.update_view()
        self.scroll_anchor.leave(self.top)

    def _set_extent(self, total: int, line: int) -> None:
        """Tell Textual how high the transcript is and where the screen is in it, without a layout where it can be."""
        size = Size(self.size.width, total)
        if size != self.virtual_size:
            if (total > self.size.height) != self.show_vertical_scrollbar:
                self.virtual_size = size
            else:
                self.set_reactive(ScrollView.virtual_size, size)
        if line != self.scroll_y:
            self.set_reactive(ScrollView.scroll_y, line)
        self.set_reactive(ScrollView.scroll_target_y, line)
        self._set_bar(total, line)

    def watch_show_vertical_scrollbar(self, shown: bool) -> None:
        """Tell a bar that has come where the screen is: now, and after each layout, which tells the height alone."""
        if shown:
            self.watch(self.vertical_scrollbar, "window_virtual_size", self._correct_bar, init=False)
            self._correct_bar()

    def _correct_bar(self) -> None:
        self._set_bar(self.virtual_size.height, round(self.scroll_y))

    def _set_bar(self, total: int, line: int) -> None:
        """Move the scroll bar, where that can be seen: every move is sent to the terminal."""
        if not self.show_vertical_scrollbar:
            return
        window, bar = self.size.height, self.vertical_scrollbar
        if _handle(total, window, line) != _handle(bar.window_virtual_size, bar.window_size, bar.position):
            # The height last: `_correct_bar`, which is called with it, finds the bar as it is to be.
            bar.position, bar.window_size, bar.window_virtual_size = line, window, total

    # what comes

    def stream_text(self, message_id: str, delta: str) -> None:
        """More of a text."""
        if (turn := self.turn_layout.turn(message_id)) is not None and delta:
            first = not turn.content.text
            turn.append(delta)
            self.text_came()
            if first:
                self.throttle.run()

    def stream_thinking(self, message_id: str, delta: str) -> None:
        """More of what the model thinks before it writes."""
        if (turn := self.turn_layout.turn(message_id)) is not None and delta:
            turn.think(delta, self.monotonic())
            self.text_came()

    def text_came(self) -> None:
        """The last turn has grown: show it, or say that there is more below."""
        if not self.following and self.turn_layout.turns:
            self.unseen = True
            self.turn_layout.guess_last_height()
        self.throttle.request()

    def lines_replaced(self) -> None:
        """Other lines are shown: what belonged to the old ones ends."""
        self.scroll_anchor.forget()
        if self.is_attached:
            self.screen.clear_selection()

    def unfold(self, turn: TurnBlock, *names: str) -> None:
        """Show what is left out of a turn, or fold it again."""
        turn.unfolded ^= frozenset(names)
        turn.forget()
        self.lines_replaced()
        self.go_to(self.top)

    # painting

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
        before, self._rows = self._rows, self._paint_rows()
        if before is None or len(before) != len(self._rows):
            self.refresh()
        elif changed := changed_regions(before, self._rows):
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

    def shown(self) -> Iterator[ShownLine]:
        """The lines on the screen from top to bottom, as far as there are turns."""
        return self.turn_layout.shown(self.top, self.size.height)

    def _paint_rows(self) -> list[Strip]:
        painter, height = self.painter, self.size.height
        rows: list[Strip] = []
        styles: dict[int, LineStyle] = {}
        for shown in self.shown():
            if (style := styles.get(shown.turn)) is None:
                style = styles[shown.turn] = self.line_style(shown.turn)
            rows.append(self._row(painter, shown, style))
        if not rows:
            rows = self._empty_rows(painter, height)
        rows += [painter.blank] * (height - len(rows))
        for number, pieces in enumerate(self.first_lines()):
            rows[number] = painter.paint(Line(pieces, 0), self.line_style(self.top.turn))
        if rows and (last := self.last_line()):
            rows[-1] = painter.strip(Line(last, 0), LineStyle(Bar.CHOSEN))
        if self.unseen and rows:
            rows[-1] = painter.over(rows[-1], *self._hint())
        return rows

    def _row(self, painter: Painter, shown: ShownLine, style: LineStyle) -> Strip:
        turn = self.turn_layout.turns[shown.turn]
        last = shown.part == FOOT and shown.number == turn.height - 1
        if (last and not turn.keys) or (shown.part == HEAD and shown.number < turn.first_line(HEAD + 1) - 1):
            style = style._replace(bar=Bar.NONE)
        found = self.finder.marked(shown) if self.finder.active else None
        selected = self._selection.span(shown) if self._selection.current is not None else None
        if found is not None or selected is not None:
            return painter.paint(shown.line if found is None else Line(found, shown.line.row), style, selected)
        if shown.part == BODY and turn.growing and turn.content.text and shown.number == turn.first_line(FOOT) - 1:
            return painter.paint(with_caret(shown.line, self._text_width), style)
        return painter.strip(shown.line, style)

    def _empty_rows(self, painter: Painter, height: int) -> list[Strip]:
        if not self.empty:
            return []
        words = self.empty[: max(self.size.width - LEFT, 0)]
        return [painter.blank] * min(1, height - 1) + [painter.plain((TextPart(words, MUTED),))]

    @property
    def _text_width(self) -> int:
        return self.turn_layout.context.width if self.turn_layout.context else 0

    def _hint(self) -> tuple[TextPart, int]:
        """That there is more below, and the cell where the hint begins: it ends where the text column does."""
        arrow = "v" if signs() == ASCII else "↓"
        hint = TextPart(f" {arrow} more below {signs().dot} end ", PANEL | ACCENT)
        return hint, LEFT + self._text_width - cells(hint.text)

    def _on_hint(self, x: int, y: int) -> bool:
        hint, start = self._hint()
        return self.unseen and y == self.size.height - 1 and start <= x < start + cells(hint.text)

    # scrolling

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """The reader scrolled; or the widget grew, and Textual keeps the last line at its end: nobody scrolled."""
        if self.following and round(new_value) >= self.max_scroll_y:
            self.update_view()
            return
        lines = round(new_value) - self.turn_layout.lines_above(self.top)
        if lines:
            self.scroll_lines(lines)

    def scroll_lines(self, lines: int) -> None:
        """Scroll down by so many lines, or up; at the end the tail is followed again."""
        layout = self.turn_layout
        if abs(lines) <= _NEAR_SCREENS * self.size.height:
            self.go_to(layout.move(self.top, lines))
        else:
            self.go_to(layout.position_at(layout.lines_above(self.top) + lines))

    def go_to(self, position: ScrollPosition) -> None:
        """Bring a position to the top of the screen, or as near as the end allows."""
        height = self.size.height
        self.top = self.turn_layout.fill(position, height)
        self.following = self.turn_layout.lines_above(self.top) + height >= self.turn_layout.height
        self.update_view()

    def action_page(self, step: int) -> None:
        """Scroll one screen."""
        self.scroll_lines(step * self.page_lines)

    @property
    def page_lines(self) -> int:
        """Lines that a screen is scrolled by."""
        return max(self.size.height - OVERLAP_LINES, 1)

    def action_home(self) -> None:
        """To the first line."""
        self.go_to(TOP)

    def action_end(self) -> None:
        """To the last line, and follow what comes."""
        self.following = True
        self.update_view()

    def on_scroll_up(self, event: ScrollUp) -> None:
        """A click above the handle of the scroll bar."""
        event.prevent_default().stop()
        self.scroll_lines(-self.size.height)

    def on_scroll_down(self, event: ScrollDown) -> None:
        """A click below the handle of the scroll bar."""
        event.prevent_default().stop()
        self.scroll_lines(self.size.height)

    def on_scroll_to(self, event: ScrollTo) -> None:
        """The handle of the scroll bar is moved."""
        event.prevent_default().stop()
        if event.y is not None:
            self.scroll_y = event.y

    # finding

    def find(self, words: str, top: ScrollPosition) -> Found:
        """Look for words from a position on, mark them and show the first; empty words take the marks away."""
        self.finder.look_for(words)
        found = self.find_step(1, top.turn)
        if not words:
            self.repaint()
        return found

    def find_step(self, step: int, from_turn: int = 0) -> Found:
        """Show the next place that has the words, or the one before.

        Args:
            step: 1 or -1.
            from_turn: where it begins while none is shown.
        """
        found = self.finder.step(step, from_turn)
        if (place := self.finder.place) is not None:
            self.show_place(place)
        else:
            self.repaint()
        return found

    def show_place(self, place: Place) -> None:
        """Bring a place into sight, where it is not in sight already."""
        turn = self.turn_layout.laid_out(place.turn)
        line = self.finder.line_of(turn, place)
        if any((shown.turn, shown.number) == (place.turn, line) for shown in self.shown()):
            self.repaint()
        else:
            above = self.size.height // _ABOVE_FOUND
            self.go_to(self.turn_layout.move(ScrollPosition(place.turn, line), -above))

    # the mouse

    def target_at(self, x: int, y: int) -> tuple[ShownLine | None, Target | None]:
        """The line under a cell of the screen and what a click there does."""
        lines = list(self.shown())
        if not 0 <= y < len(lines):
            return None, None
        return lines[y], target_in(lines[y].line, x - LEFT)

    def on_click(self, event: events.Click) -> None:
        """Do what is written where the click was; select a word or a row with two or three."""
        shown, target = self.target_at(event.x, event.y)
        if event.chain > 1:
            event.prevent_default()
            whole_row = event.chain >= _TRIPLE_CLICK
            found = self._selection.around(shown, event.x, whole_row=whole_row) if shown is not None else None
            if found is not None:
                self.screen.selections = {self: found}
        elif self._on_hint(event.x, event.y):
            self.action_end()
        elif shown is not None and self.text_selection is None:
            self.activate(self.turn_layout.turns[shown.turn], target)

    def selection_updated(self, selection: Selection | None) -> None:
        """Show what is selected now."""
        self._selection.current = selection
        self.repaint()

    def get_selection(self, selection: Selection) -> tuple[str, str] | None:
        """What is selected, as it was written."""
        text = self._selection.text(selection)
        return None if text is None else (text, "\n")

    def render_line(self, y: int) -> Strip:
        """A line of the screen with the place of every character."""
        return placed_strip(list(self.shown()), y, self.size.width)


def _handle(total: float, window: float, line: float) -> tuple[float, int, int]:
    """What is seen of a scroll bar: its height, where its handle begins and where it ends, in eighths of a cell.

    As Textual's `ScrollBarRender` works them out.
    """
    if not window or total <= window:
        return window, 0, 0
    cells_high = max(1, window / (total / window))
    start = int((window - cells_high) * (line / (total - window)) * _EIGHTHS)
    return window, start, start + ceil(cells_high * _EIGHTHS)
