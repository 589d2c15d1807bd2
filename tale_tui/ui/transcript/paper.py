"""Scrolling the transcript: what is on the screen is kept in its place, whatever happens above and below.

The reader's place is a line of a turn (`TurnLayout`), never a number of lines from the top: what is set anew above it,
or turns out higher than was thought, moves the scroll bar and not the text.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.geometry import Size
from textual.reactive import reactive
from textual.scroll_view import ScrollView

from tale_tui.ui.transcript.canvas import RIGHT, TranscriptCanvas
from tale_tui.ui.transcript.header import FrameTime
from tale_tui.ui.transcript.layout import TOP, ScrollPosition, TextAnchor
from tale_tui.ui.transcript.paint import COLUMN, LEFT
from tale_tui.ui.transcript.turn import RenderContext

if TYPE_CHECKING:
    from textual.scrollbar import ScrollDown, ScrollTo, ScrollUp

_NARROWEST = 8
_NEAR_SCREENS = 3
"""A scroll over at most so many screens sets every turn on the way, so that it goes as far as it should to the line."""
_EIGHTHS = 8
"""The scroll bar is drawn in eighths of a cell."""


class TranscriptPaper(TranscriptCanvas):
    """Turns on paper that can be scrolled."""

    following: reactive[bool] = reactive(True, init=False, repaint=False)
    """Whether the last line is held at the bottom while text comes."""

    _fitted = Size(0, 0)
    _frame = 0
    _kept: tuple[ScrollPosition, TextAnchor | None] = TOP, None
    """The place at the top after the last change of width, and its words: several changes do not move it bit by bit."""
    _bar_state = (0, 0, 0)

    def setting(self, width: int) -> RenderContext:
        """How turns are drawn now."""
        return RenderContext(width, self._moment)

    # fitting

    def _moment(self) -> FrameTime:
        return FrameTime(self.clock(), self.monotonic(), self._frame)

    def on_resize(self) -> None:
        """Set all anew for another width."""
        self.fit()

    def fit(self) -> None:
        """Follow the size of the widget; the line at the top stays the same one."""
        size = self.size
        if size == self._fitted or not size:
            return
        column = max(min(COLUMN, size.width - LEFT - RIGHT), _NARROWEST)
        known, mark = self._kept
        if known != self.top or mark is None:
            mark = self.stack.mark(self.top) if self.stack.setting else None
        if size.width != self._fitted.width:
            self.forget_paint()
            self.stack.use(self.setting(column))
        self._fitted = size
        if mark is not None:
            self.top = self.stack.found(mark)
        self.settle()
        self._kept = self.top, mark

    def forget_words(self) -> None:
        """The words at the top are others now, even if the place is the same."""
        self._kept = TOP, None

    # arranging and painting

    def settle(self) -> None:
        """Bring what is on the screen up to date with the turns, and repaint the lines that have changed by it."""
        height = self.size.height
        if not height or self.stack.setting is None:
            return
        self.top = self.stack.bottom(height) if self.following else self.stack.fill(self.stack.within(self.top), height)
        total, line = self.stack.height, self.stack.top(self.top)
        if line + height >= total:
            self.unseen = False
        self._set_extent(total, line)
        self.repaint()
        self.stack.forget_far(range(self.top.turn, min(self.top.turn + height, len(self.stack))))

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

    def watch_show_vertical_scrollbar(self) -> None:
        """The bar has come: it does not know yet where the screen is."""
        self._bar_state = (0, 0, 0)
        self._set_bar(self.virtual_size.height, round(self.scroll_y))

    def _set_bar(self, total: int, line: int) -> None:
        """Move the scroll bar, where that can be seen: every move is sent to the terminal."""
        window = self.size.height
        scale = window * _EIGHTHS / max(total, 1)
        state = (round(window * scale), round(line * scale), window)
        if self.show_vertical_scrollbar and state != self._bar_state:
            self._bar_state = state
            bar = self.vertical_scrollbar
            bar.window_virtual_size, bar.window_size, bar.position = total, window, line

    # scrolling

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """The reader scrolled; or the widget grew, and Textual keeps the last line at its end: nobody scrolled."""
        if self.following and round(new_value) >= self.max_scroll_y:
            self.settle()
            return
        lines = round(new_value) - self.stack.top(self.top)
        if lines:
            self.scroll_lines(lines)

    def scroll_lines(self, lines: int) -> None:
        """Scroll down by so many lines, or up; at the end the tail is followed again."""
        height = self.size.height
        if abs(lines) <= _NEAR_SCREENS * height:
            place = self.stack.move(self.top, lines)
        else:
            place = self.stack.place(self.stack.top(self.top) + lines)
        self.go_to(place)

    def go_to(self, place: ScrollPosition) -> None:
        """Bring a place to the top of the screen, or as near as the end allows."""
        height = self.size.height
        self.top = self.stack.fill(place, height)
        self.following = self.stack.top(self.top) + height >= self.stack.height
        self.settle()

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
