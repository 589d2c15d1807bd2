"""What the chosen checkpoint holds and changed: its files as a tree, and how one of them differs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from rich.cells import cell_len, chop_cells
from rich.segment import Segment
from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.geometry import Size
from textual.message import Message

from tale_tui.formatting.checkpoints import KeptFileRow, file_rows, what_it_is
from tale_tui.formatting.symbols import signs
from tale_tui.formatting.units import times_apart
from tale_tui.ui.keys import binding, moving_keys
from tale_tui.ui.text import NoMarkup, fitted, padded
from tale_tui.ui.widgets.line_list import LineList, StyleOf

if TYPE_CHECKING:
    from tale_tui.domain.checkpoints import Checkpoint, CheckpointDetail, CheckpointDiff, FileDiff, Restoration

_LEFT, _INDENT, _SIGN, _GAP = 2, 2, 3, 2
_NOTE_SHARE = 0.5
"""Of a line that the words at its right may take also where the name of the file gives way for them."""
_SIGN_STYLES = {"+": "success", "-": "error", "M": "accent", "!": "warning"}
_LINE_STYLES = {"+": "success", "-": "error", "@": "accent"}
_NAMES = 2
"""The first lines of a difference name the file."""
NO_FILES = "It holds no files."
FIRST = "It is the first one that is kept of this: there is nothing to compare it with."
UNCHANGED = "It did not change since the checkpoint before."
NO_TEXT = "It is no text, or too long to be compared."
MODE_ONLY = "Its content did not change, only whether it can be run."
EMPTY = "It is empty."
UNSEEN = "It differs only in what cannot be shown, as in the end of its last line."


@dataclass(frozen=True, slots=True)
class CheckpointLook:
    """All that is shown of a checkpoint."""

    checkpoint: Checkpoint
    detail: CheckpointDetail
    before: Checkpoint | None
    """The one before it of the same conversation or task; None for the first one."""
    since: CheckpointDiff | None
    """What differs between the two."""
    now: Restoration
    """What going back to it would do."""


class FileTree(LineList[KeptFileRow]):
    """A line for each folder and file; `Moved` goes out."""

    DEFAULT_CSS = """
    FileTree {
        .line-list--cursor { background: transparent; }
        &:focus .line-list--cursor { background: $block-cursor-blurred-background; }
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        *moving_keys("checkpoints.files", "file"),
        binding("checkpoints.read", "enter", "read", "Read", "Read how the chosen file differs"),
    ]

    class Moved(Message):
        """Another file is the chosen one."""

    class ReadWanted(Message):
        """How the chosen file differs is to be read."""

    def show(self, rows: Sequence[KeptFileRow], *, anew: bool) -> None:
        """Show these.

        Args:
            rows: the lines.
            anew: whether they are of another checkpoint: then the first file that changed is chosen.
        """
        before = None if anew or self.row is None else (self.row.task_id, self.row.path)
        self.rows, self.empty = rows, NO_FILES
        self.virtual_size = Size(self.size.width, max(len(rows), 1))
        places = [place for place, row in enumerate(rows) if row.path]
        same = [place for place in places if (rows[place].task_id, rows[place].path) == before]
        changed = [place for place in places if rows[place].diff is not None]
        index = next(iter((*same, *changed, *places)), -1)
        if index == self.index:
            self.post_moved()
        self.index = index
        self.refresh(layout=True)

    def on_resize(self) -> None:
        """As wide as there is room."""
        self.virtual_size = Size(self.size.width, max(len(self.rows), 1))

    def can_choose(self, index: int) -> bool:
        return bool(self.rows[index].path)

    def post_moved(self) -> None:
        self.post_message(self.Moved())

    def action_read(self) -> None:
        """To how the chosen file differs."""
        if self.row is not None:
            self.post_message(self.ReadWanted())

    def empty_line(self, y: int) -> str:
        return "" if y else " " * _LEFT + fitted(self.empty, self.size.width - _LEFT)

    def segments(self, line: int, style: StyleOf) -> Iterator[Segment]:
        row = self.rows[line]
        inside = " " * (_INDENT * row.depth) + row.name
        least = max(self.size.width - _LEFT - _SIGN - cell_len(inside) - _GAP, int(self.size.width * _NOTE_SHARE))
        note = fitted(row.note, least)
        yield Segment(f"{signs().bar if line == self.index and self.has_focus else '':{_LEFT}}", style("bar"))
        yield Segment(f"{row.sign:{_SIGN}}", style(_SIGN_STYLES.get(row.sign, "")))
        room = max(self.size.width - _LEFT - _SIGN - cell_len(note) - 1, 0)
        name = fitted(inside, max(room - 1, 0))
        yield Segment(padded(name, room), style("" if row.path or row.sign else "muted"))
        yield Segment(note, style("muted"))


class DiffLines(LineList[tuple[str, str]]):
    """How a file differs, line by line, each with its style; nothing in it is chosen, it scrolls."""

    BINDINGS: ClassVar[list[BindingType]] = [
        binding("checkpoints.diff_up", "up,k", "scroll_up", "Up", "One line up"),
        binding("checkpoints.diff_down", "down,j", "scroll_down", "Down", "One line down"),
        binding("checkpoints.diff_page_up", "pageup", "page_up", "Page up", "One page up"),
        binding("checkpoints.diff_page_down", "pagedown", "page_down", "Page down", "One page down"),
        binding("checkpoints.diff_first", "home", "scroll_home", "First", "To the first line"),
        binding("checkpoints.diff_last", "end", "scroll_end", "Last", "To the last line"),
    ]

    def __init__(self, *, id: str) -> None:  # noqa: A002  (Textual's own name for it)
        super().__init__(id=id)
        self._lines: Sequence[str] = ()

    def show(self, lines: Sequence[str]) -> None:
        """Show these lines, from the first one on."""
        if lines != self._lines:
            self._lines = lines
            self._lay_out()
            self.scroll_home(animate=False)

    def on_resize(self) -> None:
        """What is longer than a line goes on in the next one."""
        self._lay_out()

    def _lay_out(self) -> None:
        room = max(self.size.width - _LEFT, 1)
        self.rows = [
            (_style_of(line, place), piece)
            for place, line in enumerate(self._lines)
            for piece in chop_cells(line.replace("\t", "    "), room) or [""]
        ]
        self.virtual_size = Size(self.size.width, len(self.rows))
        self.refresh()

    def can_choose(self, index: int) -> bool:
        return False

    def post_moved(self) -> None:
        """Nothing is chosen here."""

    def segments(self, line: int, style: StyleOf) -> Iterator[Segment]:
        name, text = self.rows[line]
        yield Segment(" " * _LEFT + text, style(name))


def _style_of(line: str, place: int) -> str:
    """The name of the style of a line of a difference: what came, what went, where, and what is said besides."""
    names_file = place < _NAMES and line.startswith(("--- ", "+++ "))
    return "muted" if names_file or not line.startswith(("+", "-", "@", " ")) else _LINE_STYLES.get(line[:1], "")


def _without_lines(diff: FileDiff) -> str:
    """How a file differs where no line can be shown that does."""
    if diff.mode_only:
        return MODE_ONLY
    if diff.text is None:
        return NO_TEXT
    return UNSEEN if diff.change.before and diff.change.after else EMPTY


class CheckpointSide(Vertical):
    """The moment, the tree, the difference. Data comes in by `show`."""

    def __init__(self) -> None:
        super().__init__(id="side")
        self.head = NoMarkup(id="head")
        self.files = FileTree(id="files")
        self.states = NoMarkup(id="states")
        self.diff = DiffLines(id="diff")
        self.look: CheckpointLook | None = None
        self._now = 0.0

    def compose(self) -> ComposeResult:
        """From top to bottom."""
        yield self.head
        yield self.files
        yield self.states
        yield self.diff

    @property
    def file(self) -> KeptFileRow | None:
        """The chosen file."""
        row = self.files.row
        return row if row is not None and row.path else None

    def show(self, look: CheckpointLook | None, task_id: str, now: float) -> None:
        """Show a checkpoint.

        Args:
            look: all of it; None for nothing.
            task_id: only the files of this task; empty for all.
            now: the present, in seconds since the epoch.
        """
        anew = look is None or self.look is None or look.checkpoint.id != self.look.checkpoint.id
        self.look, self._now = look, now
        if look is None:
            self.head.update("")
            self.states.update("")
            self.files.show((), anew=True)
            self.files.empty = ""
            self.diff.show(())
            return
        one = look.checkpoint
        [at] = times_apart((one.at,), now)
        self.head.update(f"{at}  {what_it_is(one)}")
        self.states.update("\n".join(look.since.tasks) if look.since is not None else "")
        self.files.show(file_rows(look.detail, look.since, look.now, task_id), anew=anew)
        self._show_diff()

    @on(FileTree.Moved)
    def _show_diff(self) -> None:
        look, row = self.look, self.file
        if look is None or row is None:
            self.diff.show(())
        elif row.diff is None:
            self.diff.show((FIRST if look.since is None else UNCHANGED,))
        elif row.diff.text:
            self.diff.show(self._dated(row.diff.text, look))
        else:
            self.diff.show((_without_lines(row.diff),))

    def _dated(self, text: str, look: CheckpointLook) -> list[str]:
        """The lines of a difference, with the moments of both sides beside the name of the file."""
        lines = text.split("\n")
        ats = [one.at for one in (look.before, look.checkpoint) if one is not None]
        names = [
            line if line.endswith("/dev/null") else f"{line} {at}"
            for line, at in zip(lines, times_apart(ats, self._now), strict=False)
        ]
        return [*names, *lines[len(names) :]]

    @on(FileTree.ReadWanted)
    def _read(self) -> None:
        self.diff.focus()
