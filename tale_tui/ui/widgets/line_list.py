"""A list that paints its own lines: thousands of rows cost no more than those that are seen."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterable, Sequence
from typing import ClassVar, Generic, TypeVar

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.geometry import Region
from textual.reactive import reactive
from textual.scroll_view import ScrollView
from textual.strip import Strip

from tale_tui.ui.text import fitted

StyleOf = Callable[[str], Style]
"""The style of a name, one of `LineList.COMPONENT_CLASSES` without its prefix; the empty name has none."""

Row = TypeVar("Row")

_PREFIX = "line-list--"


class LineList(ScrollView, Generic[Row], can_focus=True):
    """Rows, one of them chosen by keys or the pointer.

    Subclasses paint, and say what it means that another row is chosen and that one is opened. A row is one line that
    can be chosen, and a click on the chosen one opens it, unless they say otherwise.
    """

    ALLOW_SELECT = False
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "line-list--cursor", "line-list--hover", "line-list--bar", "line-list--muted", "line-list--accent",
        "line-list--ux", "line-list--task", "line-list--success", "line-list--warning", "line-list--error",
    }  # fmt: skip
    DEFAULT_CSS = """
    LineList {
        overflow-x: hidden;
        scrollbar-size-vertical: 1;
        pointer: pointer;
        background: transparent;
        .line-list--cursor { background: $block-cursor-blurred-background; }
        .line-list--hover { background: $block-hover-background; }
        .line-list--bar { color: $accent; }
        .line-list--muted { color: $muted; }
        .line-list--accent { color: $accent; }
        .line-list--ux { color: $ux; }
        .line-list--task { color: $task; }
        .line-list--success { color: $success; }
        .line-list--warning { color: $warning; }
        .line-list--error { color: $error; }
    }
    """

    index: reactive[int] = reactive(-1, repaint=False)
    """Of the chosen row; -1 where there is none."""
    hovered: reactive[int] = reactive(-1)
    """The index of the row under the pointer; -1 where there is none."""

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002  (Textual's own name for it)
        super().__init__(id=id)
        self.rows: Sequence[Row] = ()
        self.empty = ""
        """What is said where there are no rows: what would be here and the key that makes it. Safe text."""
        self._styles: dict[str, Style] = {}

    @property
    def row(self) -> Row | None:
        return self.rows[self.index] if 0 <= self.index < len(self.rows) else None

    # what a subclass says

    @abstractmethod
    def post_moved(self) -> None:
        """Post that another row is the chosen one."""

    @abstractmethod
    def segments(self, line: int, style: StyleOf) -> Iterable[Segment]:
        """The parts of a line of the whole list that a row has; where rows are one line, the index of the row."""

    def action_open(self) -> None:
        """Open the chosen row; nothing where there is nothing to open."""

    def click_row(self, index: int) -> None:
        """Choose a row; open it where it is chosen already."""
        if index == self.index:
            self.action_open()
        else:
            self.index = index

    def can_choose(self, index: int) -> bool:
        """Whether a row can be chosen; a heading cannot."""
        return True

    def row_of_line(self, line: int) -> int:
        """The index of the row that has a line of the whole list; -1 where there is none."""
        return line if 0 <= line < len(self.rows) else -1

    def lines_of_row(self, index: int) -> range:
        """The lines of the whole list that a row has."""
        return range(index, index + 1)

    def lines_in_sight(self, index: int) -> range:
        """The lines that are to be seen while a row is chosen."""
        return self.lines_of_row(index)

    def empty_line(self, y: int) -> str:
        """The line `y` of what stands in the place of rows."""
        return "" if y else fitted(self.empty, self.size.width)

    # the choice

    def watch_index(self, old: int, new: int) -> None:
        """Paint the two rows anew, keep the chosen one in sight, say so."""
        self.refresh_row(old)
        if self.is_mounted:
            self.reach()
        self.refresh_row(new)
        if new != old and 0 <= new < len(self.rows) and self.is_attached:
            self.post_moved()

    def refresh_row(self, index: int) -> None:
        """Paint a row anew if it is seen."""
        if 0 <= index < len(self.rows):
            lines, first, size = self.lines_of_row(index), self.scroll_offset.y, self.size
            if lines.stop > first and lines.start < first + size.height:
                self.refresh(Region(0, lines.start - first, size.width, len(lines)))

    def reach(self) -> None:
        """Scroll so that the chosen row is seen."""
        if 0 <= self.index < len(self.rows) and self.size.height:
            lines = self.lines_in_sight(self.index)
            region = Region(0, lines.start, max(self.size.width, 1), len(lines))
            self.scroll_to_region(region, animate=False, force=True, immediate=True)

    def next_row(self, index: int, step: int) -> int:
        """The index of the next row in a direction that can be chosen; the same one at an end."""
        found = index + step
        while 0 <= found < len(self.rows) and not self.can_choose(found):
            found += step
        return found if 0 <= found < len(self.rows) else index

    def action_move(self, step: int) -> None:
        """Choose the next row in a direction."""
        self.index = self.next_row(self.index, step)

    def action_page(self, direction: int) -> None:
        """Choose a row a page away."""
        index = self.index
        for _ in range(max(self.size.height - 1, 1)):
            index = self.next_row(index, direction)
        self.index = index

    def action_end(self, direction: int) -> None:
        self.index = self.next_row(-1, 1) if direction < 0 else self.next_row(len(self.rows), -1)

    # the pointer

    def on_click(self, event: events.Click) -> None:
        """Hand on the row under the pointer."""
        index = self._row_at(event)
        if index >= 0:
            self.click_row(index)

    def on_mouse_move(self, event: events.MouseMove) -> None:
        """Show which row a click would take."""
        self.hovered = self._row_at(event)

    def on_leave(self) -> None:
        """The pointer is elsewhere."""
        self.hovered = -1

    def _row_at(self, event: events.MouseEvent) -> int:
        offset = event.get_content_offset(self)
        index = -1 if offset is None else self.row_of_line(offset.y + self.scroll_offset.y)
        return index if index >= 0 and self.can_choose(index) else -1

    # painting

    def notify_style_update(self) -> None:
        """Other colours."""
        super().notify_style_update()
        self._styles.clear()

    def style_of(self, name: str) -> Style:
        """See `StyleOf`."""
        found = self._styles.get(name)
        if found is None:
            found = self.get_component_rich_style(_PREFIX + name, partial=True) if name else Style.null()
            self._styles[name] = found
        return found

    def styles_below(self) -> dict[int, str]:
        """The names of the styles that lie below whole rows, by the index of the row; most rows have none."""
        return {self.hovered: "hover", self.index: "cursor"}

    def paint(self, segments: Callable[[StyleOf], Iterable[Segment]], base: Style, below: str = "") -> Strip:
        """A line as wide as the list.

        Args:
            segments: gives its parts.
            base: the style of the list.
            below: the name of the style that lies below the whole line.
        """
        base += self.style_of(below)
        # Where the cursor is the reverse of the text, colours inside it would be patches.
        parts = segments(_no_style if base.reverse else self.style_of)
        return Strip(Segment.apply_style(parts, base)).adjust_cell_length(self.size.width, base)

    def render_line(self, y: int) -> Strip:
        """One line of the list, as wide as the widget."""
        base, line = self.rich_style, y + self.scroll_offset.y
        if not self.rows:
            return self.paint_empty(line, base)
        index = self.row_of_line(line)
        if index < 0:
            return Strip.blank(self.size.width, base)
        return self.paint(lambda style: self.segments(line, style), base, self.styles_below().get(index, ""))

    def paint_empty(self, y: int, base: Style) -> Strip:
        """The line `y` of a list without rows; `base` is the style of the list."""
        words = self.empty_line(y)
        return self.paint(lambda style: [Segment(words, style("muted"))] if words else [], base)


def _no_style(name: str) -> Style:
    return Style.null()
