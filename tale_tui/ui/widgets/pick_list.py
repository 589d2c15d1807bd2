"""A list to choose from: paints only the lines that are seen, so that ten thousand rows cost what ten cost."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Region, Size
from textual.message import Message
from textual.reactive import reactive
from textual.scroll_view import ScrollView
from textual.strip import Strip

from tale_tui.ui.widgets.line import fitted
from tale_tui.ui.widgets.pick_rows import Lines, Measures, Pick, row_segments

_CSS = """
PickList {
    height: auto;
    overflow-x: hidden;
    scrollbar-size-vertical: 1;
    pointer: pointer;
    background: transparent;
    .pick-list--cursor { background: $block-cursor-background; color: $block-cursor-foreground;
        text-style: $block-cursor-text-style; }
    .pick-list--hover { background: $block-hover-background; }
    .pick-list--bar { color: $accent; }
    .pick-list--heading { color: $foreground; text-style: bold; }
    .pick-list--match { color: $accent; text-style: bold; }
    .pick-list--ux { color: $ux; }
    .pick-list--task { color: $task; }
    .pick-list--accent { color: $accent; }
    .pick-list--muted { color: $muted; }
    .pick-list--success { color: $success; }
    .pick-list--warning { color: $warning; }
    .pick-list--error { color: $error; }
}
"""


class PickList(ScrollView, can_focus=True):
    """Rows, one of them chosen. Rows come in by `show`; `Chosen` and `Moved` go out."""

    ALLOW_SELECT = False
    TONES: ClassVar[tuple[str, ...]] = ("ux", "task", "accent", "muted", "success", "warning", "error")
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "pick-list--cursor", "pick-list--bar", "pick-list--heading", "pick-list--match", "pick-list--hover",
        "pick-list--ux", "pick-list--task", "pick-list--accent", "pick-list--muted", "pick-list--success",
        "pick-list--warning", "pick-list--error",
    }  # fmt: skip
    DEFAULT_CSS = _CSS
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "move(-1)", "Up", show=False, id="list.up", tooltip="Choose the row above"),
        Binding("down,j", "move(1)", "Down", show=False, id="list.down", tooltip="Choose the row below"),
        Binding("pageup", "page(-1)", "Page up", show=False, id="list.page_up", tooltip="One page up"),
        Binding("pagedown", "page(1)", "Page down", show=False, id="list.page_down", tooltip="One page down"),
        Binding("home", "end(-1)", "First", show=False, id="list.first", tooltip="Choose the first row"),
        Binding("end", "end(1)", "Last", show=False, id="list.last", tooltip="Choose the last row"),
        Binding("enter", "choose", "Choose", show=False, id="list.choose", tooltip="Take the chosen row"),
    ]

    chosen: reactive[int] = reactive(-1, repaint=False)
    """The index of the chosen row; -1 where there is none."""
    hovered: reactive[int] = reactive(-1)
    """The index of the row under the pointer; -1 where there is none."""

    @dataclass
    class Chosen(Message):
        """A row was taken: enter, or a click on it."""

        key: str

    @dataclass
    class Moved(Message):
        """Another row is the chosen one."""

        key: str

    def __init__(
        self,
        rows: Sequence[Pick] = (),
        *,
        empty: str = "",
        chosen: str = "",
        id: str | None = None,  # noqa: A002  (Textual's own name for it)
    ) -> None:
        """Begin with rows.

        Args:
            rows: what is shown first.
            empty: what is said where there are no rows: one sentence, with the key that helps.
            chosen: the key of the row that is chosen first; empty takes the first row.
            id: of the widget.
        """
        super().__init__(id=id)
        self.rows: Sequence[Pick] = ()
        """All of them; others are shown by `show`."""
        self._lines = Lines.of((), 0)
        self._measures = Measures.of(())
        self._empty = empty
        self.show(rows, chosen=chosen)

    @property
    def row(self) -> Pick | None:
        """The chosen row."""
        return self.rows[self.chosen] if 0 <= self.chosen < len(self.rows) else None

    def show(
        self, rows: Sequence[Pick], *, chosen: str | None = None, words: str = "", empty: str | None = None
    ) -> None:
        """Show other rows.

        Args:
            rows: all of them.
            chosen: the key of the row to choose; None keeps the one that is chosen if it is still there.
            words: what was searched for; its words stand out in the titles.
            empty: what is said where there are no rows; None leaves it.
        """
        wanted = (self.row.key if self.row else "") if chosen is None else chosen
        self.rows = rows
        self._empty = self._empty if empty is None else empty
        self._measures = Measures.of(rows, words)
        self._lay_out(self.size.width)
        keys = [index for index, row in enumerate(rows) if row.key]
        self.chosen = next((index for index in keys if rows[index].key == wanted), keys[0] if keys else -1)
        self._reach()
        self.refresh(layout=True)

    def _lay_out(self, width: int) -> None:
        """Divide the rows into lines; only details under headings depend on the width."""
        self._lines = Lines.of(self.rows, width)
        self.virtual_size = Size(width, max(len(self._lines.rows), 1))

    def on_resize(self, event: events.Resize) -> None:
        """Divide anew: a detail may need more lines or fewer."""
        self._lay_out(event.size.width)
        self._reach()

    def watch_chosen(self, old: int, new: int) -> None:
        """Paint the two rows anew, keep the chosen one in sight, say so."""
        self.refresh()
        if self.is_mounted:
            self._reach()
        if new != old and (row := self.row) is not None and self.is_attached:
            self.post_message(self.Moved(row.key))

    def _reach(self) -> None:
        """Scroll so that the chosen row is seen, with the heading above it."""
        if not 0 <= self.chosen < len(self._lines.starts):
            self.scroll_to(y=0, animate=False)
            return
        start = self._lines.starts[self.chosen]
        end = start + 1 + bool(self.rows[self.chosen].detail)
        under_heading = self.chosen > 0 and not self.rows[self.chosen - 1].key
        top = self._lines.starts[self.chosen - 1] if under_heading else start
        if end - top > self.size.height:
            top = start
        self.scroll_to_region(Region(0, top, max(self.size.width, 1), end - top), animate=False)

    def _neighbour(self, index: int, step: int) -> int:
        """The next row in a direction that can be chosen; the same one at an end."""
        found = index + step
        while 0 <= found < len(self.rows) and not self.rows[found].key:
            found += step
        return found if 0 <= found < len(self.rows) else index

    def action_move(self, step: int) -> None:
        """Choose the next row in a direction; at the top, what stands above it is scrolled into sight."""
        index = self._neighbour(self.chosen, step)
        if index == self.chosen and step < 0:
            self.scroll_to(y=0, animate=False)
        self.chosen = index

    def action_page(self, direction: int) -> None:
        """Choose a row a page away."""
        index = self.chosen
        for _ in range(max(self.size.height - 1, 1)):
            index = self._neighbour(index, direction)
        self.chosen = index

    def action_end(self, direction: int) -> None:
        """Choose the first or the last row."""
        order = range(len(self.rows)) if direction < 0 else range(len(self.rows) - 1, -1, -1)
        self.chosen = next((index for index in order if self.rows[index].key), -1)

    def action_choose(self) -> None:
        """Take the chosen row."""
        if (row := self.row) is not None:
            self.post_message(self.Chosen(row.key))

    def _row_at(self, event: events.MouseEvent) -> int:
        """The index of the row under the pointer that can be chosen; -1 where there is none."""
        offset = event.get_content_offset(self)
        line = -1 if offset is None else offset.y + self.scroll_offset.y
        index = self._lines.rows[line] if 0 <= line < len(self._lines.rows) else -1
        return index if index >= 0 and self.rows[index].key else -1

    def on_click(self, event: events.Click) -> None:
        """Take the row under the pointer."""
        index = self._row_at(event)
        if index >= 0:
            self.chosen = index
            self.action_choose()

    def on_mouse_move(self, event: events.MouseMove) -> None:
        """Show which row a click would take."""
        self.hovered = self._row_at(event)

    def on_leave(self) -> None:
        """The pointer is elsewhere."""
        self.hovered = -1

    def render_line(self, y: int) -> Strip:
        """One line of the list, as wide as the widget."""
        width = self.size.width
        line = y + self.scroll_offset.y
        if not self.rows and line == 0:
            return self._strip([Segment(fitted(self._empty, width), self._tone("muted"))], width, self.rich_style)
        if line >= len(self._lines.rows):
            return Strip.blank(width, self.rich_style)
        index, detail = self._lines.rows[line], self._lines.details.get(line, "")
        row = self.rows[index]
        base = self.rich_style
        if index == self.chosen:
            base += self.get_component_rich_style("pick-list--cursor", partial=True)
        elif index == self.hovered:
            base += self.get_component_rich_style("pick-list--hover", partial=True)
        # Where the cursor is the reverse of the text, colours inside it would be patches.
        tone = _no_tone if base.reverse else self._tone
        segments = row_segments(row, detail, width, self._measures, tone, chosen=index == self.chosen)
        return self._strip(segments, width, base)

    def _strip(self, segments: Iterable[Segment], width: int, base: Style) -> Strip:
        return Strip(Segment.apply_style(segments, base)).adjust_cell_length(width, base)

    def _tone(self, name: str) -> Style:
        return self.get_component_rich_style(f"pick-list--{name}", partial=True) if name else Style.null()


def _no_tone(name: str) -> Style:
    return Style.null()
